"""Writes the fixtures beside it: small networks as files of real Keras, and what Keras computes with them.

usage: make_keras.py     (Python with TensorFlow, Keras 3 and tf_keras; the fixtures here are of Keras 3.15 and tf_keras 2.19)

Keras writes NAME.h5, NAME.keras and NAME.weights.h5; NAME.names.h5 holds weights alone, as keras.applications downloads them, and
keras2-NAME.* come from tf_keras. Beside them NAME.input.npy and NAME.logits.npy: an image × channels × height × width, and its
logits. refused-*.h5 contradict themselves. Files of Keras 1, which no Python of today runs, are put together from its source (keras-1.2.2, engine/topology.py): the
same network under Keras 1's names, settings and orders of axes.
"""
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import h5py
import keras
import numpy as np
import tf_keras
from keras.src.legacy.saving import legacy_h5_format

from networks import Networks, inputs, logits, randomise

FOLDER = Path(__file__).parent


def reference(name, model, size):
    images = inputs(name, np.random.default_rng(3), 1, size)
    np.save(FOLDER / f"{name}.input.npy", np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    np.save(FOLDER / f"{name}.logits.npy", logits(model, images))


def trained(model):
    """One step of training, so that the file has an optimizer's values."""
    model.compile("adam", "sparse_categorical_crossentropy")
    shape = (2, *model.input_shape[1:])
    model.fit(np.zeros(shape, "float32"), np.zeros(2), verbose=0)


def keras1(source, path, ordering, backend):
    """The network of `source`, a file of Keras 2 with names before 2019, as Keras 1 wrote it."""
    words = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
    with h5py.File(source) as old, h5py.File(path, "w") as new:
        config = json.loads(old.attrs["model_config"])
        for layer in config["config"]["layers"]:
            translate(layer, ordering)
        config["class_name"] = "Model"
        new.attrs["model_config"] = json.dumps(config).encode()
        new.attrs["keras_version"] = b"1.2.2"
        root = new.create_group("model_weights")
        root.attrs["layer_names"] = [layer["name"].encode() for layer in config["config"]["layers"]]
        for layer in config["config"]["layers"]:
            group = root.create_group(layer["name"])
            names = []
            stored = old["model_weights"][layer["name"]]
            for weight in stored.attrs["weight_names"]:
                weight = weight.decode() if isinstance(weight, bytes) else weight
                word = weight.split("/")[-1].split(":")[0]
                name = f"{layer['name']}_{words.get(word, word)}" + (":0" if backend == "tensorflow" else "")
                value = stored[weight][()]
                if value.ndim == 4:
                    if backend == "theano":
                        value = value[::-1, ::-1]
                    if ordering == "th":
                        value = value.transpose(3, 2, 0, 1)
                group[name] = value
                names.append(name.encode())
            group.attrs["weight_names"] = names or np.array([])


def translate(layer, ordering):
    """A layer's description in Keras 1's words."""
    config, kind = layer["config"], layer["class_name"]
    if kind == "Conv2D":
        layer["class_name"] = "Convolution2D"
        layer["config"] = {
            "name": config["name"], "nb_filter": config["filters"], "nb_row": config["kernel_size"][0],
            "nb_col": config["kernel_size"][1], "subsample": config["strides"], "border_mode": config["padding"],
            "dim_ordering": ordering, "activation": config["activation"], "bias": config["use_bias"]}
    elif kind == "BatchNormalization":
        layer["config"] = {"name": config["name"], "epsilon": config["epsilon"], "mode": 0,
                           "axis": 1 if ordering == "th" else 3, "momentum": 0.99}
    elif kind in ("MaxPooling2D", "AveragePooling2D"):
        layer["config"] = {"name": config["name"], "pool_size": config["pool_size"], "strides": config["strides"],
                           "border_mode": config["padding"], "dim_ordering": ordering}
    elif kind == "ZeroPadding2D":
        layer["config"] = {"name": config["name"], "padding": [pair[0] for pair in config["padding"]],
                           "dim_ordering": ordering}
    elif kind == "Dense":
        layer["config"] = {"name": config["name"], "output_dim": config["units"], "activation": config["activation"],
                           "bias": config["use_bias"], "input_dim": None}
    elif kind == "Add":
        layer["class_name"] = "Merge"
        layer["config"] = {"name": config["name"], "mode": "sum", "concat_axis": -1, "dot_axes": -1}
    elif kind == "InputLayer" and ordering == "th":
        batch, height, width, channels = config["batch_input_shape"]
        config["batch_input_shape"] = [batch, channels, height, width]


def named(model, path):
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def contradictions():
    """Files whose description and weights do not fit each other: of one convolution each."""
    def write(name, change):
        image = keras.Input((8, 8, 3), name="image")
        model = keras.Model(image, keras.layers.Conv2D(2, 3, name="convolution")(image))
        model.save(f"refused-{name}.h5")
        with h5py.File(f"refused-{name}.h5", "r+") as file:
            config = json.loads(file.attrs["model_config"])
            change(file, config, config["config"]["layers"][1])
            file.attrs["model_config"] = json.dumps(config)

    def without_group(file, config, layer):
        del file["model_weights/convolution"]
        file["model_weights"].attrs["layer_names"] = ["image"]

    write("filters", lambda file, config, layer: layer["config"].update(filters=5))
    write("kernel", lambda file, config, layer: layer["config"].update(kernel_size=[1, 1]))
    write("bias", lambda file, config, layer: layer["config"].update(use_bias=False))
    write("stranger", lambda file, config, layer: config["config"]["layers"].pop())
    write("no-weights", without_group)
    write("damaged", lambda file, config, layer: layer.pop("class_name"))


# Which files the tests read: others of the same kind say no more.
KEPT = {
    "home-made": ["h5", "keras", "weights.h5"], "bottlenecks": ["keras", "weights.h5"], "within": ["h5", "keras"],
    "prepared-application": ["keras"], "prepared": ["h5", "keras"], "prepared-given": ["keras"], "input-projections": ["keras"],
    "many-layers": ["h5", "keras"], "v1": ["keras", "weights.h5", "names.h5"], "v2": ["h5", "weights.h5", "names.h5"],
}


def main():
    os.chdir(FOLDER)
    new, old = Networks(keras), Networks(tf_keras)
    for name, model, size in [
        ("home-made", new.home_made(), 30), ("bottlenecks", new.bottlenecks(), 37), ("within", new.within(), 45),
        ("v1", new.applications(1), 45), ("v2", new.applications(2), 45), ("prepared", new.prepared(), 33),
        ("prepared-given", new.prepared(learnt=False), 33), ("input-projections", new.input_projections(16, 2), 16),
        ("prepared-application", new.prepared_application(1), 45), ("many-layers", new.many_layers(), 21),
    ]:
        randomise(model)
        if name == "home-made":
            trained(model)
            randomise(model)
        for kind in KEPT[name]:
            if kind == "names.h5":
                named(model, f"{name}.names.h5")
            elif kind == "weights.h5":
                model.save_weights(f"{name}.weights.h5")
            else:
                model.save(f"{name}.{kind}")
        reference(name, model, size)
    for name, model, size in [
        ("keras2-home-made", old.home_made(25, biased_norms=False), 25), ("keras2-before-2019", old.before_2019(), 44),
        ("keras2-bottlenecks", old.bottlenecks(pool="valid"), 37),
        ("keras2-prepared", old.home_made(25, biased_norms=False, prepared=True), 25),
    ]:
        randomise(model)
        model.save(f"{name}.keras" if name == "keras2-bottlenecks" else f"{name}.h5")
        reference(name, model, size)
    padded = old.before_2019(pads=True)
    randomise(padded)
    padded.save_weights("before-2019.names.h5")
    reference("before-2019", padded, 44)
    for ordering, backend in [("tf", "theano"), ("th", "tensorflow"), ("th", "theano")]:
        keras1("keras2-before-2019.h5", f"keras1-{ordering}-{backend}.h5", ordering, backend)
    contradictions()


if __name__ == "__main__":
    main()

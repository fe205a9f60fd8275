"""Has the real frameworks read what the resect executable writes, bit for bit.

usage: RESECT=PATH python3 -m pytest Tests/Peers/test_writers.py

Needs python3-pytest and numpy. What a test needs beside them, torch, torchvision, h5py or Keras, is skipped where it is missing,
and `-rs` says so: Debian's Python has all but Keras.

  RESECT  the executable under test; resect-hdf5 lies beside it
"""
import importlib
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "Fixtures" / "keras"))
from networks import Networks, inputs, logits, randomise

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

if "RESECT" not in os.environ:
    pytest.exit("set RESECT to the executable under test", returncode=2)


def needed(name):
    """The module, or a skipped test where it is missing or does not work here."""
    try:
        module = importlib.import_module(name)
    except Exception as error:
        pytest.skip(f"{name}: {type(error).__name__}")
    if module.__file__ is None:  # only a folder of this name, as that of the fixtures
        pytest.skip(f"{name}: not installed")
    return module


def resect(*arguments):
    """Runs the executable, which must succeed; its standard output."""
    command = [os.environ["RESECT"], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} exited with {done.returncode}: {done.stderr}"
    return done.stdout


# MARK: torch

def same_bits(one, other):
    """Whether two tensors have one dtype, one shape and the same bits."""
    def bits(tensor):
        return bytes(tensor.contiguous().reshape(-1).view(needed("torch").uint8).tolist())
    return one.dtype == other.dtype and one.shape == other.shape and (one.numel() == 0 or bits(one) == bits(other))


def loadings(torch):
    """The ways in which this torch loads a file."""
    ways = [{}, {"weights_only": True}]
    if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 1):
        ways.append({"weights_only": True, "mmap": True})
    return ways


def test_torch_loads_a_network_strictly(tmp_path):
    torch = needed("torch")
    models = needed("torchvision.models")
    torch.manual_seed(20240229)
    network = models.resnet50(num_classes=10)
    state = network.state_dict()
    torch.save(state, tmp_path / "in.pth")
    resect("convert", tmp_path / "in.pth", tmp_path / "out.pth")
    for way in loadings(torch):
        loaded = torch.load(tmp_path / "out.pth", **way)
        assert isinstance(loaded, OrderedDict) and list(loaded) == list(state)
        assert all(same_bits(loaded[name], state[name]) for name in state)
        models.resnet50(num_classes=10).load_state_dict(loaded, strict=True)


def test_torch_loads_every_dtype_and_shape(tmp_path):
    torch = needed("torch")
    names = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64",
             "complex128", "uint64", "uint32", "uint16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
             "float8_e5m2fnuz"]
    state = OrderedDict()
    for name in names:
        dtype = getattr(torch, name, None)
        if dtype is None:
            continue
        for shape in [(), (0,), (3, 0, 2), (5,), (2, 3, 4), (1, 64)]:
            state[f"{name} {shape}"] = (torch.rand(shape, dtype=torch.float64) * 2).to(dtype)
    state["strided"] = torch.arange(12.0).reshape(3, 4).t()
    state["tied"] = state["strided"]
    torch.save(state, tmp_path / "in.pth")
    resect("convert", "--raw", tmp_path / "in.pth", tmp_path / "out.pt")
    for way in loadings(torch):
        loaded = torch.load(tmp_path / "out.pt", **way)
        assert list(loaded) == list(state)
        for name in state:
            assert same_bits(loaded[name], state[name]), name
            assert loaded[name].is_contiguous()
    mapped = torch.load(tmp_path / "out.pt")
    assert all(tensor.data_ptr() % 64 == 0 for tensor in mapped.values() if tensor.numel())


def test_other_zip_programs_find_no_fault(tmp_path):
    torch = needed("torch")
    torch.save(OrderedDict(a=torch.rand(1000), b=torch.rand(0)), tmp_path / "in.pth")
    resect("convert", "--raw", tmp_path / "in.pth", tmp_path / "out.pth")
    with zipfile.ZipFile(tmp_path / "out.pth") as archive:
        assert archive.testzip() is None
        assert all(entry.date_time == (1980, 1, 1, 0, 0, 0) for entry in archive.infolist())


def test_no_bit_is_lost_around_the_formats(tmp_path):
    torch = needed("torch")
    state = OrderedDict((f"t{i}", torch.rand(i + 1, 7).to(dtype)) for i, dtype in enumerate(
        [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool]))
    torch.save(state, tmp_path / "0.pth")
    ways = ["1.h5", "2.safetensors", "3.pth", "4.h5", "5.pth"]
    for before, after in zip(["0.pth"] + ways, ways):
        resect("convert", "--raw", tmp_path / before, tmp_path / after)
    loaded = torch.load(tmp_path / "5.pth")
    assert loaded.keys() == state.keys()
    assert all(same_bits(loaded[name], state[name]) for name in state)


@pytest.mark.parametrize("file", ["out.pth", "out.h5", "out.safetensors"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, file):
    torch = needed("torch")
    torch.save(OrderedDict(a=torch.rand(300_000)), tmp_path / "in.pth")
    (tmp_path / file).write_bytes(b"old")

    def limited():
        # A write beyond the limit is an error, as it is where the disk is full.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    command = [os.environ["RESECT"], "convert", "--raw", "--force", tmp_path / "in.pth", tmp_path / file]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, preexec_fn=limited)
    assert done.returncode == 1 and "cannot write" in done.stderr, done
    assert (tmp_path / file).read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.pth", file]


# MARK: HDF5 and Keras

@pytest.fixture(scope="module")
def keras():
    return needed("keras")


@pytest.fixture(scope="module")
def saved(keras, tmp_path_factory):
    """keras.applications' ResNet50 with random weights and statistics, saved in every way; its weights."""
    folder = tmp_path_factory.mktemp("keras")
    network = build(keras)
    random = np.random.default_rng(20240229)
    for weight in network.weights:
        weight.assign(random.normal(size=weight.shape).astype("float32"))
    network.save(folder / "whole.keras")
    network.save(folder / "whole.h5")
    network.save_weights(folder / "only.weights.h5")
    return folder, weights(keras, network)


def build(keras):
    return keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=7)


def weights(keras, network):
    return [np.array(keras.ops.convert_to_numpy(weight)) for weight in network.weights]


def test_keras_loads_copies_of_its_files(keras, saved, tmp_path):
    folder, expected = saved
    for name in ["whole.keras", "whole.h5", "only.weights.h5"]:
        resect("convert", "--raw", folder / name, tmp_path / name)
        if name.startswith("whole"):
            network = keras.saving.load_model(tmp_path / name)
        else:
            network = build(keras)
            network.load_weights(tmp_path / name)
        assert all(map(np.array_equal, weights(keras, network), expected)), name
    network = build(keras)
    network.load_weights(tmp_path / "whole.h5")
    assert all(map(np.array_equal, weights(keras, network), expected))


STAGES = {"ResNet50": (3, 4, 6, 3), "ResNet101": (3, 4, 23, 3), "ResNet152": (3, 8, 36, 3)}


def state_dict(stages, classes, biases):
    """Random weights of a ResNet by torchvision's names, in torch's layout."""
    random = np.random.default_rng(20240302)
    state = {}

    def convolution(name, *shape):
        state[f"{name}.weight"] = random.normal(size=shape) * (1 / np.prod(shape[1:])) ** 0.5
        if biases:
            state[f"{name}.bias"] = random.normal(size=shape[0]) * 0.1

    def norm(name, width, scale=1.0):
        state[f"{name}.weight"] = random.uniform(0.5, 1.5, width) * scale
        state[f"{name}.bias"] = random.normal(size=width) * 0.2
        state[f"{name}.running_mean"] = random.normal(size=width) * 0.1
        state[f"{name}.running_var"] = random.uniform(0.5, 1.5, width)

    convolution("conv1", 64, 3, 7, 7)
    norm("bn1", 64)
    before = 64
    for stage, blocks in enumerate(stages):
        width = 64 << stage
        for block in range(blocks):
            name = f"layer{stage + 1}.{block}"
            shapes = [(width, before, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1)]
            for index, shape in enumerate(shapes):
                convolution(f"{name}.conv{index + 1}", *shape)
                norm(f"{name}.bn{index + 1}", shape[0], 0.3 if index == 2 else 1.0)
            if block == 0:
                convolution(f"{name}.downsample.0", 4 * width, before, 1, 1)
                norm(f"{name}.downsample.1", 4 * width)
            before = 4 * width
    state["fc.weight"] = random.normal(size=(classes, before)) * before ** -0.5
    state["fc.bias"] = random.normal(size=classes)
    return {name: np.asarray(value, np.float32) for name, value in state.items()}


def write_safetensors(path, state):
    """Writes float32 arrays by name, where there is no torch."""
    header, end = {}, 0
    for name, array in state.items():
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in state.values()))


def keras_name(name):
    """What keras.applications calls the layer of a torchvision tensor, and its place in the layer."""
    module, kind = name.rsplit(".", 1)
    place = {"weight": 0, "bias": 1, "running_mean": 2, "running_var": 3}[kind]
    if module == "fc":
        return "predictions", place
    if module in ("conv1", "bn1"):
        return "conv1_" + module.rstrip("1"), place
    stage, block, layer = module.split(".", 2)
    layer = {"downsample.0": "0_conv", "downsample.1": "0_bn"}.get(layer) or f"{layer[-1]}_{layer[:-1]}"
    return f"conv{int(stage[5:]) + 1}_block{int(block) + 1}_{layer}", place


@pytest.mark.parametrize("name, biases", [("ResNet50", True), ("ResNet50", False), ("ResNet101", False), ("ResNet152", False)])
def test_keras_loads_a_network_into_its_own(keras, tmp_path, name, biases):
    state = state_dict(STAGES[name], 7, biases)
    write_safetensors(tmp_path / "in.safetensors", state)
    said = ["--stride", "v1", "--epsilon", "1.001e-5"]
    builder = getattr(keras.applications, name)
    networks = []
    for file in ["out.h5", "out.weights.h5", "out.keras"]:
        resect("convert", tmp_path / "in.safetensors", tmp_path / file, *said)
        if file.endswith("keras"):
            networks.append(keras.saving.load_model(tmp_path / file))
        else:
            networks.append(builder(weights=None, classes=7))
            networks[-1].load_weights(tmp_path / file)
    for network in networks:
        biased = 0
        for key, value in state.items():
            layer, place = keras_name(key)
            value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
            assert np.array_equal(np.array(network.get_layer(layer).weights[place]), value), key
        for layer in network.layers:
            if isinstance(layer, keras.layers.Conv2D) and not biases:
                assert not np.any(np.array(layer.bias))
                biased += 1
        assert biases or biased == sum(STAGES[name]) * 3 + 5
    # The graph in the archive is the application's: its logits are those that resect computes from the input.
    images = np.random.default_rng(1).normal(size=(2, 64, 64, 3)).astype(np.float32)
    network = networks[-1]
    network.layers[-1].activation = keras.activations.linear
    logits = np.array(network(images, training=False))
    np.save(tmp_path / "x.npy", np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    np.save(tmp_path / "y.npy", logits)
    resect("run", tmp_path / "in.safetensors", "--input", tmp_path / "x.npy", "--expect", tmp_path / "y.npy",
           "--tolerance", f"{2e-5 * max(1, np.abs(logits).max()):.9f}", *said)


WAYS = ["out.h5", "out.weights.h5", "out.keras"]
APPLICATION = "keras.applications.{}(weights=None, input_shape=(64, 64, 3), classes=7)"


@pytest.mark.parametrize("expression, convention", [
    (APPLICATION.format("ResNet50"), "keras"), (APPLICATION.format("ResNet50V2"), "keras-v2"),
    (APPLICATION.format("ResNet101V2"), "keras-v2"), (APPLICATION.format("ResNet152V2"), "keras-v2"),
    (APPLICATION.format("ResNet50V2").replace("classes=7", "include_top=False, pooling='avg'"), "keras-v2"),
    ("new.before_2019(64, True, 64, ((64, 'abc'), (128, 'abcd'), (256, 'abcdef'), (512, 'abc')))", "keras-legacy"),
    ("new.before_2019(64, stem=64)", "keras-legacy"),
])
def test_keras_reads_its_own_networks_back(keras, tmp_path, expression, convention):
    """From Keras through a file of other names to Keras: every bit is kept, and all compute the same."""
    own = lambda: eval(expression, {"keras": keras, "new": Networks(keras)})
    network = own()
    randomise(network)
    expected = weights(keras, network)
    images = np.random.default_rng(1).normal(size=(2, 64, 64, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    computed = logits(network, images)
    np.save(tmp_path / "y.npy", computed)
    allowed = 2e-5 * max(1, np.abs(computed).max())
    network.save(tmp_path / "in.keras")
    resect("convert", tmp_path / "in.keras", tmp_path / "between.resect")
    for file in WAYS:
        resect("convert", tmp_path / "between.resect", tmp_path / file, "--convention", convention)
        resect("convert", tmp_path / file, tmp_path / "again.resect")
        resect("convert", tmp_path / "again.resect", tmp_path / f"again.{file}")
        assert (tmp_path / file).read_bytes() == (tmp_path / f"again.{file}").read_bytes(), file
        if file.endswith(".keras"):
            loaded = keras.saving.load_model(tmp_path / file)
            assert [layer.name for layer in loaded.layers if layer.weights] == [
                layer.name for layer in network.layers if layer.weights]
        else:
            loaded = own()
            loaded.load_weights(tmp_path / file)
        assert all(map(np.array_equal, weights(keras, loaded), expected)), file
        assert np.abs(logits(loaded, images) - computed).max() <= allowed, file
        resect("run", tmp_path / file, "--input", tmp_path / "x.npy", "--expect", tmp_path / "y.npy", "--tolerance",
               f"{allowed:.9f}")
        (tmp_path / f"again.{file}").unlink()
        (tmp_path / file).unlink()
        (tmp_path / "again.resect").unlink()


def computes_the_same(keras, path, images, expected):
    """Keras builds the archive's model, and computes what is expected of it; so does resect."""
    allowed = 2e-5 * max(1, np.abs(expected).max())
    assert np.abs(logits(keras.saving.load_model(path), images) - expected).max() <= allowed
    np.save(path.parent / "x.npy", np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    np.save(path.parent / "y.npy", expected)
    resect("run", path, "--input", path.parent / "x.npy", "--expect", path.parent / "y.npy", "--tolerance", f"{allowed:.9f}")


@pytest.mark.parametrize("expression, size", [
    ("new.home_made(32)", 32), ("new.bottlenecks(64)", 64), ("new.bottlenecks(61, pool='valid')", 61), ("new.within()", 45),
    ("new.prepared(61)", 61), ("new.prepared(64, learnt=False)", 64), ("new.input_projections(32)", 32),
])
@pytest.mark.parametrize("surgery", [[], ["--fold-bn"]])
def test_an_archive_describes_networks_that_are_nobodys(keras, tmp_path, expression, size, surgery):
    network = eval(expression, {"keras": keras, "new": Networks(keras)})
    randomise(network)
    network.save(tmp_path / "in.keras")
    resect("convert", tmp_path / "in.keras", tmp_path / "out.keras", *surgery)
    images = inputs(expression, np.random.default_rng(2), 2, size)
    computes_the_same(keras, tmp_path / "out.keras", images, logits(network, images))
    resect("convert", tmp_path / "out.keras", tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == (tmp_path / "out.keras").read_bytes() or surgery


@pytest.mark.parametrize("surgery", [[], ["--fold-bn"], ["--preprocessing", "torchvision"]])
def test_an_archive_describes_networks_of_torch(keras, tmp_path, surgery):
    write_safetensors(tmp_path / "in.safetensors", state_dict(STAGES["ResNet50"], 7, False))
    images = np.random.default_rng(1).normal(size=(2, 70, 70, 3)).astype(np.float32)
    output = tmp_path / "out.keras"
    if "--preprocessing" in surgery:  # mean and std become layers
        images = np.random.default_rng(1).uniform(0, 255, images.shape).astype(np.float32)
        resect("normalize", tmp_path / "in.safetensors", output, *surgery)
        scaled = (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    else:
        resect("convert", tmp_path / "in.safetensors", output, *surgery)
        scaled = images
    np.save(tmp_path / "scaled.npy", np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)).astype(np.float32))
    resect("run", tmp_path / "in.safetensors", "--input", tmp_path / "scaled.npy", "--output", tmp_path / "y.npy")
    computes_the_same(keras, output, images, np.load(tmp_path / "y.npy"))


@pytest.mark.parametrize("name, size", [
    ("VGG16", 32), ("MobileNet", 32), ("MobileNetV2", 32), ("DenseNet121", 32), ("InceptionV3", 75), ("EfficientNetB0", 32),
])
def test_an_archive_keeps_networks_that_are_no_resnets(keras, tmp_path, name, size):
    """Layers with weights keep their names and every bit; Keras builds the model, and computes the same."""
    network = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)
    randomise(network)
    network.save(tmp_path / "in.keras")
    resect("convert", tmp_path / "in.keras", tmp_path / "out.keras")
    loaded = keras.saving.load_model(tmp_path / "out.keras")
    before, after = ({layer.name: layer.weights for layer in model.layers} for model in (network, loaded))
    # Keras numbers the layer that normalises pixels by those that the process made before; its numbers go into settings.
    kept = {name: weights for name, weights in before.items() if weights and not name.startswith("normalization")}
    assert kept.keys() == {name for name, weights in after.items() if weights}
    for name, weights in kept.items():
        assert all(map(np.array_equal, map(np.array, weights), map(np.array, after[name]))), name
    images = inputs("prepared" if any(name.startswith("normalization") for name in before) else "", np.random.default_rng(3), 2, size)
    expected = np.array(network(images, training=False))
    assert np.abs(np.array(loaded(images, training=False)) - expected).max() <= 2e-5 * max(1, np.abs(expected).max())
    # Logits, if the last layer has a softmax of its own.
    if getattr(network.layers[-1], "activation", None):
        assert np.abs(logits(loaded, images) - logits(network, images)).max() <= 2e-5 * np.abs(logits(network, images)).max()


def test_h5py_reads_every_dtype(tmp_path):
    h5py = needed("h5py")
    random = np.random.default_rng(1)
    arrays = {}
    for dtype in ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", "c8", "c16"]:
        for shape in [(), (0,), (3, 0, 2), (5,), (2, 3, 4)]:
            array = random.integers(0, 2 if dtype == "?" else 100, shape)
            arrays[f"{dtype.replace('?', 'bool')}/{'x'.join(map(str, shape)) or 'scalar'}"] = np.array(array, dtype)
    with h5py.File(tmp_path / "in.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
        file.attrs["text"] = "Größe"
        file.attrs["other"] = np.bytes_("Größe".encode("latin-1"))
        file["f4"].attrs["names"] = [b"a", b"longer"]
        file["f4"].attrs["none"] = []
    report = json.loads(resect("convert", "--raw", "--json", tmp_path / "in.h5", tmp_path / "out.h5"))
    assert [entry["name"].split()[-1] for entry in report["ignored"]] == ["other"]  # what is no UTF-8 is not guessed
    with h5py.File(tmp_path / "out.h5") as file:
        assert "other" not in file.attrs
        for name, array in arrays.items():
            assert file[name].dtype == array.dtype and file[name].shape == array.shape
            assert np.asarray(file[name]).tobytes() == array.tobytes(), name
        assert file.attrs["text"] == "Größe"
        assert file["f4"].attrs["names"].tolist() == [b"a", b"longer"]
        assert file["f4"].attrs["none"].shape == (0,)

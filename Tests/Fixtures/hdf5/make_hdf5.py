"""Writes the fixtures beside it: small HDF5 files and Keras archives by real h5py and Keras, and what h5py reads from them.

usage: make_hdf5.py     (Python with h5py, ml_dtypes and Keras 3; the fixtures here are of h5py 3.14 and Keras 3.15)
"""
import hashlib
import json
import os
import pathlib
import tempfile
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import h5py
import keras
import ml_dtypes
import numpy as np

FOLDER = pathlib.Path(__file__).parent
random = np.random.default_rng(5)
NAMES = {
    "f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8",
    "u8": "U64", "u4": "U32", "u2": "U16", "u1": "U8", "b1": "BOOL", "c8": "C64", "c16": "C128",
}


def values(dtype, *shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return random.integers(limits.min, limits.max, shape, dtype=dtype.newbyteorder("="), endpoint=True).astype(dtype)
    if dtype.kind == "c":
        return (random.standard_normal(shape) + 1j * random.standard_normal(shape)).astype(dtype)
    return np.asarray(random.standard_normal(shape)).astype(dtype)


def described(file):
    """What a reader must find: name to dtype, shape and the SHA-256 of the elements, little-endian and row by row."""
    found = {}

    def visit(name, node):
        if not isinstance(node, h5py.Dataset) or node.shape is None:
            return
        if node.attrs.get("dtype") == "bfloat16":
            dtype, data = "BF16", node[()].tobytes()
        elif node.dtype.kind in "fiubc" and not h5py.check_enum_dtype(node.dtype):
            array = np.asarray(node[()])
            dtype = NAMES[array.dtype.kind + str(array.dtype.itemsize)]
            data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        else:
            return
        found[name] = {"dtype": dtype, "shape": list(node.shape), "sha256": hashlib.sha256(data).hexdigest()}

    file.visititems(visit)
    return found


def dtypes(file):
    for kind in NAMES:
        for order in "<>":
            file.create_dataset(f"{'little' if order == '<' else 'big'}/{kind}", data=values(order + kind, 3, 5))
    file["scalar"] = values("<f4")
    file["none"] = np.zeros((0, 4), "<f4")
    file["vector"] = values("<f4", 7)


def layouts(file):
    data = values("<f4", 37, 11)
    file["contiguous"] = data
    file.create_dataset("chunked", data=data, chunks=(8, 4))
    file.create_dataset("gzip", data=data, chunks=(8, 4), compression="gzip", compression_opts=9)
    file.create_dataset("shuffled", data=data, chunks=(8, 4), compression="gzip", shuffle=True)
    file.create_dataset("checked", data=data, chunks=(8, 4), fletcher32=True)
    file.create_dataset("all", data=data, chunks=(8, 4), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("shuffle_alone", data=data, chunks=(8, 4), shuffle=True)
    file.create_dataset("growing", data=data, chunks=(8, 4), maxshape=(None, 11), compression="gzip")
    file.create_dataset("growing_twice", data=data, chunks=(8, 4), maxshape=(None, None), compression="gzip")
    file.create_dataset("big", data=data.astype(">f4"), chunks=(8, 4), compression="gzip")
    file.create_dataset("half", data=data.astype("<f2"), chunks=(8, 4), compression="gzip")
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(data.shape)
    compact = h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, properties)
    compact.write(h5py.h5s.ALL, h5py.h5s.ALL, data)


def long(file):
    """More than one piece of 256 KiB, and more than one part of 8 MiB, of few bytes."""
    steps = np.arange(3 << 20, dtype="<i4").reshape(3072, 1024) // 1024
    file.create_dataset("long", data=steps, chunks=(512, 1024), compression="gzip", compression_opts=9, shuffle=True)


def attributes(file):
    file["weight"] = values("<f4", 2)
    file.attrs["text"] = "plain"
    file.attrs["unicode"] = "Größe ✓"
    file.attrs["bytes"] = np.bytes_(b"fixed")
    file.attrs["variable list"] = np.array(["a", "", "ccc"], dtype=h5py.string_dtype())
    file.attrs["fixed list"] = np.array([b"first", b"", b"third"])
    file.attrs["empty list"] = np.zeros((0,))
    file.attrs["number"] = 3
    file.attrs["numbers"] = np.array([[1.5, -2.0], [0.0, 1e300]], ">f8")
    file.attrs["flag"] = True
    file.attrs["half"] = np.float16(0.5)
    file.attrs["nothing"] = h5py.Empty("f4")
    file.attrs["pair"] = np.array((1, 2.0), dtype=[("a", "i4"), ("b", "f4")])
    group = file.create_group("group")
    group.attrs["of group"] = "yes"
    file["weight"].attrs["of dataset"] = "too"
    # So many that they are stored densely.
    for index in range(40):
        group.attrs[f"dense{index:02}"] = index


def others(file):
    file["weight"] = values("<f4", 2)
    file["text"] = "a string"
    file["texts"] = np.array([b"ab", b"c"])
    file.create_dataset("ragged", (2,), dtype=h5py.vlen_dtype("f4"))[0] = [1, 2]
    file["pairs"] = np.zeros(3, dtype=[("a", "i4"), ("b", "f4")])
    file["reference"] = file["weight"].ref
    file["opaque"] = np.frombuffer(b"abcdef", dtype="V3")
    file["array"] = np.zeros(2, dtype=[("x", "f4", (3,))])
    file["nothing"] = h5py.Empty("f4")
    file["kind"] = np.dtype("f4")
    file.create_dataset("colour", data=[0, 1], dtype=h5py.enum_dtype({"RED": 0, "GREEN": 1}, basetype="i1"))


def links(file):
    file["a/weight"] = values("<f4", 3)
    file["b"] = file["a"]
    file["c"] = file["a/weight"]
    file["d"] = h5py.SoftLink("/a/weight")
    file["a/e"] = h5py.SoftLink("weight")
    file["a/back"] = file["/"]
    file["nowhere"] = h5py.SoftLink("/missing/one")
    file["circle"] = h5py.SoftLink("/circle")
    file["ping"] = h5py.SoftLink("/pong")
    file["pong"] = h5py.SoftLink("/ping")


def brain_float(file):
    """As Keras' H5IOStore stores bfloat16."""
    value = values("<f4", 4, 3).astype(ml_dtypes.bfloat16)
    file.create_dataset("vars/0", data=value).attrs["dtype"] = "bfloat16"


def legacy(file):
    """A whole model as Keras 2 writes it, with an attribute that it splits because it is large."""
    file.attrs["keras_version"] = "2.15.0"
    file.attrs["backend"] = "tensorflow"
    file.attrs["model_config"] = json.dumps({"class_name": "Functional"})
    top = file.create_group("model_weights")
    top.attrs["layer_names0"] = np.array([b"conv", b"relu"])
    top.attrs["layer_names1"] = np.array([b"dense"])
    weights = {"conv": {"kernel:0": (3, 3, 2, 4), "bias:0": (4,)}, "relu": {}, "dense": {"kernel:0": (4, 5)}}
    for layer, tensors in weights.items():
        group = top.create_group(layer)
        names = [f"{layer}/{name}" for name in tensors]
        group.attrs["weight_names"] = np.array([name.encode() for name in names]) if names else np.zeros((0,))
        for name, shape in zip(names, tensors.values()):
            group[name] = values("<f4", *shape)


WRITERS = [dtypes, layouts, long, attributes, others, links, brain_float, legacy]
LATEST = [layouts, attributes, links]


def refused():
    """Files that h5py writes and that must be refused, each for what its name says."""

    def write(name):
        return h5py.File(FOLDER / f"refused.{name}.h5", "w", libver=("v108", "v110"))

    with write("external_link") as file:
        file["weight"] = values("<f4", 2)
        file["other"] = h5py.ExternalLink("secret.h5", "/weight")
    with write("external_storage") as file:
        file.create_dataset("weight", (16,), "u1", external=[("/etc/passwd", 0, 16)])
    with write("virtual") as file:
        layout = h5py.VirtualLayout((2,), "<f4")
        layout[:] = h5py.VirtualSource("secret.h5", "weight", (2,))
        file.create_virtual_dataset("weight", layout)
    with write("filter") as file:
        file.create_dataset("weight", data=values("<f4", 64), compression="lzf")
    with write("scaleoffset") as file:
        file.create_dataset("weight", data=values("<i4", 64), scaleoffset=8)
    with write("unwritten") as file:
        file.create_dataset("weight", (1 << 40,), "<f4")
    with write("bomb") as file:
        data = file.create_dataset("weight", (1 << 20, 1 << 10), "<f4", chunks=(64, 64), compression="gzip")
        data[:64, :64] = values("<f4", 64, 64)
    with write("deep") as file:
        node = file
        for _ in range(130):
            node = node.create_group("g")
        node["weight"] = values("<f4", 2)
    with write("no_numbers") as file:
        file["text"] = "only words"
    with write("no_weight_names") as file:
        file.attrs["layer_names"] = np.array([b"conv"])
        file["conv/conv/kernel:0"] = values("<f4", 2)
    with write("missing_weight") as file:
        file.attrs["layer_names"] = np.array([b"conv"])
        file["conv/conv/kernel:0"] = values("<f4", 2)
        file["conv"].attrs["weight_names"] = np.array([b"conv/bias:0"])
    with write("text_weight") as file:
        file.attrs["layer_names"] = np.array([b"conv"])
        file["conv/conv/kernel:0"] = "words"
        file["other"] = values("<f4", 2)
        file["conv"].attrs["weight_names"] = np.array([b"conv/kernel:0"])
    with write("climbing_weight") as file:
        file.attrs["layer_names"] = np.array([b"conv"])
        file["kernel:0"] = values("<f4", 2)
        file.create_group("conv").attrs["weight_names"] = np.array([b"../kernel:0"])


def archives():
    """A model of three layers that real Keras saves in each of its formats, and its archive deflated."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((8, 8, 3)),
        keras.layers.Conv2D(4, 3, name="conv"),
        keras.layers.BatchNormalization(name="bn"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(5, name="dense"),
    ])
    stored, deflated = FOLDER / "model.keras", FOLDER / "model.deflated.keras"
    model.save(stored)
    model.save(FOLDER / "model.h5")
    model.save_weights(FOLDER / "model.weights.h5")
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    found = {}
    with zipfile.ZipFile(stored) as source, tempfile.TemporaryDirectory() as folder:
        with h5py.File(source.extract("model.weights.h5", folder)) as file:
            found["model.keras"] = found["model.deflated.keras"] = described(file)
    for name in ("model.h5", "model.weights.h5"):
        with h5py.File(FOLDER / name) as file:
            found[name] = described(file)
    return found


def main():
    for pattern in ("*.h5", "*.keras"):
        for old in FOLDER.glob(pattern):
            old.unlink()
    manifest = {}
    for version, writers in (("earliest", WRITERS), ("v110", LATEST)):
        for write in writers:
            name = f"{write.__name__}.{version}.h5"
            with h5py.File(FOLDER / name, "w", libver=(version, "v110")) as file:
                write(file)
            with h5py.File(FOLDER / name) as file:
                manifest[name] = described(file)
    with h5py.File(FOLDER / "userblock.h5", "w", userblock_size=1024) as file:
        file["weight"] = values("<f4", 3, 2)
        file.create_dataset("packed", data=values(">f4", 30), chunks=(10,), compression="gzip")
    with h5py.File(FOLDER / "userblock.h5") as file:
        manifest["userblock.h5"] = described(file)
    manifest |= archives()
    refused()
    (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


main()

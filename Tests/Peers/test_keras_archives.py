"""Has real Keras compute what the resect executable writes of graphs that are no ResNets, operation by operation, and compares
with torch.

usage: RESECT=PATH KERAS_PYTHON=PATH python3 -m pytest Tests/Peers/test_keras_archives.py

Needs Debian 12's python3-torch, python3-numpy and python3-pytest.

  RESECT        the executable under test; resect-hdf5 lies beside it
  KERAS_PYTHON  a Python with Keras 3 and its backend, as Tests/run.sh installs it; without it, everything is skipped

A number may differ by 2e-5 of the largest, where that is over 1.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

if "RESECT" not in os.environ:
    pytest.exit("set RESECT to the executable under test", returncode=2)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Fixtures"))
from resect_file import write  # noqa: E402

torch = pytest.importorskip("torch")
functional = torch.nn.functional
TOLERANCE = 2e-5
# Loads each archive of a folder, and writes what it computes of the input beside it, channels first, and its layers.
COMPUTE = """
import json, sys
from pathlib import Path
import keras, numpy as np
layers = {}
for path in sorted(Path(sys.argv[1]).glob("*.keras")):
    images = np.load(path.with_suffix(".x.npy"))
    model = keras.saving.load_model(path)
    if images.ndim == 4:
        images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    np.save(path.with_suffix(".y.npy"), np.asarray(model(images, training=False)))
    layers[path.stem] = [(type(layer).__name__, layer.name) for layer in model.layers]
Path(sys.argv[1], "layers.json").write_text(json.dumps(layers))
"""


class Network:
    """A graph that grows node by node, each of which takes the one before it where nothing else is said."""

    def __init__(self, channels=None, size=(9, 10), features=None, seed=1):
        self.random = np.random.default_rng(seed)
        kind = {"channels": channels} if features is None else {"features": features}
        self.graph = {"input": {"name": "image", **kind}, "nodes": []}
        self.outputs = []
        self.tensors = {}
        self.last = "image"
        self.input = self.random.normal(size=(2, channels, *size) if features is None else (2, features)).astype("float32")

    def add(self, operation, name=None, of=None, tensors=None, **members):
        name = name or f"{operation}{len(self.graph['nodes'])}"
        node = {"name": name, "operation": operation, "inputs": [self.last] if of is None else of}
        if tensors:
            node["tensors"] = list(tensors)
            for role, value in tensors.items():
                self.tensors[f"{name}.{role}"] = np.asarray(value, getattr(value, "dtype", "float32"))
        self.graph["nodes"].append(node | members)
        self.last = name
        return name

    def numbers(self, *shape, low=None, high=None):
        values = self.random.normal(size=shape) if low is None else self.random.uniform(low, high, shape)
        return values.astype("float32")

    def convolution(self, inputs, outputs, kernel=(3, 3), groups=1, bias=True, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1),
                    **named):
        weight = self.numbers(outputs, inputs // groups, *kernel) * np.float32((kernel[0] * kernel[1] * inputs / groups) ** -0.5)
        tensors = {"weight": weight} | ({"bias": self.numbers(outputs)} if bias else {})
        padding = padding if padding == "same" else list(padding)
        return self.add("convolution", tensors=tensors, stride=list(stride), padding=padding, dilation=list(dilation), groups=groups,
                        **named)

    def norm(self, channels, weight=True, bias=True, **named):
        tensors = {"weight": self.numbers(channels)} if weight else {}
        tensors |= {"bias": self.numbers(channels)} if bias else {}
        tensors |= {"running_mean": self.numbers(channels), "running_var": self.numbers(channels, low=0.1, high=2)}
        return self.add("batch-norm", tensors=tensors, epsilon=0.01, **named)

    def linear(self, inputs, outputs, **named):
        weight = self.numbers(outputs, inputs) * np.float32(inputs ** -0.5)
        return self.add("linear", tensors={"weight": weight, "bias": self.numbers(outputs)}, **named)

    def pool(self, kind, kernel, stride, padding=(0, 0, 0, 0), up=False, **members):
        padding = padding if padding == "same" else list(padding)
        return self.add(f"{kind}-pool", kernel=list(kernel), stride=list(stride), padding=padding, dilation=[1, 1], roundsUp=up, **members)

    def write(self, path):
        graph = self.graph | {"outputs": self.outputs or [{"name": "features", "of": self.last}]}
        dtypes = {"float32": "F32", "float64": "F64"}
        entries = [(value.astype(value.dtype.newbyteorder("<")).tobytes(),
                    {"name": name, "dtype": dtypes[str(value.dtype)], "shape": list(value.shape), "encoding": "raw"})
                   for name, value in self.tensors.items()]
        write(path, {"kind": "graph", "graph": graph}, entries, version=2)

    def computed(self):
        """What torch makes of the input, in float64: the last value."""
        values = {"image": torch.from_numpy(self.input).double()}
        for node in self.graph["nodes"]:
            tensors = {role: torch.from_numpy(self.tensors[f"{node['name']}.{role}"]).double() for role in node.get("tensors", [])}
            values[node["name"]] = evaluated(node, [values[name] for name in node["inputs"]], tensors)
        return values[self.last]


def along_channels(tensor, like):
    return tensor.reshape([1, -1] + [1] * (like.ndim - 2))


def sides(node, size, kernel):
    """Pixels above, below, left and right: TensorFlow's SAME as its documentation has it."""
    if node["padding"] != "same":
        return node["padding"]
    result = []
    for length, stride, window, dilation in zip(size, node["stride"], kernel, node["dilation"]):
        total = max((-(-length // stride) - 1) * stride + (window - 1) * dilation + 1 - length, 0)
        result += [total // 2, total - total // 2]
    return result


def pooled(node, x):
    (top, bottom, left, right), kernel, stride = sides(node, x.shape[2:], node["kernel"]), node["kernel"], node["stride"]
    if (top, left) == (bottom, right) and node["padding"] != "same":
        around = {"padding": (top, left), "ceil_mode": node["roundsUp"]}
        if node["operation"] == "max-pool":
            return functional.max_pool2d(x, kernel, stride, **around)
        return functional.avg_pool2d(x, kernel, stride, count_include_pad=node["countsBorder"], **around)
    assert not node["roundsUp"]
    if node["operation"] == "max-pool":
        return functional.max_pool2d(functional.pad(x, (left, right, top, bottom), value=-torch.inf), kernel, stride)
    x, counted = functional.pad(x, (left, right, top, bottom)), functional.pad(torch.ones_like(x), (left, right, top, bottom))
    return functional.avg_pool2d(x, kernel, stride) / (1 if node["countsBorder"] else functional.avg_pool2d(counted, kernel, stride))


def evaluated(node, inputs, tensors):
    """What the node computes, as torch does."""
    x = inputs[0]
    weight, bias = tensors.get("weight"), tensors.get("bias")
    match node["operation"]:
        case "convolution":
            top, bottom, left, right = sides(node, x.shape[2:], weight.shape[2:])
            return functional.conv2d(functional.pad(x, (left, right, top, bottom)), weight, bias, node["stride"], 0, node["dilation"],
                                     node["groups"])
        case "linear":
            return functional.linear(x, weight, bias)
        case "batch-norm":
            return functional.batch_norm(x, tensors["running_mean"], tensors["running_var"], weight, bias, eps=node["epsilon"])
        case "scale-shift":
            scaled = x if weight is None else x * along_channels(weight, x)
            return scaled if bias is None else scaled + along_channels(bias, x)
        case "prelu":
            return functional.prelu(x, weight)
        case "leaky-relu":
            return functional.leaky_relu(x, node["slope"])
        case "elu":
            return functional.elu(x, node["alpha"])
        case "gelu":
            return functional.gelu(x, approximate="tanh" if node["approximatesByTanh"] else "none")
        case "hard-sigmoid":
            return (x * node["slope"] + node["offset"]).clamp(0, 1)
        case "softmax":
            return functional.softmax(x, 1)
        case "log-softmax":
            return functional.log_softmax(x, 1)
        case "relu" | "relu6" | "silu":
            return getattr(functional, node["operation"])(x)
        case "sigmoid" | "tanh":
            return getattr(torch, node["operation"])(x)
        case "hard-swish":
            return functional.hardswish(x)
        case "max-pool" | "average-pool":
            return pooled(node, x)
        case "global-average-pool":
            return x.mean((2, 3), keepdim=node["keepsImage"])
        case "global-max-pool":
            return x.amax((2, 3), keepdim=node["keepsImage"])
        case "add":
            return sum(inputs[1:], x)
        case "multiply":
            return x * (inputs[1] if inputs[1].ndim == x.ndim else inputs[1].reshape(inputs[1].shape[:2] + (1,) * (x.ndim - 2)))
        case "concatenate":
            return torch.cat(inputs, 1)
        case "flatten":
            return (x if node["order"] == "channels-first" or x.ndim == 2 else x.permute(0, 2, 3, 1)).flatten(1)
        case "to-image":
            return x[:, :, None, None]
        case "pad":
            top, bottom, left, right = node["sides"]
            return functional.pad(x, (left, right, top, bottom))
        case "normalize":
            numbers = node["normalization"]
            mean, std = (along_channels(torch.tensor(numbers[name]), x) for name in ("mean", "std"))
            return (x[:, numbers["channels"]] * numbers["scale"] - mean) / std
        case "identity":
            return x
    raise AssertionError(node["operation"])


def begun(channels=4, features=None):
    """A network that begins with a batch-norm: an archive without weights is none."""
    network = Network(channels, features=features)
    network.norm(features or channels)
    return network


def single(operation, inputs=4, features=None, **members):
    """A network of one operation behind a batch-norm, of numbers from about -12 to 12."""
    network = begun(inputs, features)
    network.input *= 4
    network.add(operation, **members)
    return network


def convolved(inputs=4, outputs=8, **members):
    network = Network(inputs)
    network.convolution(inputs, outputs, **members)
    return network


def pooled_network(kind, *arguments, before=None, **members):
    network = begun()
    if before:
        network.add(before)
    network.pool(kind, *arguments, **members)
    return network


def normed(channels=4, features=None, **members):
    network = Network(channels, features=features)
    network.norm(channels, **members)
    return network


def scaled(weight, bias, dtype="float32"):
    network = begun()
    tensors = {"weight": weight, "bias": bias}
    network.add("scale-shift", tensors={role: network.numbers(count).astype(dtype) for role, count in tensors.items() if count})
    return network


def flattened(order):
    network = Network(3, size=(4, 5))
    network.convolution(3, 4)
    network.add("flatten", order=order)
    network.linear(4 * 2 * 3, 5)
    return network


def normalised(channels, scale, mean, std):
    return single("normalize", len(channels), normalization={"channels": channels, "scale": scale, "mean": mean, "std": std})


def merged():
    network = Network(4)
    one, two = network.convolution(4, 6, of=["image"], bias=False), network.convolution(4, 6, of=["image"])
    network.add("add", of=[two, one, two])
    network.add("add")  # of one value
    joined = network.add("concatenate", of=[network.last, one])
    network.add("global-average-pool", keepsImage=False)
    factor = network.add("sigmoid")
    weighed = network.add("multiply", of=[joined, factor])
    network.add("global-max-pool", keepsImage=True)
    pixel = network.add("sigmoid")
    weighed = network.add("multiply", of=[weighed, pixel])
    network.add("multiply", of=[weighed, joined])
    return network


def mobile():
    """Depthwise convolutions, gates of one pixel, hard functions, and probabilities at the end, under names that Keras does not take."""
    network = Network(3, size=(33, 30))
    network.convolution(3, 8, stride=(2, 2), padding=(1, 1, 1, 1), bias=False, name="features/0/0")
    network.norm(8, name="features/0/1")
    start = network.add("hard-swish", name="features/0|2")
    network.convolution(8, 8, groups=8, kernel=(5, 5), padding=(2, 2, 2, 2), bias=False, name="features/1 block")
    network.norm(8)
    wide = network.add("relu6")
    network.add("global-average-pool", keepsImage=True)
    network.convolution(8, 4, kernel=(1, 1))
    network.add("relu")
    network.convolution(4, 8, kernel=(1, 1))
    gate = network.add("hard-sigmoid", slope=1 / 6, offset=0.5)
    network.add("multiply", of=[wide, gate])
    network.convolution(8, 8, kernel=(1, 1), bias=False)
    network.norm(8)
    network.add("add", of=[network.last, start])
    network.add("global-average-pool", keepsImage=False)
    network.add("identity", name="dropout")
    logits = network.linear(8, 5, name="classifier")
    probabilities = network.add("softmax", name="classifier.softmax")
    network.outputs = [{"name": "logits", "of": logits}, {"name": "probabilities", "of": probabilities}]
    return network


ONES, ZEROS = [1.0] * 3, [0.0] * 3
CASES = {
    "convolution": lambda: convolved(stride=(2, 3)),
    "convolution without bias, padded": lambda: convolved(bias=False, padding=(1, 1, 1, 1)),
    "convolution padded apart": lambda: convolved(stride=(2, 2), padding=(1, 1, 1, 1)),
    "convolution padded otherwise on each side": lambda: convolved(padding=(0, 1, 2, 3)),
    "convolution SAME": lambda: convolved(stride=(2, 2), padding="same"),
    "convolution of one row": lambda: convolved(kernel=(1, 5), padding=(0, 0, 2, 2)),
    "even kernel": lambda: convolved(kernel=(4, 2), padding=(1, 2, 0, 1)),
    "even kernel padded otherwise": lambda: convolved(kernel=(4, 2), padding=(2, 1, 1, 0)),
    "dilation": lambda: convolved(dilation=(2, 1), padding=(2, 2, 1, 1)),
    "dilation and stride": lambda: convolved(dilation=(2, 2), stride=(2, 3), padding=(2, 2, 2, 2)),
    "dilation of one pixel": lambda: convolved(kernel=(1, 1), dilation=(2, 2), stride=(2, 2)),
    "groups": lambda: convolved(groups=2, stride=(1, 2)),
    "groups and dilation": lambda: convolved(groups=2, dilation=(2, 2)),
    "depthwise": lambda: convolved(outputs=4, groups=4, padding=(1, 1, 1, 1)),
    "depthwise with two kernels each": lambda: convolved(groups=4, stride=(2, 2), padding="same"),
    "depthwise that strides otherwise": lambda: convolved(groups=4, stride=(1, 2)),
    "depthwise and dilation": lambda: convolved(groups=4, dilation=(2, 2)),
    "depthwise, dilation and stride": lambda: convolved(groups=4, dilation=(2, 2), stride=(2, 2), padding=(1, 2, 0, 3)),
    "batch-norm": normed,
    "batch-norm without scale": lambda: normed(weight=False),
    "batch-norm without shift": lambda: normed(bias=False),
    "batch-norm of a vector": lambda: normed(features=4),
    "scale and shift": lambda: scaled(4, 4),
    "scale": lambda: scaled(4, 0),
    "shift": lambda: scaled(0, 4),
    "one scale": lambda: scaled(1, 0),
    "one scale, many shifts": lambda: scaled(1, 4),
    "constant scales": lambda: scaled(4, 1, "float64"),
    "relu": lambda: single("relu"), "relu6": lambda: single("relu6"), "silu": lambda: single("silu"),
    "sigmoid": lambda: single("sigmoid"), "tanh": lambda: single("tanh"), "hard-swish": lambda: single("hard-swish"),
    "softmax": lambda: single("softmax"), "log-softmax": lambda: single("log-softmax"),
    "softmax of a vector": lambda: single("softmax", features=6),
    "leaky-relu": lambda: single("leaky-relu", slope=0.03), "elu": lambda: single("elu", alpha=0.7),
    "gelu": lambda: single("gelu", approximatesByTanh=False), "gelu by tanh": lambda: single("gelu", approximatesByTanh=True),
    "hard-sigmoid of torch": lambda: single("hard-sigmoid", slope=1 / 6, offset=0.5),
    "hard-sigmoid of Keras 2": lambda: single("hard-sigmoid", slope=0.2, offset=0.5),
    "hard-sigmoid, plain": lambda: single("hard-sigmoid", slope=1, offset=0),
    "prelu": lambda: single("prelu", tensors={"weight": [0.1, 0.5, -0.5, 2]}),
    "prelu of one slope": lambda: single("prelu", tensors={"weight": [0.3]}),
    "prelu of a vector": lambda: single("prelu", features=4, tensors={"weight": [0.1, 0.5, -0.5, 2]}),
    "prelu of a vector, one slope": lambda: single("prelu", features=4, tensors={"weight": [0.3]}),
    "maxima": lambda: pooled_network("max", (2, 3), (2, 1)),
    "maxima SAME": lambda: pooled_network("max", (3, 3), (2, 2), "same"),
    "maxima, padded, of numbers below zero": lambda: pooled_network("max", (3, 3), (2, 2), (1, 1, 1, 1)),
    "maxima, padded, of numbers above zero": lambda: pooled_network("max", (3, 3), (2, 2), (1, 1, 1, 1), before="relu"),
    "maxima, padded, without stride": lambda: pooled_network("max", (5, 5), (1, 1), (2, 2, 2, 2)),
    "maxima, rounded up": lambda: pooled_network("max", (2, 2), (2, 2), up=True),
    "maxima, rounded up, of numbers above zero": lambda: pooled_network("max", (3, 3), (2, 2), up=True, before="relu6"),
    "maxima, rounded up, padded": lambda: pooled_network("max", (3, 3), (2, 2), (1, 1, 1, 1), up=True, before="sigmoid"),
    "means": lambda: pooled_network("average", (3, 2), (2, 2), countsBorder=True),
    "means SAME": lambda: pooled_network("average", (3, 3), (2, 2), "same", countsBorder=False),
    "means with the border": lambda: pooled_network("average", (3, 3), (2, 2), (1, 1, 1, 1), countsBorder=True),
    "means with the border, without stride": lambda: pooled_network("average", (3, 3), (1, 1), (1, 1, 1, 1), countsBorder=True),
    "means without the border": lambda: pooled_network("average", (3, 3), (2, 2), (1, 1, 1, 1), countsBorder=False),
    "means without the border and stride": lambda: pooled_network("average", (3, 3), (1, 1), (1, 1, 1, 1), countsBorder=False),
    "means, rounded up": lambda: pooled_network("average", (2, 2), (2, 2), up=True, countsBorder=True),
    "global means": lambda: single("global-average-pool", keepsImage=False),
    "global maxima": lambda: single("global-max-pool", keepsImage=True),
    "several values": merged,
    "flatten as torch": lambda: flattened("channels-first"),
    "flatten as Keras": lambda: flattened("channels-last"),
    "to an image": lambda: single("to-image", features=5),
    "pad": lambda: single("pad", sides=[1, 2, 3, 0], channels=[0, 0], value=0),
    "normalise": lambda: normalised([0, 1, 2], 1 / 255, [0.4, 0.5, -0.6], [0.2, 0.3, 0.5]),
    "normalise turned channels": lambda: normalised([2, 1, 0], 0.5, [0.4, 0.5, -0.6], ONES),
    "turn channels": lambda: normalised([2, 1, 0], 1, ZEROS, ONES),
    "nothing": lambda: single("identity"),
    "a whole network": mobile,
}


def resect(*arguments):
    command = [os.environ["RESECT"], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} exited with {done.returncode}: {done.stderr}"


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """A folder of archives, with what Keras computes of each network's input; the layers of each."""
    python = os.environ.get("KERAS_PYTHON")
    if not python:
        pytest.skip("KERAS_PYTHON names no Python with Keras")
    folder = tmp_path_factory.mktemp("archives")
    for name, build in CASES.items():
        network = build()
        network.write(folder / f"{name}.resect")
        np.save(folder / f"{name}.x.npy", network.input)
        resect("convert", folder / f"{name}.resect", folder / f"{name}.keras")
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([python, "-W", "ignore", "-c", COMPUTE, str(folder)], capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stderr
    return folder, json.loads((folder / "layers.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_keras_computes_what_torch_does(archives, name):
    folder, _ = archives
    expected = CASES[name]().computed().numpy()
    found = np.load(folder / f"{name}.y.npy")
    found = found.transpose(0, 3, 1, 2) if found.ndim == 4 else found
    assert found.shape == expected.shape
    assert abs(found - expected).max() <= TOLERANCE * max(1, abs(expected).max())


def test_layers_have_the_nodes_names(archives):
    layers = archives[1]["a whole network"]
    names = [name for _, name in layers]
    assert ("InputLayer", "image") in map(tuple, layers)
    assert [name for name in names if name.startswith("features")] == [
        "features_0_0_pad", "features_0_0", "features_0_1", "features_0_2", "features_1_block"]
    assert ("DepthwiseConv2D", "features_1_block") in map(tuple, layers)
    # The softmax is the linear layer's own.
    assert names[-1] == "classifier"

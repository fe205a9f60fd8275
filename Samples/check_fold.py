#!/usr/bin/env python3
"""Checks, independently of Resect, that a file is another with its batch-norms folded: every weight the exact number, rounded once.

    check_fold.py BEFORE AFTER [--eps 1e-5]

Both are .pth or .safetensors files under the same names, or both .resect files; BEFORE has batch-norms behind its convolutions. A
convolution's weight must be w·γ/√(σ²+eps) and its bias β + (b−μ)·γ/√(σ²+eps), rounded to nearest even; everything else must be the same
number. What double arithmetic does not decide, whole numbers do. Exits with 1 if a weight is anything else, and says which.

Standard library and numpy only; nothing in a file is run.
"""
import argparse
import io
import json
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from fractions import Fraction

import numpy as np

# Significant bits and the exponent of the smallest normal number.
FORMATS = {"F64": (53, -1022), "F32": (24, -126), "F16": (11, -14), "BF16": (8, -126)}
NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "u1"}
STORAGES = {"DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64",
            "IntStorage": "I32", "ByteStorage": "U8", "BoolStorage": "BOOL"}


class Tensor:
    """Bits of a dtype, and the same as doubles, which hold every float exactly."""

    def __init__(self, dtype, shape, data):
        self.dtype, self.shape = dtype, tuple(shape)
        bits = data if isinstance(data, np.ndarray) else np.frombuffer(data, NUMPY[dtype])
        wide = (bits.astype("<u4") << 16).view("<f4") if bits.dtype == np.uint16 else bits
        self.values = wide.astype(np.float64).reshape(-1)


class StateDict(pickle.Unpickler):
    """Understands tensors and ordered dictionaries, and calls nothing else."""

    def __init__(self, archive, root):
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self.archive, self.root = archive, root

    def persistent_load(self, identity):
        return identity[1], self.archive.read(f"{self.root}/data/{identity[2]}")

    def find_class(self, module, name):
        if name in STORAGES:
            return STORAGES[name]
        known = {"OrderedDict": OrderedDict, "_rebuild_tensor_v2": rebuilt, "_rebuild_parameter": lambda data, *_: data}
        if name not in known:
            raise ValueError(f"the file asks for {module}.{name}: it is no state dict")
        return known[name]


def rebuilt(storage, offset, shape, strides, *_):
    dtype, data = storage
    flat = np.frombuffer(data, NUMPY[dtype])
    size = flat.itemsize
    view = np.lib.stride_tricks.as_strided(flat[offset:], shape, [size * s for s in strides])
    return Tensor(dtype, shape, np.ascontiguousarray(view).tobytes())


def read(path):
    """The tensors of a file by name."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] == b"PK\x03\x04":
        archive = zipfile.ZipFile(io.BytesIO(data))
        root = next(name for name in archive.namelist() if name.endswith("/data.pkl"))[: -len("/data.pkl")]
        state = StateDict(archive, root).load()
        state = state.get("state_dict", state)
        return {name: value for name, value in state.items() if isinstance(value, Tensor)}
    if path.endswith(".resect"):
        import read_resect  # the file beside this one

        header, arrays = read_resect.read(path)
        return {entry["name"]: Tensor(entry["dtype"], entry["shape"], arrays[entry["name"]]) for entry in header["tensors"]}
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8: 8 + length])
    header.pop("__metadata__", None)
    start = 8 + length
    return {name: Tensor(entry["dtype"], entry["shape"], data[start + entry["data_offsets"][0]: start + entry["data_offsets"][1]])
            for name, entry in header.items()}


def order(addend, factor, square, bound):
    """The sign of addend + factor / √square less bound, by whole numbers."""
    sign = lambda x: (x > 0) - (x < 0)
    rest = bound - addend
    if sign(factor) != sign(rest):
        return sign(sign(factor) - sign(rest))
    return sign(factor * factor - rest * rest * square) * sign(factor)


def is_nearest(value, dtype, addend, factor, square):
    """Whether value is addend + factor / √square, rounded to nearest even."""
    precision, smallest = FORMATS[dtype]
    exact = Fraction(float(value))
    exponent = smallest if exact == 0 else max(int(np.frexp(value)[1]) - 1, smallest)
    unit = Fraction(2) ** (exponent - precision + 1)
    is_power = abs(exact) == Fraction(2) ** exponent and exponent > smallest
    inner = unit / 4 if is_power else unit / 2
    below, above = (exact - unit / 2, exact + inner) if exact < 0 else (exact - inner, exact + unit / 2)
    low, high = order(addend, factor, square, below), order(addend, factor, square, above)
    is_even = int(exact / unit) % 2 == 0
    return low >= 0 and high <= 0 if is_even else low > 0 and high < 0


def wrong(after, addend, factors, scale, squares, addends, estimate):
    """The places where after is not addends + factors·scale/√squares, all arrays of its size; estimate is that in doubles."""
    precision, smallest = FORMATS[after.dtype]
    values = after.values
    exponents = np.maximum(np.frexp(values)[1] - 1, smallest)
    room = np.ldexp(0.25, exponents - precision + 1)  # half of half a unit: safe below a power of two
    size = np.abs(addends) + np.abs(factors * scale / np.sqrt(squares[0] + squares[1]))
    # Doubles are off by a few units in their last place; what they do not decide is left to whole numbers.
    with np.errstate(invalid="ignore"):
        near = np.abs(values - estimate) + 2.0 ** -48 * size
        halves = np.where(np.frexp(np.abs(values))[0] == 0.5, room, 2 * room)
        unsure = np.flatnonzero(~(near < halves))
    places = []
    for place in unsure:
        product = (Fraction(float(factors[place])) - Fraction(float(addend[place]))) * Fraction(float(scale[place]))
        square = Fraction(float(squares[0][place])) + Fraction(float(squares[1][place]))
        if not is_nearest(values[place], after.dtype, Fraction(float(addends[place])), product, square):
            places.append(int(place))
    return places


def norm_of(name, before):
    """The batch-norm behind the convolution `name`, by the habits of names."""
    changes = [("conv", "bn"), ("conv", "norm"), ("downsample.0", "downsample.1"), ("shortcut.0", "shortcut.1"),
               ("shortcut.conv", "shortcut.norm"), ("convolution", "normalization")]
    for old, new in changes:
        head, found, tail = name.rpartition(old)
        if found and f"{head}{new}{tail}.running_var" in before:
            return f"{head}{new}{tail}"
    return None


def check(before, after, eps):
    weights, faults, norms = 0, [], set()
    for name, tensor in after.items():
        module, _, kind = name.rpartition(".")
        norm = norm_of(module, before)
        weights += tensor.values.size
        if norm is None or kind not in ("weight", "bias"):
            old = before.get(name)
            count = tensor.values.size
            if old is None or old.shape != tensor.shape:
                sys.exit(f"{name}: {'it is new' if old is None else f'shape {tensor.shape}, before {old.shape}'}")
            zero, one = np.zeros(count), np.ones(count)
            if tensor.dtype not in FORMATS:
                places = list(np.flatnonzero(tensor.values != old.values))
            else:
                places = wrong(tensor, zero, old.values, one, (one, zero), zero, old.values)
        else:
            norms.add(norm)
            get = lambda key: before[f"{norm}.{key}"].values
            gamma, beta, mean, variance = get("weight"), get("bias"), get("running_mean"), get("running_var")
            scale = gamma / np.sqrt(variance + eps)
            if kind == "weight":
                old = before[name]
                each = lambda x: np.repeat(x, old.values.size // x.size)
                zero = np.zeros(old.values.size)
                places = wrong(tensor, zero, old.values, each(gamma), (each(variance), zero + eps), zero, old.values * each(scale))
            else:
                bias = before[name].values if name in before else np.zeros(mean.size)
                places = wrong(tensor, mean, bias, gamma, (variance, 0 * mean + eps), beta, beta + (bias - mean) * scale)
        faults += [(name, place) for place in places]
    left = {name.rpartition(".")[0] for name in before if name.endswith("running_var")} - norms
    if left:
        sys.exit(f"{len(left)} batch-norms were folded into nothing, the first {min(left)}")
    return weights, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("before"), parser.add_argument("after"), parser.add_argument("--eps", type=float, default=1e-5)
    options = parser.parse_args()
    weights, faults = check(read(options.before), read(options.after), options.eps)
    for name, place in faults[:10]:
        print(f"{name}, element {place}: not the exact number, rounded once")
    print(f"{weights - len(faults):,} of {weights:,} weights are the exact number, rounded once")
    sys.exit(1 if faults else 0)


main()

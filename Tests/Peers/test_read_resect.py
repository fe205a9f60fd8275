"""Compares Samples/read_resect.py, which was written from Docs/NativeFormat.md alone, with what the resect executable reads.

usage: RESECT=PATH python3 -m pytest Tests/Peers/test_read_resect.py

Needs Debian 12's python3-numpy and python3-pytest. Each file is read by both; what resect reads, it writes as safetensors.
"""
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

if "RESECT" not in os.environ:
    pytest.exit("set RESECT to the executable under test", returncode=2)

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Tests" / "Fixtures"), str(ROOT / "Samples")]
import read_resect  # noqa: E402
import safetensors_file  # noqa: E402
from resect_file import write  # noqa: E402

DIGITS = ROOT / "Samples" / "digits" / "digits-resnet20.pth"


def resect(*arguments):
    command = [os.environ["RESECT"], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} exited with {done.returncode}: {done.stderr}"


def assert_both_read_the_same(path, folder):
    """Both readers find the same tensors in the file, bit for bit; Python's are returned."""
    resect("convert", "--raw", path, folder / "out.safetensors")
    expected = safetensors_file.read(folder / "out.safetensors")
    header, tensors = read_resect.read(path)
    assert tensors.keys() == expected.keys()
    for entry in header["tensors"]:
        dtype, shape, content = expected[entry["name"]]
        values = tensors[entry["name"]]
        if dtype == "BF16":
            values = (values.view("<u4") >> 16).astype("<u2")
        assert (entry["dtype"], list(values.shape)) == (dtype, shape), entry["name"]
        assert values.tobytes() == bytes(content), entry["name"]
    return header, tensors


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("encoding", ["store", "lossless"])
def test_what_resect_exports_reads_the_same(encoding, dtype, tmp_path):
    resect("export", DIGITS, tmp_path / "digits.resect", f"--{encoding}", "--dtype", dtype)
    header, _ = assert_both_read_the_same(tmp_path / "digits.resect", tmp_path)
    encodings = {entry["encoding"] for entry in header["tensors"]}
    assert encodings == ({"raw"} if encoding == "store" else {"raw", "planes"})


@pytest.mark.parametrize("calibration", ["statistics", "probes"])
def test_8_bit_integers_that_resect_exports_read_the_same(calibration, tmp_path):
    resect("export", DIGITS, tmp_path / "digits.resect", "--fold-bn", "--dtype", "int8", "--calibrate", calibration)
    header, _ = assert_both_read_the_same(tmp_path / "digits.resect", tmp_path)
    assert [entry["encoding"] for entry in header["tensors"] if len(entry["shape"]) == 4] == ["int8"] * 21
    assert header["calibration"]["source"] == {"statistics": "batch-norms"}.get(calibration, calibration)


# A writer of its own: every kind of block, by the specification.


def words(symbols, frequencies):
    lanes = 32 if len(symbols) >= 32768 else 4
    states, out, below = [65536] * lanes, [], np.cumsum(frequencies) - frequencies
    for index in reversed(range(len(symbols))):
        f, c, x = int(frequencies[symbols[index]]), int(below[symbols[index]]), states[index % lanes]
        if x >= f << 20:
            out.append(x & 0xFFFF)
            x >>= 16
        states[index % lanes] = x // f * 4096 + c + x % f
    return struct.pack(f"<H{lanes}I{len(out)}H", len(out), *states, *reversed(out))


def coded(symbols):
    present = sorted(set(symbols))
    first, last = present[0], present[-1]
    frequencies = np.zeros(256, int)
    frequencies[present] = 1
    frequencies[present[len(present) // 2]] += 4096 - len(present)
    listed = b"".join(bytes([f]) if f < 128 else bytes([f % 128 + 128, f // 128]) for f in map(int, frequencies[first:last + 1]))
    return bytes([2, first, last]) + listed + words(symbols, frequencies)


def smooth(symbols, random):
    curve = bytes([14]) + bytes(random.integers(1, 60, 30).astype(np.uint8))
    return b"\3" + curve + words(symbols, read_resect.smooth_frequencies(read_resect.Cursor(curve)))


def block(symbols, random):
    symbols = [int(symbol) for symbol in symbols]
    if len(set(symbols)) == 1:
        return bytes([1, symbols[0]])
    return random.choice([lambda: b"\0" + bytes(symbols), lambda: coded(symbols), lambda: smooth(symbols, random)])()


def quantized(shape, classed, random):
    """A payload of random integers, and what they are."""
    count, head, classes = int(np.prod(shape)), b"\0", None
    classes = np.zeros(count, int)
    if classed:
        rows, columns = random.integers(2, 14, shape[0]), random.integers(0, 6, shape[1])
        pack = lambda n: bytes(int(a) | int(b) << 4 for a, b in zip(n[::2], np.append(n[1::2], 0)))  # noqa: E731
        head = b"\1" + pack(rows) + pack(columns)
        classes = np.clip(rows[:, None] + columns - 8, 0, 7).repeat(count // shape[0] // shape[1])
    integers = np.rint(random.normal(0, 1, count) * 2.0 ** random.integers(1, 12)).astype(int)
    integers[random.integers(0, count, 3)] = [1 << 30, -(1 << 30), 300]
    chunks = []
    for start in range(0, count, 65536):
        q, kinds, shift = integers[start:start + 65536], classes[start:start + 65536], int(random.integers(0, 17))
        high = q >> shift
        escaped = abs(high) > 127
        symbols = np.where(escaped, 255, high + 127)
        low = np.where(escaped, 0, q & (1 << shift) - 1)
        bits = (low[:, None] >> np.arange(shift) & 1).astype(np.uint8)
        blocks = [block(symbols[kinds == kind], random) for kind in range(8) if (kinds == kind).any()]
        chunks.append(bytes([shift]) + b"".join(blocks) + np.packbits(bits, bitorder="little").tobytes()
                      + q[escaped].astype("<i4").tobytes())
    return head + struct.pack(f"<{len(chunks)}I", *map(len, chunks)) + b"".join(chunks), integers


@pytest.mark.parametrize("shape", [[1, 1], [3, 5], [7, 64], [200, 401], [40, 9, 3, 3]])
@pytest.mark.parametrize("classed", [False, True])
def test_quantized_weights_that_python_wrote_read_the_same(shape, classed, tmp_path):
    for seed in range(3):
        random = np.random.default_rng(seed)
        payload, integers = quantized(shape, classed, random)
        step = float(random.uniform(1e-4, 1))
        write(tmp_path / "python.resect", {"kind": "classes"}, [(payload, {
            "name": "classifier.weight", "dtype": "F32", "shape": shape, "encoding": "quantized", "step": step,
            "relativeError": 0.5})])
        (tmp_path / "out.safetensors").unlink(missing_ok=True)
        _, tensors = assert_both_read_the_same(tmp_path / "python.resect", tmp_path)
        assert tensors["classifier.weight"].tobytes() == (integers * step).astype("<f4").tobytes()


# A graph of every kind of value, whose tensors lie in every encoding but int8, which graphs do not have.

GRAPH = {
    "input": {"name": "image", "channels": 1},
    "nodes": [
        {"name": "head", "operation": "linear", "inputs": ["pool"], "tensors": ["weight"]},
        {"name": "conv", "operation": "convolution", "inputs": ["image"], "tensors": ["weight", "bias"], "stride": [2, 1],
         "padding": "same", "dilation": [1, 1], "groups": 1},
        {"name": "norm", "operation": "batch-norm", "inputs": ["conv"], "tensors": ["running_mean", "running_var"],
         "epsilon": 0.001},
        {"name": "pool", "operation": "global-average-pool", "inputs": ["norm"], "keepsImage": False},
    ],
    "outputs": [{"name": "logits", "of": "head"}],
    "features": "pool",
}


def graph_tensors(random):
    values = {name: random.normal(size=shape).astype("<f4") for name, shape in [
        ("conv.bias", [4]), ("norm.running_mean", [4]), ("norm.running_var", [4]), ("head.weight", [3, 4])]}
    entries = [(value.tobytes(), {"name": name, "dtype": "F32", "shape": list(value.shape), "encoding": "raw"})
               for name, value in values.items()]
    payload, integers = quantized([4, 1, 3, 3], False, random)
    values["conv.weight"] = (integers * 0.25).astype("<f4").reshape(4, 1, 3, 3)
    entries.append((payload, {"name": "conv.weight", "dtype": "F32", "shape": [4, 1, 3, 3], "encoding": "quantized", "step": 0.25,
                              "relativeError": 0.5}))
    return values, entries


def test_a_graph_that_python_wrote_reads_the_same(tmp_path, capsys, monkeypatch):
    values, entries = graph_tensors(np.random.default_rng(1))
    write(tmp_path / "graph.resect", {"kind": "graph", "graph": GRAPH}, entries, version=2)
    header, tensors = assert_both_read_the_same(tmp_path / "graph.resect", tmp_path)
    assert header["graph"] == GRAPH
    for name, value in values.items():
        assert tensors[name].tobytes() == value.tobytes()
    monkeypatch.setattr(sys, "argv", ["read_resect.py", str(tmp_path / "graph.resect")])
    read_resect.main()
    lines = capsys.readouterr().out.splitlines()
    assert "conv = convolution(image) stride=[2, 1] padding=same dilation=[1, 1] groups=1" in lines
    assert "output logits = head" in lines


@pytest.mark.parametrize("damage", [
    lambda graph, entries: graph["nodes"][0]["inputs"].__setitem__(0, "head"),
    lambda graph, entries: graph["nodes"][1]["tensors"].pop(),
    lambda graph, entries: graph["nodes"][1].__setitem__("groups", 3),
    lambda graph, entries: graph["nodes"][2].__setitem__("momentum", 0.1),
    lambda graph, entries: entries.pop(),
])
def test_a_damaged_graph_is_refused(damage, tmp_path):
    graph, (_, entries) = json.loads(json.dumps(GRAPH)), graph_tensors(np.random.default_rng(2))
    damage(graph, entries)
    write(tmp_path / "graph.resect", {"kind": "graph", "graph": graph}, entries, version=2)
    command = [os.environ["RESECT"], "convert", "--raw", tmp_path / "graph.resect", tmp_path / "out.safetensors"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("kind, version", [("graph", 1), ("classes", 2)])
def test_a_version_that_does_not_fit_is_refused(kind, version, tmp_path):
    values, entries = graph_tensors(np.random.default_rng(3))
    write(tmp_path / "graph.resect", {"kind": kind, "graph": GRAPH}, entries, version)
    with pytest.raises(ValueError, match="version"):
        read_resect.read(tmp_path / "graph.resect")

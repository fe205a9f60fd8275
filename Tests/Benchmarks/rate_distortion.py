"""What a network costs in bytes and in accuracy: Resect's qualities and the formats that users would pick.

usage: rate_distortion.py [--resect PATH] [--svg FILE] [NAME=CHECKPOINT[,INPUT.npy]]...

Without networks, the digits network of Samples is measured, on its held-out digits. A network without an input is run
on 64 images of 32x32 pixels of smooth noise. Batch-norms are folded first for all. Needs numpy, Pillow, and PyPI's
gguf and safetensors.

Formats, each in a file of its own
  resect              export --fold-bn --quality Q, for several Q; the whole file, with its provenance
  f16, bf16           safetensors, every tensor
  int8 per channel    safetensors: int8 weights and a float32 scale for each output channel; vectors in float32
  Q8_0, Q4_0          GGUF by the gguf package, rows of one output channel each; a weight whose row is no multiple of
                      32 in float16, as ggml has it; vectors in float32
Of Resect's files, also bits per quantised weight: as coded; by the order-0 entropy of the integers in each tensor, which for
few weights of many values promises more than any code can keep, because it knows each tensor's table for nothing; and by
the entropy of their high bits, with the low bits as they are and that table's usual price (Miller and Madow).

Prints a table in Markdown for each network: bytes, the relative error (root mean square of the differences of the
logits, each row less its mean, over the logits' own) and, of the peers, how much smaller Resect is at that error,
between its two nearest points. With --svg, draws them.
"""
import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize, quantize
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Samples"))
import read_resect  # noqa: E402

DIGITS = ROOT / "Samples/digits"
QUALITIES = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4]
BLOCK = 32  # weights that share a scale in Q8_0 and Q4_0


def digits():
    """The held-out digits as the network takes them."""
    facts = json.loads((DIGITS / "preprocessing.json").read_text())
    images = [np.asarray(Image.open(path), np.float32) for path in sorted((DIGITS / "heldout").iterdir())]
    return (np.stack(images)[:, None] * np.float32(facts["scale"]) - facts["mean"][0]) / facts["std"][0]


def noise():
    """Smooth noise: blocks of 8 pixels and single pixels about a mean."""
    random = np.random.default_rng(1)
    coarse = random.normal(size=(64, 3, 4, 4)).repeat(8, 2).repeat(8, 3)
    return 0.5 * random.normal(size=(64, 3, 1, 1)) + coarse + 0.5 * random.normal(size=(64, 3, 32, 32))


class Bench:
    def __init__(self, resect, folder, checkpoint, images):
        self.resect, self.folder, self.checkpoint = resect, folder, checkpoint
        self.input = folder / "input.npy"
        np.save(self.input, np.ascontiguousarray(images, np.float32))
        self.folded = folder / "folded.safetensors"
        self.run("convert", "--fold-bn", checkpoint, self.folded)
        with safe_open(self.folded, "numpy") as file:
            self.metadata = file.metadata()
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}
        self.expected = self.logits(self.folded)

    def run(self, *arguments):
        subprocess.run([self.resect, *map(str, arguments), "--force"], check=True, capture_output=True)

    def logits(self, model):
        self.run("run", model, "--input", self.input, "--output", self.folder / "output.npy")
        rows = np.load(self.folder / "output.npy").astype(np.float64)
        return rows - rows.mean(1, keepdims=True)

    def error(self, model):
        difference = self.logits(model) - self.expected
        return float(np.sqrt((difference ** 2).sum() / (self.expected ** 2).sum()))

    def ours(self, quality):
        path = self.folder / "ours.resect"
        self.run("export", "--fold-bn", "--quality", quality, self.checkpoint, path)
        return path.stat().st_size, self.error(path), bits(path)

    def peer(self, name):
        """The bytes and the error of a format."""
        stored, decoded = {"f16": cast, "bf16": cast_bf16, "int8 per channel": per_channel}.get(
            name, lambda tensors: (None, blocks(tensors, name)))(self.tensors)
        path = self.folder / "peer"
        if stored is None:
            write_gguf(path, self.tensors, getattr(gguf.GGMLQuantizationType, name))
        else:
            save_file(stored, path)
        size = path.stat().st_size
        model = self.folder / "decoded.safetensors"
        save_file({key: np.ascontiguousarray(value, np.float32) for key, value in decoded.items()}, model, self.metadata)
        return size, self.error(model)


def entropy(integers):
    """Bits that all of them take together, and how many values they have."""
    _, counts = np.unique(integers, return_counts=True)
    return float(-(counts * np.log2(counts / len(integers))).sum()), len(counts)


def bits(path):
    """Bits per quantised weight: as coded, by order-0 entropy, and by that of the high bits."""
    header, tensors = read_resect.read(path)
    weights = coded = whole = high = 0
    for entry in header["tensors"]:
        if entry["encoding"] != "quantized":
            continue
        integers = np.rint(tensors[entry["name"]].astype(np.float64).ravel() / entry["step"]).astype(np.int64)
        weights += len(integers)
        coded += 8 * entry["length"]
        whole += entropy(integers)[0]
        shift = max(0, math.ceil(math.log2(max(np.abs(integers).mean(), 1) / 13)))
        of_high, values = entropy(integers >> shift)
        high += of_high + len(integers) * shift + (values - 1) / (2 * math.log(2))
    return coded / weights, whole / weights, high / weights


def cast(tensors):
    stored = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    return stored, stored


def cast_bf16(tensors):
    stored, decoded = {}, {}
    for name, tensor in tensors.items():
        bits = tensor.astype(np.float32).view(np.uint32)
        halves = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
        stored[name] = halves
        decoded[name] = (halves.astype(np.uint32) << 16).view(np.float32)
    return stored, decoded


def per_channel(tensors):
    stored, decoded = {}, {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2:
            stored[name] = decoded[name] = tensor
            continue
        rows = tensor.reshape(len(tensor), -1)
        scales = np.maximum(np.abs(rows).max(1, keepdims=True) / 127, 1e-30).astype(np.float32)
        stored[name] = np.rint(rows / scales).astype(np.int8)
        stored[name + ".scale"] = scales[:, 0]
        decoded[name] = (stored[name] * scales).reshape(tensor.shape)
    return stored, decoded


def blocks(tensors, name):
    kind = getattr(gguf.GGMLQuantizationType, name)
    decoded = {}
    for key, tensor in tensors.items():
        if tensor.ndim < 2:
            decoded[key] = tensor
            continue
        rows = tensor.reshape(len(tensor), -1)
        fits = rows.shape[1] % BLOCK == 0
        decoded[key] = (dequantize(quantize(rows, kind), kind) if fits else rows.astype(np.float16)).reshape(tensor.shape)
    return decoded


def write_gguf(path, tensors, kind):
    writer = gguf.GGUFWriter(path, "resnet")
    for name, tensor in tensors.items():
        rows = tensor.reshape(len(tensor), -1)
        if tensor.ndim < 2:
            writer.add_tensor(name, tensor)
        elif rows.shape[1] % BLOCK:
            writer.add_tensor(name, rows.astype(np.float16))
        else:
            writer.add_tensor(name, quantize(rows, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def bytes_at(curve, error):
    """Bytes of the curve at `error`, along the straight line between two points (error in logarithms); None beyond the ends."""
    for (size, one), (other_size, other) in zip(curve, curve[1:]):
        if one <= error <= other:
            part = (math.log(error) - math.log(one)) / (math.log(other) - math.log(one))
            return size + part * (other_size - size)
    return None


def measure(name, bench):
    ours = sorted((bench.ours(quality) for quality in QUALITIES), key=lambda point: point[1])
    curve = [point[:2] for point in ours]
    peers = {peer: bench.peer(peer) for peer in ["f16", "bf16", "int8 per channel", "Q8_0", "Q4_0"]}
    print(f"\n| {name} | bytes | relative error | Resect at that error | smaller by |")
    print("|---|---:|---:|---:|---:|")
    for size, error, (coded, whole, high) in ours:
        print(f"| resect: {coded:.3f} bits, order-0 {whole:.3f} ({coded / whole - 1:+.1%}), high bits' {high:.3f} "
              f"({coded / high - 1:+.1%}) | {size:,} | {error:.2g} | | |")
    for peer, (size, error) in peers.items():
        ours = bytes_at(curve, error)
        cells = f"{ours:,.0f} | {1 - ours / size:.0%}" if ours else "beyond the curve | "
        print(f"| {peer} | {size:,} | {error:.2g} | {cells} |", flush=True)
    return name, curve, peers


def svg(results):
    """A picture for each network, two in a row: bytes across, error upwards in logarithms."""
    width, height, left, bottom = 380, 300, 56, 44
    columns, rows = min(len(results), 2), (len(results) + 1) // 2
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * columns} {height * rows + 20}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for index, (name, curve, peers) in enumerate(results):
        points = curve + list(peers.values())
        most = max(size for size, _ in points) * 1.12
        low = math.floor(math.log10(min(error for _, error in points)))
        high = math.ceil(math.log10(max(error for _, error in points)))

        def place(size, error):
            x = left + (width - left - 20) * size / most
            return x, 24 + (height - bottom - 24) * (high - math.log10(error)) / (high - low)

        base = height - bottom
        parts.append(f'<g transform="translate({index % 2 * width} {index // 2 * height})">')
        parts.append(f'<text x="{(left + width) / 2:.0f}" y="14" text-anchor="middle" font-weight="bold">{name}</text>')
        for power in range(low, high + 1):
            y = place(0, 10.0 ** power)[1]
            parts.append(f'<path d="M{left} {y:.1f}H{width - 20}" stroke="#ddd"/>'
                         f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0 ** power:g}</text>')
        unit, word = (1e6, "MB") if most > 2e6 else (1e3, "kB")
        step = 10 ** math.floor(math.log10(most / 2))
        step *= 2 if most / step > 5 else 1
        for size in range(0, int(most) + 1, int(step)):
            x = place(size, 1)[0]
            parts.append(f'<text x="{x:.1f}" y="{base + 16}" text-anchor="middle">{size / unit:g}</text>')
        parts.append(f'<text x="{(left + width) / 2:.0f}" y="{base + 34}" text-anchor="middle">file, {word}</text>')
        line = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in curve)
        parts.append(f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="2"/>')
        for point in curve:
            parts.append('<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="#06c"/>'.format(*place(*point)))
        labels = []
        for peer, point in peers.items():
            x, y = place(*point)
            # A word is above its point, or below where another stands already.
            is_free = all(abs(y - other[1]) > 12 or abs(x - other[0]) > 90 for other in labels)
            labels.append((x, y))
            parts.append(f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" stroke="#c30" stroke-width="2"/>'
                         f'<text x="{x + 7:.1f}" y="{y - 5 if is_free else y + 14:.1f}" fill="#c30">{peer}</text>')
        parts.append("</g>")
    parts.append(f'<text x="12" y="{height * rows + 8}" fill="#06c">● resect --quality</text>'
                 f'<text x="130" y="{height * rows + 8}" fill="#c30">✕ others</text>'
                 f'<text x="200" y="{height * rows + 8}">upwards: relative error of the logits</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--resect", default="resect", help="the executable")
    parser.add_argument("--svg", type=Path, help="where to draw")
    parser.add_argument("networks", nargs="*", metavar="NAME=CHECKPOINT[,INPUT.npy]")
    args = parser.parse_args()
    jobs = [("digits", DIGITS / "digits-resnet20.pth", digits())]
    for network in args.networks:
        name, _, files = network.partition("=")
        checkpoint, _, images = files.partition(",")
        jobs.append((name, checkpoint, np.load(images) if images else noise()))
    results = []
    for name, checkpoint, images in jobs:
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(name, Bench(args.resect, Path(folder), checkpoint, images)))
    if args.svg:
        args.svg.write_text(svg(results))


if __name__ == "__main__":
    main()

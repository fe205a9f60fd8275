#!/usr/bin/env python3
"""Reads .resect files in Python: what Docs/NativeFormat.md says, written down once more with numpy.

usage: read_resect.py FILE.resect [OUT.npz]

Lists the tensors, and before them the nodes of a graph, or writes the tensors to OUT.npz; bfloat16 becomes float32. In a program:
header, tensors = read(path).
"""
import json
import math
import struct
import sys
import zlib

import numpy as np

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1", "F8_E4M3FNUZ": "u1",
          "F8_E5M2FNUZ": "u1", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2",
          "U8": "u1", "BOOL": "?", "C64": "<c8", "C128": "<c16"}
CHUNK = 65536
DISTANCES = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 127]


class Cursor:
    """A place in bytes that moves forwards."""

    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, count, dtype=np.uint8):
        size = count * np.dtype(dtype).itemsize
        if self.position + size > len(self.data):
            raise ValueError("a chunk ends too early")
        self.position += size
        return np.frombuffer(self.data, dtype, count, self.position - size)

    def byte(self):
        return int(self.take(1)[0])


def coded_frequencies(cursor):
    frequencies = np.zeros(256, np.int64)
    first, last = cursor.byte(), cursor.byte()
    for symbol in range(first, last + 1):
        low = cursor.byte()
        frequencies[symbol] = low if low < 128 else low - 128 + 128 * cursor.byte()
    return frequencies


def smooth_frequencies(cursor):
    reach = cursor.byte()
    nodes = [127 - d for d in DISTANCES[reach:0:-1]] + [127 + d for d in DISTANCES[:reach + 1]]
    codes = [int(code) for code in cursor.take(len(nodes) + 1)]
    heights = [(8 + (code - 1) % 8) << (code - 1) // 8 if code else 0 for code in codes]
    weights = [0] * 256
    weights[nodes[0]] = heights[0]
    for p, q, u, v in zip(nodes, nodes[1:], heights, heights[1:-1]):
        for s in range(p + 1, q + 1):
            weights[s] = (u * (q - s) + v * (s - p)) // (q - p)
    weights[255] = heights[-1]
    used, total = sum(w > 0 for w in weights), sum(weights)
    frequencies = np.array([1 + w * (4096 - used) // total if w else 0 for w in weights])
    frequencies[weights.index(max(weights))] += 4096 - frequencies.sum()
    return frequencies


def decoded(cursor, count, frequencies):
    lanes = 32 if count >= 32768 else 4
    word_count = int(cursor.take(1, "<u2")[0])
    x = cursor.take(lanes, "<u4").astype(np.int64)
    words = np.append(cursor.take(word_count, "<u2").astype(np.int64), [0] * lanes)
    symbol_of = np.repeat(np.arange(256), frequencies)
    frequency_of = frequencies[symbol_of]
    distance_of = np.arange(4096) - (np.cumsum(frequencies) - frequencies)[symbol_of]
    symbols, next_word = np.empty((count + lanes - 1) // lanes * lanes, np.uint8), 0
    for start in range(0, count, lanes):
        active = min(lanes, count - start)
        slot = x[:active] & 4095
        symbols[start:start + active] = symbol_of[slot]
        y = frequency_of[slot] * (x[:active] >> 12) + distance_of[slot]
        low = np.flatnonzero(y < 65536)
        y[low] = y[low] << 16 | words[next_word:next_word + len(low)]
        next_word += len(low)
        x[:active] = y
    if next_word != word_count or (x != 65536).any():
        raise ValueError("a chunk's symbols do not come out even")
    return symbols[:count]


def block(cursor, count):
    kind = cursor.byte()
    if kind == 0:
        return cursor.take(count)
    if kind == 1:
        return np.full(count, cursor.byte(), np.uint8)
    return decoded(cursor, count, coded_frequencies(cursor) if kind == 2 else smooth_frequencies(cursor))


def planes_chunk(cursor, count, size):
    y = np.zeros(count, np.uint32)
    for _ in range(size):
        y = y << 8 | block(cursor, count)
    sign, high, low = (0x80000000, 0x7F800000, 0x007FFFFF) if size == 4 else (0x8000, 0x7F80, 0x7F)
    return ((y << 8 & sign) | (y >> 1 & high) | (y & low)).astype("<u%d" % size)


def quantized_chunk(cursor, classes, step):
    count, shift = len(classes), cursor.byte()
    order = np.argsort(classes, kind="stable")
    symbols = np.empty(count, np.int64)
    symbols[order] = np.concatenate([block(cursor, int(n)) for n in np.bincount(classes) if n])
    bits = np.unpackbits(cursor.take((count * shift + 7) // 8), bitorder="little")[:count * shift]
    low = bits.reshape(count, shift) @ (1 << np.arange(shift)) if shift else 0
    q = ((symbols - 127) << shift) + low
    escaped = np.flatnonzero(symbols == 255)
    q[escaped] = cursor.take(len(escaped), "<i4")
    return (q * np.float64(step)).astype("<f4")


def int8_chunk(cursor, count):
    symbols = block(cursor, count)
    if symbols.max() == 255:
        raise ValueError("an integer is 128")
    return symbols.astype("<f4") - 127


def elements(entry, payload):
    count, dtype = math.prod(entry["shape"]), np.dtype(DTYPES[entry["dtype"]])
    if entry["encoding"] == "raw":
        return np.frombuffer(payload, dtype, count)
    if entry["encoding"] not in ("planes", "quantized", "int8"):
        raise ValueError(f"the encoding {entry['encoding']} is not known")
    cursor, classes = Cursor(payload), np.zeros(count, np.uint8)
    if entry["encoding"] == "quantized" and cursor.byte() == 1:
        axes = entry["shape"][:2]
        rows, columns = (cursor.take((n + 1) // 2).repeat(2)[:n] >> np.arange(n) % 2 * 4 & 15 for n in axes)
        kernels = np.clip(rows[:, None].astype(int) + columns - 8, 0, 7).astype(np.uint8)
        classes = kernels.repeat(count // kernels.size)
    scales = cursor.take(entry["shape"][0], "<f4") if entry["encoding"] == "int8" else None
    chunks = []
    for start, length in zip(range(0, count, CHUNK), cursor.take(-(-count // CHUNK), "<u4")):
        chunk, part = Cursor(bytes(cursor.take(int(length)))), classes[start:start + CHUNK]
        chunks.append(quantized_chunk(chunk, part, entry["step"]) if entry["encoding"] == "quantized"
                      else int8_chunk(chunk, len(part)) if scales is not None
                      else planes_chunk(chunk, len(part), dtype.itemsize).view(dtype))
        if chunk.position != length:
            raise ValueError("a chunk is longer than its blocks")
    values = np.concatenate(chunks)
    if scales is None:
        return values
    if not ((scales >= np.finfo("<f4").tiny) & np.isfinite(scales)).all():
        raise ValueError("a scale is not a normal number above zero")
    return values * scales.repeat(count // len(scales))


def read(path):
    """The header, and the tensors by name."""
    data = open(path, "rb").read()
    magic, version, _, file_length, offset, length, checksum = struct.unpack_from("<8sIIQQQI", data)
    if magic != b"\x89RSCT\r\n\x1a" or version not in (1, 2) or zlib.crc32(data[:60]) != struct.unpack_from("<I", data, 60)[0]:
        raise ValueError("this is no .resect file of version 1 or 2, or it is damaged")
    if file_length != len(data) or zlib.crc32(data[offset:offset + length]) != checksum:
        raise ValueError("the header is damaged")
    header, tensors = json.loads(data[offset:offset + length]), {}
    if version != (2 if header["kind"] == "graph" else 1):
        raise ValueError(f"{header['kind']} is not of version {version}")
    for entry in header["tensors"]:
        start, end = entry["offset"], entry["offset"] + entry["length"]
        if zlib.crc32(data[start:end + -end % 64]) != int(entry["crc32"], 16):
            raise ValueError(f"{entry['name']} is damaged")
        values = elements(entry, data[start:end])
        if entry["dtype"] == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        tensors[entry["name"]] = values.reshape(entry["shape"])
    if header["kind"] == "graph":
        roles = [f"{node['name']}.{role}" for node in header["graph"]["nodes"] for role in node.get("tensors", [])]
        if sorted(roles) != sorted(tensors):
            raise ValueError("the graph's tensors are not those of the file")
    return header, tensors


def print_graph(graph):
    """A line for each node: what it is called, what it computes of which values, and by which numbers."""
    print("input", *(f"{name}={value}" for name, value in graph["input"].items()))
    for node in graph["nodes"]:
        numbers = {key: value for key, value in node.items() if key not in ("name", "operation", "inputs", "tensors")}
        print(f"{node['name']} = {node['operation']}({', '.join(node['inputs'])})", *(f"{k}={v}" for k, v in numbers.items()))
    for output in graph["outputs"]:
        print("output", output["name"], "=", output["of"])


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    header, tensors = read(sys.argv[1])
    if len(sys.argv) == 3:
        np.savez(sys.argv[2], **tensors)
        return
    if header["kind"] == "graph":
        print_graph(header["graph"])
    for entry in header["tensors"]:
        print(entry["name"], entry["dtype"], entry["shape"], entry["encoding"], entry["length"])


if __name__ == "__main__":
    main()

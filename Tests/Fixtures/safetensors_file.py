"""The content of torch's tensors as plain bytes, and safetensors files: what the scripts under Tests compare.

usage: import it; it needs torch only where it is given tensors
"""
import json
import struct

# torch's dtypes and their names in safetensors files, in the order in which the reference implementation lays tensors
# out. It has no complex128.
DTYPES = {
    "complex128": "C128",
    "uint64": "U64", "int64": "I64", "float64": "F64", "complex64": "C64",
    "float32": "F32", "uint32": "U32", "int32": "I32",
    "bfloat16": "BF16", "float16": "F16", "uint16": "U16", "int16": "I16",
    "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2", "int8": "I8", "uint8": "U8", "bool": "BOOL",
}


def plain(tensor):
    """A torch tensor as (dtype name, shape, its elements' bytes in row-major order, little-endian)."""
    import torch

    dtype = DTYPES[str(tensor.dtype).removeprefix("torch.")]
    flat = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return dtype, list(tensor.shape), flat.view(torch.uint8).numpy().tobytes()


def read(path):
    """A safetensors file's tensors in the form of `plain`, by name."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], memoryview(data)[slice(*entry["data_offsets"])])
            for name, entry in header.items()}


def write(path, tensors):
    """Writes torch tensors, given by name, byte for byte as the reference implementation does."""
    contents = {name: plain(tensor) for name, tensor in tensors.items()}
    order = list(DTYPES.values())
    header, end = {"__metadata__": {"format": "pt"}}, 0
    names = sorted(contents, key=lambda name: (order.index(contents[name][0]), name))
    for name in names:
        dtype, shape, content = contents[name]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(content)]}
        end += len(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(contents[name][2] for name in names))

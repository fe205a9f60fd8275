"""Checks that resect and torch did the same work: what is fast but wrong is not measured.

usage: check_outputs.py CONVERTED.safetensors BY_TORCH.safetensors EXPORTED.safetensors BY_TORCH.pth

The first two must hold the same tensors to the bit. The last two must hold the same names and, within what float16 can
tell apart, the same values: torch folds in float32 and rounds biases too.
"""
import sys

import torch
from safetensors.torch import load_file


def check(what, ours, theirs, same):
    if ours.keys() != theirs.keys():
        sys.exit(f"{what}: only one of them has {sorted(ours.keys() ^ theirs.keys())[:5]}")
    different = [name for name in ours if ours[name].shape != theirs[name].shape or not same(ours[name], theirs[name])]
    if different:
        sys.exit(f"{what}: {len(different)} of {len(ours)} tensors differ, {different[0]} first")


def same_bits(a, b):
    return a.dtype == b.dtype and torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8))


def same_halves(a, b):
    return torch.allclose(a.double(), b.double(), rtol=2**-10, atol=2**-13)


if len(sys.argv) != 5:
    sys.exit(__doc__)
converted, converted_by_torch, exported, exported_by_torch = sys.argv[1:]
check("convert", load_file(converted), load_file(converted_by_torch), same_bits)
check("export", load_file(exported), torch.load(exported_by_torch), same_halves)

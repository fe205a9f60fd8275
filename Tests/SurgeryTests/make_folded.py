"""Writes folded.json: layers with a batch-norm behind them, and what torch makes of the two.

usage: python3 Tests/SurgeryTests/make_folded.py
The weights are folded by torch.nn.utils.fusion, in double precision; a batch-norm alone is described by what it makes of 0 and of 1.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn.utils import fusion

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)


def norm(kind, channels, epsilon, affine=True):
    made = kind(channels, eps=epsilon, affine=affine).eval()
    made.running_mean = torch.randn(channels)
    made.running_var = torch.rand(channels) * 3 + 1e-4
    if affine:
        made.weight.data = torch.randn(channels)
        made.bias.data = torch.randn(channels)
    return made


def numbers(tensor):
    return None if tensor is None else tensor.detach().flatten().tolist()


def case(name, layer, made):
    fuse = fusion.fuse_conv_bn_weights if layer.weight.dim() == 4 else fusion.fuse_linear_bn_weights
    weight, bias = fuse(
        layer.weight, layer.bias, made.running_mean, made.running_var, made.eps, made.weight, made.bias)
    channels = made.num_features
    ones = [1, channels] + [1, 1] * isinstance(made, nn.BatchNorm2d)
    zero, one = made(torch.zeros(ones)).flatten(), made(torch.ones(ones)).flatten()
    return {
        "name": name,
        "axes": list(layer.weight.shape),
        "groups": getattr(layer, "groups", 1),
        "weight": numbers(layer.weight),
        "bias": numbers(layer.bias),
        "epsilon": made.eps,
        "gamma": numbers(made.weight),
        "beta": numbers(made.bias),
        "mean": numbers(made.running_mean),
        "variance": numbers(made.running_var),
        "foldedWeight": numbers(weight),
        "foldedBias": numbers(bias),
        "scale": numbers(one - zero),
        "shift": numbers(zero),
    }


cases = [
    case("convolution", nn.Conv2d(3, 4, 3, bias=False), norm(nn.BatchNorm2d, 4, 1e-3)),
    case("convolution with a bias, in groups", nn.Conv2d(4, 6, 3, groups=2), norm(nn.BatchNorm2d, 6, 1e-5)),
    case("depthwise convolution", nn.Conv2d(3, 6, 3, groups=3, bias=False), norm(nn.BatchNorm2d, 6, 1e-3)),
    case("linear layer", nn.Linear(5, 4), norm(nn.BatchNorm1d, 4, 1e-4)),
    case("linear layer without bias", nn.Linear(5, 4, bias=False), norm(nn.BatchNorm1d, 4, 1e-5)),
]
text = ",\n".join(json.dumps(case) for case in cases)
pathlib.Path(__file__).with_name("folded.json").write_text(f"[\n{text}\n]\n")

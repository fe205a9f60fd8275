"""Writes what the state dicts of real networks hold: names, shapes and counts, but no weights.

usage: /usr/bin/python3 make_state_dicts.py    Debian 12's python3-torch 1.13, python3-torchvision 0.14

Writes beside this script
  torchvision.json  every ResNet, ResNeXt and wide ResNet of torchvision
  cifar.json        the networks of akamaster, chenyaofo and kuangliu, as their repositories build and name them
  variants.json     what people make of a ResNet: pruned, folded, without a head, with a longer one

Each maps a network to its `parameters` and `buffers`, counted by torch, and its `state`: the state dict in its order, a
line a tensor, the name and then the axes. Lines are shortened as a shell expands them: `bn1.{weight,bias} 64` is two
tensors, and neighbouring lines of `layer1.{1..2}.` are a run, which is repeated for block 1, then for block 2. The
script expands what it wrote and compares.
"""
import itertools
import json
import re
from collections import OrderedDict
from functools import partial
from pathlib import Path

import torch
import torchvision
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock, Bottleneck

HERE = Path(__file__).resolve().parent
TORCHVISION = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
               "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"]


# Networks

def build(block, depths, widths, stem=7, shortcut="downsample", head="fc", classes=10, option="B", channels=3,
          groups=1, width_per_group=64, norm=nn.BatchNorm2d):
    """A ResNet of torchvision's blocks with any number of stages, under the names that a repository gives them."""
    net = nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(channels, widths[0], stem, stride=2 if stem == 7 else 1, padding=stem // 2, bias=False),
        bn1=norm(widths[0])))
    inputs = widths[0]
    for stage, (depth, width) in enumerate(zip(depths, widths)):
        blocks = []
        for index in range(depth):
            stride = 2 if stage > 0 and index == 0 else 1
            outputs = width * block.expansion
            projection = None
            if option == "B" and (stride != 1 or inputs != outputs):
                projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))
            unit = block(inputs, width, stride, projection, groups, width_per_group, 1, norm)
            unit._modules = OrderedDict(
                (shortcut if name == "downsample" else name, child) for name, child in unit._modules.items())
            blocks.append(unit)
            inputs = outputs
        net.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
    if head:
        net.add_module(head, nn.Linear(inputs, classes))
    return net


def cifar(depth, **names):
    return build(BasicBlock, [(depth - 2) // 6] * 3, (16, 32, 64), stem=3, **names)


def kuangliu(block, depths):
    return build(block, depths, (64, 128, 256, 512), stem=3, shortcut="shortcut", head="linear")


small = partial(build, BasicBlock, (1, 1, 1, 1), (8, 16, 24, 32))
small_bottleneck = partial(build, Bottleneck, (2, 1), (8, 16))


def resized(module, inputs=None, outputs=None):
    if isinstance(module, nn.BatchNorm2d):
        return nn.BatchNorm2d(outputs)
    return nn.Conv2d(inputs or module.in_channels, outputs or module.out_channels, module.kernel_size, module.stride,
                     module.padding, bias=False)


def pruned_basic():
    net = build(BasicBlock, (2, 2), (64, 128))
    for stage, index, inner in (("layer1", 0, 37), ("layer1", 1, 61), ("layer2", 1, 5)):
        block = getattr(net, stage)[index]
        block.conv1, block.bn1 = resized(block.conv1, outputs=inner), nn.BatchNorm2d(inner)
        block.conv2 = resized(block.conv2, inputs=inner)
    return net


def pruned_bottleneck():
    net = build(Bottleneck, (2, 2), (64, 128))
    for stage, index, first, second in (("layer1", 0, 33, 47), ("layer2", 1, 100, 7)):
        block = getattr(net, stage)[index]
        block.conv1, block.bn1 = resized(block.conv1, outputs=first), nn.BatchNorm2d(first)
        block.conv2, block.bn2 = resized(block.conv2, inputs=first, outputs=second), nn.BatchNorm2d(second)
        block.conv3 = resized(block.conv3, inputs=second)
    return net


def with_head(head):
    net = small(head=None)
    net.add_module("fc", head)
    return net


def with_bias(net):
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = nn.Parameter(torch.zeros(module.out_channels))
    return net


def folded(net):
    net.eval()
    for owner in list(net.modules()):
        children = owner._modules
        for before, after in zip(list(children), list(children)[1:]):
            if isinstance(children[before], nn.Conv2d) and isinstance(children[after], nn.BatchNorm2d):
                children[before] = fuse_conv_bn_eval(children[before], children[after])
                children[after] = nn.Identity()
        # torchvision's blocks have the activation between some of them.
        for number in "123":
            if isinstance(children.get("bn" + number), nn.BatchNorm2d):
                children["conv" + number] = fuse_conv_bn_eval(children["conv" + number], children["bn" + number])
                children["bn" + number] = nn.Identity()
    return net


def extra_projection():
    net = small()
    net.layer1[0].downsample = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8))
    return net


def families():
    yield "torchvision", {name: partial(getattr(torchvision.models, name), weights=None) for name in TORCHVISION}
    nets = {}
    for depth in (20, 32, 44, 56, 110, 1202):
        nets[f"akamaster-{depth}"] = partial(cifar, depth, shortcut="shortcut", head="linear", option="A")
    for depth in (20, 32, 44, 56):
        nets[f"chenyaofo-{depth}"] = partial(cifar, depth)
    nets["kuangliu-18"] = partial(kuangliu, BasicBlock, (2, 2, 2, 2))
    nets["kuangliu-50"] = partial(kuangliu, Bottleneck, (3, 4, 6, 3))
    yield "cifar", nets
    yield "variants", {
        "pruned-basic": pruned_basic,
        "pruned-bottleneck": pruned_bottleneck,
        "deep-narrow": partial(build, Bottleneck, (2, 3, 5, 2, 1), (4, 8, 12, 20, 36), classes=3),
        "grouped": partial(build, Bottleneck, (2, 1), (64, 128), groups=8, width_per_group=4),
        "no-head": partial(small, head=None),
        "mlp-head": partial(with_head, nn.Sequential(nn.Linear(32, 20), nn.ReLU(), nn.Linear(20, 7))),
        "head-at-1": partial(with_head, nn.Sequential(nn.Dropout(), nn.Linear(32, 7))),
        "head-without-bias": partial(with_head, nn.Linear(32, 7, bias=False)),
        "norm-without-affine": partial(small, norm=partial(nn.BatchNorm2d, affine=False)),
        "norm-without-statistics": partial(small, norm=partial(nn.BatchNorm2d, track_running_stats=False)),
        "convolution-bias": lambda: with_bias(small_bottleneck()),
        "folded": lambda: folded(small_bottleneck()),
        "no-norm": partial(small_bottleneck, norm=lambda channels: nn.Identity()),
        "grey": partial(small, channels=1),
        "extra-projection": extra_projection,
        "zero-padded": partial(small, option="A"),
    }


# Shortening

def shortened(tensors):
    """The list with the five tensors of a batch-norm, and then equal neighbouring blocks, brought together."""
    modules = [(module, [(name.rpartition(".")[2], axes) for name, axes in group])
               for module, group in itertools.groupby(tensors, key=lambda tensor: tensor[0].rpartition(".")[0])]
    lines = []
    for module, group in modules:
        for (axes, _), kinds in itertools.groupby(group, key=lambda tensor: (tensor[1], module or tensor[0])):
            kinds = [kind for kind, _ in kinds]
            kind = kinds[0] if len(kinds) == 1 else "{%s}" % ",".join(kinds)
            lines.append(" ".join([".".join(filter(None, [module, kind])), *map(str, axes)]))
    blocks = []
    for key, group in itertools.groupby(lines, key=lambda line: re.match(r"((?:backbone\.)?layer\d+)\.(\d+)\.|", line).groups()):
        group = [line[len(f"{key[0]}.{key[1]}."):] if key[0] else line for line in group]
        if blocks and key[0] and blocks[-1][0] == key[0] and blocks[-1][3] == group:
            blocks[-1][2] = key[1]
        else:
            blocks.append([key[0], key[1], key[1], group])
    result = []
    for stage, first, last, group in blocks:
        number = first if first == last else "{%s..%s}" % (first, last)
        result += [f"{stage}.{number}.{line}" if stage else line for line in group]
    return result


def expanded(lines):
    tensors = []
    for run, group in itertools.groupby(lines, key=lambda line: re.match(r"(.*)\{(\d+)\.\.(\d+)\}|", line).groups()):
        group = list(group)
        for number in range(int(run[1]), int(run[2]) + 1) if run[0] else [0]:
            for line in group:
                name, *axes = re.sub(r"\{\d+\.\.\d+\}", str(number), line).split(" ")
                kinds = re.search(r"\{(.*)\}", name)
                for kind in kinds.group(1).split(",") if kinds else [""]:
                    tensors.append((re.sub(r"\{.*\}", kind, name), tuple(map(int, axes))))
    return tensors


def description(net):
    tensors = [(name, tuple(tensor.shape)) for name, tensor in net.state_dict().items()]
    lines = shortened(tensors)
    assert expanded(lines) == tensors
    return {
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "buffers": sum(buffer.numel() for buffer in net.buffers()),
        "state": lines,
    }


if __name__ == "__main__":
    for family, nets in families():
        nets = {name: description(make()) for name, make in nets.items()}
        (HERE / f"{family}.json").write_text(json.dumps(nets, indent=1) + "\n")

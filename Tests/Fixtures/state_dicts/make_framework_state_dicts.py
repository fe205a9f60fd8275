"""Writes what the state dicts of other frameworks' networks hold: names, shapes and counts, as make_state_dicts.py does.

usage: python3 make_framework_state_dicts.py    torch 2, torchvision, timm 1.0, transformers 5, mmpretrain 1.2 with mmcv-lite

Writes beside this script
  frameworks.json  networks of timm, transformers and mmpretrain, made by them; of detectron2, renamed as its script for
                   torchvision's weights does; of Caffe2, renamed after the weights of MSRA; and of repositories that name
                   and build ResNets in ways of their own
  wrapped.json     networks within a file that holds more: MoCo, SwAV, DINO, a detector
  strangers.json   networks that are no ResNets: of torchvision, and two that nearly are one
"""
import json
import re
from collections import OrderedDict
from pathlib import Path

import timm
import torch
import torchvision
import transformers
from mmpretrain.models import ImageClassifier
from torch import nn

from make_state_dicts import BasicBlock, Bottleneck, build, expanded, shortened, small, small_bottleneck

HERE = Path(__file__).resolve().parent
TIMM = ["resnet10t", "resnet14t", "resnet26d", "resnet50c", "resnet50s", "ecaresnet26t", "ecaresnet50d_pruned",
        "ecaresnetlight", "seresnet18", "seresnext26t_32x4d", "resnetrs50", "senet154", "test_resnet"]
TIMM_V2 = ["resnetv2_50", "resnetv2_50t"]


def hugging_face(layer_type, depths, model=transformers.ResNetForImageClassification):
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 24, 32][:len(depths)], depths=depths,
                                       layer_type=layer_type, num_labels=7)
    return model(config)


def mmpretrain(name, depth, **backbone):
    last = 512 if depth < 50 else 2048
    return ImageClassifier(backbone=dict(type=name, depth=depth, num_stages=4, out_indices=(3,), **backbone),
                           neck=dict(type="GlobalAveragePooling"),
                           head=dict(type="LinearClsHead", num_classes=10, in_channels=last))


# Networks of other repositories

class Preactivated(nn.Module):
    """A block of kuangliu's preact_resnet.py."""
    expansion = 1

    def __init__(self, inputs, width, stride, bottleneck=False):
        super().__init__()
        kernels = [1, 3, 1] if bottleneck else [3, 3]
        outputs = width * (4 if bottleneck else 1)
        channels = [inputs, *[width] * (len(kernels) - 1), outputs]
        for index, kernel in enumerate(kernels):
            self.add_module(f"bn{index + 1}", nn.BatchNorm2d(channels[index]))
            self.add_module(f"conv{index + 1}", nn.Conv2d(channels[index], channels[index + 1], kernel, bias=False))
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))


def preactivated(depths, bottleneck=False, final_norm=False):
    net = nn.Sequential(OrderedDict(conv1=nn.Conv2d(3, 64, 3, padding=1, bias=False)))
    inputs = 64
    for stage, depth in enumerate(depths):
        blocks = []
        for index in range(depth):
            width = 64 << stage
            blocks.append(Preactivated(inputs, width, 2 if stage and not index else 1, bottleneck))
            inputs = width * (4 if bottleneck else 1)
        net.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
    if final_norm:
        net.bn = nn.BatchNorm2d(inputs)
    net.linear = nn.Linear(inputs, 10)
    return net


def wide(depth, factor):
    """xternalz/WideResNet-pytorch."""
    net = nn.Sequential(OrderedDict(conv1=nn.Conv2d(3, 16, 3, bias=False)))
    inputs = 16
    for stage in range(3):
        layer = nn.Sequential()
        for index in range((depth - 4) // 6):
            outputs = (16 << stage) * factor
            block = nn.Module()
            block.bn1, block.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, bias=False)
            block.bn2, block.conv2 = nn.BatchNorm2d(outputs), nn.Conv2d(outputs, outputs, 3, bias=False)
            if inputs != outputs:
                block.convShortcut = nn.Conv2d(inputs, outputs, 1, bias=False)
            layer.append(block)
            inputs = outputs
        stack = nn.Module()
        stack.layer = layer
        net.add_module(f"block{stage + 1}", stack)
    net.bn1, net.fc = nn.BatchNorm2d(inputs), nn.Linear(inputs, 10)
    return net


def renamed(net, rename):
    """The tensors under other names, as a net of parameters and buffers would list them."""
    return OrderedDict((rename(name), tensor) for name, tensor in net.state_dict().items() if rename(name))


def yunjey():
    """yunjey/pytorch-tutorial: a stem called conv and bn, 3×3 convolutions in the shortcuts."""
    net = build(BasicBlock, (2, 2, 2), (16, 32, 64), stem=3)
    for name in ("layer2", "layer3"):
        old = getattr(net, name)[0].downsample[0]
        getattr(net, name)[0].downsample[0] = nn.Conv2d(old.in_channels, old.out_channels, 3, 2, 1, bias=False)
    return renamed(net, lambda name: re.sub(r"^(conv|bn)1\.", r"\1.", name))


def weiaicunzai(block, depths):
    """weiaicunzai/pytorch-cifar100: layers by their positions."""
    net = build(block, depths, (64, 128, 256, 512), stem=3, shortcut="shortcut")

    def rename(name):
        name = re.sub(r"^(conv|bn)1\.", lambda match: f"conv1.{['conv', 'bn'].index(match[1])}.", name)
        match = re.match(r"layer(\d)\.(\d+)\.(.*)", name)
        if not match:
            return name
        rest = re.sub(r"^(conv|bn)(\d)", lambda m: f"residual_function.{3 * int(m[2]) - (3 if m[1] == 'conv' else 2)}",
                      match[3])
        return f"conv{int(match[1]) + 1}_x.{match[2]}.{rest}"
    return renamed(net, rename)


def mlperf():
    """ResNet-8 of MLPerf Tiny with torch's names: biases everywhere, projections without batch-norm."""
    net = build(BasicBlock, (1, 1, 1), (16, 32, 64), stem=3, shortcut="shortcut", head="linear")
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = nn.Parameter(torch.zeros(module.out_channels))
    for stage in (net.layer2, net.layer3):
        stage[0].shortcut = nn.Sequential(stage[0].shortcut[0])
    return net


def detectron2(net):
    """As tools/convert-torchvision-to-d2.py renames torchvision's weights."""
    def rename(name):
        if name.endswith("num_batches_tracked"):
            return None
        if "layer" not in name:
            name = "stem." + name
        for stage in (1, 2, 3, 4):
            name = name.replace(f"layer{stage}", f"res{stage + 1}")
        for index in (1, 2, 3):
            name = name.replace(f"bn{index}", f"conv{index}.norm")
        return name.replace("downsample.0", "shortcut").replace("downsample.1", "shortcut.norm")
    return renamed(net, rename)


def caffe2(net):
    """The blobs of MSRA's R-50: a batch-norm is a scale and a shift."""
    def rename(name):
        module, _, kind = name.rpartition(".")
        if kind not in ("weight", "bias"):
            return None
        match = re.match(r"layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)$", module)
        if match:
            isNorm = match[3] == "bn" or (match[3] == "downsample." and match[4] == "1")
            branch = "branch1" if match[3] == "downsample." else "branch2" + " abc"[int(match[4])]
            module = f"res{int(match[1]) + 1}_{match[2]}_{branch}" + ("_bn" if isNorm else "")
        else:
            isNorm = module == "bn1"
            module = {"conv1": "conv1", "bn1": "res_conv1_bn", "fc": "fc1000"}[module]
        return f"{module}_{'s' if isNorm and kind == 'weight' else kind[0]}"
    return renamed(net, rename)


# Networks within more

def prefixed(prefix, state):
    return [(prefix + name, tensor) for name, tensor in state.items()]


def moco():
    query = small_bottleneck()
    query.fc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
    state = query.state_dict()
    return OrderedDict(prefixed("module.encoder_q.", state) + prefixed("module.encoder_k.", state) +
                       [("module.queue", torch.zeros(16, 32)), ("module.queue_ptr", torch.zeros(1, dtype=torch.long))])


def swav():
    net = small(head=None)
    net.projection_head = nn.Sequential(nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 8))
    net.prototypes = nn.Linear(8, 30, bias=False)
    return OrderedDict(prefixed("module.", net.state_dict()))


def dino():
    head = nn.Module()
    head.mlp = nn.Sequential(nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 8))
    head.last_layer = nn.utils.weight_norm(nn.Linear(8, 20, bias=False))
    return OrderedDict(prefixed("module.backbone.", small(head=None).state_dict()) +
                       prefixed("module.head.", head.state_dict()))


def detector():
    net = detectron2(small_bottleneck(head=None))
    return OrderedDict(prefixed("backbone.bottom_up.", net) +
                       [("backbone.fpn_lateral2.weight", torch.zeros(8, 32, 1, 1)),
                        ("roi_heads.box_head.fc1.weight", torch.zeros(12, 8))])


# Networks that are none

def parametric():
    """As ArcFace's: activations with a weight a channel."""
    net = build(BasicBlock, (2, 2), (16, 32), stem=3)
    for stage in (net.layer1, net.layer2):
        for block in stage:
            block.prelu = nn.PReLU(block.conv2.out_channels)
    return renamed(net, lambda name: "trunk." + name.replace("layer", "stack"))


def one_dimensional():
    return nn.Sequential(nn.Conv1d(1, 16, 7), nn.BatchNorm1d(16), nn.Conv1d(16, 16, 3), nn.BatchNorm1d(16),
                         nn.Conv1d(16, 32, 3), nn.BatchNorm1d(32), nn.Linear(32, 5))


def families():
    nets = {f"timm/{name}": (lambda name=name: timm.create_model(name)) for name in TIMM}
    nets |= {f"timm-v2/{name}": (lambda name=name: timm.create_model(name, num_classes=9)) for name in TIMM_V2}
    nets |= {
        "huggingface/basic": lambda: hugging_face("basic", [1, 2]),
        "huggingface/bottleneck": lambda: hugging_face("bottleneck", [2, 1]),
        "huggingface/headless": lambda: hugging_face("basic", [1, 1], transformers.ResNetModel),
        "mmpretrain/v1": lambda: mmpretrain("ResNet", 18),
        "mmpretrain/v1c": lambda: mmpretrain("ResNetV1c", depth=18),
        "mmpretrain/v1d": lambda: mmpretrain("ResNetV1d", depth=50),
        "mmpretrain/se": lambda: mmpretrain("SEResNet", 50),
        "mmpretrain/cifar": lambda: mmpretrain("ResNet_CIFAR", 18),
        "cifar-kuangliu/preact-18": lambda: preactivated((2, 2, 2, 2)),
        "cifar-kuangliu/preact-50": lambda: preactivated((3, 4, 6, 3), bottleneck=True),
        "cifar-kuangliu/preact-final-norm": lambda: preactivated((1, 1, 1), final_norm=True),
        "cifar-kuangliu/resnet8": mlperf,
        "cifar-wide-resnet/16-2": lambda: wide(16, 2),
        "cifar/yunjey": yunjey,
        "cifar-weiaicunzai/18": lambda: weiaicunzai(BasicBlock, (1, 2, 1, 1)),
        "cifar-weiaicunzai/50": lambda: weiaicunzai(Bottleneck, (1, 2, 1, 1)),
        "detectron2/basic": lambda: detectron2(small()),
        "detectron2/bottleneck": lambda: detectron2(small_bottleneck()),
        "caffe2/bottleneck": lambda: caffe2(small_bottleneck()),
    }
    yield "frameworks", nets
    yield "wrapped", {"moco": moco, "swav": swav, "dino": dino, "detector": detector}
    names = ["mobilenet_v2", "vgg16_bn", "vgg19", "squeezenet1_0", "regnet_x_400mf", "shufflenet_v2_x0_5"]
    strangers = {name: (lambda name=name: getattr(torchvision.models, name)()) for name in names}
    yield "strangers", strangers | {"parametric": parametric, "one-dimensional": one_dimensional}


def description(net):
    state = net.state_dict() if isinstance(net, nn.Module) else net
    tensors = [(name, tuple(tensor.shape)) for name, tensor in state.items()]
    lines = shortened(tensors)
    assert expanded(lines) == tensors
    buffers = sum(tensor.numel() for name, tensor in state.items() if re.search(r"running_|num_batches|queue", name))
    return {"parameters": sum(tensor.numel() for tensor in state.values()) - buffers, "buffers": buffers,
            "state": lines}


if __name__ == "__main__":
    for family, nets in families():
        nets = {name: description(make()) for name, make in nets.items()}
        (HERE / f"{family}.json").write_text(json.dumps(nets, indent=1) + "\n")

"""Writes the small checkpoints that the tests read, and what torch finds in them.

usage: PYTHONHASHSEED=0 python3 make_fixtures.py            Debian 12's python3-torch 1.13, python3-torchvision 0.14
       PYTHONHASHSEED=0 python3 make_fixtures.py --recent   torch 2.3 or later: what 1.13 cannot write (*.recent.pth)

Writes checkpoints/NAME.CONTAINER.pth (CONTAINER: zip, stream, tar, recent = a recent torch's zip), a TorchScript
archive, a safetensors file, and manifest.json beside this script. One version of torch always writes the same bytes.
Nothing here is trained: the weights and the batch-norm statistics are random.

manifest.json
  files   by file name: what is special about it (about), its format as `resect inspect` names it, the torch that made
          it, the state dicts in it (states: the key that holds each, "" for the whole file, to its name below), and the
          tensors among them that have no plain numbers (refused: name to kind)
  states  by name: the tensors as torch reads them, in order: name, dtype as safetensors names it, shape, and the
          SHA-256 of the elements' bytes in row-major order, little-endian
"""
import argparse
import hashlib
import json
import math
import sys
import warnings
from collections import OrderedDict
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import safetensors_file
import torch
import torch_tar
from torch import nn

HERE = Path(__file__).resolve().parent
CLASSES = 5
FORMATS = {"zip": "torch-zip", "recent": "torch-zip", "stream": "torch-stream", "tar": "torch-tar",
           "script": "torch-zip", "safetensors": "safetensors"}


# Networks

def resnet(block, depths, planes, groups=1, width_per_group=64, stem=7, classes=CLASSES, norm=nn.BatchNorm2d):
    """A torchvision ResNet of any width and number of stages; its own initialiser knows neither."""
    from torchvision.models import resnet as torchvision

    net = torchvision.ResNet.__new__(torchvision.ResNet)
    nn.Module.__init__(net)
    net._norm_layer, net.inplanes, net.dilation = norm, planes[0], 1
    net.groups, net.base_width = groups, width_per_group
    net.conv1 = nn.Conv2d(3, planes[0], stem, stride=2 if stem == 7 else 1, padding=stem // 2, bias=False)
    net.bn1 = norm(planes[0])
    net.relu = nn.ReLU(inplace=True)
    if stem == 7:
        net.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    block = getattr(torchvision, block)
    for number, (depth, width) in enumerate(zip(depths, planes), 1):
        setattr(net, f"layer{number}", net._make_layer(block, width, depth, stride=1 if number == 1 else 2))
    net.avgpool = nn.AdaptiveAvgPool2d((1, 1))
    net.fc = nn.Linear(planes[-1] * block.expansion, classes)
    return net


basic = partial(resnet, "BasicBlock", (1, 1, 1, 1), (2, 2, 4, 4))
single_basic = partial(resnet, "BasicBlock", (1,), (4,))
single_bottleneck = partial(resnet, "Bottleneck", (1,), (4,))
small_basic = partial(resnet, "BasicBlock", (1, 1), (2, 4))
bottleneck = partial(resnet, "Bottleneck", (1, 1), (2, 4))
cifar = partial(resnet, "BasicBlock", (1, 1, 1), (2, 4, 8), stem=3)


def renamed(net, names):
    """The network with its modules renamed, as if a class of somebody else had made it."""
    for module in net.modules():
        module._modules = OrderedDict((names.get(name, name), child) for name, child in module._modules.items())
    return net


def akamaster():
    """A shortcut of pooling and zeros (option A), which has no parameters."""
    net = cifar()
    for stage in (net.layer2, net.layer3):
        stage[0].downsample = nn.Sequential()
    return renamed(net, {"downsample": "shortcut", "fc": "linear"})


def kuangliu():
    return renamed(resnet("BasicBlock", (1, 1, 1, 1), (2, 2, 4, 4), stem=3), {"downsample": "shortcut", "fc": "linear"})


def with_epsilon(net, epsilon):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = epsilon
    return net


def with_stride_first(net):
    """`bottleneck` as ResNet v1: the stride is in the first convolution; torchvision's is in the second (v1.5)."""
    first = net.layer2[0]
    first.conv1.stride, first.conv2.stride = (2, 2), (1, 1)
    return net


def with_convolution_bias(net):
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = nn.Parameter(torch.empty(module.out_channels))
    return net


def scriptable(net):
    """torchvision's forward pass wants four stages."""
    net.layer2 = net.layer3 = net.layer4 = nn.Identity()
    return net


def with_head(net, head):
    net.fc = head
    return net


@torch.no_grad()
def randomised(net, seed):
    """Random weights and statistics, in evaluation mode; the scales include negative ones and a zero."""
    g = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.weight.normal_(0, math.sqrt(2 / module.weight[0].numel()), generator=g)
            if module.bias is not None:
                module.bias.normal_(0, 0.1, generator=g)
        elif isinstance(module, nn.BatchNorm2d):
            if module.affine:
                module.weight.uniform_(0.5, 1.5, generator=g)
                module.weight[::3] *= -1
                module.weight[1:2] = 0
                module.bias.normal_(0, 0.2, generator=g)
            if module.track_running_stats:
                module.running_mean.normal_(0, 0.5, generator=g)
                module.running_var.uniform_(0.5, 2, generator=g)
                module.num_batches_tracked.fill_(1234)
    return net.eval()


# Files

class StorageKey(str):
    """Keys of a stream's storages: torch takes addresses; these numbers look alike but depend on the order of use."""

    known = {}

    def __new__(cls, address):
        number = cls.known.setdefault(address, len(cls.known))
        return str(94_160_000_000_000 + 64 * (7919 * number % 104_729))


def source_of(module_class):
    """Stands for the Python source that a stream stores beside each class: torch would add its own and where it lay."""
    return [f"class {module_class.__name__}(Module):\n", "    ...\n"], 1, "network.py"


def reduced_as_of_old(tensor, protocol):
    """What torch before 0.4 pickled for a tensor."""
    geometry = tensor.storage_offset(), tuple(tensor.shape), tensor.stride()
    return torch._utils._rebuild_tensor, (tensor.storage(), *geometry)


class Fixtures:
    """The files written so far."""

    def __init__(self):
        self.folder = HERE / "checkpoints"
        self.folder.mkdir(exist_ok=True)
        self.files, self.states = {}, {}

    def record(self, path, about, keys=("",), refused=None):
        """Reads a file back with torch and notes the state dicts that lie under `keys`."""
        format = FORMATS[path.name.split(".")[1]]
        entry = {"about": about, "format": format, "torch": torch.__version__, "states": {}}
        content = safetensors_file.read(path) if format == "safetensors" else self.loaded(path)
        for key in keys:
            state = content[key] if key else content
            state = state.state_dict() if isinstance(state, nn.Module) else state
            stem = path.stem if format == "torch-tar" else path.name.partition(".")[0]
            tensors = [self.described(name, tensor) for name, tensor in state.items() if name not in (refused or {})]
            name = entry["states"][key] = "/".join(filter(None, (stem, key)))
            known = self.states.setdefault(name, tensors)
            assert all(tensor in known for tensor in tensors) and len(known) == len(tensors), path
        if refused:
            entry["refused"] = refused
        self.files[path.name] = entry

    @staticmethod
    def loaded(path):
        options = {"weights_only": False} if torch.__version__ >= "2" else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a class's source has changed, that this is a TorchScript archive
            return torch.load(path, **options)

    @staticmethod
    def described(name, tensor):
        dtype, shape, content = tensor if isinstance(tensor, tuple) else safetensors_file.plain(tensor)
        return {"name": name, "dtype": dtype, "shape": shape, "sha256": hashlib.sha256(content).hexdigest()}

    def save(self, name, about, content, containers=("zip",), protocol=2, **options):
        """Writes checkpoints/NAME.CONTAINER.pth by torch.save; `options` as in `record`."""
        for container in containers:
            path = self.folder / f"{name}.{container}.pth"
            if container == "stream":
                StorageKey.known.clear()
                with mock.patch.object(torch.serialization, "str", StorageKey, create=True), \
                        mock.patch.object(torch.serialization, "get_source_lines_and_file", source_of), \
                        open(path, "wb") as file:
                    torch.save(content, file, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
            else:
                torch.save(content, path, pickle_protocol=protocol)
            self.record(path, about, **options)

    def save_tar(self, name, about, state, **options):
        path = self.folder / f"{name}.tar.pth"
        torch_tar.save(state, path, **options)
        self.record(path, about)

    def save_safetensors(self, name, about, state):
        path = self.folder / f"{name}.safetensors"
        safetensors_file.write(path, state)
        self.record(path, about)

    def save_script(self, name, about, net):
        """A TorchScript archive without its debugging records, which tell where torch was installed."""
        whole, path = self.folder / f"{name}.whole", self.folder / f"{name}.script.pt"
        torch.jit.script(net).save(str(whole))
        reader, writer = torch._C.PyTorchFileReader(str(whole)), torch._C.PyTorchFileWriter(str(path))
        for record in reader.get_all_records():
            if record != "version" and not record.endswith(".debug_pkl"):
                content = reader.get_record(record)
                writer.write_record(record, content, len(content))
        writer.write_end_of_file()
        whole.unlink()
        self.record(path, about)

    def write_manifest(self):
        """Replaces what the manifest says about the files written, keeps the rest; one line for a file or a tensor."""
        path = HERE / "manifest.json"
        known = json.loads(path.read_text()) if path.exists() else {"files": {}, "states": {}}
        files, states = {**known["files"], **self.files}, {**known["states"], **self.states}
        files = {name: files[name] for name in sorted(files) if (self.folder / name).exists()}
        used = sorted({state for entry in files.values() for state in entry["states"].values()})
        file_lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in files.items())
        state_lines = ",\n".join(f"  {json.dumps(name)}: [\n" + ",\n".join(f"   {json.dumps(tensor)}"
                                                                           for tensor in states[name]) + "]"
                                 for name in used)
        path.write_text('{"files": {\n' + file_lines + '},\n "states": {\n' + state_lines + "}}\n")


# What the fixtures hold

def write_networks(fixtures):
    net = randomised(bottleneck(), 1)
    state = net.state_dict()
    fixtures.save("bottleneck", "bottleneck blocks in two stages", state, ("zip", "stream"))
    fixtures.save_tar("bottleneck", "bottleneck blocks in two stages, no num_batches_tracked",
                      torch_tar.without_counters(net.state_dict(keep_vars=True)))
    fixtures.save_safetensors("bottleneck", "bottleneck blocks in two stages", state)
    variants = {
        "basic": ("basic blocks in four stages", basic()),
        "grouped": ("a bottleneck block with 2 groups of 4 channels",
                    single_bottleneck(groups=2, width_per_group=64)),
        "wide": ("a bottleneck block twice as wide inside",
                 single_bottleneck(width_per_group=128)),
        "norm_without_affine": ("batch-norm without weight and bias",
                                small_basic(norm=partial(nn.BatchNorm2d, affine=False))),
        "norm_without_statistics": ("batch-norm without running statistics: nothing to fold",
                                    small_basic(norm=partial(nn.BatchNorm2d, track_running_stats=False))),
        "convolution_bias": ("convolutions with a bias before batch-norm", with_convolution_bias(small_basic())),
        "headless": ("no classifier", with_head(small_basic(), nn.Identity())),
        "mlp_head": ("a classifier of two linear layers: fc.0, fc.2",
                     with_head(small_basic(), nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, CLASSES)))),
        "chenyaofo": ("CIFAR style: downsample, fc", cifar()),
    }
    for seed, (name, (about, net)) in enumerate(variants.items(), 2):
        fixtures.save(name, about, randomised(net, seed).state_dict(), ("stream",))


def write_checkpoints(fixtures):
    net = randomised(akamaster(), 20)
    state = torch_tar.without_counters(nn.DataParallel(net).state_dict())
    with mock.patch.object(torch.Tensor, "__reduce_ex__", reduced_as_of_old):
        fixtures.save("akamaster", "CIFAR style: option A shortcuts, linear; tensors as torch 0.2 described them",
                      {"state_dict": state, "best_prec1": 91.73}, ("stream",), keys=["state_dict"])

    state = nn.DataParallel(randomised(kuangliu(), 21)).state_dict()
    fixtures.save("kuangliu", "CIFAR style: four stages, 3x3 stem, shortcut, linear",
                  {"net": state, "acc": 95.47, "epoch": 199}, ("stream",), keys=["net"])

    net = randomised(small_basic(), 22)
    state = nn.DataParallel(net).state_dict()
    args = argparse.Namespace(arch="resnet", lr=0.1, milestones=[30, 60], gpu=None, evaluate=False)
    content = {"epoch": 90, "arch": "resnet", "state_dict": state, "best_acc": np.float64(76.13), "args": args,
               "optimizer": trained_once(net, 23).state_dict()}
    fixtures.save("training", "training checkpoint: module. prefix, optimizer, Namespace, numpy scalar", content,
                  ("zip", "stream"), keys=["state_dict"])

    content = {"model": randomised(single_basic(), 24).state_dict(),
               "model_ema": randomised(single_basic(), 25).state_dict(), "epoch": 300}
    fixtures.save("ambiguous", "two networks in one file", content, ("stream",), keys=["model", "model_ema"])


def trained_once(net, seed):
    """An optimizer after one step with random gradients, which changes nothing: its learning rate is 0."""
    g = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0, momentum=0.9, weight_decay=1e-4)
    for parameter in net.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=g)
    optimizer.step()
    return optimizer


def write_modules(fixtures):
    net = with_epsilon(randomised(bottleneck(), 30), 1e-3)
    fixtures.save("module", "whole module; eps 1e-3; stride in conv2 (v1.5)", net, ("zip", "stream"))
    fixtures.save("module_v1", "whole module; eps 1e-3; stride in conv1 (v1)", with_stride_first(net), ("stream",))
    fixtures.save_script("script", "TorchScript archive", randomised(scriptable(single_basic()), 31))


def numbers(dtype):
    """Values that tell dtypes apart: signs, extremes, what does not fit in a narrower dtype, not-a-number."""
    if dtype == torch.bool:
        return torch.tensor([True, False, True])
    if dtype.is_complex:
        parts = torch.tensor([[1.5, -0.0, 3e38], [-2.25, math.inf, 1e-40]], dtype=torch.float64)
        return torch.complex(*parts).to(dtype)
    if dtype.is_floating_point:
        info = torch.finfo(dtype)
        values = [0.0, -0.0, 1.0, -1.5, math.pi, info.max, info.min, info.tiny, info.tiny / 2,
                  math.inf, -math.inf, math.nan]
        return torch.tensor(values, dtype=torch.float64).to(dtype)
    info = torch.iinfo(dtype)
    return torch.tensor([0, 1, info.max, info.min, info.max // 3], dtype=dtype)


def of_dtypes(names):
    return OrderedDict((name, numbers(getattr(torch, name))) for name in names)


def write_dtypes(fixtures):
    names = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
             "complex64", "complex128"]
    fixtures.save("dtypes", "every dtype of torch 1.13", of_dtypes(names), ("zip", "stream"))
    fixtures.save_tar("dtypes", "every dtype that has a torch.*Tensor class", of_dtypes(names[:-2]))


def write_layouts(fixtures):
    g = torch.Generator().manual_seed(40)
    table = torch.randn(4, 6, generator=g)
    volume = torch.randn(2, 3, 4, 5, generator=g)
    row, block = table[1], table[1:3, 2:5]
    layouts = OrderedDict(
        table=table, row=row, block=block, tied=table, transposed=table.t(),
        every_third=torch.arange(10)[1::3], permuted=volume.permute(2, 0, 3, 1),
        channels_last=volume.contiguous(memory_format=torch.channels_last),
        overlapping=torch.arange(5.0).as_strided((3, 3), (1, 1)),
        expanded=torch.randn(3, 1, generator=g).expand(3, 4), expanded_scalar=torch.tensor(2.5).expand(2, 2),
        scalar=torch.tensor(42), scalar_view=table[2, 3],
        empty=torch.empty(0), empty_rows=torch.empty(0, 3, dtype=torch.int32), empty_view=table[4:],
        parameter=nn.Parameter(torch.randn(3, generator=g)))
    fixtures.save("layouts", "views, offsets, strides, tied storages, scalars, empty tensors", layouts,
                  ("zip", "stream"))
    views = OrderedDict(table=table, row=row, block=block, transposed=table.t(), scalar=layouts["scalar"])
    fixtures.save_tar("layouts", "views of tensors, and storages that are views of others", views,
                      storage_views=("row", "block"))


def write_protocols(fixtures):
    state = OrderedDict(weight=nn.Parameter(torch.arange(6.0).view(2, 3)), counter=torch.tensor(-7))
    for protocol in range(1, 6):
        extras = {"none": None, "truth": [True, False], "integers": [0, 255, 65_536, -1, 2**31, -(2**63), 2**70],
                  "floats": (0.5, -1e300), "text": "größer ✓", "long_text": "x" * 300, "bytes": b"\x00\xff\x80",
                  "set": {1}, "pair": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))}
        if protocol >= 4:
            extras["frozenset"] = frozenset((2,))
        if protocol == 5:
            extras["bytearray"] = bytearray(b"abc")
        fixtures.save(f"protocol{protocol}", f"pickle protocol {protocol}", {"state_dict": state, "extras": extras},
                      ("stream",), protocol, keys=["state_dict"])
    plain_state = OrderedDict((name, value.detach()) for name, value in state.items())
    fixtures.save_tar("protocol0", "pickle protocol 0: torch.save cannot use it, the tar container's identifiers can",
                      plain_state, protocol=0)


def write_refused(fixtures):
    values = torch.linspace(-1, 1, 6).view(2, 3)
    refused = {
        "quantised": torch.quantize_per_tensor(values, 0.1, 3, torch.qint8),
        "quantised_per_channel": torch.quantize_per_channel(values, torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), 0,
                                                            torch.quint8),
        "sparse": values.to_sparse(),
        "meta": values.to("meta"),
    }
    for name, tensor in refused.items():
        about = f"a dense tensor and another one: {name.replace('_', ' ')}"
        fixtures.save(name, about, OrderedDict(dense=values, other=tensor),
                      refused={"other": name.partition("_")[0]})


def write_recent(fixtures):
    names = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "uint16", "uint32", "uint64"]
    fixtures.save("dtypes_recent", "the dtypes that torch 1.13 lacks", of_dtypes(names), ("recent",))
    fixtures.save("lazy_bits", "tensors that are conjugated or negated only by a flag in their rebuild arguments",
                  OrderedDict(conjugate=numbers(torch.complex64).conj(), negative=torch._neg_view(torch.arange(3.0))),
                  ("recent",))
    state = OrderedDict(tensor=torch.arange(6.0).view(2, 3), parameter=nn.Parameter(torch.arange(3.0)))
    for tensor in state.values():
        tensor.note = "kept by torch, of no use here"
    fixtures.save("attributes", "a tensor and a parameter with a Python attribute", state, ("recent",))
    state = OrderedDict(weight=torch.arange(6.0).view(2, 3))
    fixtures.save("records", "the records of a recent zip; numpy 2's scalar",
                  {"model": state, "best_acc": np.float64(76.13)}, ("recent",), keys=["model"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recent", action="store_true", help="only the files that need a recent torch")
    args = parser.parse_args()
    if sys.flags.hash_randomization:
        sys.exit("set PYTHONHASHSEED=0: TorchScript writes the elements of Python sets")
    torch.set_num_threads(1)
    fixtures = Fixtures()
    writers = [write_recent] if args.recent else [write_networks, write_checkpoints, write_modules, write_dtypes,
                                                  write_layouts, write_protocols, write_refused]
    for write in writers:
        write(fixtures)
    fixtures.write_manifest()
    total = sum((fixtures.folder / name).stat().st_size for name in fixtures.files)
    print(f"{len(fixtures.files)} files, {total} bytes")


if __name__ == "__main__":
    main()

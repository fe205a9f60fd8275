"""Compares the resect executable with torch: bit for bit where nothing is calculated, else with float64 arithmetic.

usage: RESECT=PATH python3 -m pytest Tests/Peers/test_torch.py

Needs Debian 12's python3-torch, python3-torchvision and python3-pytest; a missing one is an error. The networks are
torchvision's, with random weights and batch-norm statistics (conftest.py). Files (at most 1.1 GB at a time) go to $TMPDIR.

  RESECT        the executable under test
  RESECT_PEERS  `quick`: only resnet18 and resnet50
"""
import copy
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import models

if "RESECT" not in os.environ:
    pytest.exit("set RESECT to the executable under test", returncode=2)

ROOT = Path(__file__).resolve().parents[2]
import safetensors_file  # noqa: E402
import torch_tar  # noqa: E402

# Beside the zip that torch writes today: each of its older containers with every other network.
OLDER = {"resnet18": ["stream", "tar"], "resnet34": ["tar"], "resnet50": ["stream", "tar"], "resnet101": ["stream"],
         "resnet152": ["tar"], "resnext50_32x4d": ["stream"], "resnext101_32x8d": ["tar"], "wide_resnet50_2": ["stream"],
         "wide_resnet101_2": ["tar"]}

DIGITS = ROOT / "Samples" / "digits" / "digits-resnet20.pth"

CHECKPOINTS = ROOT / "Tests" / "Fixtures" / "checkpoints"  # written by torch, as make_fixtures.py beside them says
CIFAR = ["akamaster.stream.pth", "chenyaofo.stream.pth", "kuangliu.stream.pth"]


def resect(*arguments):
    """Runs the executable, which must succeed; its standard output."""
    command = [os.environ["RESECT"], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} exited with {done.returncode}: {done.stderr}"
    return done.stdout


def randomised(architecture):
    """torchvision's network with random scales (negative and zero ones too), shifts and statistics."""
    torch.manual_seed(20240229)
    network = getattr(models, architecture)()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
            torch.nn.init.normal_(module.running_mean, 0, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            module.num_batches_tracked.fill_(90_000)
            with torch.no_grad():
                module.weight[::5] *= -1
                module.weight[7::50] = 0
    return network.eval()


def settled(network):
    """The network with statistics near those of its activations, which so keep the scale of a trained network's."""
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    factors = [(module.running_mean.clone(), module.running_var.clone()) for module in norms]
    for module in norms:
        module.momentum = 1.0  # one batch sets the statistics
    with torch.no_grad():
        network.train()(torch.randn(4, 3, 128, 128))
    for module, (shift, factor) in zip(norms, factors):
        module.running_mean += 0.5 * shift * module.running_var.sqrt()
        module.running_var *= factor
    return network.eval()


def write(network, container, folder):
    """A checkpoint of the network's state dict in this container."""
    path = Path(folder, f"network.{container}.pth")
    if container == "tar":
        torch_tar.save(torch_tar.without_counters(network.state_dict(keep_vars=True)), path)
    else:
        torch.save(network.state_dict(), path, _use_new_zipfile_serialization=container == "zip")
    return path


def assert_same_bytes(name, found, expected):
    same = bytes(found) == expected  # outside the assertion: pytest would compare megabytes to explain a difference
    assert same, f"{name}: not the expected bytes"


def assert_same_tensors(found, expected):
    """The tensors of a safetensors file are the expected ones of torch, and no others."""
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        dtype, shape, content = safetensors_file.plain(tensor)
        assert found[name][:2] == (dtype, shape), name
        assert_same_bytes(name, found[name][2], content)


@pytest.fixture(autouse=True)
def folder():
    """A folder of each test's own: with pytest's, all the networks would stay on the disk."""
    with tempfile.TemporaryDirectory(prefix="resect-peers-") as path:
        yield Path(path)


def test_tensors_are_torchs_and_the_network_is_recognised(network, folder):
    model = network.model
    for container in ["zip", *OLDER[network.name]]:
        checkpoint = network.checkpoint if container == "zip" else write(model, container, folder)
        output = folder / "network.safetensors"
        expected = torch.load(checkpoint)

        resect("convert", "--force", checkpoint, output)
        assert_same_tensors(safetensors_file.read(output), expected)

        found = json.loads(resect("inspect", "--json", checkpoint))
        assert found["format"] == f"torch-{container}"
        assert found["parameters"] == sum(parameter.numel() for parameter in model.parameters())
        assert found["architecture"]["name"] == network.name
        assert found["architecture"]["classes"] == model.fc.out_features
        assert found["architecture"]["groups"] == model.groups
        assert found["architecture"]["depths"] == [len(stage) for stage in stages(model)]
        assert {tensor["name"]: tensor["shape"] for tensor in found["tensors"]} == \
            {name: list(tensor.shape) for name, tensor in expected.items()}
        if container != "zip":
            checkpoint.unlink()


@pytest.mark.parametrize("bias", ["keep", "feature"])
@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_join_undoes_split(architecture, bias, folder):
    checkpoint = write(randomised(architecture), "zip", folder)
    backbone, classes, joined = (folder / f"{name}.safetensors" for name in ("backbone", "classes", "joined"))
    # No code of torchvision's has features that end in a constant 1.
    allowed = ["--allow-different-code"] if bias == "feature" else []
    resect("split", checkpoint, "--backbone", backbone, "--classes", classes, "--bias", bias, *allowed)
    resect("join", backbone, classes, joined)
    assert_same_tensors(safetensors_file.read(joined), torch.load(checkpoint))


# Folding, with resnet50

@pytest.fixture(scope="module")
def folding():
    """A network, and a folder with its checkpoint, resnet50.pth."""
    model = settled(randomised("resnet50"))
    with tempfile.TemporaryDirectory(prefix="resect-peers-") as path:
        torch.save(model.state_dict(), Path(path, "resnet50.pth"))
        yield model, Path(path)


def test_a_folded_network_computes_what_the_network_did(folding, folder):
    model, origin = folding
    output = folder / "folded.safetensors"
    resect("convert", "--fold-bn", "--allow-different-code", origin / "resnet50.pth", output)
    state = {name: torch.frombuffer(bytearray(content), dtype=torch.float32).view(shape)
             for name, (dtype, shape, content) in safetensors_file.read(output).items()}
    fused = without_norms(model)
    fused.load_state_dict(state)
    images = torch.randn(2, 3, 224, 224, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        difference = fused.double()(images) - copy.deepcopy(model).double()(images)
    assert difference.abs().max() <= 2e-6


@pytest.mark.parametrize("option, dtype", [("f16", "F16"), ("bf16", "BF16")])
def test_folded_weights_are_rounded_once(folding, folder, option, dtype):
    """Biases may stay float32, as in the native format; whatever a tensor's dtype is, it was rounded to it once."""
    model, origin = folding
    output = folder / "folded.safetensors"
    resect("convert", "--fold-bn", "--allow-different-code", "--dtype", option, origin / "resnet50.pth", output)
    found, expected = safetensors_file.read(output), folded(model)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name][0] in ([dtype] if values.ndim > 1 else [dtype, "F32"]), name
        assert found[name][1] == list(values.shape), name
        assert_same_bytes(name, found[name][2], rounded(values, found[name][0]))


def stages(model):
    return model.layer1, model.layer2, model.layer3, model.layer4


def convolutions(model):
    """The names of the convolutions, each with that of the batch-norm behind it."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            parent, _, child = name.rpartition(".")
            norm = "1" if child == "0" else child.replace("conv", "bn")  # downsample.0 and .1; conv1 and bn1
            yield name, f"{parent}.{norm}".removeprefix(".")


def without_norms(model):
    """A copy whose convolutions have a bias, still to be loaded, and no batch-norm behind them."""
    model = copy.deepcopy(model)
    for convolution, norm in list(convolutions(model)):
        module = model.get_submodule(convolution)
        module.bias = torch.nn.Parameter(torch.empty(module.out_channels))
        parent, _, child = norm.rpartition(".")
        setattr(model.get_submodule(parent), child, torch.nn.Identity())
    return model


def folded(model):
    """The tensors of the folded network, calculated and kept in float64."""
    state = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    result = {name: values for name, values in state.items() if name.startswith("fc.")}
    for convolution, norm in convolutions(model):
        epsilon = model.get_submodule(norm).eps
        scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + epsilon)
        result[f"{convolution}.weight"] = state[f"{convolution}.weight"] * scale[:, None, None, None]
        result[f"{convolution}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return result


def rounded(values, dtype):
    """The bytes of float64 values rounded, ties to even, in one step to F32, F16 or BF16."""
    if dtype != "BF16":
        return values.astype({"F32": "<f4", "F16": "<f2"}[dtype]).tobytes()
    bits = values.view(np.uint64)
    dropped = 52 - 7  # of float64's mantissa bits bfloat16 keeps seven
    half = np.uint64((1 << (dropped - 1)) - 1) + ((bits >> np.uint64(dropped)) & np.uint64(1))
    normal = ((bits + half) & ~np.uint64((1 << dropped) - 1)).view(np.float64)
    step = 2.0 ** -133  # between bfloat16's subnormal numbers
    nearest = np.where(np.abs(values) < 2.0 ** -126, np.rint(values / step) * step, normal)
    return (nearest.astype("<f4").view(np.uint32) >> 16).astype("<u2").tobytes()


# Networks of repositories for CIFAR

def bare(state):
    """The tensors under their names without what training scripts put before them."""
    return {name.removeprefix("state_dict.").removeprefix("net.").removeprefix("module."): tensor
            for name, tensor in state.items()}


def loaded(path):
    """The state dict that torch reads from a training script's checkpoint."""
    content = torch.load(path, map_location="cpu")
    return content.get("state_dict", content.get("net", content))


@pytest.mark.parametrize("path", [DIGITS, *(CHECKPOINTS / name for name in CIFAR)], ids=lambda path: path.name)
def test_the_tensors_of_a_small_network_are_torchs(path, folder):
    state, output = loaded(path), folder / "raw.safetensors"
    resect("convert", "--raw", path, output)
    found = safetensors_file.read(output)
    assert len(found) == len(state)
    assert_same_tensors(bare(found), bare(state))


@pytest.mark.parametrize("path, classes", [(DIGITS, 10), *((CHECKPOINTS / name, 5) for name in CIFAR)],
                         ids=lambda value: getattr(value, "name", None))
def test_a_small_network_is_recognised(path, classes, folder):
    state, output = loaded(path), folder / "network.safetensors"
    resect("convert", path, output)
    assert_same_tensors(safetensors_file.read(output), bare(state))
    found = json.loads(resect("inspect", "--json", path))
    assert found["architecture"]["stem"] == "3x3"
    assert found["architecture"]["classes"] == classes
    assert found["parameters"] == sum(tensor.numel() for key, tensor in state.items()
                                      if not key.endswith(("running_mean", "running_var", "num_batches_tracked")))

"""Compares the forward pass of the resect executable with torch's in float64, for torchvision, timm and Hugging Face.

usage: RESECT=PATH RESECT_PEER_PACKAGES=FOLDER python3 -m pytest Tests/Peers/test_running.py

Needs Debian 12's python3-torch, python3-torchvision and python3-pytest, and in FOLDER timm and transformers as Tests/run.sh
installs them; a missing one is an error. The networks have random weights and batch-norm statistics near those of their
activations, so that a wrong epsilon, stride or pooling shows in the logits.
"""
import copy
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

if "RESECT" not in os.environ or "RESECT_PEER_PACKAGES" not in os.environ:
    pytest.exit("set RESECT to the executable under test and RESECT_PEER_PACKAGES to the packages' folder", returncode=2)
sys.path.append(os.environ["RESECT_PEER_PACKAGES"])
warnings.filterwarnings("ignore")

import timm  # noqa: E402
from conftest import randomised  # noqa: E402
import transformers  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 2e-5  # of the largest logit, where that is over 1

TIMM = ["resnet10t", "resnet14t", "resnet18d", "resnet26t", "resnet50c", "resnet50d", "resnet50s", "resnet50t",
        "seresnet18", "seresnet50", "seresnext26d_32x4d", "ecaresnet26t", "ecaresnetlight", "ecaresnext26t_32x4d",
        "resnetrs50", "wide_resnet50_2", "resnext50d_32x4d", "resnet34d"]
TIMM_V2 = ["resnetv2_50", "resnetv2_101", "resnetv2_50d", "resnetv2_50t"]


def run(checkpoint, images, expected, *options, tolerance=TOLERANCE):
    """`resect run` on images agrees with the expected logits."""
    folder = Path(checkpoint).parent
    np.save(folder / "x.npy", images.numpy().astype(np.float32))
    np.save(folder / "y.npy", expected.numpy())
    allowed = tolerance * max(1, expected.abs().max().item())
    command = [os.environ["RESECT"], "run", checkpoint, "--input", folder / "x.npy", "--expect", folder / "y.npy",
               "--tolerance", f"{allowed:.9f}", *options]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def checked(model, size, folder, *options, state=None):
    model = randomised(model, size)
    checkpoint = folder / "network.pth"
    torch.save(model.state_dict() if state is None else state(model), checkpoint)
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = copy.deepcopy(model).double()(images.double())
    run(checkpoint, images, getattr(expected, "logits", expected), *options)
    return checkpoint, images


@pytest.fixture(autouse=True)
def folder():
    """A folder of each test's own: with pytest's, all the networks would stay on the disk."""
    with tempfile.TemporaryDirectory(prefix="resect-peers-") as path:
        yield Path(path)


def test_torchvisions_networks_compute_what_torch_computes(network):
    run(network.checkpoint, network.images, network.logits)


@pytest.mark.parametrize("options", [["--exact"], ["--reference"], ["--threads", "1"], ["--threads", "3"]])
def test_every_way_of_running_computes_what_torch_computes(options, folder):
    checked(torchvision.models.resnet18(), 64, folder, *options)


@pytest.mark.parametrize("name", TIMM)
def test_timms_networks_compute_what_timm_computes(name, folder):
    checked(timm.create_model(name), 96, folder, "--input-convention", "timm")


@pytest.mark.parametrize("name", TIMM_V2)
def test_timms_preactivated_networks_compute_what_timm_computes(name, folder):
    checkpoint, images = checked(timm.create_model(name, num_classes=12), 96, folder)
    # What is written is what timm loads, the classifier's weight with its four axes.
    command = [os.environ["RESECT"], "convert", checkpoint, folder / "again.pth"]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    state, again = torch.load(checkpoint), torch.load(folder / "again.pth")
    assert set(again) == set(state) and all(torch.equal(again[key], state[key]) for key in state)
    timm.create_model(name, num_classes=12).load_state_dict(again)


@pytest.mark.parametrize("name", ["resnetv2_50x1_bit", "resnetv2_50d_gn", "resnetv2_50d_frn", "resnetv2_50d_evos"])
def test_timms_networks_with_other_norms_are_refused(name, folder):
    model = timm.create_model(name, num_classes=3)
    torch.save(model.state_dict(), folder / "weights.pth")
    torch.save(model, folder / "whole.pth")
    for file in ["weights.pth", "whole.pth"]:
        done = subprocess.run([os.environ["RESECT"], "run", folder / file, "--input", folder / "none.npy"],
                              capture_output=True, text=True)
        assert done.returncode == 1 and "none.npy" not in done.stderr, f"{file}: {done.stderr}"


@pytest.mark.parametrize("name", ["resnetblur50", "resnetaa50", "seresnetaa50d"])
def test_timms_networks_that_smooth_are_refused_where_a_file_shows_it(name, folder):
    model = timm.create_model(name, num_classes=3)
    torch.save(model, folder / "whole.pth")
    torch.save(model.state_dict(), folder / "weights.pth")
    for file in ["whole.pth"] + ["weights.pth"] * (name == "resnetblur50"):
        done = subprocess.run([os.environ["RESECT"], "inspect", folder / file], capture_output=True, text=True)
        assert "before it strides" in done.stdout + done.stderr, file


@pytest.mark.parametrize("settings", [
    {"layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]},
    {"layer_type": "bottleneck", "depths": [3, 4, 6, 3]},
    {"layer_type": "bottleneck", "depths": [1, 1, 1, 1], "embedding_size": 32},
])
def test_hugging_faces_networks_compute_what_transformers_computes(settings, folder):
    model = transformers.ResNetForImageClassification(transformers.ResNetConfig(num_labels=17, **settings))
    checked(model, 96, folder)


@pytest.mark.parametrize("source, name", [("torchvision", "resnet50"), ("timm", "resnet50d"), ("timm", "seresnet18")])
def test_a_folded_export_computes_the_same(source, name, folder):
    model = timm.create_model(name) if source == "timm" else getattr(torchvision.models, name)()
    checkpoint, images = checked(model, 96, folder, *(["--input-convention", "timm"] if source == "timm" else []))
    output = folder / "folded.resect"
    command = [os.environ["RESECT"], "export", checkpoint, output, "--fold-bn", "--json"]
    proof = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["proof"]
    assert proof["largestDifference"] <= 1e-4 * proof["largestMagnitude"]
    with torch.no_grad():
        run(output, images, copy.deepcopy(model).double()(images.double()))


DIGITS = ROOT / "Samples" / "digits"


@pytest.mark.parametrize("dtype", ["f32", "bf16", "int8"])
def test_the_digits_are_read_as_well_as_by_torch(dtype, folder):
    """All three precisions recognise as many held-out digits as torch does."""
    sys.path.append(str(DIGITS))
    import train

    network = train.ResNet20(10)
    network.load_state_dict(torch.load(DIGITS / "digits-resnet20.pth"))
    files = sorted((DIGITS / "heldout").iterdir())
    images = np.stack([np.array(train.Image.open(file)) for file in files])
    labels = np.array([train.LABELS.index(file.stem.partition("-")[0]) for file in files])
    with torch.no_grad():
        right = int((network.eval()(train.network_input(images)).argmax(1).numpy() == labels).sum())
    command = [os.environ["RESECT"], "classify", DIGITS / "digits-resnet20.pth", DIGITS / "heldout", "--json", "--top", "1",
               "--preprocessing", DIGITS / "preprocessing.json", "--dtype", dtype]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [Path(image["image"]).name for image in found] == [file.name for file in files]
    assert int((np.array([image["predictions"][0]["index"] for image in found]) == labels).sum()) == right == 297


def test_features_are_those_before_the_classifier(folder):
    model = randomised(torchvision.models.resnet18(), 64)
    torch.save(model.state_dict(), folder / "network.pth")
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    model.fc = torch.nn.Identity()
    with torch.no_grad():
        run(folder / "network.pth", images, copy.deepcopy(model).double()(images.double()), "--features")

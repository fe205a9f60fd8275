"""Compares fresh heads and networks that normalise their input with torch.

usage: RESECT=PATH python3 -m pytest Tests/Peers/test_head.py

Needs torch; Debian 12's python3-torch does, and newer ones. torch scales random numbers with one rounding where the processor
has AVX2 (or more), else with two, which gives some another last bit: resect does what torch does with AVX2.

  RESECT        the executable under test
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

if "RESECT" not in os.environ:
    pytest.exit("set RESECT to the executable under test", returncode=2)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "Fixtures"))
import safetensors_file  # noqa: E402

HAS_AVX2 = "avx2" in Path("/proc/cpuinfo").read_text()


def resect(*arguments):
    """Runs the executable, which must succeed; its standard output."""
    command = [os.environ["RESECT"], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} exited with {done.returncode}: {done.stderr}"
    return done.stdout


def convolution(outputs, inputs, kernel, stride=1):
    return torch.nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class Block(torch.nn.Module):
    """A basic residual block of one width."""

    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = convolution(width, width, 3), torch.nn.BatchNorm2d(width)
        self.conv2, self.bn2 = convolution(width, width, 3), torch.nn.BatchNorm2d(width)

    def forward(self, image):
        inner = torch.relu(self.bn1(self.conv1(image)))
        return torch.relu(self.bn2(self.conv2(inner)) + image)


class Network(torch.nn.Module):
    """A ResNet of one block, as wide as a test wants its features, with the names of torchvision's."""

    def __init__(self, width, classes):
        super().__init__()
        self.conv1, self.bn1 = convolution(width, 3, 3), torch.nn.BatchNorm2d(width)
        self.layer1 = torch.nn.Sequential(Block(width))
        self.fc = torch.nn.Linear(width, classes)

    def stem(self, image):
        return self.bn1(self.conv1(image))

    def forward(self, image):
        return self.fc(self.layer1(torch.relu(self.stem(image))).mean((2, 3)))


def checkpoint(folder, width=16, classes=10):
    torch.manual_seed(20240229)
    network = Network(width, classes)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    path = folder / "network.pth"
    torch.save(network.state_dict(), path)
    return network.eval(), path


def state(path):
    return {name: torch.frombuffer(bytearray(content), dtype={"F32": torch.float32, "I64": torch.int64}[dtype]).view(shape)
            for name, (dtype, shape, content) in safetensors_file.read(path).items()}


@pytest.mark.skipif(not HAS_AVX2, reason="without AVX2, torch rounds random numbers twice")
@pytest.mark.parametrize("features, classes, seed", [
    (1, 1, 0), (5, 3, 1), (16, 15, 2), (16, 16, 3), (64, 10, 0), (300, 257, 4), (512, 1000, 0), (512, 1000, 42),
    (768, 100, 2 ** 32 - 1), (2048, 33, 12345),
])
def test_a_fresh_head_is_torchs_linear_layer(features, classes, seed, tmp_path):
    _, path = checkpoint(tmp_path, width=features)
    output = tmp_path / "fresh.safetensors"
    resect("head", path, output, "--replace", classes, "--seed", seed)
    torch.manual_seed(seed)
    layer = torch.nn.Linear(features, classes)
    found = safetensors_file.read(output)
    for name, tensor in (("fc.weight", layer.weight), ("fc.bias", layer.bias)):
        same = found[name] == safetensors_file.plain(tensor.detach())
        assert same, name


def test_a_fresh_head_is_seeded_with_0_by_default_and_torch_takes_32_bits_of_a_seed(tmp_path):
    torch.manual_seed(7)
    expected = torch.nn.Linear(4, 4).weight
    torch.manual_seed(2 ** 32 + 7)
    assert torch.equal(torch.nn.Linear(4, 4).weight, expected)
    _, path = checkpoint(tmp_path)
    resect("head", path, tmp_path / "a.safetensors", "--replace", 4)
    resect("head", path, tmp_path / "b.safetensors", "--replace", 4, "--seed", 0)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_kept_classes_have_torchs_logits(tmp_path):
    network, path = checkpoint(tmp_path)
    resect("head", path, tmp_path / "kept.safetensors", "--keep", "7,0,3")
    kept = Network(16, 3).eval()
    kept.load_state_dict(state(tmp_path / "kept.safetensors"))
    image = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(kept(image), network(image)[:, [7, 0, 3]], rtol=0, atol=1e-6)
    assert torch.equal(kept.fc.weight, network.fc.weight[[7, 0, 3]])


def test_folded_normalisation_computes_what_the_preprocessing_did_with_the_reported_padding(tmp_path):
    """In float64, the border padded with the pixels that the report says are exact."""
    network, path = checkpoint(tmp_path)
    for name, channels, scale, mean, std in [
        ("torchvision", [0, 1, 2], 1 / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ("keras-caffe", [2, 1, 0], 1, [103.939, 116.779, 123.68], [1, 1, 1]),
    ]:
        output = tmp_path / f"{name}.safetensors"
        report = json.loads(resect("normalize", path, output, "--fold", "--preprocessing", name, "--json"))
        padding = torch.tensor(report["surgeries"][0]["report"]["exactPadding"], dtype=torch.float64)
        folded = Network(16, 10).eval()
        folded.load_state_dict(state(output))
        pixels = torch.randint(256, (2, 3, 11, 8), generator=torch.Generator().manual_seed(1)).double()
        shape = (1, 3, 1, 1)
        mean, std = (torch.tensor(values, dtype=torch.float64).view(shape) for values in (mean, std))
        image = (pixels[:, channels] * scale - mean) / std
        padded = padding.view(shape).expand(2, 3, 13, 10).clone()
        padded[:, :, 1:-1, 1:-1] = pixels
        with torch.no_grad():
            expected = network.double().stem(image)
            exact = folded.double().stem(padded)[:, :, 1:-1, 1:-1]
            plain = folded.stem(pixels)
        size = expected.abs().max()
        assert (exact - expected).abs().max() <= 2e-6 * size
        assert (plain - expected)[:, :, 1:-1, 1:-1].abs().max() <= 2e-6 * size
        assert (plain - expected).abs().max() >= 1e-3 * size  # the border


def test_a_network_that_normalises_its_input_has_the_same_tensors(tmp_path):
    _, path = checkpoint(tmp_path)
    resect("normalize", path, tmp_path / "a.safetensors", "--preprocessing", "torchvision", "--allow-different-code")
    found, expected = safetensors_file.read(tmp_path / "a.safetensors"), torch.load(path)
    assert found.keys() == expected.keys()
    assert all(found[name] == safetensors_file.plain(tensor) for name, tensor in expected.items())

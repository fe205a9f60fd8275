"""Networks of torchvision that several suites compare with: built and run by torch once for all of them.

A session's parameter groups the tests by network, whichever file they stand in, so that one network at a time is in memory
and on the disk.
"""
import copy
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Fixtures"))

ARCHITECTURES = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
                 "wide_resnet50_2", "wide_resnet101_2"]
if os.environ.get("RESECT_PEERS") == "quick":
    ARCHITECTURES = ["resnet18", "resnet50"]


def randomised(model, size):
    """The model with random scales (negative and zero ones too) and shifts, and statistics near those of its activations on
    random images, so that a wrong epsilon, stride or pooling shows in the logits."""
    import torch
    torch.manual_seed(20240301)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for module in norms:
        torch.nn.init.uniform_(module.weight, 0.2, 0.8)  # small, as training leaves them: deep networks stay well conditioned
        torch.nn.init.normal_(module.bias, 0, 0.2)
        module.momentum = 1.0
        with torch.no_grad():
            module.weight[::5] *= -1
            module.weight[8::50] = 0
    with torch.no_grad():
        model.train()(torch.randn(4, 3, size, size))
        for module in norms:
            module.running_mean += 0.3 * torch.randn_like(module.running_mean) * module.running_var.sqrt()
            module.running_var *= torch.empty_like(module.running_var).uniform_(0.5, 2)
            module.running_var[::7] *= 1e-4  # where epsilon counts; the scale keeps the activations' size
            module.weight[::7] *= 1e-2
            module.num_batches_tracked.fill_(90_000)
    return model.eval()


@pytest.fixture(scope="session", params=ARCHITECTURES)
def network(request):
    """A network: its name, torch's module, a checkpoint as torch.save writes it, images, and their logits in float64."""
    import torch
    import torchvision
    model = randomised(getattr(torchvision.models, request.param)(), 96)
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = copy.deepcopy(model).double()(images.double())
    with tempfile.TemporaryDirectory(prefix="resect-peers-") as folder:
        checkpoint = Path(folder, f"{request.param}.pth")
        torch.save(model.state_dict(), checkpoint)
        yield SimpleNamespace(name=request.param, model=model, checkpoint=checkpoint, images=images, logits=logits)

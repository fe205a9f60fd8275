"""Does with torch what resect does, as somebody would who writes a few lines of Python.

usage: with_torch.py inspect IN.pth                   torchinfo's summary of the model and one image
       with_torch.py inspect-weights IN.pth           torchinfo's summary of the model alone: the network does not run
       with_torch.py convert IN.pth OUT.safetensors   the state dict as it is
       with_torch.py export IN.pth OUT.pth            batch-norms folded, fc.bias dropped, float16

The architecture is the input's file name, as torchvision calls it.
"""
import sys
from pathlib import Path

import torch


def loaded(path):
    from torchvision import models

    network = getattr(models, Path(path).stem)()
    network.load_state_dict(torch.load(path))
    return network.eval()


def inspect(path):
    from torchinfo import summary

    summary(loaded(path), input_size=(1, 3, 224, 224), verbose=1)


def inspect_weights(path):
    from torchinfo import summary

    summary(loaded(path), verbose=1)


def convert(path, output):
    from safetensors.torch import save_file

    save_file(torch.load(path), output)


def export(path, output):
    from torch.fx.experimental.optimization import fuse

    with torch.no_grad():
        state = fuse(loaded(path)).half().state_dict()
    del state["fc.bias"]
    torch.save(state, output)


jobs = {"inspect": inspect, "inspect-weights": inspect_weights, "convert": convert, "export": export}
if len(sys.argv) < 3 or sys.argv[1] not in jobs:
    sys.exit(__doc__)
jobs[sys.argv[1]](*sys.argv[2:])

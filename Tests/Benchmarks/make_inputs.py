"""Writes the checkpoints that the benchmarks read: torchvision ResNets, saved by torch.

usage: make_inputs.py FOLDER ARCHITECTURE...

Writes FOLDER/ARCHITECTURE.pth, a state dict in torch's zip container; a file that is there already is kept. Weights are
torchvision's initial ones. Scales, shifts and statistics of the batch-norms are random: those of a new network are all
zeros and ones, and folding them would prove nothing. The seed is fixed.
"""
import sys
from pathlib import Path

SEED = 50152


def checkpoint(architecture):
    """The state dict of a network whose batch-norms have something to fold."""
    torch.manual_seed(SEED)
    network = getattr(models, architecture)()
    state = network.state_dict()
    for name, tensor in state.items():
        if name.endswith("running_var"):
            norm = name[: -len("running_var")]
            state[norm + "weight"].uniform_(0.5, 1.5)
            state[norm + "bias"].normal_(0, 0.2)
            state[norm + "running_mean"].normal_(0, 0.5)
            tensor.uniform_(0.5, 2)
            state[norm + "num_batches_tracked"].fill_(1000)
    return state


if len(sys.argv) < 3:
    sys.exit(__doc__)
folder = Path(sys.argv[1])
missing = [name for name in sys.argv[2:] if not (folder / f"{name}.pth").exists()]
if missing:
    import torch
    from torchvision import models

    folder.mkdir(parents=True, exist_ok=True)
    for name in missing:
        unfinished = folder / f"{name}.unfinished"
        torch.save(checkpoint(name), unfinished)
        unfinished.rename(folder / f"{name}.pth")

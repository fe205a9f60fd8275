"""Trains the sample checkpoint: a CIFAR-style ResNet-20 that reads scikit-learn's handwritten digits.

usage: python3 train.py              train, then write every file named below (two minutes on one core)
       python3 train.py --evaluate   load the checkpoint and measure it on heldout/

Needs Debian's python3-torch, python3-sklearn and python3-pil. The seed is fixed and one thread is used, so that one
machine with one version of torch always writes the same bytes.

Writes beside itself
  digits-resnet20.pth         state dict, written by torch.save
  labels.txt                  the name of each class, one a line
  heldout/<label>-<number>.png  the held-out digits, 32x32 pixels each: 30 of each class
  images/<label>-<index>.png  twelve of them; index: position in sklearn.datasets.load_digits()
"""
import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

HERE = Path(__file__).resolve().parent
CHECKPOINT = HERE / "digits-resnet20.pth"
HELDOUT = HERE / "heldout"
LABELS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SIZE = 32  # pixels, height and width of the network's input
MEAN, STD = 0.3054, 0.3222  # of the training pixels, scaled to 0...1
HELDOUT_PER_CLASS = 30
SAMPLE_IMAGES = 12

SEED = 20
EPOCHS = 30
BATCH = 64
LEARNING_RATE = 0.1
WEIGHT_DECAY = 5e-4


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a 1x1 projection where the shape changes (option B)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class ResNet20(nn.Module):
    """The ResNet-20 of He et al. 2015, section 4.2, for grey images: 3 stages of 3 blocks, widths 16, 32, 64."""

    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self.stage(16, 16, stride=1)
        self.layer2 = self.stage(16, 32, stride=2)
        self.layer3 = self.stage(32, 64, stride=2)
        self.fc = nn.Linear(64, classes)

    @staticmethod
    def stage(inputs, outputs, stride):
        return nn.Sequential(BasicBlock(inputs, outputs, stride), *[BasicBlock(outputs, outputs, 1) for _ in range(2)])

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def enlarged(digit):
    """An 8x8 digit with values 0...16 as a 32x32 grey image with values 0...255, white on black."""
    grey = np.rint(digit * 255 / 16).astype(np.uint8)
    return np.asarray(Image.fromarray(grey).resize((SIZE, SIZE), Image.BILINEAR))


def split(classes):
    """Indices for training, and for each class those held out: its last digits in the data set's order."""
    heldout = [np.flatnonzero(classes == label)[-HELDOUT_PER_CLASS:] for label in range(len(LABELS))]
    return np.setdiff1d(np.arange(len(classes)), np.concatenate(heldout)), heldout


def network_input(images):
    """Grey images with values 0...255, shape (n, 32, 32), as the network's input, shape (n, 1, 32, 32)."""
    return ((torch.from_numpy(images).float() / 255 - MEAN) / STD).unsqueeze(1)


def augmented(batch):
    """The batch, each image turned by up to 5 degrees, scaled by up to 5 % and moved by up to 2 pixels."""
    n = len(batch)
    angle = torch.deg2rad(torch.empty(n).uniform_(-5, 5))
    scale = torch.empty(n).uniform_(0.95, 1.05)
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    x, y = torch.empty(2, n).uniform_(-4 / SIZE, 4 / SIZE)  # the image is 2 units wide
    transforms = torch.stack([torch.stack([cosine, -sine, x], 1), torch.stack([sine, cosine, y], 1)], 1)
    grid = F.affine_grid(transforms, list(batch.shape), align_corners=False)
    return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)


def train(images, classes):
    torch.manual_seed(SEED)
    network = ResNet20(len(LABELS))
    optimizer = torch.optim.SGD(network.parameters(), LEARNING_RATE, momentum=0.9, nesterov=True,
                                weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    inputs, targets = network_input(images), torch.from_numpy(classes)
    for epoch in range(EPOCHS):
        total = 0.0
        for chosen in torch.randperm(len(inputs)).split(BATCH)[:len(images) // BATCH]:
            loss = F.cross_entropy(network(augmented(inputs[chosen])), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1:2}  loss {total * BATCH / len(images):.4f}", flush=True)
    return network


def write_images(images, heldout):
    """heldout/, and images/: one digit of each class, then of the first classes a second one."""
    HELDOUT.mkdir(exist_ok=True)
    for label, indices in enumerate(heldout):
        for number, index in enumerate(indices):
            Image.fromarray(images[index]).save(HELDOUT / f"{LABELS[label]}-{number:02}.png", optimize=True)
    (HERE / "images").mkdir(exist_ok=True)
    for number in range(SAMPLE_IMAGES):
        row, label = divmod(number, len(LABELS))
        index = heldout[label][row]
        Image.fromarray(images[index]).save(HERE / "images" / f"{LABELS[label]}-{index:04}.png", optimize=True)


@torch.no_grad()
def evaluate():
    """Prints how many of the held-out digits the saved checkpoint recognises."""
    network = ResNet20(len(LABELS))
    network.load_state_dict(torch.load(CHECKPOINT))
    files = sorted(HELDOUT.iterdir())
    found = network.eval()(network_input(np.stack([np.array(Image.open(file)) for file in files]))).argmax(1)
    right = sum(LABELS[label] == file.stem.partition("-")[0] for label, file in zip(found, files))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(f"{parameters} parameters, {right} of {len(files)} held-out digits right: {right / len(files):.2%}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--evaluate", action="store_true", help="only measure the checkpoint that is there")
    torch.set_num_threads(1)
    if not parser.parse_args().evaluate:
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.stack([enlarged(digit) for digit in digits.images])
        training, heldout = split(digits.target)
        write_images(images, heldout)
        (HERE / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
        torch.save(train(images[training], digits.target[training]).state_dict(), CHECKPOINT)
    evaluate()


if __name__ == "__main__":
    main()

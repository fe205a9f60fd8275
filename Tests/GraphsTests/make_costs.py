#!/usr/bin/env python3
"""Writes costs.json: what torchinfo 1.8.0 and fvcore 0.1.5 count for networks of torch and torchvision, and what a walk along
torch.fx's trace finds to be alive at one time.

usage: make_costs.py [FOLDER of torchinfo and fvcore]
"""
import json
import pathlib
import sys

sys.path[:0] = sys.argv[1:]
import fvcore.nn
import torch
import torch.fx
import torchinfo
import torchvision.models as models
from torch import nn


class Small(nn.Module):
    """What torchvision's ResNets do not have: groups, a bias before a batch-norm without scale and shift, a batch-norm of a vector,
    parametric ReLUs, weights for channels by a convolution along them and by two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(4, 12, (3, 5), stride=(2, 1), padding=(1, 2), groups=2, bias=True)
        self.bn1 = nn.BatchNorm2d(12, affine=False)
        self.act1 = nn.PReLU(12)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.toSequence = nn.Unflatten(1, (1, 12))
        self.eca = nn.Conv1d(1, 1, 3, padding=1, bias=True)
        self.fromSequence = nn.Flatten()
        self.fc1 = nn.Linear(12, 5)
        self.bn2 = nn.BatchNorm1d(5)
        self.act2 = nn.PReLU()
        self.fc2 = nn.Linear(5, 12, bias=False)
        self.gate = nn.Sigmoid()

    def forward(self, x):
        y = self.fromSequence(self.eca(self.toSequence(self.flatten(self.pool(self.act1(self.bn1(self.conv1(x))))))))
        return self.gate(self.fc2(self.act2(self.bn2(self.fc1(y)))))


def largest_live(model, x):
    """Bytes of the values that are alive at one time, each from where it is made until the last use."""
    traced = torch.fx.symbolic_trace(model)
    sizes, order = {}, []

    class Watch(torch.fx.Interpreter):
        def run_node(self, node):
            value = super().run_node(node)
            sizes[node] = value.numel() * 4
            order.append(node)
            return value

    Watch(traced).run(x)
    order = [node for node in order if node.op != "output"]
    most = 0
    for here, _ in enumerate(order):
        alive = [n for n in order[:here + 1] if any(u.op == "output" or order.index(u) >= here for u in n.users)]
        most = max(most, sum(sizes[n] for n in alive))
    return most


def main():
    networks = [
        ("resnet18", models.resnet18, (2, 3, 224, 224)), ("resnet18", models.resnet18, (1, 3, 97, 161)),
        ("resnet50", models.resnet50, (1, 3, 224, 224)), ("resnet152", models.resnet152, (2, 3, 224, 224)),
        ("vgg16", models.vgg16, (3, 3, 224, 224)), ("small", Small, (2, 4, 11, 9)),
    ]
    rows = []
    for name, make, size in networks:
        with torch.no_grad():
            model, x = make().eval(), torch.zeros(size)
            summary = torchinfo.summary(model, size, verbose=0)
            flops = fvcore.nn.FlopCountAnalysis(model, x).unsupported_ops_warnings(False)
            rows.append({
                "name": name, "batch": size[0], "height": size[2], "width": size[3],
                "parameters": summary.total_params, "parameterBytes": summary.total_param_bytes,
                "multiplyAdds": summary.total_mult_adds, "passBytes": summary.total_output_bytes,
                "flops": {k: int(v) for k, v in flops.by_operator().items()},
                "buffers": sum(b.numel() for b in model.buffers() if b.is_floating_point()),
                "peakActivationBytes": largest_live(model, x),
            })
            print(rows[-1])
    text = "[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n"
    pathlib.Path(__file__).with_name("costs.json").write_text(text)


if __name__ == "__main__":
    main()

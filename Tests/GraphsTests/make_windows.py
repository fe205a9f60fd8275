#!/usr/bin/env python3
"""Writes windows.json: how many windows torch finds along one direction, or that it refuses, and where TensorFlow's SAME begins.

usage: make_windows.py            the rows of torch
       make_windows.py --same     those of TensorFlow, which are added

A row is [kind, length, kernel, stride, before, after, dilation, ceil, count]; count is null where torch refuses. Of the kind
"same", `before` and `after` are what TensorFlow was found to pad.
"""
import json
import pathlib
import random
import sys

PATH = pathlib.Path(__file__).with_name("windows.json")


def torch_rows():
    import torch
    import torch.nn.functional as F

    def count(run):
        try:
            return run().shape[-1]
        except RuntimeError:
            return None

    random.seed(7)
    rows = []
    for _ in range(160):
        length, kernel = random.randint(1, 40), random.randint(1, 11)
        stride, dilation = random.randint(1, 5), random.choice([1, 1, 1, 2, 3])
        before, after = random.randint(0, 6), random.randint(0, 6)
        x, weight = torch.ones(1, 1, length), torch.ones(1, 1, kernel)
        rows.append(["convolution", length, kernel, stride, before, after, dilation, False,
                     count(lambda: F.conv1d(F.pad(x, (before, after)), weight, stride=stride, dilation=dilation))])
        # Torch's pooling pads both sides alike, by half a window at most. (max_pool1d takes windows that max_pool2d refuses.)
        pad, ceil = random.randint(0, kernel // 2), random.random() < 0.6
        rows.append(["max", length, kernel, stride, pad, pad, dilation, ceil,
                     count(lambda: F.max_pool2d(x[..., None], (kernel, 1), (stride, 1), (pad, 0), (dilation, 1), ceil).squeeze(-1))])
        rows.append(["average", length, kernel, stride, pad, pad, 1, ceil,
                     count(lambda: F.avg_pool2d(x[..., None], (kernel, 1), (stride, 1), (pad, 0), ceil).squeeze(-1))])
    return rows


def same_rows():
    import numpy as np
    import tensorflow as tf

    random.seed(8)
    rows = []
    for _ in range(80):
        length, kernel = random.randint(1, 40), random.randint(1, 11)
        stride, dilation = random.choice([(1, 1), (2, 1), (3, 1), (5, 1), (1, 2), (1, 3)])
        # Tap t of the first window sees the pixel t · dilation − before; pixels are numbered from 1, those beyond are 0.
        image = tf.constant(np.arange(1, length + 1, dtype=np.float32).reshape(1, length, 1))
        seen = {}
        for tap in range(kernel):
            weight = np.zeros((kernel, 1, 1), np.float32)
            weight[tap] = 1
            out = tf.nn.conv1d(image, weight, stride, "SAME", dilations=dilation).numpy().ravel()
            seen[tap] = [int(v) for v in out]
        count = len(seen[0])
        places = {tap * dilation + window * stride - (pixel - 1)
                  for tap, pixels in seen.items() for window, pixel in enumerate(pixels) if pixel > 0}
        if not places:  # Every tap lies beside the image: nothing tells where.
            continue
        (before,) = places
        after = max((count - 1) * stride + (kernel - 1) * dilation + 1 - length - before, 0)
        rows.append(["same", length, kernel, stride, before, after, dilation, False, count])
    return rows


def main():
    if "--same" in sys.argv:
        rows = [row for row in json.loads(PATH.read_text()) if row[0] != "same"] + same_rows()
    else:
        rows = torch_rows()
    PATH.write_text("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes Operations/operations.json: what torch computes, in double precision, for each operation of a graph.

The numbers that go in are float32; the results are those of float64. Run with Debian's torch from this folder.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(9)
cases = []


def numbers(*shape, low=-2.0, high=2.0):
    # Few digits, exact in float32.
    return ((torch.rand(*shape) * (high - low) + low) * 64).round().double() / 64


def listed(tensor):
    return {"shape": list(tensor.shape), "values": [float(value) for value in tensor.flatten()]}


def case(name, operation, inputs, expected, tensors=None, **parameters):
    """`inputs` and `expected` without the batch."""
    cases.append(
        {
            "name": name,
            "operation": operation,
            "parameters": parameters,
            "tensors": {role: listed(tensor) for role, tensor in (tensors or {}).items()},
            "inputs": [listed(tensor) for tensor in inputs],
            "expected": listed(expected),
        }
    )


def convolution(name, image, outputs, kernel, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1, bias=True):
    """`padding`: top, bottom, left, right."""
    weight = numbers(outputs, image.shape[0] // groups, *kernel)
    shift = numbers(outputs) if bias else None
    top, bottom, left, right = padding
    padded = F.pad(image[None], (left, right, top, bottom))
    made = F.conv2d(padded, weight, shift, stride, 0, dilation, groups)[0]
    tensors = {"weight": weight} | ({"bias": shift} if bias else {})
    case(name, "convolution", [image], made, tensors, stride=stride, padding=padding, dilation=dilation, groups=groups)


image = numbers(4, 7, 9)
convolution("convolution", image, 6, (3, 3), padding=(1, 1, 1, 1))
convolution("convolution of one pixel", image, 5, (1, 1), bias=False)
convolution("convolution with a stride of its own in each direction", image, 6, (3, 3), (2, 3), (1, 1, 1, 1))
convolution("convolution with another padding on each side", image, 6, (3, 3), (2, 2), (0, 1, 2, 3))
convolution("convolution with another kernel in each direction", image, 6, (1, 7), (1, 1), (0, 0, 3, 3))
convolution("dilated convolution", image, 6, (3, 3), (1, 1), (2, 2, 3, 3), (2, 3))
convolution("grouped convolution", image, 6, (3, 3), (1, 1), (1, 1, 1, 1), groups=2)
convolution("depthwise convolution", image, 4, (3, 3), (2, 2), (0, 1, 0, 1), groups=4)
convolution("depthwise convolution with two outputs a channel", image, 8, (5, 5), (1, 1), (2, 2, 2, 2), groups=4)
convolution("convolution of many channels", numbers(16, 5, 5), 32, (3, 3), (1, 1), (1, 1, 1, 1))
convolution("convolution whose border is wider than its kernel", image, 3, (2, 2), (3, 3), (4, 5, 6, 3))

vector = numbers(12)
weight, bias = numbers(7, 12), numbers(7)
case("linear", "linear", [vector], F.linear(vector, weight, bias), {"weight": weight, "bias": bias})
case("linear without a bias", "linear", [vector], F.linear(vector, weight), {"weight": weight})

scale, shift, mean, variance = numbers(4), numbers(4), numbers(4), numbers(4, low=0.02, high=3)
norm = {"weight": scale, "bias": shift, "running_mean": mean, "running_var": variance}
case("batch-norm", "batchNorm", [image], F.batch_norm(image[None], mean, variance, scale, shift, eps=1e-3)[0], norm, epsilon=1e-3)
case("batch-norm of a vector", "batchNorm", [numbers(4)], torch.zeros(0), norm, epsilon=1e-5)
cases[-1]["expected"] = listed(
    F.batch_norm(torch.tensor(cases[-1]["inputs"][0]["values"]).double()[None], mean, variance, scale, shift, eps=1e-5)[0])
case("batch-norm without scale and shift", "batchNorm", [image], F.batch_norm(image[None], mean, variance, eps=1e-5)[0],
     {"running_mean": mean, "running_var": variance}, epsilon=1e-5)
case("scale and shift", "scaleShift", [image], image * scale[:, None, None] + shift[:, None, None], {"weight": scale, "bias": shift})
case("scale of one number", "scaleShift", [image], image * scale[0], {"weight": scale[:1]})
case("shift of a vector", "scaleShift", [numbers(4)], torch.zeros(0), {"bias": shift})
cases[-1]["expected"] = listed(torch.tensor(cases[-1]["inputs"][0]["values"]).double() + shift)

wide = numbers(3, 5, 6, low=-9, high=9)
slopes = numbers(3, low=0, high=1)
for name, made, parameters in [
    ("relu", F.relu(wide), {}),
    ("relu6", F.relu6(wide), {}),
    ("leakyReLU", F.leaky_relu(wide, 0.2), {"slope": 0.2}),
    ("silu", F.silu(wide), {}),
    ("gelu", F.gelu(wide), {"tanh": False}),
    ("elu", F.elu(wide, 0.7), {"alpha": 0.7}),
    ("sigmoid", torch.sigmoid(wide), {}),
    ("tanh", torch.tanh(wide), {}),
    ("hardSigmoid", F.hardsigmoid(wide), {"slope": 1 / 6, "offset": 0.5}),
    ("hardSigmoid", torch.clamp(0.2 * wide + 0.5, 0, 1), {"slope": 0.2, "offset": 0.5}),
    ("hardSwish", F.hardswish(wide), {}),
    ("softmax", F.softmax(wide, 0), {}),
    ("logSoftmax", F.log_softmax(wide, 0), {}),
]:
    case(f"{name} of an image", name, [wide], made, **parameters)
# torch 1.13 computes the approximation by its formula.
inner = (2 / torch.pi) ** 0.5 * (wide + 0.044715 * wide**3)
case("gelu by tanh", "gelu", [wide], 0.5 * wide * (1 + torch.tanh(inner)), tanh=True)
case("prelu by channel", "prelu", [wide], F.prelu(wide[None], slopes)[0], {"weight": slopes})
case("prelu with one slope", "prelu", [wide], F.prelu(wide[None], slopes[:1])[0], {"weight": slopes[:1]})
for name, make in [("relu", F.relu), ("sigmoid", torch.sigmoid), ("silu", F.silu), ("softmax", lambda x: F.softmax(x, 0))]:
    case(f"{name} of a vector", name, [vector], make(vector))


def pooling(name, image, kernel, stride, padding, ceil=False, counts=None):
    parameters = {"kernel": kernel, "stride": stride, "padding": [padding[0], padding[0], padding[1], padding[1]], "ceil": ceil}
    if counts is None:
        case(name, "maxPool", [image], F.max_pool2d(image[None], kernel, stride, padding, ceil_mode=ceil)[0], **parameters)
    else:
        made = F.avg_pool2d(image[None], kernel, stride, padding, ceil_mode=ceil, count_include_pad=counts)[0]
        case(name, "averagePool", [image], made, countsBorder=counts, **parameters)


pooling("max-pool", image, (3, 3), (2, 2), (1, 1))
pooling("max-pool that rounds up", image, (2, 2), (2, 2), (0, 0), ceil=True)
pooling("max-pool with other numbers in each direction", image, (2, 3), (1, 2), (0, 1))
pooling("subsampling", image, (1, 1), (2, 2), (0, 0))
for counts in [False, True]:
    for ceil in [False, True]:
        name = f"mean pool{' with its border' if counts else ''}{' that rounds up' if ceil else ''}"
        pooling(name, image, (3, 3), (2, 2), (1, 1), ceil, counts)
        pooling(f"{name}, even", image, (2, 2), (3, 2), (0, 1), ceil, counts)
# Sides that differ, as TensorFlow's SAME has them: the maximum without the border, the mean of what lies within.
padded = F.pad(image, (0, 1, 0, 1), value=float("-inf"))
case("max-pool with another padding on each side", "maxPool", [image], F.max_pool2d(padded[None], 3, 2)[0],
     kernel=[3, 3], stride=[2, 2], padding=[0, 1, 0, 1], ceil=False)
total = F.avg_pool2d(F.pad(image, (0, 1, 0, 1))[None], 2, 1, divisor_override=1)[0]
count = F.avg_pool2d(F.pad(torch.ones_like(image), (0, 1, 0, 1))[None], 2, 1, divisor_override=1)[0]
case("mean pool with another padding on each side", "averagePool", [image], total / count,
     kernel=[2, 2], stride=[1, 1], padding=[0, 1, 0, 1], ceil=False, countsBorder=False)
case("dilated max-pool", "maxPool", [image], F.max_pool2d(image[None], 3, 1, 0, dilation=(2, 3))[0],
     kernel=[3, 3], stride=[1, 1], padding=[0, 0, 0, 0], ceil=False, dilation=[2, 3])

case("global mean", "globalAveragePool", [image], image.mean((1, 2)), keeps=False)
case("global mean as an image", "globalAveragePool", [image], image.mean((1, 2), True), keeps=True)
case("global maximum", "globalMaxPool", [image], image.amax((1, 2)), keeps=False)
case("global maximum as an image", "globalMaxPool", [image], image.amax((1, 2), True), keeps=True)

other, third, factors = numbers(4, 7, 9), numbers(4, 7, 9), numbers(4)
case("sum", "add", [image, other], image + other)
case("sum of three", "add", [image, other, third], image + other + third)
case("sum of one", "add", [image], image)
case("sum of vectors", "add", [vector, vector], vector + vector)
case("product", "multiply", [image, other], image * other)
case("product by channel", "multiply", [image, factors], image * factors[:, None, None])
case("product by an image of one pixel", "multiply", [image, factors[:, None, None]], image * factors[:, None, None])
case("product of vectors", "multiply", [factors, scale], factors * scale)
case("product of images of one pixel", "multiply", [factors[:, None, None], scale[:, None, None]], (factors * scale)[:, None, None])

few = numbers(3, 7, 9)
case("concatenation", "concatenate", [image, few, other], torch.cat([image, few, other]))
case("concatenation of vectors", "concatenate", [vector, factors], torch.cat([vector, factors]))
case("concatenation of whole blocks of channels", "concatenate", [numbers(16, 3, 3), numbers(32, 3, 3)], torch.zeros(0))
cases[-1]["expected"] = listed(
    torch.cat([torch.tensor(i["values"]).double().reshape(i["shape"]) for i in cases[-1]["inputs"]]))
case("flattening by channels", "flatten", [image], image.flatten(), order="channels-first")
case("flattening by pixels", "flatten", [image], image.permute(1, 2, 0).flatten(), order="channels-last")
case("flattening of one pixel", "flatten", [factors[:, None, None]], factors, order="channels-last")
case("a vector as an image", "toImage", [factors], factors[:, None, None])
case("border", "pad", [image], F.pad(image, (1, 2, 3, 4)), border=[3, 4, 1, 2, 0, 0], value=0)
case("border of a number", "pad", [image], F.pad(image, (1, 0, 0, 1), value=-1.5), border=[0, 1, 1, 0, 0, 0], value=-1.5)
case("channels of zeros", "pad", [image], F.pad(image, (0, 0, 0, 0, 2, 3)), border=[0, 0, 0, 0, 2, 3], value=0)
kernel, offset = numbers(1, 1, 5), numbers(1)
case("convolution along the channels", "channelConvolution", [vector], F.conv1d(vector[None, None], kernel, offset, padding=2)[0, 0],
     {"weight": kernel, "bias": offset})
case("convolution along the channels of one pixel", "channelConvolution", [vector[:, None, None]],
     F.conv1d(vector[None, None], kernel, padding=2)[0, 0][:, None, None], {"weight": kernel})
case("identity", "identity", [image], image)
case("constant", "constant", [], other, {"value": other})
case("constant vector", "constant", [], vector, {"value": vector})

pixels = torch.randint(0, 256, (3, 4, 5)).double()
means, deviations = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
swapped = pixels[[2, 1, 0]] / 255
made = (swapped - torch.tensor(means).double()[:, None, None]) / torch.tensor(deviations).double()[:, None, None]
case("normalisation of pixels", "normalize", [pixels], made, channels=[2, 1, 0], scale=1 / 255, mean=means, std=deviations)

path = pathlib.Path(__file__).parent / "Operations" / "operations.json"
path.parent.mkdir(exist_ok=True)
path.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in cases) + "\n]\n")
print(f"{len(cases)} operations, {path.stat().st_size} bytes")

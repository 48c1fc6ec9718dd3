"""Writes gradients.json: outputs and gradients of PyTorch (float64) for random inputs and cotangents.

    python3 spec/golden/gradients.py
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(7)
cases = []


def flat(t):
    return {"shape": list(t.shape), "data": t.detach().flatten().tolist()}


def rounded(*shape, scale=1.0):
    """Few digits, so that the file is small."""
    return (torch.randn(*shape, dtype=torch.float64) * scale).mul(1000).round().div(1000)


def case(name, f, inputs, options=None, integers=None):
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    integers = integers or {}
    y = f(**leaves, **integers)
    cotangent = rounded(*y.shape)
    (y * cotangent).sum().backward()
    cases.append(
        {
            "name": name,
            "options": options or {},
            "inputs": {k: flat(v) for k, v in leaves.items()},
            "integers": {k: flat(v) for k, v in integers.items()},
            "output": flat(y),
            "cotangent": flat(cotangent),
            "gradients": {k: flat(v.grad) for k, v in leaves.items()},
        }
    )


def conv(name, x, w, stride=1, dilation=1, group=1, pads=None):
    rank = len(x) - 2
    begin, end = pads or ([0] * rank, [0] * rank)
    f = [F.conv1d, F.conv2d, F.conv3d][rank - 1]
    # F.pad lists the last axis first.
    padding = [p for b, e in reversed(list(zip(begin, end))) for p in (b, e)]
    case(
        name,
        lambda x, w, b: f(F.pad(x, padding), w, b, stride=stride, dilation=dilation, groups=group),
        {"x": rounded(*x), "w": rounded(*w), "b": rounded(w[0])},
        {
            "kernel": w[2:],
            "strides": [stride] * rank,
            "dilations": [dilation] * rank,
            "group": group,
            "pads": begin + end,
        },
    )


conv("conv2d 3x3", [2, 2, 5, 4], [3, 2, 3, 3])
conv("conv2d 1x1", [2, 3, 3, 3], [2, 3, 1, 1])
conv("conv2d 5x5 same", [1, 2, 5, 6], [2, 2, 5, 5], pads=([2, 2], [2, 2]))
conv("conv2d stride 2", [2, 2, 6, 5], [2, 2, 3, 3], stride=2)
conv("conv2d stride 2, asymmetric same", [1, 2, 6, 6], [3, 2, 3, 3], stride=2, pads=([0, 0], [1, 1]))
conv("conv2d even kernel, asymmetric same", [1, 2, 4, 5], [2, 2, 2, 4], pads=([0, 1], [1, 2]))
conv("conv2d dilation 2", [1, 2, 6, 7], [2, 2, 3, 3], dilation=2, pads=([2, 2], [2, 2]))
conv("conv2d 2 groups", [2, 4, 4, 4], [6, 2, 3, 3], group=2, pads=([1, 1], [1, 1]))
conv("conv2d depthwise, stride 2", [2, 3, 5, 5], [3, 1, 3, 3], group=3, stride=2, pads=([1, 1], [1, 1]))
conv("conv2d many channels", [2, 5, 2, 3], [6, 5, 3, 3], pads=([1, 1], [1, 1]))
conv("conv1d", [2, 2, 7], [3, 2, 3], stride=2, pads=([1], [1]))
conv("conv1d causal, dilation 2", [1, 2, 6], [2, 2, 3], dilation=2, pads=([4], [0]))
conv("conv3d", [1, 2, 3, 4, 3], [2, 2, 2, 3, 2], pads=([1, 0, 0], [0, 1, 1]))


def conv_transpose(name, x, w, stride, padding, output_padding, dilation=1, group=1):
    case(
        name,
        lambda x, w: F.conv_transpose2d(
            x, w, None, stride, padding, output_padding, groups=group, dilation=dilation
        ),
        {"x": rounded(*x), "w": rounded(*w)},
        {
            "kernel": w[2:],
            "strides": [stride] * 2,
            "dilations": [dilation] * 2,
            "group": group,
            "pads": [padding] * 4,
            "outputPadding": [output_padding] * 2,
        },
    )


conv_transpose("conv_transpose2d", [2, 3, 3, 2], [3, 2, 2, 2], 2, 0, 0)
conv_transpose("conv_transpose2d stride 2, output padding", [1, 2, 3, 3], [2, 2, 3, 3], 2, 1, 1)
conv_transpose("conv_transpose2d 2 groups, dilation", [1, 4, 3, 3], [4, 1, 2, 3], 1, 1, 0, dilation=2, group=2)


def pool(name, f, x, kernel, stride, padding=0):
    n = len(kernel)
    case(
        name,
        lambda x: f(x, kernel, stride, padding),
        {"x": rounded(*x)},
        {"kernel": kernel, "strides": stride, "dilations": [1] * n, "pads": [padding] * (2 * n)},
    )


def average(x, kernel, stride, padding):
    return F.avg_pool2d(x, kernel, stride, padding, count_include_pad=False)


pool("max_pool2d", F.max_pool2d, [2, 2, 4, 6], [2, 2], [2, 2])
pool("max_pool2d overlapping", F.max_pool2d, [2, 2, 5, 5], [3, 3], [2, 2], 1)
pool("max_pool1d", F.max_pool1d, [2, 2, 6], [3], [1])
pool("avg_pool2d", average, [2, 2, 4, 4], [2, 2], [2, 2])
pool("avg_pool2d padded, overlapping", average, [2, 2, 5, 4], [3, 3], [2, 1], 1)

case("softmax", lambda x: F.softmax(x, 1), {"x": rounded(3, 4, 2)}, {"axis": 1})
case("log_softmax", lambda x: F.log_softmax(x, -1), {"x": rounded(3, 5)}, {"axis": -1})
case(
    "cross_entropy",
    lambda x, classes: F.cross_entropy(x, classes, reduction="none"),
    {"x": rounded(4, 5)},
    integers={"classes": torch.tensor([0, 3, 3, 4])},
)
case(
    "layer_norm",
    lambda x, g, b: F.layer_norm(x, [4], g, b, eps=1e-3),
    {"x": rounded(2, 3, 4), "g": rounded(4), "b": rounded(4)},
)
case(
    "batch_norm training",
    lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True, eps=1e-3),
    {"x": rounded(4, 3, 2, 2), "g": rounded(3), "b": rounded(3)},
)
case(
    "attention",
    lambda q, k, v: F.softmax(q @ k.transpose(-1, -2) / 2, -1) @ v,
    {"q": rounded(2, 2, 3, 4), "k": rounded(2, 2, 5, 4), "v": rounded(2, 2, 5, 3)},
)
case("matmul broadcast", torch.matmul, {"input": rounded(2, 1, 2, 3), "other": rounded(3, 3, 2)})
case("matmul sequence", torch.matmul, {"input": rounded(2, 3, 4), "other": rounded(4, 2)})
case(
    "embedding",
    lambda w, tokens: F.embedding(tokens, w),
    {"w": rounded(5, 3)},
    integers={"tokens": torch.tensor([[0, 2, 2], [4, 2, 0]])},
)
case(
    "gather",
    lambda x, index: torch.gather(x, 1, index),
    {"x": rounded(3, 4)},
    integers={"index": torch.tensor([[0, 0, 3, 1, 0], [2, 2, 2, 2, 1], [3, 1, 0, 0, 3]])},
)
case("slices", lambda x: x[1:, ::2, -3:-1], {"x": rounded(3, 5, 4)})
case("gelu", lambda x: F.gelu(x), {"x": rounded(3, 4, scale=2.0)})
case("max with equals", lambda x: torch.maximum(x, torch.zeros(()).double()), {"x": torch.tensor([-1.0, 0.0, 2.0]).double()})
case("amax with equals", lambda x: torch.amax(x, 1), {"x": torch.tensor([[1.0, 2.0, 2.0], [3.0, 0.0, 3.0]]).double()})

conv("conv2d one channel, kernel larger than the image", [2, 1, 1, 2], [1, 1, 3, 3], pads=([1, 1], [1, 1]))
conv("conv3d one cell", [1, 1, 1, 1, 1], [1, 1, 2, 1, 2], pads=([1, 0, 0], [0, 0, 1]))

path = pathlib.Path(__file__).with_name("gradients.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")

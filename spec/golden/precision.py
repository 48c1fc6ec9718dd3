"""Training steps in mixed precision, in PyTorch: writes precision.json beside this file.

    python3 precision.py

16-bit arithmetic is spelled out in float32: where a kernel for 16 bits would round, `R` rounds, forward and backward.
That is what a kernel with 16-bit operands and a 32-bit accumulator computes.
"""

import json
import pathlib

import torch

torch.manual_seed(4)
torch.set_num_threads(1)


def rounding(dtype):
    class R(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.to(dtype).to(torch.float32)

        @staticmethod
        def backward(ctx, dy):
            return dy.to(dtype).to(torch.float32)

    return R.apply


def dense(r, x, w, name):
    return r(r(x) @ r(w[f"{name}.kernel"]) + r(w[f"{name}.bias"]))


def plain(r, x, w):
    h = torch.relu(dense(r, x, w, "dense"))
    h = torch.relu(dense(r, h, w, "dense_1"))
    return dense(r, h, w, "dense_2")


def normalised(r, x, w):
    h = torch.relu(dense(r, x, w, "dense"))
    # The cotangent is rounded where the float32 island begins.
    h = torch.nn.functional.layer_norm(r(h), [8], w["layer_normalization.gamma"], w["layer_normalization.beta"], 1e-3)
    return dense(r, h, w, "dense_1")


def convolved(r, x, w):
    y = torch.nn.functional.conv2d(r(x), r(w["conv2d.kernel"]), r(w["conv2d.bias"]))
    h = torch.relu(r(y)).flatten(1)
    return dense(r, h, w, "dense")


def normal(*shape):
    return torch.randn(*shape)


CASES = {
    "plain": (
        plain,
        [12, 6],
        {
            "dense.kernel": normal(6, 16) * 0.5,
            "dense.bias": normal(16) * 0.1,
            "dense_1.kernel": normal(16, 8) * 0.4,
            "dense_1.bias": normal(8) * 0.1,
            "dense_2.kernel": normal(8, 3) * 0.5,
            "dense_2.bias": normal(3) * 0.1,
        },
    ),
    "normalised": (
        normalised,
        [10, 5],
        {
            "dense.kernel": normal(5, 8) * 0.5,
            "dense.bias": normal(8) * 0.1,
            "layer_normalization.gamma": 1 + normal(8) * 0.1,
            "layer_normalization.beta": normal(8) * 0.1,
            "dense_1.kernel": normal(8, 3) * 0.5,
            "dense_1.bias": normal(3) * 0.1,
        },
    ),
    "convolved": (
        convolved,
        [6, 2, 5, 5],
        {
            "conv2d.kernel": normal(3, 2, 3, 3) * 0.3,
            "conv2d.bias": normal(3) * 0.1,
            "dense.kernel": normal(27, 3) * 0.3,
            "dense.bias": normal(3) * 0.1,
        },
    ),
}

HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


def train(model, r, x, target, start, scale, rate, steps):
    w = {name: v.clone().requires_grad_() for name, v in start.items()}
    losses = []
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(model(r, x, w), target)
        grads = torch.autograd.grad(loss * scale, list(w.values()))
        with torch.no_grad():
            for v, g in zip(w.values(), grads):
                v -= rate * (g / scale)
        losses.append(loss.item())
    return losses, w


def flat(t):
    return t.detach().flatten().tolist()


def array(t):
    return {"shape": list(t.shape), "data": flat(t)}


out = []
for name, (model, shape, start) in CASES.items():
    x = normal(*shape) * 2
    target = torch.arange(shape[0]) % 3
    runs = {}
    for half, dtype in HALVES.items():
        # cuDNN's bfloat16 convolution has no kernel in onnxruntime at opset 18: it stays float32.
        if name == "convolved" and half == "bfloat16":
            continue
        losses, w = train(model, rounding(dtype), x, target, start, 1024.0, 0.1, 3)
        runs[half] = {"losses": losses, "weights": {k: flat(v) for k, v in w.items()}}
    out.append(
        {
            "name": name,
            "x": array(x),
            "target": target.tolist(),
            "weights": {k: array(v) for k, v in start.items()},
            "rate": 0.1,
            "scale": 1024,
            "runs": runs,
        }
    )

text = json.dumps({"source": f"PyTorch {torch.__version__}", "cases": out}, separators=(",", ":"))
pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")

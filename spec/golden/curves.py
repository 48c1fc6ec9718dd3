"""Loss curves of two small models, trained by PyTorch in float64: writes curves.json beside this file.

    python3 curves.py

The same initial weights on the same data in the same order, 50 steps. Layers, losses and backward passes are PyTorch's.
By hand, because PyTorch has them otherwise: Keras's Adam (epsilon before the bias is corrected) and the running
statistics of batch normalisation (biased variance, momentum 0.99). The momentum of SGD is PyTorch's own optimizer: its
buffer leaves the rate out and Keras's does not, which is the same as long as the rate is constant.

Weights are named and laid out as grad-ts has them: dense kernels [in, out], convolution kernels [out, in, height, width].
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

STEPS = 50
DIGITS = 4


def numbers(generator, *shape, scale=1.0):
    """Normal numbers of few digits: exact in the file, and nearly so in float32."""
    drawn = torch.randn(*shape, generator=generator, dtype=torch.float64) * scale
    return torch.round(drawn * 10**DIGITS) / 10**DIGITS


def tensor(t, digits=DIGITS):
    return {"shape": list(t.shape), "data": [round(v, digits) for v in t.detach().flatten().tolist()]}


def batches(x, y, size):
    """Consecutive batches, epoch after epoch; the last one of an epoch is smaller where sizes do not divide."""
    while True:
        for at in range(0, len(x), size):
            yield x[at : at + size], y[at : at + size]


def train(weights, forward, optimize, x, y, batch_size):
    stream = batches(x, y, batch_size)
    losses = []
    for step in range(1, STEPS + 1):
        xs, ys = next(stream)
        loss = F.cross_entropy(forward(xs), ys)
        losses.append(loss.item())
        for w in weights.values():
            w.grad = None
        loss.backward()
        optimize(step)
    return losses


def keras_adam(parameters, rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]

    @torch.no_grad()
    def optimize(step):
        alpha = rate * math.sqrt(1 - beta2**step) / (1 - beta1**step)
        for p, (m, v) in zip(parameters, moments):
            m += (p.grad - m) * (1 - beta1)
            v += (p.grad**2 - v) * (1 - beta2)
            p -= alpha * m / (torch.sqrt(v) + epsilon)

    return optimize


def case(batch_size, x, y, initial, losses, final):
    return {
        "batch_size": batch_size,
        "x": tensor(x),
        "y": y.tolist(),
        "initial_weights": initial,
        "losses": losses,
        "final_weights": {name: tensor(t, 10) for name, t in final.items()},
    }


def mlp():
    """6 - 16 tanh - 8 relu - 3 softmax, Adam. The last batch of an epoch is smaller."""
    g = torch.Generator().manual_seed(11)
    x, y = numbers(g, 76, 6), torch.randint(0, 3, (76,), generator=g)
    shapes = [(6, 16), (16, 8), (8, 3)]
    weights = {}
    for i, (a, b) in enumerate(shapes):
        name = "dense" if i == 0 else f"dense_{i}"
        weights[f"{name}.kernel"] = numbers(g, a, b, scale=1 / math.sqrt(a))
        weights[f"{name}.bias"] = numbers(g, b, scale=0.1)
    initial = {name: tensor(w) for name, w in weights.items()}
    for w in weights.values():
        w.requires_grad_(True)

    def forward(xs):
        h = torch.tanh(F.linear(xs, weights["dense.kernel"].T, weights["dense.bias"]))
        h = F.relu(F.linear(h, weights["dense_1.kernel"].T, weights["dense_1.bias"]))
        return F.linear(h, weights["dense_2.kernel"].T, weights["dense_2.bias"])

    losses = train(weights, forward, keras_adam(list(weights.values()), 0.01), x, y, 16)
    return case(16, x, y, initial, losses, weights)


def cnn():
    """2x8x8 - conv 4, 3x3 same, no bias - batch norm - relu - max pool 2 - conv 6, 3x3, strides 2 - relu - 3 softmax."""
    g = torch.Generator().manual_seed(12)
    x, y = numbers(g, 40, 2, 8, 8), torch.randint(0, 3, (40,), generator=g)
    bn = "batch_normalization"
    weights = {
        "conv2d.kernel": numbers(g, 4, 2, 3, 3, scale=0.3),
        f"{bn}.gamma": 1 + numbers(g, 4, scale=0.1),
        f"{bn}.beta": numbers(g, 4, scale=0.1),
        "conv2d_1.kernel": numbers(g, 6, 4, 3, 3, scale=0.2),
        "conv2d_1.bias": numbers(g, 6, scale=0.1),
        "dense.kernel": numbers(g, 6, 3, scale=0.4),
        "dense.bias": numbers(g, 3, scale=0.1),
    }
    running = {f"{bn}.moving_mean": torch.zeros(4).double(), f"{bn}.moving_variance": torch.ones(4).double()}
    initial = {name: tensor(w) for name, w in {**weights, **running}.items()}
    for w in weights.values():
        w.requires_grad_(True)

    def forward(xs):
        h = F.conv2d(xs, weights["conv2d.kernel"], padding=1)
        with torch.no_grad():
            for name, now in zip(running, (h.mean((0, 2, 3)), h.var((0, 2, 3), unbiased=False))):
                running[name].mul_(0.99).add_(0.01 * now)
        h = F.batch_norm(h, None, None, weights[f"{bn}.gamma"], weights[f"{bn}.beta"], training=True, eps=1e-3)
        h = F.max_pool2d(F.relu(h), 2)
        h = F.relu(F.conv2d(h, weights["conv2d_1.kernel"], weights["conv2d_1.bias"], stride=2))
        return F.linear(h.flatten(1), weights["dense.kernel"].T, weights["dense.bias"])

    sgd = torch.optim.SGD(list(weights.values()), lr=0.05, momentum=0.9)
    losses = train(weights, forward, lambda _: sgd.step(), x, y, 8)
    return case(8, x, y, initial, losses, {**weights, **running})


def main():
    origin = f"spec/golden/curves.py, PyTorch {torch.__version__}, float64"
    result = {"origin": origin, "mlp": mlp(), "cnn": cnn()}
    path = Path(__file__).with_name("curves.json")
    path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    for name in ("mlp", "cnn"):
        losses = result[name]["losses"]
        print(name, [round(v, 4) for v in losses[:: len(losses) // 5]])
    print(path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

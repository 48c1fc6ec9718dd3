"""Outputs and gradients of convolutional recurrent layers by PyTorch in float64, as convlstm.json.

The cell is written out by Keras's formulas and gate order; kernels are [4 filters, in, ...kernel]. `same` is Keras's rule: the
odd cell of padding at the end. Usage: python3 convlstm.py > convlstm.json
"""
import json
import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(20250311)
cases = []


def draw(*shape):
    return (torch.rand(shape, generator=generator) * 2 - 1) * 0.8


def flat(t):
    return {"shape": list(t.shape), "data": [round(v, 12) for v in t.detach().reshape(-1).tolist()]}


def case(name, inputs, weights, f, mask=None):
    leaves = [t.clone().requires_grad_() for t in inputs + weights]
    y = f(leaves[: len(inputs)], leaves[len(inputs):])
    cotangent = draw(*y.shape)
    grads = torch.autograd.grad(y, leaves, cotangent)
    cases.append({
        "name": name,
        "inputs": [flat(t) for t in inputs],
        "mask": None if mask is None else mask.int().tolist(),
        "weights": [flat(t) for t in weights],
        "output": flat(y),
        "cotangent": flat(cotangent),
        "gradients": [flat(g) for g in grads],
    })


def conv(x, w, b=None, strides=1, dilation=1, same=False):
    rank = w.dim() - 2
    if same:
        sides = []
        for n, k in zip(reversed(x.shape[2:]), reversed(w.shape[2:])):
            total = max((math.ceil(n / strides) - 1) * strides + dilation * (k - 1) + 1 - n, 0)
            sides += [total // 2, total - total // 2]
        x = F.pad(x, sides)
    return [F.conv1d, F.conv2d, F.conv3d][rank - 1](x, w, b, stride=strides, dilation=dilation)


def run(x, w, states=None, sequences=False, backwards=False, mask=None, act=torch.tanh, gate=torch.sigmoid, **window):
    bias = w[2] if len(w) > 2 else None
    s = states
    outs = []
    order = range(x.shape[1] - 1, -1, -1) if backwards else range(x.shape[1])
    for t in order:
        z = conv(x[:, t], w[0], bias, **window)
        if s is None:
            s = [torch.zeros_like(z[:, : z.shape[1] // 4])] * 2
        shown = outs[-1] if outs else torch.zeros_like(s[0])
        i, f, g, o = (z + conv(s[0], w[1], same=True)).chunk(4, 1)
        c = gate(f) * s[1] + gate(i) * act(g)
        new = [gate(o) * act(c), c]
        if mask is None:
            s, out = new, new[0]
        else:
            m = mask[:, t].reshape(-1, *[1] * (z.dim() - 1))
            s, out = [torch.where(m, a, b) for a, b in zip(new, s)], torch.where(m, new[0], shown)
        outs.append(out)
    return (torch.stack(outs, 1) if sequences else outs[-1]), s


def weights(channels, filters, *kernel, bias=True):
    return [draw(4 * filters, channels, *kernel), draw(4 * filters, filters, *kernel)] + ([draw(4 * filters)] if bias else [])


mask = torch.tensor([[True, False, True], [False, True, False]])

case("1d valid", [draw(2, 3, 2, 6)], weights(2, 3, 3), lambda x, w: run(x[0], w)[0])
case("1d same strides 2, sequences backwards", [draw(2, 3, 3, 5)], weights(3, 2, 2),
     lambda x, w: run(x[0], w, sequences=True, backwards=True, strides=2, same=True)[0])
case("1d dilation 2, no bias, hard gates", [draw(1, 4, 1, 7)], weights(1, 2, 3, bias=False),
     lambda x, w: run(x[0], w, dilation=2, gate=lambda v: (v / 6 + 0.5).clamp(0, 1))[0])
case("2d same sequences", [draw(2, 3, 2, 3, 4)], weights(2, 2, 3, 2), lambda x, w: run(x[0], w, sequences=True, same=True)[0])
case("2d valid masked", [draw(2, 3, 1, 4, 3)], weights(1, 2, 2, 2), lambda x, w: run(x[0], w, sequences=True, mask=mask)[0], mask)
case("2d strides 2, one step", [draw(3, 1, 2, 5, 4)], weights(2, 1, 2, 3), lambda x, w: run(x[0], w, strides=2)[0])
case("2d with states", [draw(2, 2, 2, 3, 3), draw(2, 2, 2, 2), draw(2, 2, 2, 2)], weights(2, 2, 2, 2),
     lambda x, w: torch.cat([*(lambda o, s: (o, s[0], s[1]))(*run(x[0], w, x[1:]))], 1))
case("2d stacked", [draw(1, 3, 1, 3, 3)], weights(1, 2, 2, 2) + weights(2, 1, 3, 3),
     lambda x, w: run(run(x[0], w[:3], sequences=True, same=True)[0], w[3:], same=True)[0])
case("3d valid", [draw(2, 2, 2, 2, 3, 3)], weights(2, 2, 2, 2, 2), lambda x, w: run(x[0], w)[0])
case("3d same sequences", [draw(1, 3, 1, 2, 2, 3)], weights(1, 2, 1, 2, 3), lambda x, w: run(x[0], w, sequences=True, same=True)[0])
case("3d strides 2 backwards", [draw(2, 2, 1, 3, 3, 3)], weights(1, 1, 2, 2, 2), lambda x, w: run(x[0], w, strides=2, backwards=True)[0])

json.dump(cases, sys.stdout, separators=(",", ":"))
print()

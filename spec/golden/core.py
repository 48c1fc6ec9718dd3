"""Outputs and gradients of activations, normalisation, embeddings and products by PyTorch in float64, as core.json.

Where PyTorch has the layer its own is used, else the formula of Keras's documentation. Usage: python3 core.py > core.json
"""
import json
import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(20240611)
cases = []


def draw(*shape, scale=0.8):
    return (torch.rand(shape, generator=generator) * 2 - 1) * scale


def flat(t):
    return {"shape": list(t.shape), "data": [round(float(v), 12) for v in t.detach().reshape(-1).tolist()]}


def case(name, inputs, weights, f, integer=False, mode=None, updates=None):
    """f(inputs, weights) -> tensor; gradients of float inputs, then of weights.

    mode: the only one in which these are the numbers; updates(inputs, weights): new values of running statistics by role.
    """
    inputs = [t.clone() if integer else t.clone().requires_grad_() for t in inputs]
    weights = [t.clone().requires_grad_() for t in weights]
    y = f(inputs, weights)
    cotangent = draw(*y.shape)
    leaves = ([] if integer else inputs) + weights
    grads = torch.autograd.grad(y, leaves, cotangent)
    cases.append({
        "name": name,
        "integer": integer,
        "inputs": [flat(t) for t in inputs],
        "weights": [flat(t) for t in weights],
        "output": flat(y),
        "cotangent": flat(cotangent),
        "gradients": [flat(g) for g in grads],
        **({} if mode is None else {"mode": mode}),
        **({} if updates is None else {"updates": {k: flat(v) for k, v in updates(inputs, weights).items()}}),
    })


# ---- activations ----------------------------------------------------------------------------------------------------

def relu_all(x, max_value, slope, threshold):
    y = torch.where(x > threshold, x, slope * (x - threshold))
    return torch.where((x > threshold) & (x > max_value), torch.full_like(x, max_value), y)


def sparsemax(x, axis):
    s, _ = torch.sort(x, dim=axis, descending=True)
    shape = [1] * x.dim()
    shape[axis] = -1
    k = torch.arange(1, x.shape[axis] + 1).reshape(shape)
    support = (1 + k * s > s.cumsum(axis)).sum(axis, keepdim=True)
    tau = (torch.gather(s.cumsum(axis), axis, support - 1) - 1) / support
    return torch.relu(x - tau)


def softmax_over(x, axes):
    e = torch.exp(x - x.amax(axes, keepdim=True))
    return e / e.sum(axes, keepdim=True)


activations = {
    "linear": lambda x: x * 1,
    "relu": F.relu,
    "relu6": F.relu6,
    "leakyRelu": lambda x: F.leaky_relu(x, 0.3),
    "elu": F.elu,
    "selu": F.selu,
    "celu": F.celu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "sigmoid": torch.sigmoid,
    "logSigmoid": F.logsigmoid,
    "hardSigmoid": F.hardsigmoid,
    "sparseSigmoid": lambda x: torch.clamp((x + 1) / 2, 0, 1),
    "hardSwish": F.hardswish,
    "tanh": torch.tanh,
    "hardTanh": F.hardtanh,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "squareplus": lambda x: (x + torch.sqrt(x * x + 4)) / 2,
    "sparsePlus": lambda x: torch.where(x <= -1, torch.zeros_like(x), torch.where(x < 1, (x + 1) ** 2 / 4, x)),
    "exponential": torch.exp,
    "softShrink": F.softshrink,
    "hardShrink": F.hardshrink,
    "tanhShrink": F.tanhshrink,
}
shapes = [(3, 7), (1, 5, 2), (2, 2, 3, 1)]
for name, f in activations.items():
    for i, shape in enumerate(shapes):
        case(f"{name} {i}", [draw(*shape, scale=[3, 8, 1.5][i])], [], lambda a, w, f=f: f(a[0]))
for i, (m, s, t) in enumerate([(2.0, 0.0, 0.0), (1.5, 0.25, 0.0), (2.5, 0.1, 0.5), (math.inf, 0.3, -0.5)]):
    case(f"relu all {i}", [draw(4, 9, scale=4)], [], lambda a, w: relu_all(a[0], m, s, t))
case("leakyRelu 0.1", [draw(3, 5, scale=2)], [], lambda a, w: F.leaky_relu(a[0], 0.1))
case("elu 0.5", [draw(3, 5, scale=2)], [], lambda a, w: F.elu(a[0], 0.5))
case("celu alpha 2", [draw(3, 5, scale=4)], [], lambda a, w: F.celu(a[0], 2.0))
case("celu 0.3 far", [draw(3, 5, scale=200)], [], lambda a, w: F.celu(a[0], 0.3))
case("gelu tanh", [draw(3, 5, scale=3)], [], lambda a, w: F.gelu(a[0], approximate="tanh"))
case("squareplus 0.5", [draw(3, 5, scale=2)], [], lambda a, w: (a[0] + torch.sqrt(a[0] ** 2 + 0.5)) / 2)
case("softShrink wide", [draw(3, 5, scale=3)], [], lambda a, w: F.softshrink(a[0], 1.0))
case("hardShrink wide", [draw(3, 5, scale=3)], [], lambda a, w: F.hardshrink(a[0], 1.0))
case("threshold", [draw(3, 5, scale=3)], [], lambda a, w: F.threshold(a[0], 0.4, -2.0))
case("mish far", [draw(3, 5, scale=60)], [], lambda a, w: F.mish(a[0]))
for name, f in (("softmax", torch.softmax), ("logSoftmax", torch.log_softmax), ("sparsemax", sparsemax)):
    case(f"{name} last", [draw(3, 5, scale=2)], [], lambda a, w, f=f: f(a[0], -1))
    case(f"{name} channels", [draw(2, 4, 3, 2, scale=2)], [], lambda a, w, f=f: f(a[0], 1))
    case(f"{name} axis 2", [draw(2, 3, 4, 5, scale=2)], [], lambda a, w, f=f: f(a[0], 2))
case("softmax two axes", [draw(2, 3, 4, scale=2)], [], lambda a, w: softmax_over(a[0], (1, 2)))
case("logSoftmax two axes", [draw(2, 3, 4, 2, scale=2)], [], lambda a, w: torch.log(softmax_over(a[0], (1, 3))))
case("prelu", [draw(3, 4)], [draw(4)], lambda a, w: torch.where(a[0] > 0, a[0], w[0] * a[0]))
case("prelu image", [draw(2, 3, 2, 4)], [draw(3, 1, 1)], lambda a, w: F.prelu(a[0], w[0].reshape(3)))
case("prelu shared 1", [draw(2, 3, 5)], [draw(1, 5)], lambda a, w: torch.where(a[0] > 0, a[0], w[0] * a[0]))
case("glu", [draw(3, 6)], [], lambda a, w: F.glu(a[0], -1))
case("glu 1", [draw(2, 4, 3)], [], lambda a, w: F.glu(a[0], 1))
case("glu image", [draw(2, 2, 3, 5)], [], lambda a, w: F.glu(a[0], 1))
case("dense gelu", [draw(3, 4)], [draw(4, 5), draw(5)], lambda a, w: F.gelu(a[0] @ w[0] + w[1]))
case("dense leakyRelu 0.1", [draw(2, 3, 4)], [draw(4, 2), draw(2)], lambda a, w: F.leaky_relu(a[0] @ w[0] + w[1], 0.1))
case("conv mish", [draw(2, 2, 5, 4)], [draw(3, 2, 2, 3), draw(3)], lambda a, w: F.mish(F.conv2d(a[0], w[0], w[1])))

# ---- products -------------------------------------------------------------------------------------------------------

case("einsum dense", [draw(2, 3, 4)], [draw(4, 5), draw(5)], lambda a, w: torch.einsum("abc,cd->abd", *a, w[0]) + w[1])
case("einsum heads", [draw(2, 3, 4)], [draw(4, 2, 3), draw(2, 3)], lambda a, w: torch.einsum("abc,cde->abde", *a, w[0]) + w[1])
case("einsum merge", [draw(2, 3, 2, 4)], [draw(2, 4, 5)], lambda a, w: torch.einsum("abcd,cde->abe", *a, w[0]))
case("einsum each", [draw(2, 3, 4)], [draw(3, 4, 5), draw(3, 1)], lambda a, w: torch.einsum("abc,bcd->abd", *a, w[0]) + w[1])
case("einsum ellipsis", [draw(2, 3, 2, 4)], [draw(4, 3), draw(3)], lambda a, w: torch.tanh(torch.einsum("...x,xy->...y", *a, w[0]) + w[1]))
case("bilinear", [draw(3, 4), draw(3, 2)], [draw(5, 4, 2), draw(5)], lambda a, w: F.bilinear(*a, *w))
case("bilinear no bias", [draw(2, 3, 1), draw(2, 3, 4)], [draw(2, 1, 4)], lambda a, w: F.bilinear(*a, w[0]))
case("bilinear rank 4", [draw(2, 1, 2, 3), draw(2, 1, 2, 3)], [draw(1, 3, 3), draw(1)], lambda a, w: torch.tanh(F.bilinear(*a, *w)))

# ---- embedding ------------------------------------------------------------------------------------------------------

for name, ids in {
    "embedding": [[0, 3, 3], [1, 0, 4]],
    "embedding rank 1": [2, 2, 0, 1],
    "embedding rank 3": [[[0, 1], [1, 1]], [[4, 3], [0, 2]], [[2, 2], [2, 2]]],
}.items():
    case(name, [torch.tensor(ids)], [draw(5, 3)], lambda a, w: F.embedding(a[0], w[0]), integer=True)

# ---- normalisation --------------------------------------------------------------------------------------------------

def standard(x, axes, eps):
    m = x.mean(axes, keepdim=True)
    return (x - m) / torch.sqrt(((x - m) ** 2).mean(axes, keepdim=True) + eps)


def rms(x, axes, eps):
    return x / torch.sqrt((x * x).mean(axes, keepdim=True) + eps)


case("layer", [draw(3, 5)], [draw(5), draw(5)], lambda a, w: F.layer_norm(a[0], [5], *w, eps=1e-3))
case("layer no beta", [draw(2, 3, 5)], [draw(5)], lambda a, w: F.layer_norm(a[0], [5], w[0], eps=1e-5))
case("layer bare", [draw(2, 3, 5)], [], lambda a, w: F.layer_norm(a[0], [5], eps=1e-3))
case("layer image", [draw(2, 3, 2, 4)], [draw(3), draw(3)], lambda a, w: standard(a[0], 1, 1e-3) * w[0].reshape(3, 1, 1) + w[1].reshape(3, 1, 1))
case("layer two axes", [draw(2, 3, 4)], [draw(3, 4), draw(3, 4)], lambda a, w: F.layer_norm(a[0], [3, 4], *w, eps=1e-3))
case("layer axis 1", [draw(2, 3, 4)], [draw(3), draw(3)], lambda a, w: standard(a[0], 1, 1e-3) * w[0].reshape(3, 1) + w[1].reshape(3, 1))
case("group", [draw(2, 4, 3, 2)], [draw(4), draw(4)], lambda a, w: F.group_norm(a[0], 2, *w, eps=1e-3))
case("group last", [draw(2, 5, 6)], [draw(6), draw(6)], lambda a, w: F.group_norm(a[0].transpose(1, 2), 3, *w, eps=1e-3).transpose(1, 2))
case("group one, bare", [draw(3, 4)], [], lambda a, w: F.group_norm(a[0], 1, eps=1e-5))
case("group volume", [draw(2, 4, 2, 1, 3)], [draw(4)], lambda a, w: F.group_norm(a[0], 4, torch.ones(4), w[0], eps=1e-3))
case("instance", [draw(2, 3, 4, 2)], [draw(3), draw(3)], lambda a, w: F.instance_norm(a[0], weight=w[0], bias=w[1], eps=1e-3))
case("instance 1d", [draw(2, 3, 5)], [], lambda a, w: F.instance_norm(a[0], eps=1e-5))
case("instance last", [draw(2, 5, 3)], [draw(3), draw(3)], lambda a, w: F.instance_norm(a[0].transpose(1, 2), weight=w[0], bias=w[1], eps=1e-3).transpose(1, 2))
case("rms", [draw(3, 5)], [draw(5)], lambda a, w: rms(a[0], -1, 1e-6) * w[0])
case("rms image", [draw(2, 3, 2, 4)], [draw(3)], lambda a, w: rms(a[0], 1, 1e-3) * w[0].reshape(3, 1, 1))
case("rms two axes", [draw(2, 3, 4)], [draw(3, 4)], lambda a, w: rms(a[0], (1, 2), 1e-6) * w[0])
case("unit", [draw(3, 5)], [], lambda a, w: F.normalize(a[0], dim=-1))
case("unit 1", [draw(2, 3, 4)], [], lambda a, w: F.normalize(a[0], dim=1))
case("unit two axes", [draw(2, 3, 4)], [], lambda a, w: a[0] / torch.sqrt((a[0] ** 2).sum((1, 2), keepdim=True)))


def weight_norm(v, g, axis):
    axes = [i for i in range(v.dim()) if i != axis]
    shape = [-1 if i == axis else 1 for i in range(v.dim())]
    return v * g.reshape(shape) / torch.sqrt((v * v).sum(axes, keepdim=True))


case("weight einsum", [draw(2, 3, 4)], [draw(4, 2, 3), draw(3)], lambda a, w: torch.einsum("abc,cde->abde", *a, weight_norm(w[0], w[1], 2)))
case("weight conv1d", [draw(2, 3, 5)], [draw(2, 3, 2), draw(2), draw(2)], lambda a, w: F.conv1d(a[0], weight_norm(w[0], w[1], 0), w[2]))
case("weight transposed", [draw(2, 3, 2, 3)], [draw(3, 2, 2, 2), draw(3), draw(2)], lambda a, w: F.conv_transpose2d(a[0], weight_norm(w[0], w[1], 0), w[2]))
case("weight depthwise", [draw(2, 3, 4, 3)], [draw(6, 1, 2, 2), draw(6), draw(6)], lambda a, w: F.conv2d(a[0], weight_norm(w[0], w[1], 0), w[2], groups=3))


def spectral(kernel, u, steps, matrix):
    """Keras's: the gradient is that of the layer in the new kernel, and none is that of u."""
    w = matrix(kernel.detach())
    u = u.detach()
    for _ in range(steps):
        v = u @ w.T
        v = v / v.norm()
        u = v @ w
        u = u / u.norm()
    return kernel + kernel.detach() / (v @ w @ u.T).item() - kernel.detach()


case("spectral dense", [draw(2, 4)], [draw(4, 3), draw(3), draw(1, 3)], lambda a, w: a[0] @ spectral(w[0], w[2], 2, lambda k: k) + w[1] + 0 * w[2].sum())
case("spectral conv", [draw(2, 3, 4, 4)], [draw(2, 3, 2, 2), draw(2), draw(1, 2)],
     lambda a, w: F.conv2d(a[0], spectral(w[0], w[2], 1, lambda k: k.permute(2, 3, 1, 0).reshape(-1, 2)), w[1]) + 0 * w[2].sum())
case("spectral transposed", [draw(2, 3, 2, 3)], [draw(3, 2, 2, 2), draw(2), draw(1, 3)],
     lambda a, w: F.conv_transpose2d(a[0], spectral(w[0], w[2], 3, lambda k: k.permute(2, 3, 1, 0).reshape(-1, 3)), w[1]) + 0 * w[2].sum())

# ---- batch normalisation --------------------------------------------------------------------------------------------


def batch(name, shape, axis, eps=1e-3, momentum=0.99, center=True, scale=True):
    """In training by the batch's statistics, with Keras's running ones (biased variance) after it; in inference by the latter."""
    n = shape[axis]
    axes = [i for i in range(len(shape)) if i != axis]
    along = [-1 if i == axis else 1 for i in range(len(shape))]
    count = (1 if scale else 0) + (1 if center else 0)
    weights = ([draw(n) + 1] if scale else []) + ([draw(n)] if center else []) + [draw(n), draw(n) + 1]

    def affine(y, w):
        w = list(w[:count])
        y = y * w.pop(0).reshape(along) if scale else y
        return y + w.pop(0).reshape(along) if center else y

    def statistics(x):
        m = x.mean(axes)
        return m, ((x - m.reshape(along)) ** 2).mean(axes)

    def training(a, w):
        m, v = statistics(a[0])
        y = affine((a[0] - m.reshape(along)) / torch.sqrt(v.reshape(along) + eps), w)
        # The layer of PyTorch says the same.
        same = F.batch_norm(a[0].transpose(1, axis), None, None, training=True, eps=eps).transpose(1, axis)
        assert torch.allclose(affine(same, w), y, atol=1e-9)
        return y + 0 * w[count].sum() + 0 * w[count + 1].sum()

    def updates(a, w):
        old, new = (w[count], w[count + 1]), statistics(a[0])
        return {
            role: o * momentum + s * (1 - momentum)
            for role, o, s in zip(("moving_mean", "moving_variance"), old, new)
        }

    def inference(a, w):
        m, v = w[count].reshape(along), w[count + 1].reshape(along)
        return affine((a[0] - m) / torch.sqrt(v + eps), w)

    x = draw(*shape, scale=2)
    case(f"batch {name}, training", [x], weights, training, mode="training", updates=updates)
    case(f"batch {name}, inference", [x], weights, inference, mode="inference")


batch("rank 2", [5, 3], 1)
batch("image", [3, 2, 3, 4], 1)
batch("sequence, momentum 0.7, epsilon 0.1", [2, 4, 3], 2, eps=0.1, momentum=0.7)
batch("image without center", [2, 3, 1, 4], 1, center=False)
batch("rank 2 without scale", [4, 2], 1, scale=False, momentum=0.0)
batch("image on the last axis, bare", [2, 2, 3, 2], 3, center=False, scale=False, momentum=0.5)

# ---- more of each ---------------------------------------------------------------------------------------------------

case("threshold below 0", [draw(2, 4, 3, scale=2)], [], lambda a, w: F.threshold(a[0], -0.5, 1.0))
case("threshold image", [draw(2, 2, 3, 2)], [], lambda a, w: F.threshold(a[0], 0.0, 0.25))
case("dense no bias", [draw(2, 3, 4)], [draw(4, 3)], lambda a, w: a[0] @ w[0])
case("dense rank 4 softmax", [draw(2, 1, 3, 4)], [draw(4, 5), draw(5)], lambda a, w: torch.softmax(a[0] @ w[0] + w[1], -1))
case("dense one unit", [draw(3, 1)], [draw(1, 1), draw(1)], lambda a, w: a[0] @ w[0] + w[1])
case("dense rank 4 sparsemax", [draw(2, 3, 2, 4)], [draw(4, 3, scale=2), draw(3)], lambda a, w: sparsemax(a[0] @ w[0] + w[1], -1))
case("einsum log softmax, rank 4", [draw(2, 3, 2, 4)], [draw(4, 5)], lambda a, w: torch.log_softmax(torch.einsum("abcd,de->abce", *a, w[0]), -1))
case("bilinear softmax, rank 4", [draw(2, 3, 2, 2), draw(2, 3, 2, 3)], [draw(4, 2, 3), draw(4)], lambda a, w: torch.softmax(F.bilinear(*a, *w), -1))
case("conv1d softmax", [draw(2, 3, 5)], [draw(4, 3, 2), draw(4)], lambda a, w: torch.softmax(F.conv1d(a[0], *w), 1))
case("conv2d softmax", [draw(2, 2, 3, 4)], [draw(3, 2, 2, 2), draw(3)], lambda a, w: torch.softmax(F.conv2d(a[0], *w), 1))
case("activation selu", [draw(3, 4, scale=2)], [], lambda a, w: F.selu(a[0]))
case("activation relu of 1", [draw(2, 3, 4, scale=3)], [], lambda a, w: relu_all(a[0], 1.0, 0.2, 0.3))
case("activation softmax", [draw(2, 4, 2, 3, scale=2)], [], lambda a, w: torch.softmax(a[0], 1))
case("layer axes out of order", [draw(2, 3, 4)], [draw(4, 3), draw(4, 3)],
     lambda a, w: standard(a[0], (1, 2), 1e-3) * w[0].reshape(1, 3, 4) + w[1].reshape(1, 3, 4))
for i, shape in enumerate(shapes):
    case(f"identity {i}", [draw(*shape)], [], lambda a, w: a[0] * 1)
    case(f"rescaling {i}", [draw(*shape)], [], lambda a, w, i=i: a[0] * [2.5, -0.1, 1 / 255][i] + [0, 1, -3][i])

# ---- layers made of layers ------------------------------------------------------------------------------------------


def affine(x, w):
    return x @ w[0] + w[1]


case("residual", [draw(3, 4)], [draw(4, 4), draw(4)], lambda a, w: a[0] + torch.tanh(affine(a[0], w)))
case("residual with a shortcut", [draw(2, 3, 4)], [draw(4, 2), draw(2), draw(4, 2)], lambda a, w: affine(a[0], w) + a[0] @ w[2])
case("residual that broadcasts", [draw(2, 3, 4)], [draw(4, 1)], lambda a, w: a[0] @ w[0] + a[0])
case("concat", [draw(3, 4)], [draw(4, 2), draw(2)], lambda a, w: torch.cat([affine(a[0], w), a[0]], -1))
case("concat image", [draw(2, 2, 3, 4)], [draw(3, 2, 1, 1)], lambda a, w: torch.cat([F.conv2d(a[0], w[0]), torch.sigmoid(a[0]), a[0]], 1))
case("concat sequence", [draw(2, 3, 2)], [], lambda a, w: torch.cat([torch.tanh(a[0]), torch.softmax(a[0], -1)], -1))
case("concat on 1", [draw(2, 3, 2)], [], lambda a, w: torch.cat([a[0], torch.tanh(a[0])], 1))
case("concat on -2", [draw(2, 3, 2, 2)], [], lambda a, w: torch.cat([F.silu(a[0]), a[0], a[0]], 2))
case("concat on 3", [draw(2, 1, 2, 3)], [draw(3, 2)], lambda a, w: torch.cat([a[0] @ w[0], a[0]], 3))
case("merge multiply", [draw(3, 4)], [draw(4, 4), draw(4)], lambda a, w: a[0] * torch.sigmoid(affine(a[0], w)))
case("merge average of three", [draw(2, 3, 4)], [draw(4, 1)], lambda a, w: (a[0] + torch.tanh(a[0]) + a[0] @ w[0]) / 3)
case("merge squeeze and excitation", [draw(2, 3, 4, 2)], [draw(3, 3, 1, 1), draw(3)],
     lambda a, w: a[0] * torch.sigmoid(F.conv2d(a[0].mean((2, 3), keepdim=True), *w)))
case("merge subtract", [draw(2, 3)], [draw(3, 3)], lambda a, w: a[0] @ w[0] - a[0])
case("repeat", [draw(3, 4)], [draw(4, 4), draw(4), draw(4, 4), draw(4)], lambda a, w: torch.tanh(affine(torch.tanh(affine(a[0], w)), w[2:])))
case("repeat once", [draw(2, 3, 2)], [draw(2, 2)], lambda a, w: a[0] @ w[0])
case("repeat of one name", [draw(2, 3)], [draw(3, 3), draw(3)], lambda a, w: affine(affine(affine(a[0], w), w), w))
case("a layer twice", [draw(2, 3), draw(2, 3)], [draw(3, 2), draw(2)], lambda a, w: affine(a[0], w) * affine(a[1], w))
case("a model twice", [draw(2, 4)], [draw(4, 4), draw(4)], lambda a, w: torch.tanh(affine(torch.tanh(affine(a[0], w)), w)))
case("a model as a layer", [draw(2, 3, 4)], [draw(4, 4)], lambda a, w: F.silu(a[0] @ w[0]))
case("a model in a sequence", [draw(2, 3)], [draw(3, 3), draw(3, 2)], lambda a, w: torch.tanh(a[0] @ w[0]) @ w[1])
case("split in three", [draw(3, 6)], [], lambda a, w: (lambda p, q, r: p * q + r)(*a[0].split(2, -1)))
case("split by sizes", [draw(2, 5, 3)], [], lambda a, w: (lambda p, q: p * q)(*a[0].split([1, 4], 1)))
case("split image, one part unused", [draw(2, 4, 2, 3)], [], lambda a, w: torch.tanh(a[0].split([1, 3], 1)[1]))
case("einsum ellipsis at the end", [draw(2, 3, 2, 2)], [draw(3, 4), draw(4, 1, 1)], lambda a, w: torch.einsum("ab...,bc->ac...", *a, w[0]) + w[1])
case("einsum ellipsis of nothing", [draw(2, 3)], [draw(3, 2)], lambda a, w: a[0] @ w[0])
case("einsum ellipsis, a bias in the middle", [draw(2, 3, 2, 4)], [draw(4, 3), draw(3, 1)], lambda a, w: torch.einsum("...xy,yz->...zx", *a, w[0]) + w[1])

# ---- batch renormalisation ------------------------------------------------------------------------------------------


def renorm(name, shape, axis, eps=1e-3, momentum=0.99, renorm_momentum=0.99, rmin=0.0, rmax=math.inf, dmax=math.inf):
    """Ioffe 2017 with Keras's running statistics: the corrections r and d are constants to the gradient."""
    n = shape[axis]
    axes = [i for i in range(len(shape)) if i != axis]
    along = [-1 if i == axis else 1 for i in range(len(shape))]
    # gamma, beta, moving mean and variance, moving deviation, mean and deviation of the corrections
    weights = [draw(n) + 1, draw(n), draw(n), draw(n) + 1, draw(n) + 1, draw(n), draw(n) + 1]

    def statistics(x):
        return x.mean(axes), torch.sqrt(x.var(axes, unbiased=False) + eps)

    def training(a, w):
        mean, deviation = statistics(a[0])
        before = w[6].clamp(min=math.sqrt(eps))
        r = (deviation / before).clamp(rmin, rmax).detach()
        d = ((mean - w[5]) / before).clamp(-dmax, dmax).detach()
        plain = F.batch_norm(a[0].transpose(1, axis), None, None, training=True, eps=eps).transpose(1, axis)
        y = plain * r.reshape(along) + d.reshape(along)
        return y * w[0].reshape(along) + w[1].reshape(along) + sum(0 * v.sum() for v in w[2:])

    def updates(a, w):
        mean, deviation = statistics(a[0])
        moved = w[4] * momentum + deviation * (1 - momentum)
        return {
            "moving_mean": w[2] * momentum + mean * (1 - momentum),
            "moving_variance": (moved ** 2 - eps).clamp(min=0),
            "moving_stddev": moved,
            "renorm_mean": w[5] * renorm_momentum + mean * (1 - renorm_momentum),
            "renorm_stddev": w[6] * renorm_momentum + deviation * (1 - renorm_momentum),
        }

    case(f"renorm {name}", [draw(*shape, scale=2)], weights, training, mode="training", updates=updates)


renorm("rank 2", [5, 3], 1)
renorm("image, bounded", [3, 2, 3, 4], 1, rmin=0.9, rmax=1.1, dmax=0.2, momentum=0.8, renorm_momentum=0.6)
renorm("sequence, one bound", [2, 4, 3], 2, eps=0.1, rmax=0.8)

json.dump(cases, sys.stdout, separators=(",", ":"))

"""Writes spatial.json: outputs and all gradients of PyTorch (float64) for convolution, pooling, shape and merge layers.

    python3 spec/golden/spatial.py

A case names the constructor and its arguments; weights are in the layouts of grad-ts, which are PyTorch's.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(11)
cases = []


def flat(t):
    """Nine digits: more than float32 has."""
    return {"shape": list(t.shape), "data": [float(f"{v:.9g}") for v in t.detach().flatten().tolist()]}


def rounded(*shape):
    """Few digits, so that the file is small."""
    return torch.randn(*shape, dtype=torch.float64).mul(1000).round().div(1000)


def case(layer, args, f, inputs, weights=None):
    """`inputs` and `weights`: shapes by name; f takes both by name."""
    weights = weights or {}
    leaves = {k: rounded(*s).requires_grad_() for k, s in {**inputs, **weights}.items()}
    y = f(**leaves)
    cotangent = rounded(*y.shape)
    (y * cotangent).sum().backward()
    cases.append(
        {
            "layer": layer,
            "args": args,
            "inputs": {k: flat(leaves[k]) for k in inputs},
            "weights": {k: flat(leaves[k]) for k in weights},
            "output": flat(y),
            "cotangent": flat(cotangent),
            "gradients": {k: flat(v.grad) for k, v in leaves.items()},
        }
    )


def listed(n, v):
    return [v] * n if isinstance(v, int) else list(v)


def padded(x, n, padding, kernel, strides, dilation):
    """Keras's rules for names, symmetric cells for numbers."""
    k, s, d = listed(n, kernel), listed(n, strides), listed(n, dilation)
    if padding == "valid":
        return x
    sides = []
    for i in range(n):
        extent = (k[i] - 1) * d[i] + 1
        size = x.shape[2 + i]
        if padding == "same":
            total = max((-(-size // s[i]) - 1) * s[i] + extent - size, 0)
            sides.append((total // 2, total - total // 2))
        elif padding == "causal":
            sides.append((extent - 1, 0))
        else:
            sides.append((listed(n, padding)[i],) * 2)
    # F.pad lists the last axis first.
    return F.pad(x, [p for pair in reversed(sides) for p in pair])


CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def conv(n, x, filters, kernel, strides=1, padding="valid", dilation=1, groups=1, bias=True):
    def f(x, kernel, bias=None):
        return CONV[n](
            padded(x, n, padding, o["kernel"], strides, dilation), kernel, bias, strides, 0, dilation, groups
        )

    o = {"filters": filters, "kernel": kernel, "strides": strides, "padding": padding, "dilation": dilation}
    o.update({"groups": groups, "useBias": bias})
    weights = {"kernel": [filters, x[1] // groups, *listed(n, kernel)]}
    case(f"conv{n}d", [o], f, {"x": x}, {**weights, **({"bias": [filters]} if bias else {})})


conv(1, [2, 3, 9], 4, 3)
conv(1, [2, 2, 8], 3, 3, padding="causal", dilation=2)
conv(1, [1, 4, 10], 6, 4, strides=3, padding="same", groups=2)
conv(1, [2, 2, 7], 2, 2, strides=2, padding=1, bias=False)
conv(2, [1, 4, 5, 6], 4, [2, 3], padding="same", groups=4)
conv(2, [2, 2, 7, 6], 3, 3, strides=[2, 1], padding="same")
conv(2, [1, 2, 8, 7], 2, [3, 2], padding=[2, 1], dilation=[1, 3])
conv(3, [1, 2, 4, 5, 3], 3, [2, 3, 2])
conv(3, [2, 2, 5, 4, 4], 2, 3, strides=2, padding="same")
conv(3, [1, 4, 4, 3, 4], 4, 2, padding=[1, 0, 1], dilation=[2, 1, 1], groups=2)


def transposed(n, x, filters, kernel, strides=1, padding="valid", output=None, dilation=1, groups=1, bias=True):
    def f(x, kernel, bias=None):
        k, s, d = listed(n, o["kernel"]), listed(n, strides), listed(n, dilation)
        full = TRANSPOSED[n](x, kernel, None, strides, 0, 0, groups, dilation)
        for i in range(n):
            e, p, q = (k[i] - 1) * d[i] + 1, padding, None if output is None else listed(n, output)[i]
            last = (x.shape[2 + i] - 1) * s[i]
            if p == "valid":
                left, length = 0, last + (max(e, s[i]) if q is None else e + q)
            elif p == "same":
                total = s[i] + e - 2 if q is None else e + e % 2 - 2 + q
                left = e - 1 - min(-(-total // 2), e - 1)
                length = x.shape[2 + i] * s[i] if q is None else last + e % 2 + q
            else:
                left = listed(n, p)[i]
                length = last + e - 2 * left + (q or 0)
            more = max(0, left + length - full.shape[2 + i])
            full = F.pad(full, [0, 0] * (n - 1 - i) + [0, more]).narrow(2 + i, left, length)
        return full if bias is None else full + bias.reshape(-1, *[1] * n)

    o = {"filters": filters, "kernel": kernel, "strides": strides, "padding": padding, "dilation": dilation}
    o.update({"groups": groups, "useBias": bias})
    if output is not None:
        o["outputPadding"] = output
    weights = {"kernel": [x[1], filters // groups, *listed(n, kernel)]}
    case(f"conv{n}dTranspose", [o], f, {"x": x}, {**weights, **({"bias": [filters]} if bias else {})})


transposed(1, [2, 3, 4], 2, 3, strides=2)
transposed(1, [1, 2, 5], 3, 2, strides=4, padding="same")
transposed(1, [2, 2, 4], 2, 3, strides=2, padding="same", output=1, dilation=2)
transposed(1, [1, 2, 3], 2, 2, strides=3, output=0, bias=False)
transposed(2, [2, 2, 3, 4], 3, 3, strides=2, padding="same")
transposed(2, [1, 4, 3, 2], 4, [2, 3], strides=[1, 3], padding=1, output=[0, 2], groups=2)
transposed(2, [1, 2, 4, 3], 2, 2, strides=[2, 1], dilation=[2, 3])
transposed(2, [2, 3, 3, 3], 2, 4, strides=3, padding="same", output=[2, 0])
transposed(3, [1, 2, 2, 3, 2], 2, 3, strides=2, padding="same")
transposed(3, [2, 2, 3, 2, 2], 1, [2, 1, 3], strides=[1, 2, 2])
transposed(3, [1, 2, 2, 2, 3], 4, 2, strides=3, padding=1, output=2, groups=2)


def depthwise(n, x, kernel, strides=1, padding="valid", dilation=1, multiplier=1):
    def f(x, kernel, bias):
        groups = x.shape[1]
        return CONV[n](
            padded(x, n, padding, o["kernel"], strides, dilation), kernel, bias, strides, 0, dilation, groups
        )

    o = {"kernel": kernel, "strides": strides, "padding": padding, "dilation": dilation, "depthMultiplier": multiplier}
    out = x[1] * multiplier
    case(f"depthwiseConv{n}d", [o], f, {"x": x}, {"kernel": [out, 1, *listed(n, kernel)], "bias": [out]})


depthwise(1, [2, 3, 7], 3)
depthwise(1, [1, 2, 8], 2, strides=2, padding="same", multiplier=3)
depthwise(1, [2, 2, 6], 3, padding="causal", dilation=2)
depthwise(2, [1, 3, 5, 6], 3, strides=2, padding="same")
depthwise(2, [2, 2, 5, 4], [2, 3], padding=1, multiplier=2)
depthwise(2, [1, 3, 6, 7], 2, dilation=[2, 3])


def separable(n, x, filters, kernel, strides=1, padding="valid", dilation=1, multiplier=1, bias=True):
    def f(x, depthwise_kernel, pointwise_kernel, bias=None):
        groups = x.shape[1]
        p = padded(x, n, padding, o["kernel"], strides, dilation)
        y = CONV[n](p, depthwise_kernel, None, strides, 0, dilation, groups)
        return CONV[n](y, pointwise_kernel, bias)

    o = {"filters": filters, "kernel": kernel, "strides": strides, "padding": padding, "dilation": dilation}
    o.update({"depthMultiplier": multiplier, "useBias": bias})
    out = x[1] * multiplier
    weights = {"depthwise_kernel": [out, 1, *listed(n, kernel)], "pointwise_kernel": [filters, out, *[1] * n]}
    case(f"separableConv{n}d", [o], f, {"x": x}, {**weights, **({"bias": [filters]} if bias else {})})


separable(1, [2, 3, 7], 4, 3)
separable(1, [1, 2, 8], 3, 2, strides=2, padding="same", multiplier=2, bias=False)
separable(1, [2, 2, 7], 2, 3, padding="causal", dilation=2)
separable(2, [1, 3, 5, 6], 2, 3, strides=2, padding="same")
separable(2, [2, 2, 5, 4], 3, [2, 3], padding=1, multiplier=2)
separable(2, [1, 2, 6, 7], 2, 2, dilation=[2, 3], bias=False)

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def pool(n, x, kernel, strides, padding="valid"):
    o = {"kernel": kernel, "strides": strides, "padding": padding}

    def largest(x):
        # Cells of the padding are smaller than all.
        filled = padded(x + 100, n, padding, kernel, strides, 1)
        return MAX[n](filled, kernel, strides) - 100

    def mean(x):
        ones = padded(torch.ones_like(x), n, padding, kernel, strides, 1)
        counted = AVERAGE[n](ones, kernel, strides)
        return AVERAGE[n](padded(x, n, padding, kernel, strides, 1), kernel, strides) / counted

    case(f"maxPool{n}d", [o], largest, {"x": x})
    case(f"averagePool{n}d", [o], mean, {"x": x})


pool(1, [2, 2, 7], 2, 2)
pool(1, [1, 3, 8], 3, 2, "same")
pool(1, [2, 2, 6], 3, 1, 1)
pool(2, [1, 2, 6, 5], [2, 3], [2, 1])
pool(2, [2, 2, 5, 7], 3, 2, "same")
pool(2, [1, 2, 4, 5], [3, 2], 2, [1, 0])
pool(3, [1, 2, 4, 4, 3], 2, 2)
pool(3, [2, 1, 4, 3, 5], [2, 3, 2], [2, 2, 1], "same")
pool(3, [1, 2, 3, 3, 4], 3, 2, 1)

ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
ADAPTIVE_AVERAGE = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


def adaptive(n, x, size):
    case(f"adaptiveMaxPool{n}d", [size], lambda x: ADAPTIVE_MAX[n](x, size), {"x": x})
    case(f"adaptiveAveragePool{n}d", [size], lambda x: ADAPTIVE_AVERAGE[n](x, size), {"x": x})


for n, x in [(1, [2, 3, 7]), (2, [2, 2, 5, 4]), (3, [1, 2, 5, 4, 3])]:
    axes = list(range(2, n + 2))
    for keep in [True, False]:
        o = [{"keepDims": keep}]
        case(f"globalMaxPool{n}d", o, lambda x: torch.amax(x, axes, keep), {"x": x})
        case(f"globalAveragePool{n}d", o, lambda x: torch.mean(x, axes, keep), {"x": x})
    case(f"globalMaxPool{n}d", [], lambda x: torch.amax(x, axes), {"x": [1, 2] + [1] * n})
    case(f"globalAveragePool{n}d", [], lambda x: torch.mean(x, axes), {"x": [1, 2] + [1] * n})

adaptive(1, [2, 2, 7], 3)
adaptive(1, [1, 3, 8], 4)
adaptive(1, [2, 2, 3], 5)
adaptive(2, [2, 2, 7, 5], 3)
adaptive(2, [1, 3, 6, 8], [3, 4])
adaptive(2, [2, 2, 3, 5], [4, 1])
adaptive(3, [1, 2, 5, 4, 7], [2, 3, 4])
adaptive(3, [1, 2, 4, 4, 2], 2)
adaptive(3, [2, 1, 3, 4, 2], 1)


def sampled(n, x, size, mode="nearest"):
    args = [size] if mode == "nearest" else [size, {"interpolation": mode}]
    scale = tuple(float(s) for s in listed(n, size))
    more = {} if mode == "nearest" else {"align_corners": False}
    case(f"upSampling{n}d", args, lambda x: F.interpolate(x, scale_factor=scale, mode=mode, **more), {"x": x})


sampled(1, [2, 3, 4], 2)
sampled(1, [1, 2, 3], 3)
sampled(1, [2, 1, 1], 4)
sampled(2, [2, 2, 3, 4], 2)
sampled(2, [1, 2, 3, 2], [1, 3])
sampled(2, [2, 2, 1, 2], [4, 2])
sampled(2, [2, 2, 3, 4], 2, "bilinear")
sampled(2, [1, 3, 3, 2], [1, 3], "bilinear")
sampled(2, [2, 1, 1, 4], [5, 4], "bilinear")
sampled(3, [1, 2, 2, 3, 2], 2)
sampled(3, [2, 1, 2, 1, 3], [1, 3, 2])
sampled(3, [1, 1, 1, 1, 1], 3)

for x, r in [([2, 4, 3, 2], 2), ([1, 18, 2, 1], 3), ([2, 3, 2, 2], 1)]:
    case("pixelShuffle", [r], lambda x: F.pixel_shuffle(x, r), {"x": x})


def sides(n, x, spec, pairs):
    """Keras's form of the argument, and (before, after) of each axis."""
    around = [p for pair in reversed(pairs) for p in pair]
    case(f"zeroPadding{n}d", spec, lambda x: F.pad(x, around), {"x": x})
    grown = x[:2] + [x[2 + i] + b + a for i, (b, a) in enumerate(pairs)]
    case(f"cropping{n}d", spec, lambda x: F.pad(x, [-p for p in around]), {"x": grown})


sides(1, [2, 2, 3], [2], [(2, 2)])
sides(1, [1, 2, 4], [[0, 3]], [(0, 3)])
sides(1, [2, 1, 2], [[1, 0]], [(1, 0)])
sides(2, [2, 2, 3, 2], [1], [(1, 1), (1, 1)])
sides(2, [1, 2, 2, 3], [[2, 0]], [(2, 2), (0, 0)])
sides(2, [1, 2, 2, 3], [[[1, 0], [0, 2]]], [(1, 0), (0, 2)])
sides(3, [1, 2, 2, 3, 2], [1], [(1, 1)] * 3)
sides(3, [1, 1, 2, 1, 2], [[[0, 2], 1, 0]], [(0, 2), (1, 1), (0, 0)])
sides(3, [2, 1, 1, 2, 1], [[0, [1, 0], [0, 1]]], [(0, 0), (1, 0), (0, 1)])

for x, p in [([2, 3, 4], [2, 1]), ([2, 2, 3, 4], [3, 1, 2]), ([1, 2, 3, 2, 2], [4, 2, 3, 1])]:
    case("permute", [p], lambda x: x.permute(0, *p), {"x": x})
for x, n in [([2, 3], 4), ([1, 5], 1), ([3, 2], 2)]:
    case("repeatVector", [n], lambda x: x[:, None, :].repeat(1, n, 1), {"x": x})
for x, a in [([2, 1, 3], 1), ([2, 3, 1], -1), ([2, 3, 1, 2], 2)]:
    case("squeeze", [a], lambda x: x.squeeze(a), {"x": x})
for x, a in [([2, 3], 1), ([2, 3], -1), ([2, 3, 2], -2)]:
    case("expandDims", [a], lambda x: x.unsqueeze(a), {"x": x})
for x, args, f in [
    ([2, 7], [1, 2, 5], lambda x: x[:, 2:5]),
    ([2, 3, 8], [-1, -7, -1, 3], lambda x: x[:, :, -7:-1:3]),
    ([2, 5, 3], [1, -2], lambda x: x[:, -2:]),
]:
    case("slice", args, f, {"x": x})

# ----- of several inputs: the arguments that follow the tensors


def stack(f):
    return lambda **t: f(*t.values())


for shapes in [[[2, 3], [2, 3]], [[2, 3, 4], [2, 1, 4]], [[2, 1, 2], [2, 3, 1]]]:
    two = {k: s for k, s in zip("ab", shapes)}
    three = {**two, "c": shapes[0]}
    case("subtract", [], stack(lambda a, b: a - b), two)
    case("add", [], stack(lambda a, b, c: a + b + c), three)
    case("multiply", [], stack(lambda a, b, c: a * b * c), three)
    case("average", [], stack(lambda a, b, c: (a + b + c) / 3), three)
    case("maximum", [], stack(lambda a, b: torch.maximum(a, b)), two)
    case("minimum", [], stack(lambda a, b, c: torch.minimum(torch.minimum(a, b), c)), three)

for a, b, o in [
    ([2, 3, 4], [2, 4, 2], {}),
    ([2, 4, 3], [2, 5, 4], {"transposeA": True, "transposeB": True}),
    ([2, 3, 2, 4], [2, 1, 3, 4], {"transposeB": True}),
]:
    case(
        "matmul",
        [o],
        stack(
            lambda a, b: (a.transpose(-1, -2) if o.get("transposeA") else a)
            @ (b.transpose(-1, -2) if o.get("transposeB") else b)
        ),
        {"a": a, "b": b},
    )


def unit(t, axis):
    return t / t.square().sum(axis, keepdim=True).sqrt()


for a, b, equation, axes, normalize in [
    ([2, 4], [2, 4], "ni,ni->n", 1, False),
    ([3, 4], [3, 4], "ni,ni->n", -1, True),
    ([2, 3, 4], [2, 5, 4], "nai,nbi->nab", 2, False),
    ([2, 4, 3], [2, 5, 4], "nia,nbi->nab", [1, 2], True),
    ([2, 3], [2, 4, 3], "ni,nbi->nb", [1, 2], False),
    ([2, 2, 3, 4], [2, 3], "naib,ni->nab", [2, 1], False),
    ([2, 2, 3, 4], [2, 4, 2, 3], "naib,ncdi->nabcd", [2, 3], False),
]:
    i, j = (axes, axes) if isinstance(axes, int) else axes

    def dot(a, b):
        a, b = (unit(a, i), unit(b, j)) if normalize else (a, b)
        y = torch.einsum(equation, a, b)
        return y[:, None] if y.dim() == 1 else y

    case("dot", [axes, {"normalize": normalize}], stack(dot), {"a": a, "b": b})

for a, b, axis in [([2, 3], [2, 2], None), ([2, 2, 3, 1], [2, 1, 3, 1], None), ([2, 3, 2], [2, 1, 2], 1), ([1, 2, 3, 2], [1, 2, 3, 4], -1)]:
    at = axis if axis is not None else 1 if len(a) >= 4 else -1
    case("concatenate", [] if axis is None else [axis], stack(lambda a, b: torch.cat([a, b], at)), {"a": a, "b": b})

for x in [[2, 3, 4], [3, 2], [2, 2, 1, 3, 2]]:
    case("flatten", [], lambda x: x.flatten(1), {"x": x})
for x, to in [([2, 6], [2, 3]), ([3, 2, 4], [-1]), ([2, 2, 3, 2], [4, -1, 1])]:
    case("reshape", [to], lambda x: x.reshape(x.shape[0], *to), {"x": x})

# Strides and dilation at once, which Keras refuses.
conv(1, [2, 2, 11], 3, 3, strides=2, padding="same", dilation=2)
conv(2, [2, 4, 8, 9], 4, [3, 2], strides=[2, 3], padding="same", dilation=[2, 3], groups=2)
conv(2, [1, 2, 9, 8], 3, 3, strides=2, padding=[2, 1], dilation=[1, 2])
depthwise(2, [2, 2, 8, 7], 2, strides=2, padding="same", dilation=[3, 2], multiplier=2)

# ----- cells of the input around, bicubic


def around(n, x, spec, pairs):
    flat = [p for pair in reversed(pairs) for p in pair]
    case(f"reflectionPadding{n}d", spec, lambda x: F.pad(x, flat, mode="reflect"), {"x": x})
    case(f"replicationPadding{n}d", spec, lambda x: F.pad(x, flat, mode="replicate"), {"x": x})


around(1, [2, 2, 3], [2], [(2, 2)])
around(1, [1, 2, 4], [[0, 3]], [(0, 3)])
around(1, [2, 1, 2], [], [(1, 1)])
around(2, [2, 2, 3, 2], [1], [(1, 1), (1, 1)])
around(2, [1, 2, 3, 4], [[2, 0]], [(2, 2), (0, 0)])
around(2, [1, 2, 2, 3], [[[1, 0], [0, 2]]], [(1, 0), (0, 2)])
around(3, [1, 2, 2, 3, 2], [1], [(1, 1)] * 3)
around(3, [1, 1, 3, 2, 2], [[[0, 2], 1, 0]], [(0, 2), (1, 1), (0, 0)])
around(3, [2, 1, 2, 2, 3], [[0, [1, 0], [0, 2]]], [(0, 0), (1, 0), (0, 2)])
case("replicationPadding1d", [4], lambda x: F.pad(x, [4, 4], mode="replicate"), {"x": [1, 2, 1]})

sampled(2, [2, 2, 3, 4], 2, "bicubic")
sampled(2, [1, 3, 5, 2], [1, 3], "bicubic")
sampled(2, [2, 1, 1, 4], [5, 4], "bicubic")

for axis, shapes in [
    (-1, [[2, 3], [2, 1], [2, 2]]),
    (1, [[2, 2, 3], [2, 1, 3], [2, 2, 3], [2, 3, 3]]),
    (2, [[1, 2, 1, 3], [1, 2, 2, 3], [1, 2, 1, 3]]),
]:
    case("concatenateOn", [axis], stack(lambda *tensors: torch.cat(tensors, axis)), dict(zip("abcd", shapes)))

path = pathlib.Path(__file__).with_name("spatial.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")

"""Writes operators.json: ONNX operators with PyTorch's outputs and gradients (float64) for random inputs and cotangents.

    python3 spec/golden/operators.py

Inputs are in ONNX's order and layout; each case says how PyTorch computes the same.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(11)
cases = []


def flat(t):
    return {"shape": list(t.shape), "data": t.detach().flatten().tolist()}


def rounded(*shape, scale=1.0):
    """Few digits, so that the file is small."""
    return (torch.randn(*shape, dtype=torch.float64) * scale).mul(1000).round().div(1000)


def attribute(value):
    if isinstance(value, str):
        return {"_tag": "String", "value": value}
    if isinstance(value, list):
        return {"_tag": "Ints", "value": value}
    return {"_tag": "Float" if isinstance(value, float) else "Int", "value": value}


def case(name, operator, f, inputs, attributes=None, opset=18, domain="", outputs=1):
    """`inputs`: float tensors are differentiated, lists are int64 vectors, None is left out."""
    leaves = [v.clone().requires_grad_() if isinstance(v, torch.Tensor) else v for v in inputs]
    y = f(*[v for v in leaves if isinstance(v, torch.Tensor)])
    cotangent = rounded(*y.shape)
    (y * cotangent).sum().backward()

    def written(v):
        if v is None:
            return None
        return flat(v) if isinstance(v, torch.Tensor) else v if isinstance(v, dict) else {"integers": v}

    cases.append(
        {
            "name": name,
            "operator": operator,
            "domain": domain,
            "opset": opset,
            "attributes": {k: attribute(v) for k, v in (attributes or {}).items()},
            "outputs": outputs,
            "inputs": [written(v) for v in leaves],
            "output": flat(y),
            "cotangent": flat(cotangent),
            "gradients": [flat(v.grad) if isinstance(v, torch.Tensor) else None for v in leaves],
        }
    )


# Activations: ONNX's attributes are given where PyTorch's default differs.
x = rounded(3, 5, scale=3.0)
case("gelu", "Gelu", F.gelu, [x], domain="com.microsoft")
case("gelu, opset 20", "Gelu", F.gelu, [x], opset=20)
case("gelu tanh", "Gelu", lambda x: F.gelu(x, approximate="tanh"), [x], {"approximate": "tanh"}, opset=20)
case("mish", "Mish", F.mish, [x])
case("elu", "Elu", lambda x: F.elu(x, 0.7), [x], {"alpha": 0.7})
case("celu", "Celu", lambda x: F.celu(x, 0.7), [x], {"alpha": 0.7})
case("selu", "Selu", F.selu, [x])
case("leaky relu", "LeakyRelu", F.leaky_relu, [x])
case("prelu", "PRelu", lambda x, w: F.prelu(x, w.flatten()), [rounded(2, 3, 4), rounded(3, 1)])
case("hard sigmoid", "HardSigmoid", F.hardsigmoid, [x], {"alpha": 1 / 6})
case("hard swish", "HardSwish", F.hardswish, [x])
case("softsign", "Softsign", F.softsign, [x])
case("clip", "Clip", torch.clamp, [x, torch.tensor(-1.0).double(), torch.tensor(0.5).double()])
case("clip at its bounds", "Clip", lambda x: torch.clamp(x, min=0.0), [torch.tensor([-1.0, 0.0, 1.0]).double()], {"min": 0.0})
for name in ["sin", "cos", "tan", "atan", "sinh", "cosh", "asinh"]:
    case(name, name.capitalize(), getattr(torch, name), [rounded(2, 4)])
case("asin", "Asin", torch.asin, [rounded(2, 4).clamp(-0.9, 0.9)])
case("acos", "Acos", torch.acos, [rounded(2, 4).clamp(-0.9, 0.9)])
case("acosh", "Acosh", torch.acosh, [rounded(2, 4).abs() + 1.2])
case("atanh", "Atanh", torch.atanh, [rounded(2, 4).clamp(-0.9, 0.9)])

# Reductions.
case("prod", "ReduceProd", lambda x: x.prod(1), [rounded(3, 4), [1]], {"keepdims": 0})
zeros = torch.tensor([[1.5, 0.0, 2.0], [0.0, 3.0, 0.0], [0.5, -1.0, 2.0]]).double()
case("prod with zeros", "ReduceProd", lambda x: x.prod(1), [zeros, [1]], {"keepdims": 0})
case("l1", "ReduceL1", lambda x: x.norm(1, 0), [rounded(3, 4), [0]], {"keepdims": 0})
case("l2", "ReduceL2", lambda x: x.norm(2, 1), [torch.cat([rounded(2, 4), torch.zeros(1, 4).double()]), [1]], {"keepdims": 0})
case("log sum exp", "ReduceLogSumExp", lambda x: x.logsumexp([0, 2]), [rounded(2, 3, 2, scale=5.0), [0, 2]], {"keepdims": 0})
case("cumulated, reverse", "CumSum", lambda x: x.flip(1).cumsum(1).flip(1), [rounded(2, 4), {"scalar": 1}], {"reverse": 1})

# Rearranging.
case("reflect", "Pad", lambda x: F.pad(x, [2, 1, 1, 3], mode="reflect"), [rounded(1, 2, 4, 3), [0, 0, 1, 2, 0, 0, 3, 1]], {"mode": "reflect"})
case("edge", "Pad", lambda x: F.pad(x, [2, 1, 1, 3], mode="replicate"), [rounded(1, 2, 2, 3), [0, 0, 1, 2, 0, 0, 3, 1]], {"mode": "edge"})
case("wrap", "Pad", lambda x: F.pad(x, [2, 1, 1, 2], mode="circular"), [rounded(1, 2, 2, 3), [0, 0, 1, 2, 0, 0, 2, 1]], {"mode": "wrap"}, opset=19)
case("pixel shuffle", "DepthToSpace", lambda x: F.pixel_shuffle(x, 2), [rounded(2, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"})
case("tile", "Tile", lambda x: x.repeat(2, 3), [rounded(2, 3), [2, 3]])
case("top k", "TopK", lambda x: x.topk(2, -1).values, [rounded(3, 5), [2]], outputs=2)
case("tril", "Trilu", lambda x: x.tril(1), [rounded(2, 3, 4), {"scalar": 1}], {"upper": 0})
case("einsum attention", "Einsum", lambda q, k: torch.einsum("bqhd,bkhd->bhqk", q, k), [rounded(2, 3, 2, 2), rounded(2, 4, 2, 2)], {"equation": "bqhd,bkhd->bhqk"})
case("einsum of three", "Einsum", lambda a, w, b: torch.einsum("bi,oij,bj->bo", a, w, b), [rounded(2, 3), rounded(2, 3, 4), rounded(2, 4)], {"equation": "bi,oij,bj->bo"})


def resize(name, shape, out, mode, onnx, **options):
    case(name, "Resize", lambda x: F.interpolate(x, size=out[2:], mode=mode, **options), [rounded(*shape), None, None, out], onnx)


up, down, odd = ([1, 2, 3, 4], [1, 2, 6, 8]), ([2, 1, 6, 5], [2, 1, 3, 2]), ([1, 1, 3, 5], [1, 1, 7, 6])
for title, (shape, out) in [("up", up), ("down", down), ("odd", odd)]:
    resize(f"nearest {title}", shape, out, "nearest", {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"})
    for corners in [False, True]:
        place = "align_corners" if corners else "half_pixel"
        resize(f"bilinear {place} {title}", shape, out, "bilinear", {"mode": "linear", "coordinate_transformation_mode": place}, align_corners=corners)
        resize(f"bicubic {place} {title}", shape, out, "bicubic", {"mode": "cubic", "coordinate_transformation_mode": place}, align_corners=corners)
resize("trilinear", [1, 1, 2, 3, 2], [1, 1, 4, 4, 3], "trilinear", {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}, align_corners=False)

# Normalisations.
case("layer norm", "LayerNormalization", lambda x, g, b: F.layer_norm(x, [3, 4], g, b, 1e-3), [rounded(2, 3, 4), rounded(3, 4), rounded(3, 4)], {"axis": 1, "epsilon": 1e-3})
case("rms norm", "SimplifiedLayerNormalization", lambda x, g: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * g, [rounded(2, 3, 4), rounded(4)])
case("instance norm", "InstanceNormalization", lambda x, g, b: F.instance_norm(x, weight=g, bias=b, eps=1e-3), [rounded(2, 3, 2, 3), rounded(3), rounded(3)], {"epsilon": 1e-3})
case("group norm", "GroupNormalization", lambda x, g, b: F.group_norm(x, 2, g.repeat_interleave(2), b.repeat_interleave(2), 1e-3), [rounded(2, 4, 3), rounded(2), rounded(2)], {"num_groups": 2, "epsilon": 1e-3})
case("batch norm, inference", "BatchNormalization", lambda x, g, b, m, v: (x - m[:, None, None]) / torch.sqrt(v[:, None, None] + 1e-3) * g[:, None, None] + b[:, None, None], [rounded(2, 3, 2, 2), rounded(3), rounded(3), rounded(3), rounded(3).abs() + 0.2], {"epsilon": 1e-3})
case("local response norm", "LRN", lambda x: F.local_response_norm(x, 3, 0.5, 0.7, 1.3), [rounded(2, 5, 2, 2)], {"size": 3, "alpha": 0.5, "beta": 0.7, "bias": 1.3})
case("l2 normalised", "LpNormalization", lambda x: F.normalize(x, 2, 1), [rounded(2, 3, 2)], {"axis": 1})
case("l1 normalised", "LpNormalization", lambda x: F.normalize(x, 1, -1), [rounded(2, 3)], {"p": 1})

# Pools.
case("l2 pool", "LpPool", lambda x: F.lp_pool2d(x, 2, (2, 3), (2, 1)), [rounded(1, 2, 4, 5)], {"kernel_shape": [2, 3], "strides": [2, 1]})
case("global max pool", "GlobalMaxPool", lambda x: F.adaptive_max_pool2d(x, 1), [rounded(2, 2, 3, 2)])


# Recurrent operators: PyTorch's rows of gates are i f g o and r z n, ONNX's i o f c and z r h.
def reordered(v, order):
    parts = v.chunk(len(order), 0)
    return torch.cat([parts[i] for i in order], 0)


def recurrent(name, module, order, bidirectional=False, extra=None):
    length, batch, features, hidden = 4, 3, 2, 3
    gates, directions = len(order), 2 if bidirectional else 1
    f = {"RNN": torch.rnn_tanh, "GRU": torch.gru, "LSTM": torch.lstm}[module]

    def run(x, w, r, b, h, c=None):
        weights = []
        for d in range(directions):
            weights += [reordered(w[d], order), reordered(r[d], order)]
            weights += [reordered(b[d][: gates * hidden], order), reordered(b[d][gates * hidden :], order)]
        # Bias, one layer, no dropout, no training, directions, time first.
        y = f(x, (h, c) if module == "LSTM" else h, weights, True, 1, 0.0, False, bidirectional, False)[0]
        return y.reshape(length, batch, directions, hidden).transpose(1, 2)

    inputs = [
        rounded(length, batch, features),
        rounded(directions, gates * hidden, features),
        rounded(directions, gates * hidden, hidden),
        rounded(directions, 2 * gates * hidden),
        None,
        rounded(directions, batch, hidden),
    ]
    if module == "LSTM":
        inputs.append(rounded(directions, batch, hidden))
    attributes = {"hidden_size": hidden, "direction": "bidirectional" if bidirectional else "forward", **(extra or {})}
    case(name, module, run, inputs, attributes, outputs=3 if module == "LSTM" else 2)


for both in [False, True]:
    title = "bidirectional " if both else ""
    recurrent(f"{title}rnn", "RNN", [0], both)
    recurrent(f"{title}lstm", "LSTM", [0, 2, 3, 1], both)
    recurrent(f"{title}gru", "GRU", [1, 0, 2], both, {"linear_before_reset": 1})

path = pathlib.Path(__file__).with_name("operators.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")

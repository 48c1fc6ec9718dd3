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
    return (torch.randn(shape, dtype=torch.float64) * scale).mul(1000).round().div(1000)


def attribute(value):
    if isinstance(value, str):
        return {"_tag": "String", "value": value}
    if isinstance(value, list):
        return {"_tag": "Ints", "value": value}
    return {"_tag": "Float" if isinstance(value, float) else "Int", "value": value}


def constant(data, dtype="int64"):
    """An input that is not differentiated."""
    t = torch.tensor(data)
    return {"constant": {"dtype": dtype, "shape": list(t.shape), "data": [int(v) for v in t.flatten().tolist()]}}


def case(name, operator, f, inputs, attributes=None, opset=18, domain="", outputs=1, dtype=None, others=None):
    """`inputs`: float tensors are differentiated, lists are int64 vectors, None is left out.

    dtype: of the output unless it is float32; others: the shapes of the further outputs.
    """
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
            "gradients": [
                flat(torch.zeros_like(v) if v.grad is None else v.grad) if isinstance(v, torch.Tensor) else None
                for v in leaves
            ],
            **({} if dtype is None else {"dtype": dtype}),
            **({} if others is None else {"others": others}),
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


# The rest of the table, each from its definition.
def r(*shape):
    return rounded(*shape)


def positive(*shape):
    return rounded(*shape).abs() + 0.3


ms = {"domain": "com.microsoft"}
case("add, vector", "Add", lambda a, b: a + b, [r(2, 3), r(3)])
case("sub, column and row", "Sub", lambda a, b: a - b, [r(2, 1), r(1, 3)])
case("mul, scalar", "Mul", lambda a, b: a * b, [r(2, 3), r()])
case("div", "Div", lambda a, b: a / b, [r(2, 3), positive(2, 1)])
case("pow of both", "Pow", lambda a, b: a**b, [positive(2, 3), r(3)])
case("pow cubed", "Pow", lambda a, b: a**b, [positive(4), torch.tensor(3.0).double()])
case("fmod", "Mod", torch.fmod, [rounded(2, 3, scale=5.0), torch.tensor([0.7, -1.1, 2.3]).double()], {"fmod": 1})
case("max of three", "Max", lambda a, b, c: torch.maximum(torch.maximum(a, b), c), [r(2, 3), r(3), r(2, 1)])
case("min of three", "Min", lambda a, b, c: torch.minimum(torch.minimum(a, b), c), [r(2, 3), r(3), r(2, 1)])
case("sum of three", "Sum", lambda a, b, c: a + b + c, [r(2, 3), r(3), r(2, 1)])
case("sum of one", "Sum", lambda a: a * 1, [r(2, 3)])
case("mean of three", "Mean", lambda a, b, c: (a + b + c) / 3, [r(2, 3), r(1, 3), r(2, 1)])
for name, f in [("neg", torch.neg), ("abs", torch.abs), ("exp", torch.exp), ("erf", torch.erf), ("relu", F.relu)]:
    case(name, name.capitalize(), f, [r(2, 4)])
for name, f in [("sigmoid", torch.sigmoid), ("tanh", torch.tanh), ("softplus", F.softplus)]:
    case(name, name.capitalize(), f, [rounded(2, 4, scale=4.0)])
for name, f in [("log", torch.log), ("sqrt", torch.sqrt), ("reciprocal", torch.reciprocal)]:
    case(name, name.capitalize(), f, [positive(2, 4)])
case("thresholded relu", "ThresholdedRelu", lambda x: torch.where(x > 0.4, x, 0), [x], {"alpha": 0.4})
case("thresholded relu, default", "ThresholdedRelu", lambda x: torch.where(x > 1, x, 0), [x])
case("gelu with bias", "BiasGelu", lambda x, b: F.gelu(x + b), [r(2, 3, 4), r(4)], **ms)
case("fast gelu with bias", "FastGelu", lambda x, b: F.gelu(x + b, approximate="tanh"), [r(2, 3, 4), r(4)], **ms)
case("fast gelu", "FastGelu", lambda x: F.gelu(x, approximate="tanh"), [x], **ms)
case("quick gelu", "QuickGelu", lambda x: x * torch.sigmoid(1.702 * x), [x], **ms)
case("quick gelu, alpha 0.8", "QuickGelu", lambda x: x * torch.sigmoid(0.8 * x), [x], {"alpha": 0.8}, **ms)
case("shrink", "Shrink", lambda x: torch.where(x < -0.7, x + 0.2, torch.where(x > 0.7, x - 0.2, 0)), [x], {"lambd": 0.7, "bias": 0.2})
case("hard shrink", "Shrink", lambda x: F.hardshrink(x, 0.5), [x])
case("dropout of inference", "Dropout", lambda x: x * 1, [r(2, 3)])
case("dropout, training false", "Dropout", lambda x: x * 1, [r(2, 3), None, constant(0, "bool")])
case("identity", "Identity", lambda x: x * 1, [r(2, 3)])
case("cast to double", "Cast", lambda x: x * 1, [r(2, 3)], {"to": 11}, dtype="float64")
case("where", "Where", lambda a, b: torch.where(torch.tensor([[True, False, True], [False, False, True]]), a, b),
     [constant([[1, 0, 1], [0, 0, 1]], "bool"), r(2, 3), r(3)])
case("where, a condition that is broadcast", "Where", lambda a, b: torch.where(torch.tensor([[True], [False]]), a, b),
     [constant([[1], [0]], "bool"), r(1, 3), r(2, 3)])
case("softmax", "Softmax", lambda x: torch.softmax(x, 1), [r(2, 3, 2)], {"axis": 1})
case("softmax, default axis", "Softmax", lambda x: torch.softmax(x, -1), [r(2, 3)])
case("log softmax", "LogSoftmax", lambda x: torch.log_softmax(x, 0), [r(2, 3)], {"axis": 0})
case("matmul, batches that are broadcast", "MatMul", torch.matmul, [r(2, 1, 2, 3), r(3, 3, 2)])
case("matmul, vector and matrix", "MatMul", torch.matmul, [r(3), r(3, 2)])
case("matmul, matrices and vector", "MatMul", torch.matmul, [r(2, 2, 3), r(3)])
case("fused matmul", "FusedMatMul", lambda a, b: 0.5 * a.mT @ b.mT, [r(2, 3, 2), r(2, 4, 3)], {"transA": 1, "transB": 1, "alpha": 0.5}, **ms)
case("gemm", "Gemm", lambda a, b, c: 0.5 * a.mT @ b + 2 * c, [r(3, 2), r(3, 4), r(4)], {"transA": 1, "alpha": 0.5, "beta": 2.0})
case("gemm, b turned, no c", "Gemm", lambda a, b: a @ b.mT, [r(2, 3), r(4, 3)], {"transB": 1})
case("reduce sum", "ReduceSum", lambda x: x.sum((0, 2)), [r(2, 3, 2), [0, -1]], {"keepdims": 0})
case("reduce sum, all", "ReduceSum", lambda x: x.sum((0, 1), keepdim=True), [r(2, 3)])
case("reduce mean", "ReduceMean", lambda x: x.mean(1, keepdim=True), [r(2, 3, 2), [1]])
case("reduce max", "ReduceMax", lambda x: x.amax((1, 2)), [r(2, 3, 2), [1, 2]], {"keepdims": 0})
case("reduce min, two equal", "ReduceMin", lambda x: x.amin(1, keepdim=True), [torch.tensor([[1.0, -2.0, -2.0], [0.5, 3.0, 1.5]]).double(), [1]])
case("sum of squares", "ReduceSumSquare", lambda x: x.square().sum((0, 1)), [r(2, 3, 2), [0, 1]], {"keepdims": 0})
case("log of the sum", "ReduceLogSum", lambda x: x.sum(1, keepdim=True).log(), [positive(2, 3), [1]])
case("reshape", "Reshape", lambda x: x.reshape(3, 4), [r(2, 6), [3, -1]])
case("reshape that keeps an axis", "Reshape", lambda x: x.reshape(2, 2, 3), [r(2, 6), [0, 2, 3]])
case("flatten", "Flatten", lambda x: x.reshape(6, 4), [r(2, 3, 2, 2)], {"axis": 2})
case("flatten at 0", "Flatten", lambda x: x.reshape(1, -1), [r(2, 3)], {"axis": 0})
case("unsqueeze", "Unsqueeze", lambda x: x[None, :, None], [r(2, 3), [0, 2]])
case("squeeze", "Squeeze", lambda x: x[:, 0], [r(2, 1, 3), [-2]])
case("squeeze of all", "Squeeze", lambda x: x.squeeze(), [r(1, 2, 1, 3)])
case("expand", "Expand", lambda x: x.expand(2, 3, 4), [r(3, 1), [2, 3, 4]])
case("expand by its own ones", "Expand", lambda x: x.expand(2, 3), [r(2, 3), [1, 1]])
case("transpose", "Transpose", lambda x: x.permute(2, 0, 1), [r(2, 3, 4)], {"perm": [2, 0, 1]})
case("transpose, default", "Transpose", lambda x: x.permute(2, 1, 0), [r(2, 3, 4)])
case("concat", "Concat", lambda a, b, c: torch.cat([a, b, c], 1), [r(2, 1, 2), r(2, 3, 2), r(2, 2, 2)], {"axis": 1})
case("split, first part", "Split", lambda x: x[:, :1], [r(2, 4), [1, 3]], {"axis": 1}, outputs=2, others=[[2, 3]])
case("split in equal parts", "Split", lambda x: x[:2], [r(4, 3)], {"num_outputs": 2}, outputs=2, others=[[2, 3]])
case("slice", "Slice", lambda x: x[1:4:2, -2:], [r(5, 4), [1, -2], [4, 1000], [0, 1], [2, 1]])
case("slice backwards", "Slice", lambda x: x.flip(1)[:, 1::2], [r(2, 6), [4], [-1000], [1], [-2]])
case("gather", "Gather", lambda x: x[:, torch.tensor([[0, 2], [2, 1]])], [r(2, 3, 2), constant([[0, 2], [2, -2]])], {"axis": 1})
case("gather of one", "Gather", lambda x: x[1], [r(2, 3), constant(1)])
index = [[0, 1, 1], [1, 1, 0], [0, 0, 0]]
case("gather elements", "GatherElements", lambda x: torch.gather(x, 0, torch.tensor(index)), [r(2, 3), constant(index)])
case("gather elements, negative", "GatherElements", lambda x: torch.gather(x, 1, torch.tensor([[2, 2], [0, 1]])), [r(2, 3), constant([[-1, 2], [0, -2]])], {"axis": 1})
case("gather nd", "GatherND", lambda x: x[[0, 1, 1], [1, 0, 0]], [r(2, 3, 2), constant([[0, 1], [1, 0], [1, 0]])])
case("gather nd of rows", "GatherND", lambda x: x[[1, 0, 1]], [r(2, 3), constant([[1], [0], [1]])])


def scattered(x, u, add):
    at = torch.tensor([[2, 0], [1, 2]])
    return x.scatter_add(1, at, u) if add else x.scatter(1, at, u)


for add in [False, True]:
    title = ", added" if add else ""
    more = {"reduction": "add"} if add else {}
    case(f"scatter elements{title}", "ScatterElements", lambda x, u: scattered(x, u, add), [r(2, 3), constant([[2, 0], [1, -1]]), r(2, 2)], {"axis": 1, **more})
    case(f"scatter nd{title}", "ScatterND", lambda x, u: x.index_put((torch.tensor([2, 0]),), u, accumulate=add), [r(3, 2), constant([[2], [0]]), r(2, 2)], more)
case("scatter nd of elements, twice the same, added", "ScatterND", lambda x, u: x.index_put((torch.tensor([1, 1, 0]), torch.tensor([0, 0, 2])), u, accumulate=True),
     [r(2, 3), constant([[1, 0], [1, 0], [0, 2]]), r(3)], {"reduction": "add"})
case("compress", "Compress", lambda x: x[:, [0, 2]], [r(2, 4), constant([1, 0, 1], "bool")], {"axis": 1})
case("compress of all", "Compress", lambda x: x.flatten()[[1, 2, 4]], [r(2, 3), constant([0, 1, 1, 0, 1], "bool")])


def turned(x):
    """Axis 0 is time, axis 1 the batch, of lengths 1, 3 and 4."""
    return torch.stack([torch.cat([x[:n, i].flip(0), x[n:, i]]) for i, n in enumerate([1, 3, 4])], 1)


case("reverse sequence", "ReverseSequence", turned, [r(4, 3, 2), [1, 3, 4]])
case("reverse sequence, batch first", "ReverseSequence", lambda x: turned(x.transpose(0, 1)).transpose(0, 1), [r(3, 4), [1, 3, 4]], {"batch_axis": 0, "time_axis": 1})
hot = F.one_hot(torch.tensor([0, 2, 2, 1]), 3)
case("one hot", "OneHot", lambda v: v[0] + (v[1] - v[0]) * hot, [[0, 2, 2, 1], [3], r(2)])
case("one hot on axis 0", "OneHot", lambda v: v[0] + (v[1] - v[0]) * hot.T, [[0, 2, -1, 1], [3], r(2)], {"axis": 0})
case("range", "Range", lambda start, limit, delta: start + torch.arange(4) * delta, [torch.tensor(v).double() for v in (0.3, 2.05, 0.5)])
case("range downwards", "Range", lambda start, limit, delta: start + torch.arange(3) * delta, [torch.tensor(v).double() for v in (1.0, -0.4, -0.5)])


def to_depth(x, b):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)


def to_space(x, b):
    n, c, h, w = x.shape
    return x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // (b * b), h * b, w * b)


case("space to depth", "SpaceToDepth", lambda x: to_depth(x, 2), [r(2, 3, 4, 2)], {"blocksize": 2})
case("space to depth by 3", "SpaceToDepth", lambda x: to_depth(x, 3), [r(1, 1, 3, 6)], {"blocksize": 3})
case("depth to space, default order", "DepthToSpace", lambda x: to_space(x, 2), [r(2, 8, 2, 1)], {"blocksize": 2})


def standard(x, axes):
    m = x.mean(axes, keepdim=True)
    return (x - m) / (((x - m) ** 2).mean(axes, keepdim=True).sqrt() + 1e-9)


case("mean and variance", "MeanVarianceNormalization", lambda x: standard(x, (0, 2, 3)), [r(2, 3, 2, 2)])
case("mean and variance of each sample", "MeanVarianceNormalization", lambda x: standard(x, (1, 2, 3)), [r(2, 2, 3, 2)], {"axes": [1, 2, 3]})
case("global l2 pool", "GlobalLpPool", lambda x: x.square().sum((2, 3), keepdim=True).sqrt(), [r(2, 2, 3, 2)])
case("global l3 pool", "GlobalLpPool", lambda x: x.abs().pow(3).sum((2, 3), keepdim=True).pow(1 / 3), [r(2, 2, 2, 3)], {"p": 3})
case("global l1 pool", "GlobalLpPool", lambda x: x.abs().sum((2,), keepdim=True), [r(2, 2, 4)], {"p": 1})
case("global average pool", "GlobalAveragePool", lambda x: x.mean((2, 3), keepdim=True), [r(2, 2, 3, 2)])
case("conv", "Conv", lambda x, w, b: F.conv2d(F.pad(x, [0, 1, 2, 1]), w, b, (2, 1), 0, (1, 2), 2), [r(1, 4, 4, 5), r(2, 2, 3, 2), r(2)],
     {"strides": [2, 1], "dilations": [1, 2], "group": 2, "pads": [2, 0, 1, 1]})
case("conv, auto pad", "Conv", lambda x, w: F.conv1d(F.pad(x, [0, 1]), w, None, 2), [r(2, 2, 5), r(3, 2, 2)], {"strides": [2], "auto_pad": "SAME_UPPER"})
case("conv transpose", "ConvTranspose", lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1, 2), [r(1, 4, 2, 3), r(4, 1, 3, 3), r(2)],
     {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1], "group": 2})
case("max pool", "MaxPool", lambda x: F.max_pool2d(x, (2, 3), (1, 2), (1, 1), (1, 1)), [r(1, 2, 4, 5)], {"kernel_shape": [2, 3], "strides": [1, 2], "pads": [1, 1, 1, 1]})
case("average pool, padding counted", "AveragePool", lambda x: F.avg_pool2d(x, 3, 2, 1), [r(1, 2, 4, 5)],
     {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1})
case("average pool, padding not counted", "AveragePool", lambda x: F.avg_pool1d(x, 2, 1, 1, count_include_pad=False), [r(2, 2, 4)], {"kernel_shape": [2], "pads": [1, 1]})


def grid_sample(title, shape, places, mode, padding, corners, opset=18):
    """Half of the places or so are outside."""
    names = {"bilinear": "linear", "bicubic": "cubic"} if opset >= 20 else {}
    case(f"grid sample {title}, {mode}, {padding}, {'corners' if corners else 'edges'}", "GridSample",
         lambda x, g: F.grid_sample(x, g, mode, padding, corners), [r(*shape), rounded(*places, scale=1.2)],
         {"mode": names.get(mode, mode), "padding_mode": padding, "align_corners": int(corners)}, opset=opset)


for mode in ["bilinear", "nearest", "bicubic"]:
    for padding in ["zeros", "border", "reflection"]:
        for corners in [False, True]:
            grid_sample("of an image", [2, 2, 3, 4], [2, 3, 2, 2], mode, padding, corners)
grid_sample("of a row", [1, 1, 1, 3], [1, 2, 2, 2], "bilinear", "reflection", True)
for mode, padding, corners in [("bilinear", "zeros", False), ("bilinear", "reflection", True), ("nearest", "border", False)]:
    grid_sample("of a volume", [1, 2, 2, 3, 2], [1, 2, 1, 2, 3], mode, padding, corners, 20)

path = pathlib.Path(__file__).with_name("operators.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")

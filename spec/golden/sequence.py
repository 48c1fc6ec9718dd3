"""Outputs and gradients of recurrent and attention layers by PyTorch in float64, as sequence.json.

Cells are written out by their formulas in Keras's layouts and gate orders; where PyTorch has the layer, its result is compared
before anything is written. Usage: python3 sequence.py > sequence.json
"""
import json
import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(20240607)
cases = []


def draw(*shape):
    return (torch.rand(shape, generator=generator) * 2 - 1) * 0.8


def flat(t):
    return {"shape": list(t.shape), "data": [round(v, 12) for v in t.detach().reshape(-1).tolist()]}


def case(name, inputs, weights, f, mask=None):
    """inputs and weights: lists of tensors; f(inputs, weights) -> tensor"""
    leaves = [t.clone().requires_grad_() for t in inputs + weights]
    y = f(leaves[: len(inputs)], leaves[len(inputs):])
    cotangent = draw(*y.shape)
    grads = torch.autograd.grad(y, leaves, cotangent, allow_unused=True)
    grads = [torch.zeros_like(l) if g is None else g for g, l in zip(grads, leaves)]
    cases.append({
        "name": name,
        "inputs": [flat(t) for t in inputs],
        "mask": None if mask is None else mask.int().tolist(),
        "weights": [flat(t) for t in weights],
        "output": flat(y),
        "cotangent": flat(cotangent),
        "gradients": [flat(g) for g in grads],
    })
    return y


# ---- recurrent ------------------------------------------------------------------------------------------------------

def simple(x, s, w, act=torch.tanh):
    return [act(x @ w[0] + s[0] @ w[1] + (w[2] if len(w) > 2 else 0))]


def lstm(x, s, w):
    i, f, g, o = (x @ w[0] + s[0] @ w[1] + (w[2] if len(w) > 2 else 0)).chunk(4, -1)
    c = torch.sigmoid(f) * s[1] + torch.sigmoid(i) * torch.tanh(g)
    return [torch.sigmoid(o) * torch.tanh(c), c]


def gru(x, s, w):
    u = s[0].shape[-1]
    if w[2].dim() == 2:
        a, b = x @ w[0] + w[2][0], s[0] @ w[1] + w[2][1]
        z, r = torch.sigmoid(a[:, :u] + b[:, :u]), torch.sigmoid(a[:, u:2 * u] + b[:, u:2 * u])
        n = torch.tanh(a[:, 2 * u:] + r * b[:, 2 * u:])
    else:
        a = x @ w[0] + w[2]
        b = s[0] @ w[1][:, :2 * u]
        z, r = torch.sigmoid(a[:, :u] + b[:, :u]), torch.sigmoid(a[:, u:2 * u] + b[:, u:])
        n = torch.tanh(a[:, 2 * u:] + (r * s[0]) @ w[1][:, 2 * u:])
    return [z * s[0] + (1 - z) * n]


def run(cell, x, w, units, states=None, sequences=False, backwards=False, mask=None, zero=False, truncate=None):
    n = 2 if cell is lstm else 1
    s = list(states) if states else [torch.zeros(x.shape[0], units) for _ in range(n)]
    out = torch.zeros(x.shape[0], units)
    outs = []
    order = range(x.shape[1] - 1, -1, -1) if backwards else range(x.shape[1])
    for k, t in enumerate(order):
        if truncate and k % truncate == 0:
            s = [v.detach() for v in s]
        new = cell(x[:, t], s, w)
        if mask is None:
            s, out = new, new[0]
        else:
            m = mask[:, t:t + 1]
            shown = torch.where(m, new[0], torch.zeros_like(out) if zero else out)
            s = [torch.where(m, a, b) for a, b in zip(new, s)]
            out = shown
        outs.append(out)
    return (torch.stack(outs, 1) if sequences else out), s


def weights(f, u, gates, bias=None):
    b = [gates * u] if bias is None else bias
    return [draw(f, gates * u), draw(u, gates * u)] + ([draw(*b)] if b else [])


mask = torch.tensor([[True, True, False, True, False], [False, True, True, False, False], [False, False, False, False, False]])

w = weights(4, 3, 1)
y = case("simpleRNN sequences", [draw(2, 5, 4)], w, lambda x, w: run(simple, x[0], w, 3, sequences=True)[0])
ref = torch.nn.RNN(4, 3, batch_first=True)
ref.load_state_dict({"weight_ih_l0": w[0].T, "weight_hh_l0": w[1].T, "bias_ih_l0": w[2], "bias_hh_l0": w[2] * 0})
x = torch.tensor(cases[-1]["inputs"][0]["data"]).reshape(2, 5, 4)
assert torch.allclose(ref(x)[0], y, atol=1e-9)
case("simpleRNN relu, no bias, masked", [draw(3, 5, 2)], weights(2, 4, 1, []),
     lambda x, w: run(lambda a, s, w: simple(a, s, w, torch.relu), x[0], w, 4, mask=mask)[0], mask)
case("simpleRNN truncate 2", [draw(2, 5, 3)], weights(3, 2, 1), lambda x, w: run(simple, x[0], w, 2, sequences=True, truncate=2)[0])

w = weights(4, 3, 4)
y = case("lstm last", [draw(2, 6, 4)], w, lambda x, w: run(lstm, x[0], w, 3)[0])
ref = torch.nn.LSTM(4, 3, batch_first=True)
ref.load_state_dict({"weight_ih_l0": w[0].T, "weight_hh_l0": w[1].T, "bias_ih_l0": w[2], "bias_hh_l0": w[2] * 0})
x = torch.tensor(cases[-1]["inputs"][0]["data"]).reshape(2, 6, 4)
assert torch.allclose(ref(x)[0][:, -1], y, atol=1e-9)
case("lstm one step", [draw(3, 1, 2)], weights(2, 1, 4), lambda x, w: run(lstm, x[0], w, 1, sequences=True)[0])
case("lstm sequences backwards masked", [draw(3, 5, 2)], weights(2, 3, 4),
     lambda x, w: run(lstm, x[0], w, 3, sequences=True, backwards=True, mask=mask)[0], mask)
case("lstm with states", [draw(3, 5, 2), draw(3, 3), draw(3, 3)], weights(2, 3, 4),
     lambda x, w: torch.cat([*(lambda o, s: (o, s[0], s[1]))(*run(lstm, x[0], w, 3, x[1:], mask=mask))], -1), mask)
case("lstm truncate 3", [draw(2, 7, 3)], weights(3, 2, 4), lambda x, w: run(lstm, x[0], w, 2, truncate=3)[0])

w = weights(4, 3, 3, [2, 9])
y = case("gru sequences", [draw(2, 5, 4)], w, lambda x, w: run(gru, x[0], w, 3, sequences=True)[0])
ref = torch.nn.GRU(4, 3, batch_first=True)
order = [3, 4, 5, 0, 1, 2, 6, 7, 8]
ref.load_state_dict({"weight_ih_l0": w[0].T[order], "weight_hh_l0": w[1].T[order], "bias_ih_l0": w[2][0][order], "bias_hh_l0": w[2][1][order]})
x = torch.tensor(cases[-1]["inputs"][0]["data"]).reshape(2, 5, 4)
assert torch.allclose(ref(x)[0], y, atol=1e-9)
case("gru reset before", [draw(2, 4, 3)], weights(3, 2, 3), lambda x, w: run(gru, x[0], w, 2)[0])
case("gru masked", [draw(3, 5, 2)], weights(2, 3, 3, [2, 9]), lambda x, w: run(gru, x[0], w, 3, mask=mask)[0], mask)

case("bidirectional lstm concat sequences masked", [draw(3, 5, 2)], weights(2, 3, 4) + weights(2, 3, 4),
     lambda x, w: torch.cat([run(lstm, x[0], w[:3], 3, sequences=True, mask=mask, zero=True)[0],
                             run(lstm, x[0], w[3:], 3, sequences=True, backwards=True, mask=mask, zero=True)[0].flip(1)], -1), mask)
case("bidirectional gru mul", [draw(2, 4, 3)], weights(3, 2, 3, [2, 6]) + weights(3, 2, 3, [2, 6]),
     lambda x, w: run(gru, x[0], w[:3], 2)[0] * run(gru, x[0], w[3:], 2, backwards=True)[0])
case("stacked lstm and gru", [draw(2, 5, 3)], weights(3, 4, 4) + weights(4, 2, 3, [2, 6]),
     lambda x, w: run(gru, run(lstm, x[0], w[:3], 4, sequences=True)[0], w[3:], 2)[0])
case("timeDistributed dense", [draw(2, 5, 3, 2)], [draw(2, 4), draw(4)], lambda x, w: torch.tanh(x[0] @ w[0] + w[1]))


# ---- attention ------------------------------------------------------------------------------------------------------

def soft(scores, allowed=None):
    return torch.softmax(scores if allowed is None else scores.masked_fill(~allowed, -1e9), -1)


def lower(n, m):
    return torch.ones(n, m, dtype=torch.bool).tril()


def rotated(x, base=10000.0):  # [batch, seq, heads, dim]
    half = x.shape[-1] // 2
    angle = torch.arange(x.shape[1])[:, None] * base ** (-2 * torch.arange(half) / x.shape[-1])
    c, s = angle.cos()[:, None], angle.sin()[:, None]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * c - b * s, b * c + a * s], -1)


def heads(q, v, k, w, allowed=None, bias=True, rotary=False):
    w = list(w)
    pairs = [(w.pop(0), w.pop(0) if bias else 0) for _ in range(4)]
    project = lambda x, p: torch.einsum("btd,dhk->bthk", x, p[0]) + p[1]
    q, k, v = project(q, pairs[0]), project(k, pairs[1]), project(v, pairs[2])
    if rotary:
        q, k = rotated(q), rotated(k)
    repeat = q.shape[2] // k.shape[2]
    k, v = k.repeat_interleave(repeat, 2), v.repeat_interleave(repeat, 2)
    scores = torch.einsum("bthk,bshk->bhts", q, k) / math.sqrt(q.shape[-1])
    out = torch.einsum("bhts,bshk->bthk", soft(scores, allowed), v)
    return torch.einsum("bthk,hkd->btd", out, pairs[3][0]) + pairs[3][1]


def head_weights(dq, dk, dv, h, kd, vd, out, groups=None, bias=True):
    g = groups or h
    shapes = [[dq, h, kd], [h, kd], [dk, g, kd], [g, kd], [dv, g, vd], [g, vd], [h, vd, out], [out]]
    return [draw(*s) for i, s in enumerate(shapes) if bias or i % 2 == 0]


case("attention", [draw(2, 3, 4), draw(2, 5, 2), draw(2, 5, 4)], [], lambda x, w: soft(x[0] @ x[2].mT) @ x[1])
case("attention scale causal", [draw(2, 4, 3)], [draw()], lambda x, w: soft(w[0] * (x[0] @ x[0].mT), lower(4, 4)) @ x[0])
case("attention concat", [draw(2, 3, 4), draw(2, 5, 4)], [draw(), draw()],
     lambda x, w: soft(w[1] * torch.tanh(w[0] * (x[0][:, :, None] + x[1][:, None])).sum(-1)) @ x[1])
case("additive", [draw(2, 3, 4), draw(2, 5, 4)], [draw(4)],
     lambda x, w: soft((w[0] * torch.tanh(x[0][:, :, None] + x[1][:, None])).sum(-1)) @ x[1])
case("additive masked, no scale", [draw(3, 5, 2)], [],
     lambda x, w: (soft(torch.tanh(x[0][:, :, None] + x[0][:, None]).sum(-1), mask[:, None]) @ x[0]) * mask[:, :, None], mask)

w = head_weights(4, 4, 4, 2, 2, 2, 4)
y = case("heads self", [draw(2, 5, 4)], w, lambda x, w: heads(x[0], x[0], x[0], w))
ref = torch.nn.MultiheadAttention(4, 2, batch_first=True)
ref.load_state_dict({"in_proj_weight": torch.cat([w[i].reshape(4, 4).T for i in (0, 2, 4)]), "in_proj_bias": torch.cat([w[i].reshape(4) for i in (1, 3, 5)]),
                     "out_proj.weight": w[6].reshape(4, 4).T, "out_proj.bias": w[7]})
x = torch.tensor(cases[-1]["inputs"][0]["data"]).reshape(2, 5, 4)
assert torch.allclose(ref(x, x, x)[0], y, atol=1e-9)
case("heads cross", [draw(2, 3, 4), draw(2, 6, 5), draw(2, 6, 3)], head_weights(4, 3, 5, 3, 2, 4, 6), lambda x, w: heads(x[0], x[1], x[2], w))
case("heads causal, no bias", [draw(2, 5, 4)], head_weights(4, 4, 4, 2, 3, 3, 4, bias=False), lambda x, w: heads(x[0], x[0], x[0], w, lower(5, 5), bias=False))
both = mask[:, None, :, None] & mask[:, None, None, :]
case("heads masked", [draw(3, 5, 4)], head_weights(4, 4, 4, 2, 3, 3, 4), lambda x, w: heads(x[0], x[0], x[0], w, both), mask)
case("heads rotary causal", [draw(2, 5, 4)], head_weights(4, 4, 4, 2, 4, 4, 4), lambda x, w: heads(x[0], x[0], x[0], w, lower(5, 5), rotary=True))
case("grouped", [draw(2, 5, 4)], head_weights(4, 4, 4, 4, 2, 2, 4, groups=2), lambda x, w: heads(x[0], x[0], x[0], w))
case("grouped, one key head, causal rotary", [draw(2, 4, 3)], head_weights(3, 3, 3, 3, 2, 2, 3, groups=1),
     lambda x, w: heads(x[0], x[0], x[0], w, lower(4, 4), rotary=True))

# ---- positions, blocks ----------------------------------------------------------------------------------------------


def sines(n, d):
    t = torch.arange(n)[:, None] * 10000.0 ** (-2 * (torch.arange(d) // 2) / d)
    return torch.where(torch.arange(d) % 2 == 0, t.sin(), t.cos())


case("sinusoidal even", [draw(2, 7, 6)], [], lambda x, w: x[0] + sines(7, 6))
case("sinusoidal odd", [draw(1, 3, 5)], [], lambda x, w: x[0] + sines(3, 5))
case("learned", [draw(2, 3, 4)], [draw(6, 4)], lambda x, w: x[0] + w[0][:3])
case("rotary", [draw(2, 5, 3, 4)], [], lambda x, w: rotated(x[0]))
case("rotary rank 3", [draw(2, 5, 6)], [], lambda x, w: rotated(x[0][:, :, None])[:, :, 0])


def norm(x, g, b):
    return F.layer_norm(x, x.shape[-1:], g, b, 1e-5)


def block_weights(d, h, ff):
    return head_weights(d, d, d, h, d // h, d // h, d), [draw(d) + 1, draw(d)], [draw(d, ff), draw(ff), draw(ff, d), draw(d)], [draw(d) + 1, draw(d)]


def ffn(x, w):
    return torch.relu(x @ w[0] + w[1]) @ w[2] + w[3]


a, n1, f, n2 = block_weights(4, 2, 6)
case("encoder post", [draw(2, 5, 4)], a + n1 + f + n2,
     lambda x, w: (lambda y: norm(y + ffn(y, w[10:14]), w[14], w[15]))(norm(x[0] + heads(x[0], x[0], x[0], w[:8]), w[8], w[9])))
case("encoder pre causal", [draw(2, 5, 4)], n1 + a + n2 + f,
     lambda x, w: (lambda y: y + ffn(norm(y, w[10], w[11]), w[12:16]))(
         (lambda z: x[0] + heads(z, z, z, w[2:10], lower(5, 5)))(norm(x[0], w[0], w[1]))))
a2, n3, _, _ = block_weights(4, 2, 6)
case("decoder post", [draw(2, 3, 4), draw(2, 5, 4)], a + n1 + a2 + n3 + f + n2,
     lambda x, w: (lambda y: (lambda z: norm(z + ffn(z, w[20:24]), w[24], w[25]))(norm(y + heads(y, x[1], x[1], w[10:18]), w[18], w[19])))(
         norm(x[0] + heads(x[0], x[0], x[0], w[:8], lower(3, 3)), w[8], w[9])))

# ---- more of each ---------------------------------------------------------------------------------------------------

soft_last = lambda v: torch.softmax(v, -1)
case("simpleRNN softmax, no bias", [draw(2, 4, 2)], weights(2, 3, 1, []),
     lambda x, w: run(lambda a, s, w: simple(a, s, w, soft_last), x[0], w, 3, sequences=True)[0])
case("simpleRNN with a state masked", [draw(3, 5, 2), draw(3, 3)], weights(2, 3, 1),
     # As a factor a masked step is 1: Keras's Multiply.
     lambda x, w: (lambda o, s: torch.where(mask[:, :, None], o, torch.ones(())) * s[0][:, None])(
         *run(simple, x[0], w, 3, x[1:], sequences=True, mask=mask)), mask)
case("gru encoder and decoder", [draw(2, 4, 2), draw(2, 3, 2)], weights(2, 3, 3, [2, 9]) + weights(2, 3, 3, [2, 9]),
     lambda x, w: run(gru, x[1], w[3:], 3, run(gru, x[0], w[:3], 3)[1], sequences=True)[0])
case("bidirectional simpleRNN sum, no bias", [draw(2, 4, 2)], weights(2, 3, 1, []) + weights(2, 3, 1, []),
     lambda x, w: run(simple, x[0], w[:2], 3, sequences=True)[0] + run(simple, x[0], w[2:], 3, sequences=True, backwards=True)[0].flip(1))
w = weights(3, 2, 4) + weights(3, 2, 4)
case("bidirectional lstm ave", [draw(2, 5, 3)], w,
     lambda x, w: (run(lstm, x[0], w[:3], 2)[0] + run(lstm, x[0], w[3:], 2, backwards=True)[0]) / 2)
ref = torch.nn.LSTM(3, 2, batch_first=True, bidirectional=True)
ref.load_state_dict({f"{name}_l0{way}": v for k, way in enumerate(["", "_reverse"])
                     for name, v in zip(["weight_ih", "weight_hh", "bias_ih", "bias_hh"], [w[3 * k].T, w[3 * k + 1].T, w[3 * k + 2], 0 * w[3 * k + 2]])})
x = torch.tensor(cases[-1]["inputs"][0]["data"]).reshape(2, 5, 3)
h = ref(x)[1][0]
assert torch.allclose((h[0] + h[1]) / 2, torch.tensor(cases[-1]["output"]["data"]).reshape(2, 2), atol=1e-9)

case("timeDistributed conv2d", [draw(2, 3, 2, 3, 4)], [draw(3, 2, 2, 2), draw(3)],
     lambda x, w: F.conv2d(F.pad(x[0].flatten(0, 1), [0, 1, 0, 1]), *w).unflatten(0, (2, 3)))
case("timeDistributed normalised block", [draw(2, 3, 4)], [draw(4), draw(4), draw(4, 2)],
     lambda x, w: F.layer_norm(x[0], [4], w[0], w[1], 1e-3) @ w[2])


def with_value(x, at, value):
    """Some steps of which every feature has the value, and one with a single one."""
    x = x.clone()
    for place in at:
        x[place] = value
    x[0, 0, ..., 0] = value
    return x


def masked(x, value):
    return x * (x.detach() != value).flatten(2).any(-1).reshape(*x.shape[:2], *[1] * (x.dim() - 2))


case("masking", [with_value(draw(2, 4, 3), [(0, 1), (1, 3), (1, 0)], 0.0)], [], lambda x, w: masked(x[0], 0.0))
case("masking 0.5 before lstm", [with_value(draw(3, 5, 2), [(0, 2), (0, 4), (1, 0)], 0.5)], weights(2, 3, 4),
     lambda x, w: run(lstm, masked(x[0], 0.5), w, 3, mask=(x[0].detach() != 0.5).any(-1))[0])
case("masking rank 4", [with_value(draw(2, 3, 2, 2), [(0, 1), (1, 2, 0), (1, 0)], -1.0)], [], lambda x, w: masked(x[0], -1.0))

case("additive causal", [draw(2, 4, 3)], [draw(3)],
     lambda x, w: soft((w[0] * torch.tanh(x[0][:, :, None] + x[0][:, None])).sum(-1), lower(4, 4)) @ x[0])
case("grouped cross, no bias", [draw(2, 3, 4), draw(2, 5, 2)], head_weights(4, 2, 2, 4, 3, 3, 4, groups=2, bias=False),
     lambda x, w: heads(x[0], x[1], x[1], w, bias=False))


def waves(n, d, base):
    t = torch.arange(n)[:, None] * base ** (-2 * (torch.arange(d) // 2) / d)
    return torch.where(torch.arange(d) % 2 == 0, t.sin(), t.cos())


case("sinusoidal wavelength 50", [draw(2, 9, 4)], [], lambda x, w: x[0] + waves(9, 4, 50.0))
case("learned as long as the sequence", [draw(2, 4, 3)], [draw(4, 3)], lambda x, w: x[0] + w[0])
case("learned twice", [draw(3, 4, 2)], [draw(5, 2), draw(9, 2)], lambda x, w: torch.tanh(x[0] + w[0][:4]) + w[1][:4])
case("rotary wavelength 20", [draw(2, 6, 2, 2)], [], lambda x, w: rotated(x[0], 20.0))


def gelu_ffn(x, w):
    return F.gelu(x @ w[0] + w[1]) @ w[2] + w[3]


def turned_heads(x, w, base, allowed=None):
    """One head as wide as the model."""
    q, k, v = (torch.einsum("btd,dhk->bthk", x, w[i]) + w[i + 1] for i in (0, 2, 4))
    q, k = rotated(q, base), rotated(k, base)
    scores = torch.einsum("bthk,bshk->bhts", q, k) / math.sqrt(q.shape[-1])
    return torch.einsum("bthk,hkd->btd", torch.einsum("bhts,bshk->bthk", soft(scores, allowed), v), w[6]) + w[7]


def norm3(x, g, b):
    return F.layer_norm(x, x.shape[-1:], g, b, 1e-3)


a, n1, f, n2 = block_weights(4, 1, 6)
case("encoder pre gelu rotary", [draw(2, 5, 4)], n1 + a + n2 + f,
     lambda x, w: (lambda y: y + gelu_ffn(norm3(y, w[10], w[11]), w[12:16]))(
         (lambda z: x[0] + turned_heads(z, w[2:10], 100.0))(norm3(x[0], w[0], w[1]))))
a, n1, f, n2 = block_weights(4, 2, 5)
case("encoder post masked", [draw(3, 5, 4)], a + n1 + f + n2,
     lambda x, w: (lambda y: norm(y + ffn(y, w[10:14]), w[14], w[15]))(norm(x[0] + heads(x[0], x[0], x[0], w[:8], both), w[8], w[9])), mask)
a, n1, f, n2 = block_weights(4, 2, 6)
a2, n3, _, _ = block_weights(4, 2, 6)
case("decoder pre", [draw(2, 3, 4), draw(2, 5, 4)], n1 + a + n2 + a2 + n3 + f,
     lambda x, w: (lambda y: y + ffn(norm(y, w[20], w[21]), w[22:26]))(
         (lambda y: y + heads(norm(y, w[10], w[11]), x[1], x[1], w[12:20]))(
             (lambda z: x[0] + heads(z, z, z, w[2:10], lower(3, 3)))(norm(x[0], w[0], w[1])))))
a, n1, f, n2 = block_weights(4, 1, 3)
a2, n3, _, _ = block_weights(4, 1, 3)
case("decoder post gelu rotary, one head", [draw(2, 4, 4), draw(2, 3, 4)], a + n1 + a2 + n3 + f + n2,
     lambda x, w: (lambda y: (lambda z: norm(z + gelu_ffn(z, w[20:24]), w[24], w[25]))(norm(y + heads(y, x[1], x[1], w[10:18]), w[18], w[19])))(
         norm(x[0] + turned_heads(x[0], w[:8], 10000.0, lower(4, 4)), w[8], w[9])))


# ---- the weights of attention ---------------------------------------------------------------------------------------

def head_scores(q, k, w, allowed=None):
    queries = torch.einsum("btf,fhd->bhtd", q, w[0]) + w[1][:, None]
    keys = torch.einsum("bsf,fgd->bgsd", k, w[2]) + w[3][:, None]
    keys = keys.repeat_interleave(queries.shape[1] // keys.shape[1], 1)
    return soft(queries @ keys.mT / math.sqrt(queries.shape[-1]), allowed)


case("scores of heads and the output", [draw(2, 3, 4), draw(2, 5, 2)], head_weights(4, 2, 2, 2, 3, 3, 4),
     lambda x, w: torch.cat([heads(x[0], x[1], x[1], w), head_scores(x[0], x[1], w)[:, 0] @ x[1]], -1))
case("scores of groups, masked causal", [draw(3, 5, 4)], head_weights(4, 4, 4, 4, 2, 2, 4, groups=2),
     lambda x, w: head_scores(x[0], x[0], w, lower(5, 5) & both), mask)
case("scores without heads", [draw(2, 3, 4), draw(2, 5, 4)], [draw()],
     lambda x, w: soft(w[0] * (x[0] @ x[1].mT)))

# ---- windows, gates, axes that attend -------------------------------------------------------------------------------


def window(n, m, size):
    return (torch.arange(n)[:, None] - torch.arange(m)).abs() < size


def gated_heads(x, w, allowed=None, bias=True):
    """The gate's parameters are the third pair."""
    pairs = [list(w[i:i + 2]) if bias else [w[i], 0] for i in range(0, len(w), 2 if bias else 1)]
    q, k, gate, v, out = pairs
    project = lambda p: torch.einsum("btd,dhk->bthk", x, p[0]) + p[1]
    queries, keys, values = project(q), project(k), project(v)
    repeat = queries.shape[2] // keys.shape[2]
    keys, values = keys.repeat_interleave(repeat, 2), values.repeat_interleave(repeat, 2)
    scores = torch.einsum("bthk,bshk->bhts", queries, keys) / math.sqrt(queries.shape[-1])
    y = torch.einsum("bhts,bshk->bthk", soft(scores, allowed), values) * torch.sigmoid(project(gate))
    return torch.einsum("bthk,hkd->btd", y, out[0]) + out[1]


def gated_weights(d, h, kd, vd, groups=None, bias=True):
    w = head_weights(d, d, d, h, kd, vd, d, groups, bias)
    gate = [draw(d, h, vd), draw(h, vd)] if bias else [draw(d, h, vd)]
    return w[: 2 * len(gate)] + gate + w[2 * len(gate):]


def along(q, v, k, w, axes, allowed=None, rotary=False):
    """Attention of `heads` along some axes: the others are as many batches."""
    others = [i for i in range(q.dim() - 1) if i not in axes]
    order = others + list(axes) + [q.dim() - 1]
    flatten = lambda t: t.permute(order).flatten(0, len(others) - 1).flatten(1, len(axes))
    y = heads(flatten(q), flatten(v), flatten(k), w, allowed, rotary=rotary)
    sizes = [q.shape[i] for i in order[:-1]] + [y.shape[-1]]
    return y.reshape(sizes).permute([order.index(i) for i in range(q.dim())])


case("heads in a window", [draw(2, 5, 4)], head_weights(4, 4, 4, 2, 3, 3, 4), lambda x, w: heads(x[0], x[0], x[0], w, window(5, 5, 2)))
case("heads cross in a causal window, masked", [draw(3, 5, 4), draw(3, 6, 2)], head_weights(4, 2, 2, 2, 3, 3, 4),
     lambda x, w: heads(x[0], x[1], x[1], w, window(5, 6, 3) & lower(5, 6) & mask[:, None, :, None]), mask)
case("heads gated", [draw(2, 5, 4)], gated_weights(4, 2, 3, 2), lambda x, w: gated_heads(x[0], w))
case("grouped gated in a window, no bias", [draw(2, 4, 3)], gated_weights(3, 4, 2, 2, groups=2, bias=False),
     lambda x, w: gated_heads(x[0], w, window(4, 4, 2), bias=False))
case("heads along axis 1", [draw(2, 3, 2, 4)], head_weights(4, 4, 4, 2, 3, 3, 4), lambda x, w: along(x[0], x[0], x[0], w, [1]))
case("heads along axis 2, causal rotary", [draw(2, 3, 4, 3)], head_weights(3, 3, 3, 2, 4, 4, 5),
     lambda x, w: along(x[0], x[0], x[0], w, [2], lower(4, 4), rotary=True))
case("heads along two axes", [draw(2, 3, 2, 2, 4), draw(2, 4, 2, 3, 3), draw(2, 4, 2, 3, 2)], head_weights(4, 2, 3, 2, 2, 2, 4),
     lambda x, w: along(x[0], x[1], x[2], w, [1, 3]))
pairs = both.repeat_interleave(2, 0)
case("heads along axis 1, masked", [draw(3, 5, 2, 4)], gated_weights(4, 2, 3, 3),
     lambda x, w: gated_heads(x[0].transpose(1, 2).flatten(0, 1), w, pairs).reshape(3, 2, 5, 4).transpose(1, 2), mask)

# ---- two directions that differ -------------------------------------------------------------------------------------

case("bidirectional lstm and gru", [draw(2, 4, 3)], weights(3, 3, 4) + weights(3, 2, 3, [2, 6]),
     lambda x, w: torch.cat([run(lstm, x[0], w[:3], 3)[0], run(gru, x[0], w[3:], 2, backwards=True)[0]], -1))
case("bidirectional lstm and simpleRNN mul sequences masked", [draw(3, 5, 2)], weights(2, 3, 4) + weights(2, 3, 1),
     lambda x, w: run(lstm, x[0], w[:3], 3, sequences=True, mask=mask, zero=True)[0]
     * run(simple, x[0], w[3:], 3, sequences=True, backwards=True, mask=mask, zero=True)[0].flip(1), mask)

case("heads cross in a window behind all keys", [draw(2, 5, 4), draw(2, 2, 3)], head_weights(4, 3, 3, 2, 3, 3, 4),
     lambda x, w: heads(x[0], x[1], x[1], w, window(5, 2, 2)))

json.dump(cases, sys.stdout, separators=(",", ":"))
print()

"""
Outputs and gradients of torchvision's networks, and of small re-implementations of others, in float64, with weights that both
sides compute by a formula: numbers of the zoo's specs. Writes zoo.json beside this file.

    /usr/bin/python3 spec/golden/zoo.py [NAME ...]        (torch 1.13, torchvision 0.14; with names, only those anew)

A network's parameters are listed in the zoo's order ("atoms": for attention, the parts of the stacked projection); atom k has at
index i the number scale * hash(k, i), see `fill`. Of each gradient are kept the projection on another row of hashes, and the norm.
"""
import json
import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.models as tv
from torch import nn
from torchvision.models.convnext import CNBlock, CNBlockConfig, ConvNeXt
from torchvision.models.densenet import DenseNet
from torchvision.models.efficientnet import EfficientNet, _efficientnet_conf
from torchvision.models.mobilenetv3 import MobileNetV3, _mobilenet_v3_conf
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.models.vgg import VGG, make_layers
from torchvision.models.vision_transformer import VisionTransformer

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

INPUT, COTANGENT, PROJECTION = 1_000_000, 1_000_001, 2_000_000


def hashes(k, n):
    """Numbers in [-1, 1) of an atom and an index: a mix of 32 bit integers, exact in every language."""
    with np.errstate(over="ignore"):
        x = np.arange(1, n + 1, dtype=np.uint32) + np.uint32(((k + 1) * 0x9E3779B1) & 0xFFFFFFFF)
        x = x * np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13)
        x = x * np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2.0**31 - 1.0


# ----- atoms: (tensor, role, how to see it and its gradient)

class Atom:
    def __init__(self, role, tensor, part=None):
        self.role, self.tensor, self.part = role, tensor, part

    def of(self, t):
        return t if self.part is None else t[self.part]


def atoms(m):
    if isinstance(m, CNBlock):
        return atoms(m.block) + [Atom("gamma", m.layer_scale)]
    if isinstance(m, VisionTransformer):
        return (atoms(m.conv_proj) + [Atom("token", m.class_token), Atom("embeddings", m.encoder.pos_embedding)]
                + atoms(m.encoder.layers) + atoms(m.encoder.ln) + atoms(m.heads))
    if isinstance(m, nn.MultiheadAttention):
        e = m.embed_dim
        parts = [slice(0, e), slice(e, 2 * e), slice(2 * e, 3 * e)]
        inner = [a for p in parts for a in (Atom("kernel", m.in_proj_weight, p), Atom("bias", m.in_proj_bias, p))]
        return inner + atoms(m.out_proj)
    if hasattr(m, "atoms"):
        return m.atoms()
    if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Linear, nn.ConvTranspose2d)):
        return [Atom("kernel", m.weight)] + ([] if m.bias is None else [Atom("bias", m.bias)])
    if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
        return [Atom("gamma", m.weight), Atom("beta", m.bias), Atom("moving_mean", m.running_mean),
                Atom("moving_variance", m.running_var)]
    if isinstance(m, nn.LayerNorm):
        return [Atom("gamma", m.weight), Atom("beta", m.bias)]
    if isinstance(m, nn.Embedding):
        return [Atom("embeddings", m.weight)]
    return [a for c in m.children() for a in atoms(c)]


GAIN = 1.5


def values(role, k, shape):
    h = hashes(k, int(np.prod(shape))).reshape(shape)
    if role == "kernel":
        return math.sqrt(3 * GAIN / np.prod(shape[1:])) * h
    return {"gamma": lambda: 1 + 0.2 * h, "moving_variance": lambda: 1 + 0.4 * h, "token": lambda: 0.5 * h,
            "embeddings": lambda: 0.5 * h}.get(role, lambda: 0.1 * h)()


def fill(listed):
    with torch.no_grad():
        for k, a in enumerate(listed):
            v = torch.from_numpy(values(a.role, k, tuple(a.of(a.tensor).shape)))
            # As the other side has them: rounded to float32.
            a.of(a.tensor).copy_(v.float().double())


# ----- cases

def image(*shape):
    return torch.from_numpy(hashes(INPUT, int(np.prod(shape))).reshape(shape)).float().double()


def tokens(vocabulary, *shape):
    h = hashes(INPUT, int(np.prod(shape))).reshape(shape)
    return torch.from_numpy(np.floor((h + 1) / 2 * vocabulary).astype(np.int64))


def short(x):
    return float(f"{x:.9g}")


def calm(m):
    """No dropout and no stochastic depth: what is left of training is batch normalisation."""
    for c in m.modules():
        if isinstance(c, nn.Dropout):
            c.p = 0.0
        if type(c).__name__ == "StochasticDepth":
            c.p = 0.0


def run(m, x, training):
    m.train(training)
    m.zero_grad()
    listed = atoms(m)
    fill(listed)
    integer = not x.is_floating_point()
    if not integer:
        x = x.clone().requires_grad_(True)
    y = m(x)
    y = y if torch.is_tensor(y) else y.logits
    cotangent = torch.from_numpy(hashes(COTANGENT, y.numel()).reshape(tuple(y.shape))).float().double()
    (y * cotangent).sum().backward()
    gradients = [] if integer else [x.grad]
    gradients += [a.of(a.tensor.grad) for a in listed if not a.role.startswith("moving")]
    out = y.detach().reshape(-1).numpy()
    projected = []
    for j, g in enumerate(gradients):
        flat = g.detach().reshape(-1).numpy()
        projected.append([short(float(flat @ hashes(PROJECTION + j, flat.size))), short(float(np.linalg.norm(flat)))])
    step = max(1, out.size // 40)
    return {"shape": list(y.shape), "step": step, "output": [short(v) for v in out[::step]], "gradients": projected}


# In training, through 152 layers normalised by three samples, rounding to float32 alone moves gradients by a tenth.
UNSTABLE = {"resnet152", "resnet152V2"}


def case(name, m, x):
    m = m.double()
    calm(m)
    integer = not x.is_floating_point()
    result = {"name": name, "integer": integer, "input": list(x.shape)}
    if integer:
        result["tokens"] = x.reshape(-1).tolist()
    result["inference"] = run(m, x, False)
    if name not in UNSTABLE and any(isinstance(c, (nn.BatchNorm1d, nn.BatchNorm2d)) for c in m.modules()):
        result["training"] = run(m, x, True)
    result["atoms"] = len(atoms(m))
    print(name, result["atoms"], result["inference"]["output"][:3], max(g[1] for g in result["inference"]["gradients"]))
    return result


# ----- networks that torchvision has not

class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.f1, self.f2, self.f3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.c2(x)), 2).flatten(1)
        return self.f3(torch.tanh(self.f2(torch.tanh(self.f1(x)))))


def conv3(i, o, s=1):
    return nn.Conv2d(i, o, 3, s, 1, bias=False)


class CifarBlock(nn.Module):
    """Option A, as in Y. Idelbayev's implementation."""

    def __init__(self, i, o, s):
        super().__init__()
        self.body = nn.Sequential(conv3(i, o, s), nn.BatchNorm2d(o), nn.ReLU(), conv3(o, o), nn.BatchNorm2d(o))
        self.wide = o != i

    def forward(self, x):
        short = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, x.shape[1] // 2, x.shape[1] // 2)) if self.wide else x
        return F.relu(self.body(x) + short)


class CifarResNet(nn.Module):
    def __init__(self, n, w=16):
        super().__init__()
        self.stem = nn.Sequential(conv3(3, w), nn.BatchNorm2d(w), nn.ReLU())
        self.stages = nn.Sequential(*[CifarBlock(w, w, 1) for _ in range(n)],
                                    *[CifarBlock(w if i == 0 else 2 * w, 2 * w, 2 if i == 0 else 1) for i in range(n)],
                                    *[CifarBlock(2 * w if i == 0 else 4 * w, 4 * w, 2 if i == 0 else 1) for i in range(n)])
        self.fc = nn.Linear(4 * w, 10)

    def forward(self, x):
        return self.fc(self.stages(self.stem(x)).mean((2, 3)))


class WideBlock(nn.Module):
    """As in the authors' code: normalised first, and the projection sees what is normalised."""

    def __init__(self, i, o, s):
        super().__init__()
        self.b1, self.c1, self.b2, self.c2 = nn.BatchNorm2d(i), conv3(i, o, s), nn.BatchNorm2d(o), conv3(o, o)
        self.project = nn.Conv2d(i, o, 1, s, bias=False) if i != o else None

    def forward(self, x):
        a = F.relu(self.b1(x))
        y = self.c2(F.relu(self.b2(self.c1(a))))
        return y + (x if self.project is None else self.project(a))


class WideResNet(nn.Module):
    def __init__(self, n, w):
        super().__init__()
        sizes = [(16, w, 1)] + [(w, w, 1)] * (n - 1) + [(w, 2 * w, 2)] + [(2 * w, 2 * w, 1)] * (n - 1)
        sizes += [(2 * w, 4 * w, 2)] + [(4 * w, 4 * w, 1)] * (n - 1)
        self.stem = conv3(3, 16)
        self.blocks = nn.Sequential(*[WideBlock(*s) for s in sizes])
        self.bn, self.fc = nn.BatchNorm2d(4 * w), nn.Linear(4 * w, 10)

    def forward(self, x):
        return self.fc(F.relu(self.bn(self.blocks(self.stem(x)))).mean((2, 3)))


def keras_norm(c):
    return nn.BatchNorm2d(c, eps=1.001e-5)


class PreBlock(nn.Module):
    """keras_applications' block2."""

    def __init__(self, i, f, s, project):
        super().__init__()
        self.pre = keras_norm(i)
        self.c1, self.b1 = nn.Conv2d(i, f, 1, bias=False), keras_norm(f)
        self.c2, self.b2 = nn.Conv2d(f, f, 3, s, 0, bias=False), keras_norm(f)
        self.c3 = nn.Conv2d(f, 4 * f, 1)
        self.project = nn.Conv2d(i, 4 * f, 1, s) if project else None
        self.s = s

    def forward(self, x):
        a = F.relu(self.pre(x))
        short = self.project(a) if self.project is not None else F.max_pool2d(x, 1, self.s) if self.s > 1 else x
        y = F.relu(self.b1(self.c1(a)))
        y = F.relu(self.b2(self.c2(F.pad(y, (1, 1, 1, 1)))))
        return short + self.c3(y)


class ResNetV2(nn.Module):
    def __init__(self, lengths, w):
        super().__init__()
        self.stem = nn.Conv2d(3, w, 7, 2, 0)
        blocks, i = [], w
        for j, (n, last) in enumerate(zip(lengths, [2, 2, 2, 1])):
            f = w * 2**j
            for b in range(n):
                blocks.append(PreBlock(i, f, last if b == n - 1 else 1, b == 0))
                i = 4 * f
        self.blocks = nn.Sequential(*blocks)
        self.post, self.fc = keras_norm(i), nn.Linear(i, 10)

    def forward(self, x):
        x = self.stem(F.pad(x, (3, 3, 3, 3)))
        x = F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 2)
        return self.fc(F.relu(self.post(self.blocks(x))).mean((2, 3)))


class MobileNet(nn.Module):
    """As Keras's: where strides are 2, one row and column of zeros behind."""

    def __init__(self, w):
        super().__init__()
        c = lambda n: int(n * w)
        norm = lambda n: nn.BatchNorm2d(n, eps=1e-3)
        self.units, i = nn.ModuleList([nn.Sequential(nn.Conv2d(3, c(32), 3, 2, bias=False), norm(c(32)))]), c(32)
        for o, s in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]:
            pad = 0 if s == 2 else 1
            self.units.append(nn.Sequential(nn.Conv2d(i, i, 3, s, pad, groups=i, bias=False), norm(i)))
            self.units.append(nn.Sequential(nn.Conv2d(i, c(o), 1, bias=False), norm(c(o))))
            i = c(o)
        self.fc = nn.Linear(i, 10)

    def forward(self, x):
        for u in self.units:
            x = F.relu6(u(F.pad(x, (0, 1, 0, 1)) if u[0].stride[0] == 2 else x))
        return self.fc(x.mean((2, 3)))


class UNet(nn.Module):
    def __init__(self, i, classes, w, pad, norm):
        super().__init__()
        unit = lambda a, b: [nn.Conv2d(a, b, 3, 1, pad, bias=not norm)] + ([nn.BatchNorm2d(b)] if norm else []) + [nn.ReLU()]
        double = lambda a, b: nn.Sequential(*unit(a, b), *unit(b, b))
        ws = [w * 2**j for j in range(5)]
        self.down = nn.ModuleList([double(a, b) for a, b in zip([i] + ws, ws)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(2 * b, b, 2, 2) for b in ws[:4]])
        self.joined = nn.ModuleList([double(2 * b, b) for b in ws[:4]])
        self.head = nn.Conv2d(w, classes, 1)

    def atoms(self):
        back = [a for j in reversed(range(4)) for a in atoms(self.up[j]) + atoms(self.joined[j])]
        return [a for d in self.down for a in atoms(d)] + back + atoms(self.head)

    def forward(self, x):
        kept = []
        for j, d in enumerate(self.down):
            x = d(x if j == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        for j in reversed(range(4)):
            x = self.up[j](x)
            cut = (kept[j].shape[2] - x.shape[2]) // 2
            k = kept[j][:, :, cut:kept[j].shape[2] - cut, cut:kept[j].shape[3] - cut]
            x = self.joined[j](torch.cat([k, x], 1))
        return self.head(x)


class MixerBlock(nn.Module):
    def __init__(self, n, d, dn, dd):
        super().__init__()
        self.n1, self.t1, self.t2 = nn.LayerNorm(d, eps=1e-6), nn.Linear(n, dn), nn.Linear(dn, n)
        self.n2, self.c1, self.c2 = nn.LayerNorm(d, eps=1e-6), nn.Linear(d, dd), nn.Linear(dd, d)

    def forward(self, x):
        x = x + self.t2(F.gelu(self.t1(self.n1(x).transpose(1, 2)))).transpose(1, 2)
        return x + self.c2(F.gelu(self.c1(self.n2(x))))


class Mixer(nn.Module):
    def __init__(self, n, d, dn, layers):
        super().__init__()
        self.patch = nn.Conv2d(3, d, 16, 16)
        self.blocks = nn.Sequential(*[MixerBlock(n, d, dn, 4 * d) for _ in range(layers)])
        self.norm, self.fc = nn.LayerNorm(d, eps=1e-6), nn.Linear(d, 10)

    def forward(self, x):
        x = self.blocks(self.patch(x).flatten(2).transpose(1, 2))
        return self.fc(self.norm(x).mean(1))


class GptBlock(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.n1, self.attend = nn.LayerNorm(d), nn.MultiheadAttention(d, h, batch_first=True)
        self.n2, self.f1, self.f2 = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        mask = torch.full((x.shape[1], x.shape[1]), float("-inf")).triu(1)
        a = self.n1(x)
        x = x + self.attend(a, a, a, attn_mask=mask, need_weights=False)[0]
        return x + self.f2(F.gelu(self.f1(self.n2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, v, context, d, h, layers):
        super().__init__()
        self.words, self.places = nn.Embedding(v, d), nn.Embedding(context, d)
        self.blocks = nn.Sequential(*[GptBlock(d, h) for _ in range(layers)])
        self.norm = nn.LayerNorm(d)

    def forward(self, t):
        x = self.blocks(self.words(t) + self.places(torch.arange(t.shape[1])))
        return self.norm(x) @ self.words.weight.T


class TextCnn(nn.Module):
    def __init__(self, v, d, f):
        super().__init__()
        self.words = nn.Embedding(v, d)
        self.looks = nn.ModuleList([nn.Conv1d(d, f, k) for k in (3, 4, 5)])
        self.fc = nn.Linear(3 * f, 3)

    def forward(self, t):
        x = self.words(t).transpose(1, 2)
        return self.fc(torch.cat([F.relu(c(x)).amax(2) for c in self.looks], 1))


class LstmClassifier(nn.Module):
    """Both directions step by step: token 0 is padding, at which a state stays as it is."""

    def __init__(self, v, d, units):
        super().__init__()
        self.words, self.fc = nn.Embedding(v, d), nn.Linear(2 * units, 3)
        self.cells = nn.ModuleList([nn.LSTMCell(d, units) for _ in range(2)])
        for c in self.cells:
            nn.init.zeros_(c.bias_hh)

    def atoms(self):
        of = lambda c: [Atom("kernel", c.weight_ih), Atom("kernel", c.weight_hh), Atom("bias", c.bias_ih)]
        return atoms(self.words) + [a for c in self.cells for a in of(c)] + atoms(self.fc)

    def forward(self, t):
        x, ends = self.words(t), []
        for c, order in zip(self.cells, [range(t.shape[1]), reversed(range(t.shape[1]))]):
            h = s = torch.zeros(t.shape[0], c.hidden_size)
            for i in order:
                h_next, s_next = c(x[:, i], (h, s))
                there = (t[:, i] != 0)[:, None]
                h, s = torch.where(there, h_next, h), torch.where(there, s_next, s)
            ends.append(h)
        return self.fc(torch.cat(ends, 1))


class EncoderBlock(nn.Module):
    def __init__(self, d, h, inner):
        super().__init__()
        self.attend, self.n1 = nn.MultiheadAttention(d, h, batch_first=True), nn.LayerNorm(d)
        self.f1, self.f2, self.n2 = nn.Linear(d, inner), nn.Linear(inner, d), nn.LayerNorm(d)

    def forward(self, x):
        x = self.n1(x + self.attend(x, x, x, need_weights=False)[0])
        return self.n2(x + self.f2(F.relu(self.f1(x))))


class TransformerClassifier(nn.Module):
    def __init__(self, v, d, h, layers):
        super().__init__()
        self.words = nn.Embedding(v, d)
        self.blocks = nn.Sequential(*[EncoderBlock(d, h, 4 * d) for _ in range(layers)])
        self.fc = nn.Linear(d, 3)

    def forward(self, t):
        d = self.words.embedding_dim
        angles = torch.arange(t.shape[1])[:, None] / 10000 ** (torch.arange(0, d, 2) / d)
        places = torch.stack([angles.sin(), angles.cos()], 2).reshape(t.shape[1], d)
        return self.fc(self.blocks(self.words(t) * math.sqrt(d) + places).mean(1))


class Vae(nn.Module):
    """In inference: the code is the mean."""

    def __init__(self, d, hidden, latent):
        super().__init__()
        self.e1, self.e2 = nn.Linear(d, hidden), nn.Linear(hidden, 2 * latent)
        self.d1, self.d2 = nn.Linear(latent, hidden), nn.Linear(hidden, d)

    def forward(self, x):
        mean = self.e2(F.relu(self.e1(x)))[:, :self.d1.in_features]
        return torch.sigmoid(self.d2(F.relu(self.d1(mean))))


class TableBlock(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.norm, self.f1, self.f2 = nn.BatchNorm1d(d), nn.Linear(d, h), nn.Linear(h, d)

    def forward(self, x):
        return x + self.f2(F.relu(self.f1(self.norm(x))))


class TableNet(nn.Module):
    def __init__(self, c, d, n, units):
        super().__init__()
        self.first = nn.Linear(c, d)
        self.blocks = nn.Sequential(*[TableBlock(d, 2 * d) for _ in range(n)])
        self.norm, self.head = nn.BatchNorm1d(d), nn.Linear(d, units)

    def forward(self, x):
        return self.head(F.relu(self.norm(self.blocks(self.first(x)))))


def vgg(lengths, w, hidden, norm):
    cfg = []
    for n, f in zip(lengths, [1, 2, 4, 8, 8]):
        cfg += [w * f] * n + ["M"]
    m = VGG(make_layers(cfg, batch_norm=norm), num_classes=10)
    m.classifier = nn.Sequential(nn.Linear(8 * w * 49, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                                 nn.Linear(hidden, 10))
    return m


def resnet(block, lengths, w, width_per_group=64):
    """torchvision's, of another width."""
    m = tv.ResNet(block, lengths, num_classes=10, width_per_group=width_per_group)
    m.inplanes = w
    m.conv1, m.bn1 = nn.Conv2d(3, w, 7, 2, 3, bias=False), nn.BatchNorm2d(w)
    for j, n in enumerate(lengths):
        setattr(m, f"layer{j + 1}", m._make_layer(block, w * 2**j, n, stride=1 if j == 0 else 2))
    m.fc = nn.Linear(8 * w * block.expansion, 10)
    return m


def alexnet(hidden):
    m = tv.alexnet(num_classes=10)
    m.classifier = nn.Sequential(nn.Linear(256 * 36, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                                 nn.Linear(hidden, 10))
    return m


def convnext(w, blocks):
    ws = [w, 2 * w, 4 * w, 8 * w, None]
    return ConvNeXt([CNBlockConfig(a, b, n) for a, b, n in zip(ws, ws[1:], blocks)], num_classes=10)


def efficientnet(w):
    setting, _ = _efficientnet_conf("efficientnet_b0", width_mult=w, depth_mult=1.0)
    return EfficientNet(setting, 0.0, num_classes=10)


def mobilenet_v3(arch, w):
    setting, last = _mobilenet_v3_conf(arch, width_mult=w)
    return MobileNetV3(setting, last, num_classes=10)


def cases():
    yield "lenet", LeNet(), image(2, 1, 32, 32)
    yield "alexnet", alexnet(64), image(2, 3, 95, 70)
    yield "vgg11", vgg([1, 1, 2, 2, 2], 8, 32, False), image(2, 3, 48, 40)
    yield "vgg13", vgg([2, 2, 2, 2, 2], 8, 32, False), image(2, 3, 32, 40)
    yield "vgg16 batchNorm", vgg([2, 2, 3, 3, 3], 8, 32, True), image(3, 3, 64, 64)
    yield "vgg19", vgg([2, 2, 4, 4, 4], 8, 32, False), image(2, 3, 32, 40)
    yield "resnet18", tv.resnet18(num_classes=10), image(2, 3, 49, 64)
    yield "resnet34", resnet(BasicBlock, [3, 4, 6, 3], 8), image(3, 3, 64, 50)
    yield "resnet50", tv.resnet50(num_classes=10), image(2, 3, 64, 50)
    yield "resnet101", resnet(Bottleneck, [3, 4, 23, 3], 8), image(3, 3, 64, 50)
    yield "resnet152", resnet(Bottleneck, [3, 8, 36, 3], 8), image(3, 3, 64, 50)
    yield "wideResnet50", resnet(Bottleneck, [3, 4, 6, 3], 8, 128), image(3, 3, 64, 50)
    yield "resnet50V2", ResNetV2([3, 4, 6, 3], 8), image(3, 3, 64, 50)
    yield "resnet101V2", ResNetV2([3, 4, 23, 3], 8), image(3, 3, 64, 50)
    yield "resnet152V2", ResNetV2([3, 8, 36, 3], 8), image(3, 3, 64, 50)
    yield "cifarResnet20", CifarResNet(3, 8), image(3, 3, 32, 32)
    yield "cifarResnet56", CifarResNet(9, 4), image(2, 3, 16, 16)
    yield "wideResnet", WideResNet(2, 32), image(3, 3, 16, 16)
    yield "mobilenet", MobileNet(0.25), image(3, 3, 64, 64)
    yield "mobilenetV2", tv.mobilenet_v2(num_classes=10, width_mult=0.35), image(3, 3, 64, 50)
    yield "mobilenetV3Small", mobilenet_v3("mobilenet_v3_small", 0.5), image(3, 3, 64, 64)
    yield "mobilenetV3Large", mobilenet_v3("mobilenet_v3_large", 0.35), image(3, 3, 64, 64)
    yield "efficientnetB0", efficientnet(0.5), image(3, 3, 64, 64)
    yield "densenet121", DenseNet(8, (6, 12, 24, 16), 16, num_classes=10), image(3, 3, 64, 64)
    yield "densenet169", DenseNet(8, (6, 12, 32, 32), 16, num_classes=10), image(3, 3, 64, 64)
    yield "densenet201", DenseNet(8, (6, 12, 48, 32), 16, num_classes=10), image(3, 3, 64, 64)
    yield "squeezenet", tv.squeezenet1_0(num_classes=10), image(2, 3, 64, 71)
    yield "squeezenet11", tv.squeezenet1_1(num_classes=10), image(2, 3, 64, 71)
    yield "googlenet", tv.googlenet(num_classes=10, aux_logits=False, init_weights=False), image(2, 3, 72, 64)
    yield "inceptionV3", tv.inception_v3(num_classes=10, aux_logits=False, init_weights=False), image(2, 3, 107, 107)
    yield "unet batchNorm", UNet(3, 2, 4, 1, True), image(2, 3, 32, 48)
    yield "unetValid", UNet(1, 2, 2, 0, False), image(1, 1, 188, 188)
    yield "convnextTiny", convnext(12, [2, 1, 3, 1]), image(2, 3, 64, 64)
    yield "vitB16", VisionTransformer(32, 16, 1, 12, 768, 3072, num_classes=10), image(2, 3, 32, 32)
    yield "vitTi16", VisionTransformer(32, 16, 2, 3, 192, 768, num_classes=10), image(2, 3, 32, 32)
    yield "mixerS16", Mixer(9, 512, 256, 1), image(2, 3, 48, 48)
    yield "gpt", Gpt(50, 12, 32, 4, 2), tokens(50, 2, 9)
    yield "textCnn", TextCnn(40, 12, 6), tokens(40, 3, 11)
    yield "lstmClassifier", LstmClassifier(9, 6, 5), tokens(9, 3, 11)
    yield "transformerClassifier", TransformerClassifier(40, 16, 2, 2), tokens(40, 3, 11)
    yield "resnetMlp", TableNet(7, 16, 2, 3), image(5, 7)
    yield "autoencoder", nn.Sequential(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 9), nn.ReLU(),
                                       nn.Linear(9, 12), nn.Sigmoid()), image(5, 12)
    yield "vae", Vae(12, 9, 4), image(5, 12)


if __name__ == "__main__":
    torch.manual_seed(0)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zoo.json")
    names = sys.argv[1:]
    kept = {c["name"]: c for c in json.load(open(path))} if names else {}
    results = [kept[name] if name in kept and name not in names else case(name, m, x) for name, m, x in cases()]
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in results) + "\n]\n")

"""Losses and their gradients in float64 by PyTorch: writes losses.json beside this file.

Run: python3 losses.py (needs PyTorch). `reference` is PyTorch's own function where there is one, otherwise the formula
of the loss's documentation written out; gradients are autograd's.
"""
import json
import os

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240517)
cases = []


def rounded(t):
    # Inputs are float32 numbers exactly, so that both sides see the same.
    return t.detach().to(torch.float32).to(torch.float64)


def case(name, options, output, target, reference):
    output = rounded(output).requires_grad_(True)
    target = rounded(target) if target.is_floating_point() else target
    loss = reference(output, target)
    (gradient,) = torch.autograd.grad(loss, output)
    assert torch.isfinite(loss) and torch.isfinite(gradient).all(), (name, options)

    def tensor(t):
        t = t.detach()
        return {
            "shape": list(t.shape),
            "data": [float("%.10g" % v) for v in t.flatten().tolist()],
        }

    cases.append(
        {
            "name": name,
            "options": options,
            "output": tensor(output),
            "target": {**tensor(target), "dtype": "float32" if target.is_floating_point() else "int32"},
            "loss": float("%.12g" % loss.item()),
            "gradient": tensor(gradient),
        }
    )


def logits(*shape):
    return torch.randn(*shape) * 3


def extreme(*shape):
    """-100, 0 and 100 among ordinary ones."""
    x = torch.randn(*shape)
    flat = x.view(-1)
    flat[::3] = 100
    flat[1::3] = -100
    return x


def labels(*shape):
    return torch.randint(0, 2, shape).to(torch.float64)


def onehot(n, c):
    return F.one_hot(torch.randint(0, c, (n,)), c).to(torch.float64)


# ---------------------------------------------------------------- cross-entropies
def smooth(y, a, n):
    return y * (1 - a) + a / n


for make in (logits, extreme):
    for a in (0, 0.1):
        case("binaryCrossentropy", {"fromLogits": True, "labelSmoothing": a}, make(4, 3), labels(4, 3),
             lambda z, y: F.binary_cross_entropy_with_logits(z, smooth(y, a, 2)))
        case("categoricalCrossentropy", {"fromLogits": True, "labelSmoothing": a}, make(4, 5), onehot(4, 5),
             lambda z, y: F.cross_entropy(z, y, label_smoothing=a))
        case("sparseCategoricalCrossentropy", {"fromLogits": True, "labelSmoothing": a}, make(4, 5),
             torch.randint(0, 5, (4,)), lambda z, y: F.cross_entropy(z, y, label_smoothing=a))
    case("sparseCategoricalCrossentropy", {"fromLogits": True, "ignoreClass": 1}, make(6, 3),
         torch.tensor([0, 1, 2, 2, 1, 0]), lambda z, y: F.cross_entropy(z, y, ignore_index=1))
    case("sparseCategoricalCrossentropy", {"fromLogits": True}, make(2, 3, 4, 2), torch.randint(0, 3, (2, 4, 2)),
         lambda z, y: F.cross_entropy(z, y))

    def focal(z, y, gamma, alpha, a):
        # torchvision's sigmoid_focal_loss, with smoothed labels and optional balancing.
        y = smooth(y, a, 2)
        ce = F.binary_cross_entropy_with_logits(z, y, reduction="none")
        missed = y * torch.sigmoid(-z) + (1 - y) * torch.sigmoid(z)
        value = missed**gamma * ce
        return (value if alpha is None else (alpha * y + (1 - alpha) * (1 - y)) * value).mean()

    for gamma, alpha, a in ((2, None, 0), (1.5, 0.3, 0.1), (0.5, None, 0), (0, None, 0)):
        case("binaryFocalCrossentropy",
             {"fromLogits": True, "gamma": gamma, "labelSmoothing": a,
              **({} if alpha is None else {"applyClassBalancing": True, "alpha": alpha})},
             make(4, 3), labels(4, 3), lambda z, y: focal(z, y, gamma, alpha, a))

    def categorical_focal(z, y, gamma, alpha, a):
        y = smooth(y, a, y.shape[1])
        logp = F.log_softmax(z, 1)
        wrong = 1 - logp.exp()
        # The power of an exact 0 has no derivative.
        factor = torch.where(wrong > 0, torch.where(wrong > 0, wrong, 1) ** gamma, 0 if gamma > 0 else 1)
        return -(torch.tensor(alpha) * factor * y * logp).sum(1).mean()

    for gamma, alpha, a in ((2, 0.25, 0), (1.5, [0.2, 0.3, 0.5], 0.1)):
        case("categoricalFocalCrossentropy",
             {"fromLogits": True, "gamma": gamma, "alpha": alpha, "labelSmoothing": a}, make(4, 3), onehot(4, 3),
             lambda z, y: categorical_focal(z, y, gamma, alpha, a))
    for q in (0.5, 0.8):
        case("categoricalGeneralizedCrossentropy", {"fromLogits": True, "q": q}, make(4, 3), torch.randint(0, 3, (4,)),
             lambda z, y: ((1 - torch.exp(q * F.log_softmax(z, 1).gather(1, y[:, None]))) / q).mean())
    case("dice", {"fromLogits": True}, make(4, 3), labels(4, 3),
         lambda z, y: 1 - 2 * (torch.sigmoid(z) * y).sum() / (torch.sigmoid(z).sum() + y.sum() + 1e-7))
    case("dice", {"fromLogits": True, "axes": [1, 2]}, make(3, 2, 4), labels(3, 2, 4),
         lambda z, y: (1 - 2 * (torch.sigmoid(z) * y).sum((1, 2))
                       / (torch.sigmoid(z).sum((1, 2)) + y.sum((1, 2)) + 1e-7)).mean())

    def tversky(z, y, alpha, beta):
        p = torch.sigmoid(z)
        both, fp, fn = (p * y).sum(1), (p * (1 - y)).sum(1), ((1 - p) * y).sum(1)
        return (1 - both / (both + alpha * fp + beta * fn + 1e-7)).mean()

    case("tversky", {"fromLogits": True, "axes": [1], "alpha": 0.3, "beta": 0.7}, make(4, 5), labels(4, 5),
         lambda z, y: tversky(z, y, 0.3, 0.7))

# Probabilities, clipped.
case("binaryCrossentropy", {}, torch.rand(4, 3) * 0.9 + 0.05, labels(4, 3), F.binary_cross_entropy)
case("categoricalCrossentropy", {}, torch.rand(4, 3) + 0.1, onehot(4, 3),
     lambda p, y: -(y * torch.log(p / p.sum(1, keepdim=True))).sum(1).mean())
case("klDivergence", {}, torch.softmax(torch.randn(4, 3), 1), torch.softmax(torch.randn(4, 3), 1),
     lambda p, y: F.kl_div(p.log(), y, reduction="batchmean"))

# ---------------------------------------------------------------- regression
for scale in (1, 100):
    y = torch.randn(5, 3)
    case("meanSquaredError", {}, torch.randn(5, 3) * scale, y, F.mse_loss)
    case("meanAbsoluteError", {}, torch.randn(5, 3) * scale, y, F.l1_loss)
    case("meanAbsolutePercentageError", {}, torch.randn(5, 3) * scale, y, lambda p, t: (100 * ((t - p) / t).abs()).mean())
    case("meanSquaredLogarithmicError", {}, torch.rand(5, 3) * scale, y.abs(),
         lambda p, t: ((p + 1).log() - (t + 1).log()).square().mean())
    for delta in (1, 0.5):
        case("huber", {"delta": delta}, torch.randn(5, 3) * scale, y, lambda p, t: F.huber_loss(p, t, delta=delta))
    case("logCosh", {}, torch.randn(5, 3) * scale, y,
         lambda p, t: ((p - t) + F.softplus(-2 * (p - t)) - torch.log(torch.tensor(2.0))).mean())
    case("poisson", {}, torch.rand(5, 3) * scale + 0.1, torch.poisson(torch.rand(5, 3) * 4),
         lambda p, t: F.poisson_nll_loss(p, t, log_input=False, eps=1e-7))
    case("cosineSimilarity", {}, torch.randn(5, 3) * scale, y, lambda p, t: -F.cosine_similarity(p, t).mean())
    for tau in (0.1, 0.5, 0.9):
        case("quantile", {"quantile": tau}, torch.randn(5, 3) * scale, y,
             lambda p, t: torch.maximum(tau * (t - p), (tau - 1) * (t - p)).mean())
    case("hinge", {}, torch.randn(5, 3) * scale, labels(5, 3) * 2 - 1, lambda p, t: F.relu(1 - p * t).mean())
    case("squaredHinge", {}, torch.randn(5, 3) * scale, labels(5, 3) * 2 - 1,
         lambda p, t: F.relu(1 - p * t).square().mean())
    case("categoricalHinge", {}, torch.randn(5, 3) * scale, onehot(5, 3),
         lambda p, t: F.relu(1 + ((1 - t) * p).amax(1) - (t * p).sum(1)).mean())
    for options in ({}, {"full": True}, {"epsilon": 0.5}):
        gaussian = torch.cat([torch.randn(5, 2) * scale, torch.rand(5, 2) + 0.05], 1)
        case("gaussianNegativeLogLikelihood", options, gaussian, torch.randn(5, 2),
             lambda o, t: F.gaussian_nll_loss(o[:, :2], t, o[:, 2:], full=options.get("full", False),
                                              eps=options.get("epsilon", 1e-6)))
case("gaussianNegativeLogLikelihood", {"logVariance": True}, torch.randn(5, 4), torch.randn(5, 2),
     lambda o, t: F.gaussian_nll_loss(o[:, :2], t, o[:, 2:].exp()))
case("gaussianNegativeLogLikelihood", {"logVariance": True}, torch.tensor([[1.0, 100.0], [-2.0, 30.0]]),
     torch.randn(2, 1), lambda o, t: F.gaussian_nll_loss(o[:, :1], t, o[:, 1:].exp()))


# ---------------------------------------------------------------- embeddings
def pairwise(x, distance):
    if distance == "cosine":
        return 1 - x @ x.T
    squared = (x[:, None] - x[None]).square().sum(2)
    if distance == "squaredEuclidean":
        return squared
    off = ~torch.eye(len(x), dtype=torch.bool)
    return torch.where(off, torch.where(off, squared, 1.0).sqrt(), 0.0)


def triplet(x, y, margin, distance, mining):
    d = pairwise(x, distance)
    losses, pairs = [], 0
    for i in range(len(x)):
        negatives = d[i][y != y[i]]
        positives = [j for j in range(len(x)) if j != i and y[j] == y[i]]
        if mining == "hard":
            hardest = torch.stack([d[i, j] for j in positives]).max() if positives else torch.zeros(())
            losses.append(F.relu(margin + hardest - negatives.min()))
            pairs += 1
            continue
        for j in positives:
            further = negatives[negatives > d[i, j]]
            chosen = further.min() if len(further) else negatives.max()
            losses.append(F.relu(margin + d[i, j] - chosen))
            pairs += 1
    return torch.stack(losses).sum() / pairs


y = torch.tensor([0, 1, 2, 0, 1, 0, 2, 3])
for distance in ("euclidean", "squaredEuclidean", "cosine"):
    for mining in ("semiHard", "hard"):
        for margin in (1, 0.2):
            case("triplet", {"margin": margin, "distance": distance, "mining": mining},
                 F.normalize(torch.randn(8, 4)), y, lambda x, t: triplet(x, t, margin, distance, mining))


def circle(x, y, gamma, margin):
    d = F.relu(1 - x @ x.T)
    same = y[:, None] == y[None]
    positive = same & ~torch.eye(len(x), dtype=torch.bool)
    near = gamma * F.relu(margin + d) * (d - margin)
    apart = gamma * F.relu(1 + margin - d) * (1 - margin - d)
    low = torch.tensor(-1e30)
    values = F.softplus(torch.where(positive, near, low).logsumexp(1) + torch.where(~same, apart, low).logsumexp(1))
    return values.sum() / (values > 0).sum()


for gamma, margin in ((80, 0.4), (16, 0.25)):
    case("circle", {"gamma": gamma, "margin": margin}, F.normalize(torch.randn(8, 4)), y,
         lambda x, t: circle(x, t, gamma, margin))


# ---------------------------------------------------------------- CTC
def ctc(z, y):
    steps = torch.full((len(z),), z.shape[1], dtype=torch.long)
    value = F.ctc_loss(F.log_softmax(z, 2).transpose(0, 1), y, steps, (y != 0).sum(1), blank=0, reduction="none",
                       zero_infinity=True)
    return value.mean()


words = torch.tensor([[1, 2, 2, 3], [3, 3, 3, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
case("ctc", {"length": 4}, logits(4, 7, 4), words, ctc)
case("ctc", {"length": 4}, extreme(4, 7, 4), words, ctc)
# The first has no room: two equal letters need a blank between.
case("ctc", {"length": 4}, logits(4, 4, 4), torch.tensor([[1, 2, 2, 3], [1, 2, 3, 1], [2, 2, 0, 0], [3, 0, 0, 0]]), ctc)
case("ctc", {"length": 1}, logits(2, 1, 3), torch.tensor([[2], [0]]), ctc)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "losses.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases")

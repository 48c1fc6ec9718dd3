"""A model with two inputs and two outputs, trained by PyTorch in float64: writes outputs.json beside this file.

    python3 outputs.py

Loss: Huber on the first output, cross-entropy on the second with samples that weigh differently, as a weighted sum with an
L2 penalty. First the gradients at the initial weights on all samples, then 40 steps of Keras's Adam (epsilon before the
bias is corrected) on consecutive batches. Weights are named and laid out as grad-ts has them: kernels are [in, out].
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

from curves import batches, keras_adam, numbers, tensor

STEPS = 40
SAMPLES = 30
BATCH = 8
WEIGHTS = {"place": 0.3, "kind": 1.5}
L2 = 0.01


def forward(w, words, age):
    trunk = torch.tanh(torch.cat([words, age], 1) @ w["dense.kernel"] + w["dense.bias"])
    place = trunk @ w["dense_1.kernel"] + w["dense_1.bias"]
    kind = trunk @ w["dense_2.kernel"] + w["dense_2.bias"]
    return place, kind


def losses(w, words, age, place, kind, sample):
    p, k = forward(w, words, age)
    own = {
        "place": F.huber_loss(p, place),
        # Keras: the sum of weighted losses over the number of samples.
        "kind": (F.cross_entropy(k, kind, reduction="none") * sample).mean(),
    }
    penalty = L2 * (w["dense.kernel"] ** 2).sum()
    return sum(WEIGHTS[name] * loss for name, loss in own.items()) + penalty, own


def main():
    g = torch.Generator().manual_seed(11)
    words, age = numbers(g, SAMPLES, 5), numbers(g, SAMPLES, 1)
    place = numbers(g, SAMPLES, 2, scale=1.5)
    kind = torch.randint(0, 3, (SAMPLES,), generator=g)
    sample = torch.randint(0, 5, (SAMPLES,), generator=g).double() / 2
    shapes = {
        "dense.kernel": (6, 7),
        "dense.bias": (7,),
        "dense_1.kernel": (7, 2),
        "dense_1.bias": (2,),
        "dense_2.kernel": (7, 3),
        "dense_2.bias": (3,),
    }
    weights = {name: numbers(g, *shape, scale=0.4).requires_grad_() for name, shape in shapes.items()}
    initial = {name: tensor(w) for name, w in weights.items()}

    total, own = losses(weights, words, age, place, kind, sample)
    gradients = torch.autograd.grad(total, list(weights.values()))
    first = {"loss": total.item(), **{f"{name}_loss": v.item() for name, v in own.items()}}

    optimize = keras_adam(list(weights.values()), 0.02)
    logs = {"loss": [], "place_loss": [], "kind_loss": []}
    rows = torch.arange(SAMPLES)
    stream = batches(rows, rows, BATCH)
    for step in range(1, STEPS + 1):
        at, _ = next(stream)
        total, own = losses(weights, words[at], age[at], place[at], kind[at], sample[at])
        logs["loss"].append(total.item())
        for name, v in own.items():
            logs[f"{name}_loss"].append(v.item())
        for w in weights.values():
            w.grad = None
        total.backward()
        optimize(step)

    data = {
        "origin": f"spec/golden/outputs.py, PyTorch {torch.__version__}, float64",
        "batch_size": BATCH,
        "l2": L2,
        "loss_weights": WEIGHTS,
        "words": tensor(words),
        "age": tensor(age),
        "place": tensor(place),
        "kind": kind.tolist(),
        "sample_weight": sample.tolist(),
        "initial_weights": initial,
        "first": first,
        "gradients": {name: tensor(grad, 10) for name, grad in zip(weights, gradients)},
        "logs": logs,
        "final_weights": {name: tensor(w, 10) for name, w in weights.items()},
    }
    Path(__file__).with_name("outputs.json").write_text(json.dumps(data, separators=(",", ":")) + "\n")


main()

"""Writes rules.json: ten steps of the optimizers that PyTorch does not have, by their formulas in numpy float64.

    python3 spec/golden/rules.py

Keras's definitions, written down once more by hand from the papers and Keras's documentation, with every option that
changes the formula away from its default. Weight decay takes lr * decay * w off before the update.
"""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(23)
STEPS = 10
shapes = {"kernel": (4, 3), "bias": (3,)}


def drawn(shape):
    return np.round(rng.normal(size=shape), 3)


initial = {name: drawn(shape) for name, shape in shapes.items()}
gradients = [{name: drawn(shape) for name, shape in shapes.items()} for _ in range(STEPS)]


def rms(x):
    return np.sqrt(np.mean(x * x))


def ftrl(o, state, w, g, t):
    lr, power = o["learningRate"], -o.get("learningRatePower", -0.5)
    l1, l2 = o.get("l1RegularizationStrength", 0), o.get("l2RegularizationStrength", 0) + o.get("beta", 0) / (2 * lr)
    n = state.setdefault("n", np.full_like(w, o.get("initialAccumulatorValue", 0.1)))
    z = state.setdefault("z", np.zeros_like(w))
    shrunk = g + 2 * o.get("l2ShrinkageRegularizationStrength", 0) * w
    now = n + g * g
    z = z + shrunk - (now**power - n**power) / lr * w
    state.update(n=now, z=z)
    return (np.clip(z, -l1, l1) - z) / (now**power / lr + 2 * l2)


def lion(o, state, w, g, t):
    b1, b2 = o.get("beta1", 0.9), o.get("beta2", 0.99)
    m = state.get("m", np.zeros_like(w))
    state["m"] = b2 * m + (1 - b2) * g
    return w - o["learningRate"] * np.sign(b1 * m + (1 - b1) * g)


def moments(o, state, w, g, t, names=("beta1", "beta2")):
    b1, b2 = o.get(names[0], 0.9), o.get(names[1], 0.999)
    m = state["m"] = b1 * state.get("m", np.zeros_like(w)) + (1 - b1) * g
    v = state["v"] = b2 * state.get("v", np.zeros_like(w)) + (1 - b2) * g * g
    return m, v, 1 - b1**t, 1 - b2**t


def lamb(o, state, w, g, t):
    m, v, c1, c2 = moments(o, state, w, g, t)
    u = (m / c1) / (np.sqrt(v / c2) + o.get("epsilon", 1e-7))
    a, b = np.linalg.norm(w), np.linalg.norm(u)
    return w - (a / b if a > 0 and b > 0 else 1) * o["learningRate"] * u


def adafactor(o, state, w, g, t):
    e1, e2 = o.get("epsilon1", 1e-30), o.get("epsilon2", 1e-3)
    rho = min(o["learningRate"], 1 / np.sqrt(t))
    beta = 1 - t ** o.get("beta2Decay", -0.8)
    s = g * g + e1
    if g.ndim >= 2:
        r = state["r"] = beta * state.get("r", 0) + (1 - beta) * s.mean(-1)
        c = state["c"] = beta * state.get("c", 0) + (1 - beta) * s.mean(-2)
        v = (r / r.mean(-1, keepdims=True))[..., :, None] * c[..., None, :]
    else:
        v = state["v"] = beta * state.get("v", 0) + (1 - beta) * s
    u = g / np.sqrt(v)
    u = u / max(1, rms(u) / o.get("clipThreshold", 1))
    return w - max(e2, rms(w)) * rho * u


def orthogonal(x, o):
    a, b, c = o.get("muonA", 3.4445), o.get("muonB", -4.775), o.get("muonC", 2.0315)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(o.get("nsSteps", 5)):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if tall else x


def muon(o, state, w, g, t):
    if w.ndim != 2:
        m, v, c1, c2 = moments(o, state, w, g, t, ("adamBeta1", "adamBeta2"))
        rate = o["learningRate"] * o.get("adamLrRatio", 1) * np.sqrt(c2) / c1
        return w - rate * m / (np.sqrt(v) + o.get("epsilon", 1e-7))
    mu = o.get("momentum", 0.95)
    m = state["m"] = mu * state.get("m", np.zeros_like(w)) + g
    x = g + mu * m if o.get("nesterov", True) else m
    scale = o.get("rmsRate", 0.2)
    return w - o["learningRate"] * orthogonal(x, o) * (1 if scale is None else np.sqrt(max(w.shape)) * scale)


def schedule_free(o, state, w, g, t):
    b1, b2, warm = o.get("beta1", 0.9), o.get("beta2", 0.999), o.get("warmupSteps", 0)
    rate = o["learningRate"] * (min(t / warm, 1) if warm > 0 else 1)
    # The path begins at the weights before they decayed for the first time.
    z = state.get("z", state["before"])
    v = state["v"] = b2 * state.get("v", np.zeros_like(w)) + (1 - b2) * g * g
    now = z - rate * g / (np.sqrt(v / (1 - b2**t)) + o.get("epsilon", 1e-8))
    x = (1 - 1 / t) * (w - (1 - b1) * z) / b1 + now / t
    state["z"] = now
    return (1 - b1) * now + b1 * x


def case(optimizer, rule, options, decays=lambda o, w: o.get("weightDecay") or 0):
    state = {name: {"before": w} for name, w in initial.items()}
    weights = dict(initial)
    values = []
    for t, step in enumerate(gradients, 1):
        for name, w in weights.items():
            w = w - options["learningRate"] * decays(options, w) * w
            weights[name] = rule(options, state[name], w, step[name], t)
        values.append({name: flat(w) for name, w in weights.items()})
    return {"optimizer": optimizer, "options": options, "values": values}


def flat(x):
    return {"shape": list(x.shape), "data": [round(v, 10) for v in x.flatten().tolist()]}


def muon_decay(o, w):
    return (o.get("weightDecay", 0.004) if w.ndim == 2 else o.get("adamWeightDecay", 0.004)) or 0


cases = [
    case("ftrl", ftrl, {"learningRate": 0.1}),
    case("ftrl", ftrl, {
        "learningRate": 0.2, "learningRatePower": -0.7, "initialAccumulatorValue": 0.3, "l1RegularizationStrength": 0.05,
        "l2RegularizationStrength": 0.1, "l2ShrinkageRegularizationStrength": 0.02, "beta": 0.15, "weightDecay": 0.03,
    }),
    case("lion", lion, {"learningRate": 0.02}),
    case("lion", lion, {"learningRate": 0.03, "beta1": 0.7, "beta2": 0.9, "weightDecay": 0.1}),
    case("lamb", lamb, {"learningRate": 0.05}),
    case("lamb", lamb, {"learningRate": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.01, "weightDecay": 0.1}),
    case("adafactor", adafactor, {"learningRate": 0.2}),
    case("adafactor", adafactor, {
        "learningRate": 0.5, "beta2Decay": -0.6, "epsilon1": 0.01, "epsilon2": 0.9, "clipThreshold": 0.7, "weightDecay": 0.05,
    }),
    case("muon", muon, {"learningRate": 0.05}, muon_decay),
    case("muon", muon, {
        "learningRate": 0.1, "momentum": 0.8, "nesterov": False, "nsSteps": 3, "muonA": 3, "muonB": -3.5, "muonC": 1.5,
        "rmsRate": None, "adamBeta1": 0.8, "adamBeta2": 0.9, "epsilon": 0.01, "adamLrRatio": 0.3, "weightDecay": 0.1,
        "adamWeightDecay": None,
    }, muon_decay),
    case("scheduleFreeAdamW", schedule_free, {"learningRate": 0.05}),
    case("scheduleFreeAdamW", schedule_free, {
        "learningRate": 0.1, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.01, "warmupSteps": 4, "weightDecay": 0.05,
    }),
]

pathlib.Path(__file__).with_name("rules.json").write_text(
    json.dumps(
        {
            "origin": f"numpy {np.__version__}, float64; written by rules.py",
            "initial": {name: flat(v) for name, v in initial.items()},
            "gradients": [{name: flat(v) for name, v in g.items()} for g in gradients],
            "optimizers": cases,
        },
        separators=(",", ":"),
    )
    + "\n"
)
print(len(cases), "cases")

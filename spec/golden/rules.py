"""Writes rules.json: ten steps of optimizers by their formulas in numpy float64.

    python3 spec/golden/rules.py

Keras's definitions, written down once more by hand from the papers and Keras's documentation, with every option that
changes the formula away from its default: those of optimizers that PyTorch does not have, where it adds epsilon at another
place, and what all optimizers share (clipping, decay with exclusions, accumulation, averages). Weight decay takes
lr * decay * w off before the update.
"""

import json
import pathlib
import re

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


def sgd(o, state, w, g, t):
    mu, lr = o.get("momentum", 0), o["learningRate"]
    v = state["v"] = mu * state.get("v", np.zeros_like(w)) - lr * g
    return w + (mu * v - lr * g if o.get("nesterov") else v)


def adam(o, state, w, g, t):
    m, v, c1, c2 = moments(o, state, w, g, t)
    if o.get("amsgrad"):
        v = state["hat"] = np.maximum(state.get("hat", 0), v)
    return w - o["learningRate"] * np.sqrt(c2) / c1 * m / (np.sqrt(v) + o.get("epsilon", 1e-7))


def adamax(o, state, w, g, t):
    m, _, c1, _ = moments(o, state, w, g, t)
    u = state["u"] = np.maximum(o.get("beta2", 0.999) * state.get("u", 0), np.abs(g))
    return w - o["learningRate"] / c1 * m / (u + o.get("epsilon", 1e-7))


def nadam(o, state, w, g, t):
    m, v, _, c2 = moments(o, state, w, g, t)
    mu, ahead = (o.get("beta1", 0.9) * (1 - 0.5 * 0.96**s) for s in (t, t + 1))
    p = state["p"] = state.get("p", 1) * mu
    mean = ahead * m / (1 - p * ahead) + (1 - mu) * g / (1 - p)
    return w - o["learningRate"] * mean / (np.sqrt(v / c2) + o.get("epsilon", 1e-7))


def rmsprop(o, state, w, g, t):
    rho, mu = o.get("rho", 0.9), o.get("momentum", 0)
    v = state["v"] = rho * state.get("v", np.zeros_like(w)) + (1 - rho) * g * g
    a = state["a"] = rho * state.get("a", np.zeros_like(w)) + (1 - rho) * g
    spread = v - a * a if o.get("centered") else v
    step = o["learningRate"] * g / np.sqrt(spread + o.get("epsilon", 1e-7))
    m = state["m"] = mu * state.get("m", 0) + step
    return w - m


def adagrad(o, state, w, g, t):
    a = state["a"] = state.get("a", o.get("initialAccumulatorValue", 0.1)) + g * g
    return w - o["learningRate"] * g / np.sqrt(a + o.get("epsilon", 1e-7))


def adadelta(o, state, w, g, t):
    rho, eps = o.get("rho", 0.95), o.get("epsilon", 1e-7)
    a = state["a"] = rho * state.get("a", np.zeros_like(w)) + (1 - rho) * g * g
    d = state.get("d", np.zeros_like(w))
    delta = np.sqrt((d + eps) / (a + eps)) * g
    state["d"] = rho * d + (1 - rho) * delta * delta
    return w - o["learningRate"] * delta


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


def clipped(o, step):
    def to(limit, g, length):
        return g * limit / max(length, limit)

    if "clipValue" in o:
        return {name: np.clip(g, -o["clipValue"], o["clipValue"]) for name, g in step.items()}
    if "clipNorm" in o:
        return {name: to(o["clipNorm"], g, np.linalg.norm(g)) for name, g in step.items()}
    if "globalClipNorm" in o:
        length = np.sqrt(sum(np.sum(g * g) for g in step.values()))
        return {name: to(o["globalClipNorm"], g, length) for name, g in step.items()}
    return step


def shared_decay(o, w, name):
    excluded = any(re.search(pattern, name) for pattern in o.get("excludeFromWeightDecay", []))
    return 0 if excluded else o.get("weightDecay") or 0


def case(optimizer, rule, options, decays=shared_decay):
    state = {name: {"before": w} for name, w in initial.items()}
    weights, averages = dict(initial), dict(initial)
    values = []
    k, momentum = options.get("gradientAccumulationSteps", 1), options.get("emaMomentum", 0.99)
    for number, _ in enumerate(gradients, 1):
        if number % k == 0:
            group = gradients[number - k : number]
            step = clipped(options, {name: sum(g[name] for g in group) / k for name in weights})
            for name, w in weights.items():
                w = w - options["learningRate"] * decays(options, w, name) * w
                weights[name] = rule(options, state[name], w, step[name], number // k)
        if options.get("useEma"):
            keep = 0 if number == 1 else momentum
            averages = {name: keep * averages[name] + (1 - keep) * w for name, w in weights.items()}
            if number % options.get("emaOverwriteFrequency", STEPS + 1) == 0:
                weights = dict(averages)
        values.append({name: flat(w) for name, w in weights.items()})
    return {"optimizer": optimizer, "options": options, "values": values}


def flat(x):
    return {"shape": list(x.shape), "data": [round(v, 10) for v in x.flatten().tolist()]}


def muon_decay(o, w, name):
    return (o.get("weightDecay", 0.004) if w.ndim == 2 else o.get("adamWeightDecay", 0.004)) or 0


cases = [
    case("sgd", sgd, {"learningRate": 0.1, "weightDecay": 0.05, "excludeFromWeightDecay": ["bias$"]}),
    case("sgd", sgd, {"learningRate": 0.1, "momentum": 0.8, "clipValue": 0.5}),
    case("sgd", sgd, {"learningRate": 0.1, "momentum": 0.9, "nesterov": True, "clipNorm": 1.5, "weightDecay": 0.02}),
    case("sgd", sgd, {"learningRate": 0.1, "momentum": 0.9, "gradientAccumulationSteps": 3, "globalClipNorm": 1.2}),
    case("adam", adam, {"learningRate": 0.05}),
    case("adam", adam, {
        "learningRate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.01, "amsgrad": True, "globalClipNorm": 1,
    }),
    case("adam", adam, {
        "learningRate": 0.05, "epsilon": 0.1, "useEma": True, "emaMomentum": 0.7, "emaOverwriteFrequency": 3,
    }),
    case("adam", adam, {"learningRate": 0.05, "gradientAccumulationSteps": 2, "weightDecay": 0.1, "clipNorm": 0.8}),
    case("adamW", adam, {
        "learningRate": 0.05, "beta1": 0.7, "epsilon": 0.02, "weightDecay": 0.2, "excludeFromWeightDecay": ["kernel"],
    }),
    case("adamax", adamax, {"learningRate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.05, "weightDecay": 0.1}),
    case("nadam", nadam, {"learningRate": 0.05}),
    case("nadam", nadam, {"learningRate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.05, "weightDecay": 0.1}),
    case("rmsprop", rmsprop, {"learningRate": 0.02, "rho": 0.8, "epsilon": 0.05, "weightDecay": 0.1}),
    case("rmsprop", rmsprop, {"learningRate": 0.02, "momentum": 0.6, "centered": True, "epsilon": 0.03}),
    case("adagrad", adagrad, {"learningRate": 0.1, "initialAccumulatorValue": 0.3, "epsilon": 0.05, "weightDecay": 0.1}),
    case("adadelta", adadelta, {"learningRate": 1, "rho": 0.8, "epsilon": 0.05, "weightDecay": 0.02}),
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

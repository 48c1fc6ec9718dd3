"""Writes optimizers.json: ten steps of PyTorch's optimizers (float64), and rates of its schedules.

    python3 spec/golden/optimizers.py

Where PyTorch's formula differs from Keras's, it is where epsilon is added, so epsilon is 0 here; `options` are grad-ts's.
"""

import json
import pathlib

import torch
from torch.optim import lr_scheduler

torch.manual_seed(11)
STEPS = 10
shapes = {"kernel": [3, 2], "bias": [2]}


def rounded(*shape):
    """Few digits, so that the file is small."""
    return torch.randn(*shape, dtype=torch.float64).mul(1000).round().div(1000)


initial = {name: rounded(*shape) for name, shape in shapes.items()}
gradients = [{name: rounded(*shape) for name, shape in shapes.items()} for _ in range(STEPS)]


def flat(t):
    return {"shape": list(t.shape), "data": t.detach().flatten().tolist()}


def case(optimizer, torch_class, options, torch_options):
    parameters = {name: value.clone().requires_grad_() for name, value in initial.items()}
    torch_optimizer = torch_class(parameters.values(), **torch_options)
    values = []
    for gradient in gradients:
        for name, p in parameters.items():
            p.grad = gradient[name].clone()
        torch_optimizer.step()
        values.append({name: flat(p) for name, p in parameters.items()})
    return {"optimizer": optimizer, "options": options, "torch": repr(torch_options), "values": values}


O = torch.optim
optimizers = [
    case("sgd", O.SGD, {"learningRate": 0.1}, {"lr": 0.1}),
    case("sgd", O.SGD, {"learningRate": 0.1, "momentum": 0.9}, {"lr": 0.1, "momentum": 0.9}),
    case(
        "sgd",
        O.SGD,
        {"learningRate": 0.1, "momentum": 0.9, "nesterov": True},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    case("adam", O.Adam, {"learningRate": 0.1, "epsilon": 0}, {"lr": 0.1, "eps": 0}),
    case(
        "adam",
        O.Adam,
        {"learningRate": 0.1, "beta1": 0.8, "beta2": 0.9, "epsilon": 0, "amsgrad": True},
        {"lr": 0.1, "betas": (0.8, 0.9), "eps": 0, "amsgrad": True},
    ),
    case(
        "adamW",
        O.AdamW,
        {"learningRate": 0.1, "epsilon": 0, "weightDecay": 0.05},
        {"lr": 0.1, "eps": 0, "weight_decay": 0.05},
    ),
    case("adamax", O.Adamax, {"learningRate": 0.1, "epsilon": 0}, {"lr": 0.1, "eps": 0}),
    case(
        "adamax",
        O.Adamax,
        {"learningRate": 0.1, "beta1": 0.8, "beta2": 0.9, "epsilon": 0},
        {"lr": 0.1, "betas": (0.8, 0.9), "eps": 0},
    ),
    # PyTorch 1.13's loop over single tensors multiplies by mu once too often; later ones and `foreach` do not.
    # Here both add epsilon at the same place; Keras's momentum decays 0.96^t, which is PyTorch's with momentum_decay 1.
    case("nadam", O.NAdam, {"learningRate": 0.1, "epsilon": 1e-3}, {"lr": 0.1, "eps": 1e-3, "momentum_decay": 1, "foreach": True}),
    case(
        "nadam",
        O.NAdam,
        {"learningRate": 0.1, "beta1": 0.8, "beta2": 0.9, "epsilon": 0},
        {"lr": 0.1, "betas": (0.8, 0.9), "eps": 0, "momentum_decay": 1, "foreach": True},
    ),
    case("rmsprop", O.RMSprop, {"learningRate": 0.01, "epsilon": 0}, {"lr": 0.01, "alpha": 0.9, "eps": 0}),
    # Centered, the first spread of rho 0.9 is 0.09 g^2: no 0 in a root.
    case(
        "rmsprop",
        O.RMSprop,
        {"learningRate": 0.01, "rho": 0.8, "momentum": 0.5, "centered": True, "epsilon": 0},
        {"lr": 0.01, "alpha": 0.8, "momentum": 0.5, "centered": True, "eps": 0},
    ),
    case(
        "adagrad",
        O.Adagrad,
        {"learningRate": 0.1, "initialAccumulatorValue": 0.1, "epsilon": 0},
        {"lr": 0.1, "initial_accumulator_value": 0.1, "eps": 0},
    ),
    case(
        "adadelta",
        O.Adadelta,
        {"learningRate": 1, "rho": 0.9, "epsilon": 1e-6},
        {"lr": 1.0, "rho": 0.9, "eps": 1e-6},
    ),
]


def rates(make, steps, base=0.1):
    optimizer = O.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


S = lr_scheduler
schedules = [
    {
        "schedule": "oneCycle",
        "options": {"maxLearningRate": 0.1, "totalSteps": 20},
        "rates": rates(lambda o: S.OneCycleLR(o, 0.1, total_steps=20), 20),
    },
    {
        "schedule": "oneCycle",
        "options": {
            "maxLearningRate": 0.5,
            "totalSteps": 25,
            "pctStart": 0.4,
            "divFactor": 10,
            "finalDivFactor": 100,
            "annealStrategy": "linear",
        },
        "rates": rates(
            lambda o: S.OneCycleLR(
                o, 0.5, total_steps=25, pct_start=0.4, div_factor=10, final_div_factor=100, anneal_strategy="linear"
            ),
            25,
        ),
    },
    {
        "schedule": "oneCycle",
        "options": {"maxLearningRate": 0.1, "totalSteps": 30, "threePhase": True},
        "rates": rates(lambda o: S.OneCycleLR(o, 0.1, total_steps=30, three_phase=True), 30),
    },
    {
        "schedule": "cosineDecay",
        "options": {"initialLearningRate": 0.1, "decaySteps": 12, "alpha": 0.05},
        "rates": rates(lambda o: S.CosineAnnealingLR(o, 12, eta_min=0.005), 13),
    },
    {
        "schedule": "cosineDecayRestarts",
        "options": {"initialLearningRate": 0.1, "firstDecaySteps": 4, "tMul": 2, "alpha": 0.1},
        "rates": rates(lambda o: S.CosineAnnealingWarmRestarts(o, 4, T_mult=2, eta_min=0.01), 40),
    },
    {
        "schedule": "exponentialDecay",
        "options": {"initialLearningRate": 0.1, "decaySteps": 4, "decayRate": 0.5, "staircase": True},
        "rates": rates(lambda o: S.StepLR(o, 4, gamma=0.5), 15),
    },
    {
        "schedule": "polynomialDecay",
        "options": {"initialLearningRate": 0.1, "decaySteps": 8, "endLearningRate": 0, "power": 2},
        "rates": rates(lambda o: S.PolynomialLR(o, 8, power=2), 12),
    },
    {
        "schedule": "linear",
        "options": {"from": 0.02, "to": 0.1, "steps": 6},
        "rates": rates(lambda o: S.LinearLR(o, start_factor=0.2, total_iters=6), 10),
    },
]

target = pathlib.Path(__file__).with_name("optimizers.json")
target.write_text(
    json.dumps(
        {
            "origin": f"PyTorch {torch.__version__}, float64; written by optimizers.py",
            "initial": {name: flat(v) for name, v in initial.items()},
            "gradients": [{name: flat(v) for name, v in g.items()} for g in gradients],
            "optimizers": optimizers,
            "schedules": schedules,
        },
    )
    + "\n"
)
print(len(optimizers), "optimizers,", len(schedules), "schedules")

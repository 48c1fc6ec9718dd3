"""Writes states.json: the state dicts of torchvision's networks, names and shapes alone, in the order of their modules' creation;
and for each parameter in the zoo's order, which of the tensors it is.

    /usr/bin/python3 spec/golden/states.py        (torch 1.13, torchvision 0.14)

The networks are the cases of zoo.py. Counters of batches are left out.
"""
import json
import os

import zoo

NAMES = ["alexnet", "vgg11", "vgg16 batchNorm", "resnet18", "resnet50", "mobilenetV2", "mobilenetV3Small", "mobilenetV3Large",
         "efficientnetB0", "densenet121", "squeezenet", "squeezenet11", "googlenet", "inceptionV3", "convnextTiny", "vitTi16"]


def state(name, m):
    tensors = {k: t for k, t in m.state_dict(keep_vars=True).items() if not k.endswith("num_batches_tracked")}
    at = {id(t): i for i, t in enumerate(tensors.values())}
    return {
        "name": name,
        "tensors": [f"{k} {'x'.join(map(str, t.shape))}" for k, t in tensors.items()],
        "atoms": [at[id(a.tensor)] for a in zoo.atoms(m)],
    }


if __name__ == "__main__":
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "states.json")
    states = [state(name, m) for name, m, _ in zoo.cases() if name in NAMES]
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(s, separators=(",", ":")) for s in states) + "\n]\n")

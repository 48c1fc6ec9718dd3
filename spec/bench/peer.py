"""The workloads of workloads.ts in PyTorch: one round of steps for each line read, its median ms a step written back."""
import statistics, sys, time
import torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(0)


def norm(i, o):
    return nn.utils.weight_norm(nn.Linear(i, o))


def build(name):
    if name == 'W1':
        m = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
        return m, lambda: (torch.rand(128, 784), torch.randint(0, 10, (128,))), F.cross_entropy, 100
    if name == 'W2':
        layers, i = [nn.BatchNorm1d(875), nn.Dropout(.2)], 875
        for o in (2048, 1024, 512):
            layers += [norm(i, o), nn.ReLU(), nn.BatchNorm1d(o), nn.Dropout(.2)]
            i = o
        m = nn.Sequential(*layers, norm(i, 206), nn.Sigmoid())
        return m, lambda: (torch.rand(128, 875), (torch.rand(128, 206) < .0035).float()), F.binary_cross_entropy, 10
    m = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(.25),
                      nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))
    return m, lambda: (torch.rand(64, 1, 28, 28), torch.randint(0, 10, (64,))), F.cross_entropy, 10


model, batch, loss, steps = build(sys.argv[1])
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
batches = [batch() for _ in range(8)]
for _ in sys.stdin:
    times = []
    for k in range(steps):
        x, y = batches[k % 8]
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        value.item()
        times.append(time.perf_counter() - start)
    print(statistics.median(times) * 1e3, flush=True)

"""The workloads of workloads.ts in PyTorch: name, batch size, batches of data and threads as arguments; then a request in JSON
on each line of the input, and its answer on a line of the output. The same protocol as ours.ts."""
import json, math, os, sys, time
import torch, torch.nn as nn, torch.nn.functional as F

name, batch_size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(int(sys.argv[4]))
torch.manual_seed(0)


def norm(i, o):
    return nn.utils.weight_norm(nn.Linear(i, o))


class Basic(nn.Module):
    """Two convolutions; the shortcut takes each second cell and pads channels with zeros (option A)."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.c2, self.b2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.stride, self.pad = stride, o - i

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        if self.pad:
            s = self.stride
            x = F.pad(x[:, :, ::s, ::s], (0, 0, 0, 0, self.pad // 2, self.pad - self.pad // 2))
        return F.relu(y + x)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        layers, i = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
        for o, stride in ((16, 1), (32, 2), (64, 2)):
            for k in range(3):
                layers.append(Basic(i, o, stride if k == 0 else 1))
                i = o
        self.features, self.head = nn.Sequential(*layers), nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.l1, self.l2 = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.f1, self.f2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask):
        b, l, d = x.shape
        q, k, v = self.qkv(self.l1(x)).view(b, l, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        a = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // self.heads) + mask, -1)
        x = x + self.out((a @ v).transpose(1, 2).reshape(b, l, d))
        return x + self.f2(F.gelu(self.f1(self.l2(x))))


class Gpt(nn.Module):
    def __init__(self, vocabulary=256, length=64, width=128, heads=4, blocks=4):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.randn(length, width) * .02)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(blocks)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        self.register_buffer('mask', torch.full((length, length), float('-inf')).triu(1))
        nn.init.normal_(self.words.weight, std=.02)
        nn.init.normal_(self.head.weight, std=.02)

    def forward(self, x):
        h = self.words(x) + self.places
        for block in self.blocks:
            h = block(h, self.mask)
        return self.head(self.norm(h))


def build(name, n):
    adam = lambda m: torch.optim.Adam(m.parameters(), 1e-3)
    if name == 'W1':
        m = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
        return m, lambda: (torch.rand(n, 784), torch.randint(0, 10, (n,))), F.cross_entropy, adam(m)
    if name == 'W2':
        layers, i = [nn.BatchNorm1d(875), nn.Dropout(.2)], 875
        for o in (2048, 1024, 512):
            layers += [norm(i, o), nn.ReLU(), nn.BatchNorm1d(o), nn.Dropout(.2)]
            i = o
        m = nn.Sequential(*layers, norm(i, 206), nn.Sigmoid())
        return m, lambda: (torch.rand(n, 875), (torch.rand(n, 206) < .0035).float()), F.binary_cross_entropy, adam(m)
    if name == 'W3':
        m = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Dropout(.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))
        return m, lambda: (torch.rand(n, 1, 28, 28), torch.randint(0, 10, (n,))), F.cross_entropy, adam(m)
    if name == 'W4':
        # Channels last is PyTorch's faster layout here.
        last = torch.channels_last
        m = ResNet20().to(memory_format=last)
        image = lambda: torch.rand(n, 3, 32, 32).contiguous(memory_format=last)
        sgd = torch.optim.SGD(m.parameters(), .1, momentum=.9, weight_decay=1e-4)
        return m, lambda: (image(), torch.randint(0, 10, (n,))), F.cross_entropy, sgd
    if name == 'W5':
        m = Gpt()
        loss = lambda o, y: F.cross_entropy(o.reshape(-1, 256), y.reshape(-1))
        tokens = lambda: torch.randint(0, 256, (n, 64))
        return m, lambda: (tokens(), tokens()), loss, torch.optim.AdamW(m.parameters(), 3e-4, weight_decay=.01)
    sys.exit('unknown workload ' + name)


model, batch, loss, optimizer = build(name, batch_size)
batches = [batch() for _ in range(count)]


def step(x, y):
    optimizer.zero_grad(set_to_none=True)
    value = loss(model(x), y)
    value.backward()
    optimizer.step()
    return value.item()


def resident():
    with open('/proc/self/statm') as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20


def timed(seconds, least, work):
    """Milliseconds of each call, for so long, and at least so many of them."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        work(len(times))
        times.append((time.perf_counter() - start) * 1e3)
    return times


def train(seconds):
    def epoch(_):
        for x, y in batches:
            step(x, y)
    model.train()
    step(*batches[0])
    return {'samples': [t / count for t in timed(seconds, 1, epoch)], 'resident': resident()}


def evaluate(seconds):
    def work(_):
        with torch.no_grad():
            return sum(loss(model(x), y).item() for x, y in batches) / count
    model.eval()
    work(0)
    return {'samples': timed(seconds, 3, work), 'resident': resident()}


def predict(seconds):
    def work(_):
        with torch.no_grad():
            return torch.cat([model(x) for x, _ in batches])
    model.eval()
    work(0)
    return {'samples': timed(seconds, 3, work), 'resident': resident()}


print(json.dumps({'parameters': sum(p.numel() for p in model.parameters()), 'version': torch.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    answer = {'train': train, 'evaluate': evaluate, 'predict': predict}[request['do']](request['seconds'])
    print(json.dumps(answer), flush=True)

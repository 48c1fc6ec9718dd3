"""Writes weights.json: state dicts of PyTorch modules as safetensors files, with an input and the output of each.

    python3 weights.py > weights.json

The files are written by hand (8 bytes length, JSON header, data), so that the package safetensors is not needed. `sorted`: with the
tensors in the order of their names, as that package writes them; else in the order of the modules' creation. The last cases are
Keras's variables (`variable.path`) and Keras's semantics (images channels last) written out by formulas.
"""
import base64
import json
import struct

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(20240712)
CODES = {torch.float32: 'F32', torch.float64: 'F64', torch.float16: 'F16', torch.int64: 'I64'}
cases = []


def safetensors(tensors):
    header, data = {}, b''
    for name, t in tensors.items():
        raw = t.detach().contiguous().numpy().tobytes()
        header[name] = {'dtype': CODES[t.dtype], 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    return base64.b64encode(struct.pack('<Q', len(text)) + text + data).decode()


def flat(t):
    return {'shape': list(t.shape), 'data': [round(v, 8) for v in t.detach().double().reshape(-1).tolist()]}


def shake(module):
    """Numbers that are not those that a module begins with."""
    with torch.no_grad():
        for name, t in module.state_dict().items():
            if t.is_floating_point():
                t.add_(torch.randn_like(t) * 0.1)
                if name.endswith('running_var'):
                    t.abs_().add_(0.1)


def case(name, module, x, is_sorted=False, run=None, dtype=None):
    shake(module)
    module.eval()
    y = (run or module)(x)
    state = dict(module.state_dict())
    if dtype is not None:
        state = {k: t.to(dtype) if t.is_floating_point() else t for k, t in state.items()}
    if is_sorted:
        state = dict(sorted(state.items()))
    cases.append({'name': name, 'file': safetensors(state), 'input': flat(x), 'output': flat(y)})


class Cnn(nn.Module):
    """Registered in another order than that in which it runs, and sorted by name it is yet another."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU())
        self.depthwise = nn.Conv2d(6, 6, 3, groups=6)
        self.up = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.fc = nn.Linear(4 * 8 * 6, 3)

    def forward(self, x):
        x = self.up(torch.relu(self.depthwise(self.stem(x))))
        return self.fc(x.flatten(1))


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.embedding = nn.Embedding(11, 5)
        self.rnn = kind(5, 4, batch_first=True, **options)
        self.fc = nn.Linear(4 * (2 if options.get('bidirectional') else 1), 3)

    def forward(self, ids):
        y, _ = self.rnn(self.embedding(ids))
        return self.fc(y)


class Deep(nn.Module):
    """More than ten blocks: `10` comes before `2` by name."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(4, 4) for _ in range(12)])

    def forward(self, x):
        for b in self.blocks:
            x = torch.tanh(b(x))
        return x


x = torch.randn(3, 5)
mlp = lambda: nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.LayerNorm(7), nn.Linear(7, 3), nn.PReLU())
case('mlp', mlp(), x)
case('mlp float64', mlp().double(), x.double())
case('cnn', Cnn(), torch.randn(2, 2, 6, 5))
ids = torch.randint(0, 11, (2, 6))
case('lstm', Recurrent(nn.LSTM, num_layers=2, bidirectional=True), ids)
case('lstm sorted', Recurrent(nn.LSTM, num_layers=2, bidirectional=True), ids, is_sorted=True)
case('gru', Recurrent(nn.GRU), ids)
case('rnn', Recurrent(nn.RNN), ids)
words = torch.randn(2, 5, 8)
case('transformer', nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False), words, is_sorted=True)
case('deep sorted', Deep(), torch.randn(2, 4), is_sorted=True)


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.utils.weight_norm(nn.Conv1d(3, 4, 3))
        self.fc = nn.utils.weight_norm(nn.Linear(16, 2))

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).flatten(1))


case('weight norm', Normed(), torch.randn(2, 3, 6))

# ---- Keras ----------------------------------------------------------------------------------------------------------

v = {
    'conv2d_3/kernel': torch.randn(3, 3, 2, 4) * 0.3,
    'conv2d_3/bias': torch.randn(4),
    'depthwise_conv2d/kernel': torch.randn(2, 2, 4, 2) * 0.3,
    'depthwise_conv2d/bias': torch.randn(8),
    'batch_normalization_7/gamma': torch.rand(160) + 0.5,
    'batch_normalization_7/beta': torch.randn(160) * 0.1,
    'batch_normalization_7/moving_mean': torch.randn(160) * 0.1,
    'batch_normalization_7/moving_variance': torch.rand(160) + 0.5,
    'dense_9/kernel': torch.randn(160, 3) * 0.1,
    'dense_9/bias': torch.randn(3),
}
image = torch.randn(2, 6, 5, 2)  # channels last
y = F.conv2d(image.permute(0, 3, 1, 2), v['conv2d_3/kernel'].permute(3, 2, 0, 1), v['conv2d_3/bias'], padding=1).relu()
w = v['depthwise_conv2d/kernel'].permute(2, 3, 0, 1).reshape(8, 1, 2, 2)
y = F.conv2d(y, w, v['depthwise_conv2d/bias'], groups=4)
y = y.permute(0, 2, 3, 1).flatten(1)  # channels last
b = 'batch_normalization_7/'
y = (y - v[b + 'moving_mean']) / torch.sqrt(v[b + 'moving_variance'] + 1e-3) * v[b + 'gamma'] + v[b + 'beta']
y = y @ v['dense_9/kernel'] + v['dense_9/bias']
cases.append({'name': 'keras cnn', 'file': safetensors({'sequential_2/' + k: t for k, t in v.items()}),
              'input': flat(image.permute(0, 3, 1, 2)), 'output': flat(y)})

print('{"source":' + json.dumps(f'PyTorch {torch.__version__}') + ',"cases":[')
print(',\n'.join(json.dumps(c, separators=(',', ':')) for c in cases))
print(']}')

"""Files as numpy itself writes them: npy.json, each file in base64 with its numbers, for spec/format/Npy.spec.ts.

Run: /usr/bin/python3 spec/golden/npy.py
"""
import base64
import io
import json
import pathlib
import warnings

import numpy as np

warnings.simplefilter('ignore')


def b64(write):
    out = io.BytesIO()
    write(out)
    return base64.b64encode(out.getvalue()).decode()


def values(a):
    if a.dtype.kind == 'f' and a.dtype.itemsize == 2:
        return a.astype('<f2').view(np.uint16).ravel().tolist()
    return [str(v) for v in a.ravel().tolist()] if a.dtype.itemsize == 8 and a.dtype.kind in 'iu' else a.ravel().tolist()


base = np.arange(24).reshape(2, 3, 4) - 7
good = []


def case(name, a, version=None):
    good.append({
        'name': name,
        'shape': list(a.shape),
        'data': values(np.ascontiguousarray(a)),
        'file': b64(lambda f: np.lib.format.write_array(f, a, version=version)),
    })


for code in ['f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', '?']:
    source = np.abs(base) if code[0] == 'u' else base % 2 if code == '?' else base / 2 if code[0] == 'f' else base
    for order in ['<', '>'] if code not in ('i1', 'u1', '?') else ['<']:
        a = source.astype(np.dtype(order + code) if code != '?' else '?')
        case(f'{order}{code}', a)
        case(f'{order}{code} fortran', np.asfortranarray(a))
case('no axis', np.array(1.5))
case('empty', np.zeros((0, 3), np.float32))
case('one axis', np.arange(5, dtype=np.int32))
case('one axis fortran', np.asfortranarray(np.arange(5, dtype=np.int32).reshape(1, 5)))
case('version 2', base.astype(np.float32), (2, 0))
case('version 3', base.astype(np.float32), (3, 0))
case('largest u8 that fits', np.array([2**63 - 1], np.uint64))

bad = {
    'object': np.array([1, 'a', None], dtype=object),
    'text': np.array(['a', 'b']),
    'bytes': np.array([b'a']),
    'complex': np.array([1j]),
    'date': np.array(['2020-01-01'], dtype='datetime64[D]'),
    'structured': np.array([(1, 2.0)], dtype=[('a', '<i4'), ('b', '<f8')]),
    'void': np.array([b'ab'], dtype='V2'),
    'large u8': np.array([2**63], np.uint64),
}
pair = {'x': base.astype(np.float32), 'labels/y': np.arange(4)}
out = {
    'numpy': np.__version__,
    'good': good,
    'bad': {name: b64(lambda f, a=a: np.lib.format.write_array(f, a, allow_pickle=True)) for name, a in bad.items()},
    'npz': {
        'stored': b64(lambda f: np.savez(f, **pair)),
        'compressed': b64(lambda f: np.savez_compressed(f, **pair)),
        'bomb': b64(lambda f: np.savez_compressed(f, zeros=np.zeros(4_000_000, np.uint8))),
    },
}
pathlib.Path(__file__).with_suffix('.json').write_text(json.dumps(out, separators=(',', ':')) + '\n')

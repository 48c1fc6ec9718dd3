"""Affine maps of a small image by scipy and other sizes of it by PyTorch in float64, for `data/image`: writes images.json beside this file.

    /usr/bin/python3 spec/golden/images.py
"""
import json
import pathlib

import numpy as np
import scipy
import torch
from scipy.ndimage import affine_transform

rng = np.random.default_rng(5)
image = np.round(rng.random((2, 5, 7)) * 64)
modes = {'constant': 'grid-constant', 'nearest': 'nearest', 'reflect': 'reflect', 'wrap': 'grid-wrap'}
maps = [[1, 0, 1.3, 0, 1, -2.6], [0.9, -0.45, 0.7, 0.4, 1.1, -1.2], [2.4, 0, -4.1, 0, 1.9, -3.2], [0.31, 0.2, 9.73, -0.1, 0.4, -8.3]]
cases = []
for a, b, c, d, e, f in maps:
    for mode, name in modes.items():
        for order, interpolation in [(0, 'nearest'), (1, 'bilinear')]:
            out = [affine_transform(ch, [[e, d], [b, a]], [f, c], order=order, mode=name, cval=3.0) for ch in image]
            cases.append({'map': [a, b, c, d, e, f], 'fillMode': mode, 'interpolation': interpolation,
                          'out': np.round(np.array(out), 6).ravel().tolist()})
# Bilinear without smoothing: Keras's `Resizing` computes the same.
pixels = torch.tensor(image, dtype=torch.float64)[None]
sizes = []
for height, width in [(3, 4), (9, 7), (5, 11), (1, 1)]:
    out = torch.nn.functional.interpolate(pixels, size=(height, width), mode='bilinear', align_corners=False)
    sizes.append({'size': [height, width], 'out': np.round(out.numpy(), 6).ravel().tolist()})
path = pathlib.Path(__file__).with_suffix('.json')
path.write_text(json.dumps({'source': f'scipy {scipy.__version__}, PyTorch {torch.__version__}', 'image': image.ravel().tolist(), 'shape': image.shape,
                            'fillValue': 3, 'cases': cases, 'sizes': sizes}) + '\n')
print(path.name, path.stat().st_size, 'bytes', len(cases), 'cases')

"""Kernels of short-time Fourier transforms by NumPy and SciPy's windows, in Keras's layout [length, 1, bands], as stft.json.

The formula is that of keras.initializers.STFTInitializer. Usage: python3 stft.py > stft.json
"""
import json
import sys

import numpy as np
from scipy import signal


def kernel(side, window, scaling, periodic, length, bands):
    angle = -2j * np.pi * np.arange(length)[:, None] * np.arange(bands)[None] / ((bands - 1) * 2)
    turns = np.exp(angle)
    values = turns.real if side == "real" else turns.imag
    if window is not None:
        w = np.array(window) if isinstance(window, list) else signal.get_window(window, length, periodic)
        scale = {"density": np.sqrt((w ** 2).sum()), "spectrum": np.abs(w).sum(), None: 1}[scaling]
        values = values * w[:, None] / scale
    return values[:, None]


cases = [
    ("real", "hann", "density", False, 8, 5),
    ("imag", "hann", "density", False, 8, 5),
    ("real", "hamming", "spectrum", True, 7, 9),
    ("imag", "blackman", None, True, 6, 4),
    ("real", "nuttall", "density", False, 9, 3),
    ("imag", "blackmanharris", "spectrum", False, 5, 6),
    ("real", "flattop", "density", True, 12, 7),
    ("imag", "cosine", "density", True, 6, 4),
    ("real", "cosine", "density", False, 6, 4),
    ("imag", "boxcar", "spectrum", False, 4, 3),
    ("real", None, "density", False, 10, 5),
    ("imag", [0.5, -1.0, 2.0], "spectrum", False, 3, 2),
    ("real", "hann", "density", False, 1, 3),
]
names = ["side", "window", "scaling", "periodic", "length", "bands"]
json.dump([dict(zip(names, c), values=[round(v, 12) + 0.0 for v in kernel(*c).ravel().tolist()]) for c in cases],
          sys.stdout, separators=(",", ":"))
print()

"""One AWQ layer with made-up weights, the activations that go through it, and what comes out in float64.

Every peer gets the same integers: codes q, zero points z and scales s with w = (q - z) * s, 4 bits, one zero point and
one fp16 scale for each group of inputs of an output.
"""

import os

import numpy as np

# An output is checked on so many rows and columns; float64 is slow.
CHECKED_ROWS, CHECKED_COLUMNS = 3, 512
OUTLIER_SHARE, OUTLIER_FACTOR = 0.004, 30


class Layer:
    """codes [N, K] uint8, zeros [N, groups] uint8, scales [N, groups] float16."""

    def __init__(self, codes, zeros, scales):
        self.codes, self.zeros, self.scales = codes, zeros, scales
        self.n, self.k = codes.shape
        self.groups = zeros.shape[1]
        self.group = self.k // self.groups

    @classmethod
    def random(cls, k, n, group, seed=1):
        """Gaussian weights, each group's range cut into 16 steps, as AWQ does."""
        if k % group or k % 8 or n % 8:
            raise SystemExit(f"{k}x{n}, groups of {group}: the AutoAWQ layout holds whole groups and eights only")
        w = np.random.default_rng(seed).standard_normal((n, k // group, group), np.float32) * 0.02
        low, high = w.min(2, keepdims=True), w.max(2, keepdims=True)
        scales = ((high - low) / 15).astype(np.float16)
        s = scales.astype(np.float32)
        zeros = np.clip(np.rint(-low / s), 0, 15)
        codes = np.clip(np.rint(w / s) + zeros, 0, 15).astype(np.uint8)
        return cls(codes.reshape(n, k), zeros[:, :, 0].astype(np.uint8), scales[:, :, 0])

    def save(self, folder):
        for name in ("codes", "zeros", "scales"):
            np.save(os.path.join(folder, f"{name}.npy"), getattr(self, name))

    @classmethod
    def load(cls, folder):
        return cls(*(np.load(os.path.join(folder, f"{name}.npy")) for name in ("codes", "zeros", "scales")))

    def weights(self, dtype=np.float32, columns=slice(None)):
        """What the integers stand for, [N, K]."""
        q = self.codes[columns].reshape(-1, self.groups, self.group).astype(dtype)
        w = (q - self.zeros[columns, :, None].astype(dtype)) * self.scales[columns, :, None].astype(dtype)
        return w.reshape(-1, self.k)

    @property
    def packed_bytes(self):
        """Of codes, zero points and scales as AutoAWQ stores them."""
        return self.codes.size // 2 + self.zeros.size // 2 + self.scales.size * 2


def copy_of(packed, copy, step, axis=0):
    """The same layer with its outputs turned by `step` places for each copy: other bytes, so that neither a cache nor
    a library that knows equal tensors can take one copy for another."""
    return np.ascontiguousarray(np.roll(packed, copy * step, axis))


def halves(codes):
    """Two 4-bit numbers a byte, along the last axis, the first one low."""
    return codes[..., 0::2] | codes[..., 1::2] << 4


def to_bf16(x):
    """Rounds to the nearest bf16 and returns its bits."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def activations(m, k, outliers=False, seed=2):
    """Gaussian rows [M, K] that bf16 and fp16 hold exactly, so that no peer is charged for rounding its input."""
    rng = np.random.default_rng(seed + m)
    x = rng.standard_normal((m, k), np.float32)
    if outliers:
        x[:, rng.permutation(k)[: max(1, round(OUTLIER_SHARE * k))]] *= OUTLIER_FACTOR
    x = from_bf16(to_bf16(x))
    x[np.abs(x) < 2.0**-13] = 0  # fp16 has fewer digits there
    return x


def error(layer, x, y):
    """The relative error of y against float64 (Frobenius norms)."""
    columns = np.random.default_rng(3).permutation(layer.n)[:CHECKED_COLUMNS]
    want = x[:CHECKED_ROWS].astype(np.float64) @ layer.weights(np.float64, columns).T
    found = y[:CHECKED_ROWS, columns].astype(np.float64)
    return float(np.linalg.norm(found - want) / np.linalg.norm(want))

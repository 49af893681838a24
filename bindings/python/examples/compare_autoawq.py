"""A layer of a Hugging Face AWQ directory against AutoAWQ's formula, written with numpy alone.

    python compare_autoawq.py DIR [LAYER]
"""

import sys

import awq_marlin as am
import numpy as np

# AutoAWQ packs eight codes into a word; code i of a word belongs to column ORDER[i].
ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def unpack(words):
    """Words (rows, columns / 8) to codes (rows, columns)."""
    shifts = 4 * np.arange(8, dtype=np.uint32)
    nibbles = words.view(np.uint32)[:, :, None] >> shifts & 15
    codes = np.empty_like(nibbles)
    codes[:, :, ORDER] = nibbles
    return codes.reshape(len(words), -1).astype(np.int32)


def autoawq(qweight, qzeros, scales):
    """w[k][n] = (q[k][n] - z[k // g][n]) * s[k // g][n], rounded to F16 as AutoAWQ's dequantize does."""
    group = len(qweight) // len(scales)
    zeros, steps = np.repeat(unpack(qzeros), group, axis=0), np.repeat(scales, group, axis=0)
    return (unpack(qweight) - zeros).astype(np.float16) * steps


def main(folder, name="model.layers.0.mlp.up_proj"):
    checkpoint = am.Checkpoint(folder)
    info, reason = checkpoint.layer(name)
    if info.layout is not am.Layout.AWQ_GEMM:
        sys.exit(f"{name} is in layout {info.layout.name} ({reason}); this example reads AWQ_GEMM")
    tensors = {part: checkpoint.tensor(f"{name}.{part}").numpy() for part in ("qweight", "qzeros", "scales")}
    wanted = autoawq(**tensors)

    packed = checkpoint.load(name, layout=am.Layout.MARLIN)
    weights = packed.dequantize(am.DType.F16)
    layer = am.Linear(am.Device.cpu(), packed)
    x = np.random.default_rng(1).standard_normal((4, info.k)).astype(np.float32)
    exact = x.astype(np.float64) @ wanted.astype(np.float64)
    error = np.max(np.abs(layer.run(x) - exact)) / np.max(np.abs(exact))

    print(f"{name}: K {info.k}, N {info.n}, group size {info.group_size}")
    print(f"weights that differ from AutoAWQ's formula: {np.count_nonzero(weights != wanted)} of {weights.size}")
    print(f"largest error of x @ w, of the largest result: {error:.1e}")
    return 0 if (weights == wanted).all() and error < 2e-3 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""The building blocks of repacking, for hosts that have functions of the same shape. Inputs are any contiguous arrays
on the CPU, results numpy arrays."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from ._library import check, lib
from ._native import ffi
from .device import Device
from .enums import DType
from .handle import optional
from .tensor import Buffer, dense, numpy_dtype

Array = np.ndarray[Any, np.dtype[Any]]


def group_sizes() -> List[int]:
    """Group sizes that Marlin kernels everywhere take as they are (-1: per channel)."""
    count = ffi.new("size_t *")
    check(lib.awqm_marlin_group_sizes(ffi.NULL, 0, count))
    out = ffi.new("int64_t[]", count[0])
    check(lib.awqm_marlin_group_sizes(out, count[0], count))
    return list(out)


def scale_permutation(grouped: bool) -> List[int]:
    """Marlin's order of scales: permuted[L * b + i] = plain[L * b + table[i]]."""
    count = ffi.new("size_t *")
    check(lib.awqm_marlin_scale_permutation(grouped, ffi.NULL, 0, count))
    out = ffi.new("uint32_t[]", count[0])
    check(lib.awqm_marlin_scale_permutation(grouped, out, count[0], count))
    return list(out)


def workspace_bytes(n: int, multiprocessors: int) -> int:
    """The workspace that today's Marlin kernels of vLLM and its relatives want."""
    out = ffi.new("size_t *")
    check(lib.awqm_marlin_workspace_bytes(n, multiprocessors, out))
    return int(out[0])


def _output(taken: Buffer, shape: Sequence[int]) -> Tuple[Array, Any]:
    out = np.empty(tuple(shape), numpy_dtype(taken.dtype))
    if out.nbytes != taken.nbytes:
        raise ValueError(f"{taken.nbytes} bytes of shape {taken.shape} cannot become {tuple(shape)}")
    return out, ffi.cast("void *", out.ctypes.data)


def permute_scales(scales: Any, k: int, n: int, group_size: int, dtype: Optional[DType] = None) -> Array:
    """Scales (G, N) in Marlin's order. ``dtype``: when it is not the array's own (BF16 as bits)."""
    taken = dense(scales, "scales")
    out, address = _output(taken, taken.shape)
    check(lib.awqm_marlin_permute_scales(taken.pointer, address, taken.nbytes, dtype or taken.dtype, k, n, group_size))
    return out


def permute_bias(bias: Any, dtype: Optional[DType] = None) -> Array:
    """A bias (N) in the order in which Marlin kernels that add it themselves read it."""
    taken = dense(bias, "bias")
    out, address = _output(taken, taken.shape)
    size = taken.nbytes // lib.awqm_dtype_bytes(taken.dtype)
    check(lib.awqm_marlin_permute_bias(taken.pointer, address, taken.nbytes, dtype or taken.dtype, size))
    return out


def pack_columns(codes: Any, bits: int = 4) -> Array:
    """Codes (rows, columns), one a byte, as words (rows, columns * bits / 32), the first column in the lowest bits."""
    taken = _matrix(codes, "codes", DType.U8)
    rows, columns = taken.shape
    out = np.empty((rows, columns * bits // 32), np.int32)
    address = ffi.cast("void *", out.ctypes.data)
    source = ffi.cast("uint8_t *", taken.pointer)
    check(lib.awqm_pack_columns(source, taken.nbytes, rows, columns, bits, address, out.nbytes))
    return out


def unpack_columns(words: Any, bits: int = 4) -> Array:
    """The inverse of :func:`pack_columns`."""
    taken = _matrix(words, "words", DType.I32)
    rows, columns = taken.shape[0], taken.shape[1] * 32 // bits
    out = np.empty((rows, columns), np.uint8)
    address = ffi.cast("uint8_t *", out.ctypes.data)
    check(lib.awqm_unpack_columns(taken.pointer, taken.nbytes, rows, columns, bits, address, out.nbytes))
    return out


def zero_points(zeros: Any, bits: int = 4) -> Array:
    """Zero points (G, N), one a byte, as Marlin's words (G, N * bits / 32)."""
    taken = _matrix(zeros, "zeros", DType.U8)
    groups, n = taken.shape
    out = np.empty((groups, n * bits // 32), np.int32)
    source = ffi.cast("uint8_t *", taken.pointer)
    check(lib.awqm_marlin_zero_points(source, taken.nbytes, groups, n, bits, ffi.cast("void *", out.ctypes.data), out.nbytes))
    return out


def awq_to_marlin_zero_points(qzeros: Any, n: int, bits: int = 4) -> Array:
    """qzeros of the AWQ gemm layout as Marlin's, both (G, N * bits / 32) words."""
    taken = _matrix(qzeros, "qzeros", DType.I32)
    out, address = _output(taken, taken.shape)
    check(lib.awqm_awq_to_marlin_zero_points(taken.pointer, address, taken.nbytes, taken.shape[0], n, bits))
    return out


def awq_marlin_repack(qweight: Any, k: int, n: int, bits: int = 4, device: Optional[Device] = None) -> Array:
    """qweight of the AWQ gemm layout, (K, N * bits / 32) words, as Marlin's (K / 16, N * 16 * bits / 32)."""
    return _repack(lib.awqm_awq_marlin_repack, qweight, k, n, bits, device)


def gptq_marlin_repack(qweight: Any, k: int, n: int, bits: int = 4, device: Optional[Device] = None) -> Array:
    """As :func:`awq_marlin_repack`, from the GPTQ layout without act-order: (K * bits / 32, N) words."""
    return _repack(lib.awqm_gptq_marlin_repack, qweight, k, n, bits, device)


def _repack(function: Any, qweight: Any, k: int, n: int, bits: int, device: Optional[Device]) -> Array:
    taken = _matrix(qweight, "qweight", DType.I32)
    out, address = _output(taken, (k // 16, n * 16 * bits // 32))
    check(function(taken.pointer, address, taken.nbytes, k, n, bits, optional(device)))
    return out


def _matrix(array: Any, what: str, dtype: DType) -> Buffer:
    taken = dense(array, what)
    if len(taken.shape) != 2 or taken.dtype != dtype:
        raise ValueError(f"{what} is {taken.dtype.name} of shape {taken.shape}; a matrix of {dtype.name} is needed")
    return taken

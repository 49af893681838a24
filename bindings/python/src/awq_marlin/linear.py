"""Layers on a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Tuple

import numpy as np

from ._info import empty, info
from ._library import check, create, lib, options
from ._native import ffi
from .device import Device
from .enums import Backend, Compute, DType, Layout
from .handle import Handle
from .packed import LayerDesc, Packed, tensors
from .tensor import Buffer, buffer, bytes_of, dense, numpy_dtype, pointer_of


@dataclass(frozen=True)
class LinearInfo:
    """What a layer is."""

    k: int
    n: int
    layout: Layout
    bits: int
    group_size: int
    has_bias: bool
    backend: Backend
    bytes: int


class Runner(Handle):
    """What runs: a layer, or a plan."""

    _k: int
    _n: int
    _gpu: bool
    _keep: Any
    _function: str

    def _workspace(self, m: int, dtype: DType) -> int:
        raise NotImplementedError

    def run(self, x: Any, y: Any = None, workspace: Any = None, y_dtype: Optional[DType] = None, stream: int = 0) -> Any:
        """y = x @ w + bias, x (M, K) or (K). Rows may lie apart; the elements of a row may not.

        On the CPU ``y`` and ``workspace`` are made when they are not given (y as numpy array, F32 unless ``y_dtype`` says
        otherwise); give both to allocate nothing. On a GPU all are device arrays, the call returns when the work is on
        ``stream`` (an address), and the C header has the rules.
        """
        pointer = self._live
        xb = buffer(x, "x", stream=stream)
        m, x_stride = _rows(xb, "x", self._k)
        if y is None:
            if self._gpu:
                raise TypeError("y must be given: the result of a layer on a GPU goes to device memory of the caller")
            y = np.empty((*xb.shape[:-1], self._n), numpy_dtype(DType.F32 if y_dtype is None else y_dtype))
            yb = buffer(y, "y", writable=True)
            if y_dtype == DType.BF16:
                yb = yb._replace(dtype=DType.BF16)
        else:
            yb = buffer(y, "y", writable=True, stream=stream)
        y_rows, y_stride = _rows(yb, "y", self._n)
        if y_rows != m:
            raise ValueError(f"x has {m} rows, y has {y_rows}")
        if xb.on_gpu != self._gpu or yb.on_gpu != self._gpu:
            raise ValueError(f"the layer runs on the {'GPU' if self._gpu else 'CPU'}; x and y must lie there")
        if workspace is None and not self._gpu:
            workspace = np.empty(self._workspace(m, xb.dtype), np.uint8)
        wb = None if workspace is None else dense(workspace, "workspace", writable=True, stream=stream)
        args = options("run_args", x=xb.pointer, x_dtype=xb.dtype, y_dtype=yb.dtype, y=yb.pointer, m=m, x_stride=x_stride, y_stride=y_stride)
        check(getattr(lib, self._function)(pointer, args, pointer_of(wb), bytes_of(wb), ffi.cast("void *", stream)))
        return y


def _rows(taken: Buffer, what: str, width: int) -> Tuple[int, int]:
    """Rows of a (M, width) or (width) array, and how many elements they lie apart."""
    shape, strides = taken.shape, taken.strides
    if len(shape) not in (1, 2) or shape[-1] != width:
        raise ValueError(f"{what} has shape {shape}; (M, {width}) or ({width},) is needed")
    if strides[-1] != 1 and width > 1 and all(shape):
        raise ValueError(f"the elements of a row of {what} are {strides[-1]} apart; they must be adjacent")
    if len(shape) == 1 or shape[0] == 1:
        return 1, 0
    return shape[0], strides[0]


class Linear(Runner):
    """A layer on a device. Any number of threads may run it at once, each with a workspace of its own."""

    _function = "awqm_linear_run"

    def __init__(self, device: Device, packed: Packed, compute: Compute = Compute.EXACT, flags: int = 0) -> None:
        """Puts a packed layer on a device; the packed layer is not needed afterwards."""
        chosen = options("linear_options", compute=compute, flags=flags)
        keep = (device._keep, packed._keep)
        self._take(create("linear", lib.awqm_linear_create, device._live, packed._live, chosen, keep=keep), keep)

    @classmethod
    def from_device(
        cls, device: Device, desc: LayerDesc, qweight: Any, scales: Any, qzeros: Any = None, bias: Any = None
    ) -> Linear:
        """A layer over device arrays in layout MARLIN, without a copy. They live as long as the layer."""
        struct, arrays = tensors(qweight, scales, qzeros, bias)
        self = cls.__new__(cls)
        pointer = create("linear", lib.awqm_linear_create_from_device, device._live, desc._struct(), struct, keep=arrays)
        self._take(pointer, arrays)
        return self

    def _take(self, pointer: Any, keep: Any) -> None:
        self._pointer, self._keep = pointer, keep
        shape = self.info
        self._k, self._n, self._gpu = shape.k, shape.n, shape.backend == Backend.CUDA

    @property
    def info(self) -> LinearInfo:
        """What the layer is."""
        struct = empty("linear_info")
        check(lib.awqm_linear_get_info(self._live, struct))
        return info(LinearInfo, struct)

    def workspace_bytes(self, max_m: int, x_dtype: DType) -> int:
        """Enough for every m from 1 to max_m and every kernel of the layer."""
        out = ffi.new("size_t *")
        check(lib.awqm_linear_workspace_bytes(self._live, max_m, x_dtype, out))
        return int(out[0])

    def _workspace(self, m: int, dtype: DType) -> int:
        return self.workspace_bytes(m, dtype)

    def dequantize_on_device(self, out: Any, transposed: bool = False, stream: int = 0) -> None:
        """Writes the weights of a layer on a GPU to a device array, (K, N) or transposed, on a stream."""
        taken = dense(out, "out", writable=True, stream=stream)
        check(
            lib.awqm_linear_dequantize(
                self._live, taken.dtype, transposed, taken.pointer, taken.nbytes, ffi.cast("void *", stream)
            )
        )

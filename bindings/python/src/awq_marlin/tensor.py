"""Arrays in and out without copies: numpy, DLPack (torch and others), and memory of the library."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ._library import lib
from ._native import ffi
from .enums import DType

_NUMPY = {
    DType.F16: "<f2", DType.F32: "<f4", DType.F64: "<f8", DType.I8: "|i1", DType.U8: "|u1", DType.I16: "<i2",
    DType.U16: "<u2", DType.I32: "<i4", DType.U32: "<u4", DType.I64: "<i8", DType.U64: "<u8", DType.BOOL: "|b1",
    DType.BF16: "<u2",  # numpy has no bfloat16: its bits
}  # fmt: skip
_BY_NAME = {
    "float16": DType.F16, "bfloat16": DType.BF16, "float32": DType.F32, "float64": DType.F64, "int8": DType.I8,
    "uint8": DType.U8, "int16": DType.I16, "uint16": DType.U16, "int32": DType.I32, "uint32": DType.U32,
    "int64": DType.I64, "uint64": DType.U64, "bool": DType.BOOL,
}  # fmt: skip
# DLPack's type codes with bits.
_BY_CODE = {
    (2, 16): DType.F16, (4, 16): DType.BF16, (2, 32): DType.F32, (2, 64): DType.F64, (0, 8): DType.I8, (1, 8): DType.U8,
    (0, 16): DType.I16, (1, 16): DType.U16, (0, 32): DType.I32, (1, 32): DType.U32, (0, 64): DType.I64,
    (1, 64): DType.U64, (6, 8): DType.BOOL,
}  # fmt: skip
_CPU, _CUDA, _CUDA_HOST, _CUDA_MANAGED = 1, 2, 3, 13

_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = ctypes.c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


class Tensor:
    """Bytes with a type and a shape, borrowed from the library: read-only, and alive as long as this or an array made of it.

    ``numpy()`` and ``np.asarray`` share its memory; BF16 comes as uint16, its bits. DLPack (``torch.from_dlpack``) shares it
    too, with BF16 as bfloat16; who takes it that way must not write to it.
    """

    def __init__(self, view: Any, owner: Any) -> None:
        self.dtype = DType(view.dtype)
        self.shape: Tuple[int, ...] = tuple(view.shape[i] for i in range(view.rank))
        self.nbytes = int(view.bytes)
        self._address = int(ffi.cast("uintptr_t", view.data))
        self._owner = owner

    @property
    def __array_interface__(self) -> dict[str, Any]:
        # An address must be given even when there are no bytes.
        return {"version": 3, "typestr": _NUMPY[self.dtype], "shape": self.shape, "data": (self._address or 1, True)}

    def numpy(self) -> np.ndarray[Any, np.dtype[Any]]:
        """A read-only array on the same memory."""
        return np.asarray(self)

    def __dlpack_device__(self) -> Tuple[int, int]:
        return (_CPU, 0)

    def __dlpack__(self, **_: Any) -> Any:
        writable = dict(self.__array_interface__, data=(self._address or 1, False))
        capsule = np.asarray(_Exported(writable, self)).__dlpack__()
        if self.dtype == DType.BF16:
            _managed(capsule).dl_tensor.dtype.code = 4
        return capsule

    def __repr__(self) -> str:
        return f"Tensor({self.dtype.name}, {list(self.shape)})"


class _Exported:
    def __init__(self, interface: dict[str, Any], owner: Any) -> None:
        self.__array_interface__ = interface
        self.owner = owner


class Buffer(NamedTuple):
    """Memory of an array that a caller passed."""

    pointer: Any
    dtype: DType
    shape: Tuple[int, ...]
    strides: Tuple[int, ...]  # in elements
    nbytes: int
    on_gpu: bool
    keep: Any  # holds the memory


def buffer(array: Any, what: str, writable: bool = False, stream: int = 0) -> Buffer:
    """The memory of a numpy array, of anything that speaks DLPack, or that numpy can view."""
    if not isinstance(array, (np.ndarray, Tensor)) and hasattr(array, "__dlpack__"):
        return _from_dlpack(array, what, stream)
    viewed = np.asarray(array)
    if writable and (viewed is not array or not viewed.flags.writeable):
        raise TypeError(f"{what} must be an array that can be written, not a {type(array).__name__}")
    dtype = array.dtype if isinstance(array, Tensor) else _dtype_of(viewed.dtype)
    if dtype is None:
        raise TypeError(f"{what} has elements of type {viewed.dtype}, which the library does not know")
    size = viewed.itemsize
    strides = tuple([stride // size for stride in viewed.strides])
    if any([stride % size for stride in viewed.strides]):
        raise ValueError(f"{what} has strides that are no multiples of its elements")
    return Buffer(ffi.cast("void *", viewed.ctypes.data), dtype, viewed.shape, strides, viewed.nbytes, False, viewed)


_seen: dict[np.dtype[Any], Optional[DType]] = {}


def _dtype_of(of: np.dtype[Any]) -> Optional[DType]:
    # numpy takes microseconds to tell a type's name.
    if of not in _seen:
        _seen[of] = _BY_NAME.get(of.name) if of.isnative else None
    return _seen[of]


def _managed(capsule: Any) -> Any:
    return ffi.cast("DLManagedTensor *", _capsule_pointer(capsule, b"dltensor"))


def _from_dlpack(array: Any, what: str, stream: int) -> Buffer:
    device = array.__dlpack_device__()[0]
    on_gpu = device in (_CUDA, _CUDA_MANAGED)
    if not on_gpu and device not in (_CPU, _CUDA_HOST):
        raise TypeError(f"{what} lies on a device (DLPack number {device}) that the library does not know")
    # Stream 1 is DLPack's word for the default stream. The capsule is not consumed: it is let go after the call.
    capsule = array.__dlpack__(stream=stream or 1) if on_gpu else array.__dlpack__()
    tensor = _managed(capsule).dl_tensor
    dtype = _BY_CODE.get((tensor.dtype.code, tensor.dtype.bits)) if tensor.dtype.lanes == 1 else None
    if dtype is None:
        raise TypeError(f"{what} has elements of DLPack type {tensor.dtype.code} with {tensor.dtype.bits} bits")
    shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
    strides = contiguous(shape) if tensor.strides == ffi.NULL else tuple(tensor.strides[i] for i in range(tensor.ndim))
    size = lib.awqm_dtype_bytes(dtype)
    for length in shape:
        size *= length
    return Buffer(ffi.cast("char *", tensor.data) + tensor.byte_offset, dtype, shape, strides, size, on_gpu, (array, capsule))


def contiguous(shape: Sequence[int]) -> Tuple[int, ...]:
    """Strides, in elements, of a shape in C order."""
    strides = [1] * len(shape)
    for i in range(len(shape) - 1, 0, -1):
        strides[i - 1] = strides[i] * shape[i]
    return tuple(strides)


def dense(array: Any, what: str, writable: bool = False, stream: int = 0) -> Buffer:
    """As :func:`buffer`, for functions that take no strides."""
    taken = buffer(array, what, writable, stream)
    if any(n != 1 and have != need for n, have, need in zip(taken.shape, taken.strides, contiguous(taken.shape))):
        raise ValueError(f"{what} is not contiguous (shape {taken.shape}, strides {taken.strides})")
    return taken


def pointer_of(taken: Optional[Buffer]) -> Any:
    """The address of a buffer that may be None."""
    return ffi.NULL if taken is None else taken.pointer


def bytes_of(taken: Optional[Buffer]) -> int:
    """The bytes of a buffer that may be None."""
    return 0 if taken is None else taken.nbytes


def numpy_dtype(dtype: DType) -> np.dtype[Any]:
    """numpy's name of an element type; BF16 is uint16, its bits."""
    return np.dtype(_NUMPY[dtype])

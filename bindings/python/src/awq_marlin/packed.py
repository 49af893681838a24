"""Packed layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from ._info import empty, info
from ._library import check, create, lib, options
from ._native import ffi
from .device import Device
from .enums import DType, Layout, Role
from .handle import Handle, optional
from .tensor import Tensor, bytes_of, dense, numpy_dtype, pointer_of


@dataclass(frozen=True)
class LayerDesc:
    """A layer in the caller's words; group_size -1 is per channel."""

    k: int
    n: int
    layout: Layout
    bits: int = 4
    zero_point: bool = True
    group_size: int = 128
    scale_dtype: DType = DType.F16
    bias_dtype: DType = DType.F16

    def _struct(self) -> Any:
        return options("layer_desc", **vars(self))


@dataclass(frozen=True)
class PackedInfo:
    """What a packed layer is; the C header explains the padded numbers."""

    k: int
    n: int
    padded_k: int
    padded_n: int
    bits: int
    zero_point: bool
    group_size: int
    padded_group: int
    groups: int
    layout: Layout
    scale_dtype: DType
    bias_dtype: DType
    has_bias: bool
    bytes: int


def tensors(qweight: Any, scales: Any = None, qzeros: Any = None, bias: Any = None) -> tuple[Any, Any]:
    """Arrays as awqm_layer_tensors, and what must live as long as that is used."""
    names = {"qweight": qweight, "scales": scales, "qzeros": qzeros, "bias": bias}
    taken = {name: None if array is None else dense(array, name) for name, array in names.items()}
    struct = options("layer_tensors")
    for name, one in taken.items():
        setattr(struct, name, pointer_of(one))
        setattr(struct, f"{name}_bytes", bytes_of(one))
    return struct, taken


class Packed(Handle):
    """One layer, packed, in memory of its own or lent."""

    _keep: Any = None

    @classmethod
    def create(cls, desc: LayerDesc, qweight: Any, scales: Any = None, qzeros: Any = None, bias: Any = None) -> Packed:
        """Copies a layer from the caller's arrays, in the layout that it is in."""
        struct, keep = tensors(qweight, scales, qzeros, bias)
        packed = cls._of(create("packed", lib.awqm_packed_create, desc._struct(), struct))
        del keep
        return packed

    @classmethod
    def lend(cls, desc: LayerDesc, qweight: Any, scales: Any = None, qzeros: Any = None, bias: Any = None) -> Packed:
        """As :meth:`create`, without a copy: the arrays live as long as the layer and what is made from it, and nobody may
        write to them. Layers on the CPU run from layouts CPU and DENSE, so those must lie on 64-byte boundaries."""
        struct, keep = tensors(qweight, scales, qzeros, bias)
        packed = cls._of(create("packed", lib.awqm_packed_create_borrowed, desc._struct(), struct, keep=keep))
        packed._keep = keep
        return packed

    @classmethod
    def load(cls, path: str, prefix: str) -> Packed:
        """Reads back what :meth:`save` wrote."""
        return cls._of(create("packed", lib.awqm_packed_load, str(path).encode(), prefix.encode()))

    def save(self, path: str, prefix: str) -> None:
        """Writes the layer to a safetensors file, its tensors named with the prefix."""
        check(lib.awqm_packed_save(self._live, str(path).encode(), prefix.encode()))

    def convert(self, layout: Layout, device: Optional[Device] = None) -> Packed:
        """The same layer in another layout. ``device``'s threads work; None: the calling one."""
        return Packed._of(create("packed", lib.awqm_packed_convert, self._live, layout, optional(device)))

    @property
    def info(self) -> PackedInfo:
        """What the layer is."""
        struct = empty("packed_info")
        check(lib.awqm_packed_get_info(self._live, struct))
        return info(PackedInfo, struct)

    def tensor(self, role: Role) -> Tensor:
        """One tensor, not copied; :class:`NotFound` when the layer has none of that role."""
        owner, view = self._live, empty("tensor_view")
        check(lib.awqm_packed_get_tensor(owner, role, view))
        return Tensor(view, owner)

    def dequantize(self, dtype: DType = DType.F32, out: Any = None, device: Optional[Device] = None) -> Any:
        """The weights as floats, (K, N), into ``out`` or a new numpy array (BF16: uint16, its bits)."""
        if out is None:
            shape = self.info
            out = np.empty((shape.k, shape.n), numpy_dtype(dtype))
            taken = dense(out, "out", writable=True)
        else:
            taken = dense(out, "out", writable=True)
            dtype = taken.dtype
        check(lib.awqm_packed_dequantize(self._live, dtype, taken.pointer, taken.nbytes, optional(device)))
        return out

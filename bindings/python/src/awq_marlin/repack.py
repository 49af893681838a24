"""Repacking from the caller's arrays into the caller's arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from ._info import empty, info
from ._library import check, lib
from ._native import ffi
from .device import Device
from .enums import Layout
from .handle import optional
from .packed import LayerDesc, tensors
from .tensor import bytes_of, dense, pointer_of


@dataclass(frozen=True)
class RepackSizes:
    """Sizes of a layer in a layout."""

    padded_k: int
    padded_n: int
    padded_group: int
    groups: int
    qweight_bytes: int
    scales_bytes: int
    qzeros_bytes: int


def repack_query(desc: LayerDesc, layout: Layout) -> RepackSizes:
    """How large a layer's tensors are in a layout."""
    struct = empty("repack_sizes")
    check(lib.awqm_repack_query(desc._struct(), layout, struct))
    return info(RepackSizes, struct)


def _outputs(qweight: Any, scales: Any, qzeros: Any, stream: int = 0) -> list[Any]:
    out: list[Any] = []
    for name, array in (("out_qweight", qweight), ("out_scales", scales), ("out_qzeros", qzeros)):
        taken = None if array is None else dense(array, name, writable=True, stream=stream)
        out += [pointer_of(taken), bytes_of(taken)]
    return out


def repack(
    desc: LayerDesc,
    qweight: Any,
    scales: Any,
    qzeros: Any,
    layout: Layout,
    out_qweight: Any,
    out_scales: Any = None,
    out_qzeros: Any = None,
    device: Optional[Device] = None,
) -> None:
    """Repacks a layer; outputs have the sizes of :func:`repack_query` and do not overlap inputs. ``device``'s threads work;
    None: the calling one."""
    struct, keep = tensors(qweight, scales, qzeros)
    check(lib.awqm_repack(desc._struct(), struct, layout, *_outputs(out_qweight, out_scales, out_qzeros), optional(device)))
    del keep


def repack_on_device(
    device: Device,
    desc: LayerDesc,
    qweight: Any,
    scales: Any,
    qzeros: Any,
    layout: Layout,
    out_qweight: Any,
    out_scales: Any = None,
    out_qzeros: Any = None,
    stream: int = 0,
) -> None:
    """As :func:`repack`, from and to arrays of a GPU, on a stream (an address)."""
    struct, keep = tensors(qweight, scales, qzeros)
    out = _outputs(out_qweight, out_scales, out_qzeros, stream)
    check(lib.awqm_cuda_repack(device._live, desc._struct(), struct, layout, *out, ffi.cast("void *", stream)))
    del keep

"""Quantizing and converting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, List, Mapping, Optional, Sequence

from ._info import empty, info
from ._library import check, create, lib, options
from ._native import ffi
from .device import Device
from .enums import Layout, RangeRule
from .handle import optional
from .packed import Packed
from .tensor import dense


@dataclass(frozen=True)
class Progress:
    """How far a long job is; stage is "layers", "copy" or "finish"."""

    stage: str
    layer: str
    index: int
    count: int
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True)
class QuantizeReport:
    """What was written."""

    layers_quantized: int
    layers_kept: int
    bytes_before: int
    bytes_after: int


def quantize(
    weight: Any,
    bits: int = 4,
    group_size: int = 128,
    symmetric: bool = False,
    layout: Optional[Layout] = None,
    range_rule: RangeRule = RangeRule.DEFAULT,
    device: Optional[Device] = None,
) -> Packed:
    """Quantizes one weight (N, K) in F16, BF16 or F32 by rounding to nearest. ``device``'s threads work; None: the calling
    one."""
    taken = dense(weight, "weight")
    if len(taken.shape) != 2:
        raise ValueError(f"weight has shape {taken.shape}; (N, K) is needed")
    chosen = options(
        "quantize_options",
        bits=bits,
        group_size=group_size,
        symmetric=symmetric,
        layout=layout,
        range_rule=range_rule,
        device=optional(device),
    )
    n, k = taken.shape
    return Packed._of(create("packed", lib.awqm_quantize_tensor, taken.pointer, taken.nbytes, taken.dtype, n, k, chosen))


def quantize_checkpoint(
    source: str,
    destination: str,
    bits: int = 4,
    group_size: int = 128,
    symmetric: bool = False,
    layout: Optional[Layout] = None,
    range_rule: RangeRule = RangeRule.DEFAULT,
    skip: Sequence[str] = (),
    max_shard_bytes: int = 0,
    device: Optional[Device] = None,
    progress: Optional[Callable[[Progress], Optional[bool]]] = None,
    overwrite: bool = False,
) -> QuantizeReport:
    """Quantizes a Hugging Face directory into a new one. ``progress`` is called before each layer; when it returns False the
    job stops with :class:`Cancelled`, when it raises, with that exception."""
    fields = dict(bits=bits, group_size=group_size, symmetric=symmetric, layout=layout, range_rule=range_rule)
    fields.update(max_shard_bytes=max_shard_bytes, device=optional(device), overwrite=overwrite)
    return _write(lib.awqm_quantize_checkpoint, source, destination, skip, progress, fields)


def convert_checkpoint(
    source: str,
    destination: str,
    layout: Layout,
    max_shard_bytes: int = 0,
    device: Optional[Device] = None,
    progress: Optional[Callable[[Progress], Optional[bool]]] = None,
    overwrite: bool = False,
) -> QuantizeReport:
    """Rewrites a quantized checkpoint in another layout, without loss."""
    fields = dict(layout=layout, max_shard_bytes=max_shard_bytes, device=optional(device), overwrite=overwrite)
    return _write(lib.awqm_convert_checkpoint, source, destination, (), progress, fields)


def _write(
    function: Any,
    source: str,
    destination: str,
    skip: Sequence[str],
    progress: Optional[Callable[[Progress], Optional[bool]]],
    fields: Mapping[str, Any],
) -> QuantizeReport:
    names = [ffi.new("char[]", name.encode()) for name in skip]
    array = ffi.new("const char *[]", names)
    raised: List[BaseException] = []
    callback = progress_callback(progress, raised)
    chosen = options("quantize_options", skip=array, skip_count=len(names), progress=callback, **fields)
    report = empty("quantize_report")
    status = function(str(source).encode(), str(destination).encode(), chosen, report)
    if raised:
        raise raised[0]
    check(status)
    return info(QuantizeReport, report)


def progress_callback(progress: Optional[Callable[[Progress], Optional[bool]]], raised: List[BaseException]) -> Any:
    """A callback for the library; what ``progress`` raises goes to the list and stops the job."""
    if progress is None:
        return ffi.NULL
    told = progress

    @ffi.callback("awqm_progress_fn", error=1)  # type: ignore[untyped-decorator,unused-ignore]
    def callback(_user: Any, at: Any) -> int:
        try:
            return int(told(info(Progress, at)) is False)
        except BaseException as problem:  # goes on when the library has stopped
            raised.append(problem)
            return 1

    return callback


def save_tensors(path: str, tensors: Mapping[str, Any]) -> None:
    """Writes arrays to one safetensors file; an existing file is replaced."""
    taken = {name: dense(array, name) for name, array in tensors.items()}
    names = [ffi.new("char[]", name.encode()) for name in taken]
    views = ffi.new("awqm_tensor_view[]", len(taken))
    for view, (name, one) in zip(views, taken.items()):
        if len(one.shape) > len(view.shape):
            raise ValueError(f"{name} has {len(one.shape)} dimensions; {len(view.shape)} at most can be written")
        view.struct_size = ffi.sizeof(view)
        view.data, view.bytes, view.dtype, view.rank = one.pointer, one.nbytes, one.dtype, len(one.shape)
        for i, size in enumerate(one.shape):
            view.shape[i] = size
    check(lib.awqm_tensors_save(str(path).encode(), ffi.new("const char *[]", names), views, len(names)))

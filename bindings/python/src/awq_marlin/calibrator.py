"""Statistics of what flows into linear layers, for the AWQ quantizer."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

from ._info import empty, info
from ._library import check, create, fill, lib, options
from ._native import ffi
from .device import Device
from .errors import NotFound
from .handle import Handle, optional
from .tensor import buffer


@dataclass(frozen=True)
class CalibratorInfo:
    """What a calibrator holds."""

    layers: int
    bytes: int
    max_bytes: int
    rows: int


@dataclass(frozen=True)
class CalibratorLayerInfo:
    """What a calibrator knows about a layer."""

    k: int
    rows: int
    rows_kept: int
    not_finite: bool
    bad_row: int
    bad_channel: int


class Calibrator(Handle):
    """Statistics of activations by layer. What changes it waits for what else does; do not read it meanwhile."""

    def __init__(self, max_bytes: int = 0, rows: int = 0, skip_not_finite: bool = False) -> None:
        """An empty calibrator. ``rows``: keep that many of each layer instead of a Gram matrix."""
        chosen = options("calibrator_options", max_bytes=max_bytes, rows=rows, skip_not_finite=skip_not_finite)
        self._pointer = create("calibrator", lib.awqm_calibrator_create, chosen)
        self._changing = threading.Lock()

    @classmethod
    def load(cls, path: str, max_bytes: int = 0, skip_not_finite: bool = False) -> Calibrator:
        """Reads what :meth:`save` wrote."""
        chosen = options("calibrator_options", max_bytes=max_bytes, skip_not_finite=skip_not_finite)
        self = cls._of(create("calibrator", lib.awqm_calibrator_load, str(path).encode(), chosen))
        self._changing = threading.Lock()
        return self

    @staticmethod
    def layer_bytes(k: int, rows: int = 0) -> int:
        """The memory that one layer with k input channels will take."""
        out = ffi.new("uint64_t *")
        check(lib.awqm_calibrator_layer_bytes(options("calibrator_options", rows=rows), k, out))
        return int(out[0])

    def observe(self, layer: str, x: Any, device: Optional[Device] = None) -> None:
        """Records rows of inputs of a layer, (M, K) or (K) in F16, BF16 or F32."""
        taken = buffer(x, "x")
        if len(taken.shape) not in (1, 2) or taken.on_gpu:
            raise ValueError(f"x has shape {taken.shape}; (M, K) or (K,) on the CPU is needed")
        m, stride = (1, 0) if len(taken.shape) == 1 else (taken.shape[0], taken.strides[0] if taken.shape[0] > 1 else 0)
        k = taken.shape[-1]
        if taken.strides[-1] != 1 and k > 1 and m > 0:
            raise ValueError("the elements of a row of x must be adjacent")
        args = (layer.encode(), taken.pointer, taken.dtype, m, k, stride, optional(device))
        with self._changing:
            check(lib.awqm_calibrator_observe(self._live, *args))

    def merge(self, other: Calibrator, device: Optional[Device] = None) -> None:
        """Adds what ``other`` has seen."""
        with self._changing:
            check(lib.awqm_calibrator_merge(self._live, other._live, optional(device)))

    def clear(self) -> None:
        """Forgets all statistics."""
        with self._changing:
            check(lib.awqm_calibrator_clear(self._live))

    def save(self, path: str) -> None:
        """Writes the statistics to a file."""
        check(lib.awqm_calibrator_save(self._live, str(path).encode()))

    @property
    def info(self) -> CalibratorInfo:
        """What it holds."""
        struct = empty("calibrator_info")
        check(lib.awqm_calibrator_get_info(self._live, struct))
        return info(CalibratorInfo, struct)

    @property
    def layers(self) -> List[Tuple[str, CalibratorLayerInfo]]:
        """Every layer with what is known about it, in the order of the names."""
        found: List[Tuple[str, CalibratorLayerInfo]] = []
        while True:
            struct = empty("calibrator_layer_info")
            try:
                name = fill(lib.awqm_calibrator_get_layer, self._live, len(found), struct)
            except NotFound:
                return found
            found.append((name, info(CalibratorLayerInfo, struct)))

"""AWQ on a model directory, block by block."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Sequence

from ._info import empty, info
from ._library import check, create, fill, lib, options, string
from ._native import ffi
from .calibrator import Calibrator
from .device import Device
from .enums import AwqMode, Layout, RangeRule
from .handle import Handle, optional
from .quantize import Progress, QuantizeReport, progress_callback


@dataclass(frozen=True)
class QuantizerInfo:
    """What there is to do and what is done."""

    groups: int
    groups_done: int
    layers: int
    layers_kept: int
    architecture: str


@dataclass(frozen=True)
class GroupInfo:
    """Layers that share an input: ``name`` to observe under, ``block`` to run."""

    layers: int
    k: int
    n: int
    scaled: bool
    done: bool
    name: str
    block: str


class Quantizer(Handle):
    """AWQ on a model directory. ``run`` and ``finish`` wait for each other; do not read it meanwhile."""

    def __init__(
        self,
        source: str,
        destination: str,
        mode: AwqMode = AwqMode.BETTER,
        bits: int = 4,
        group_size: int = 128,
        symmetric: bool = False,
        layout: Optional[Layout] = None,
        range_rule: RangeRule = RangeRule.DEFAULT,
        skip: Sequence[str] = (),
        max_shard_bytes: int = 0,
        overwrite: bool = False,
        resume: bool = False,
        skip_not_finite: bool = False,
        architecture: Optional[str] = None,
        device: Optional[Device] = None,
        progress: Optional[Callable[[Progress], Optional[bool]]] = None,
    ) -> None:
        """Opens a Hugging Face directory and decides what is to be done; nothing is quantized yet. ``progress`` is called
        before each layer of run and finish; when it returns False they stop with :class:`Cancelled`, when it raises, with
        that exception."""
        names = [ffi.new("char[]", name.encode()) for name in skip]
        array, path = ffi.new("const char *[]", names), string(None if architecture is None else str(architecture))
        self._raised: List[BaseException] = []
        callback = progress_callback(progress, self._raised)
        chosen = options(
            "quantizer_options",
            mode=mode,
            bits=bits,
            group_size=group_size,
            symmetric=symmetric,
            layout=layout,
            range_rule=range_rule,
            skip=array,
            skip_count=len(names),
            max_shard_bytes=max_shard_bytes,
            overwrite=overwrite,
            resume=resume,
            skip_not_finite=skip_not_finite,
            architecture=path,
            device=optional(device),
            progress=callback,
        )
        keep = (callback, None if device is None else device._keep)
        function = lib.awqm_quantizer_create
        self._pointer = create("quantizer", function, str(source).encode(), str(destination).encode(), chosen, keep=keep)
        self._changing = threading.Lock()

    @property
    def info(self) -> QuantizerInfo:
        """What there is to do and what is done."""
        struct = empty("quantizer_info")
        check(lib.awqm_quantizer_get_info(self._live, struct))
        return info(QuantizerInfo, struct)

    @property
    def groups(self) -> List[GroupInfo]:
        """Groups of layers that share an input."""
        found = []
        for index in range(self.info.groups):
            struct = empty("group_info")
            check(lib.awqm_quantizer_get_group(self._live, index, struct))
            found.append(info(GroupInfo, struct))
        return found

    def group_layer(self, group: int, layer: int) -> str:
        """The name of a layer of a group, both by number."""
        return fill(lib.awqm_quantizer_get_group_layer, self._live, group, layer)

    def run(self, calibrator: Optional[Calibrator] = None, block: Optional[str] = None) -> None:
        """Quantizes the groups of a block, or of every block that is not done. No calibrator is needed when no group of the
        block is scaled."""
        with self._changing:
            self._check(lib.awqm_quantizer_run(self._live, optional(calibrator), string(block)))

    def finish(self) -> QuantizeReport:
        """Puts the checkpoint together; the destination appears only when it is complete."""
        report = empty("quantize_report")
        with self._changing:
            self._check(lib.awqm_quantizer_finish(self._live, report))
        return info(QuantizeReport, report)

    def _check(self, status: int) -> None:
        if self._raised:
            raise self._raised.pop()
        check(status)

    def report_json(self) -> str:
        """What was chosen so far, for programs."""
        return fill(lib.awqm_quantizer_report_json, self._live)

    def report_text(self) -> str:
        """What was chosen so far, for people."""
        return fill(lib.awqm_quantizer_report_text, self._live)

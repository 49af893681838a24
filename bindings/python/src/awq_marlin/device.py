"""Devices: the CPU with its threads, or a GPU."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Callable, Optional, Tuple

from ._info import empty, info
from ._library import check, create, fill, lib, options, string, text
from ._native import ffi
from .enums import Backend, Isa
from .handle import Handle

Parallel = Callable[[int, Callable[[int], None]], None]
"""A thread pool of the host: calls the task exactly once for every index below the count, on any threads, and returns when
all have returned."""


@dataclass(frozen=True)
class DeviceInfo:
    """What a device is; fields of the other kind of device are 0."""

    backend: Backend
    ordinal: int
    threads: int
    isa: Isa
    capability: int
    multiprocessors: int
    memory_bytes: int
    name: str
    bandwidth_gbps: float


@dataclass(frozen=True)
class CudaInfo:
    """What there is of CUDA; versions are 1000 * major + 10 * minor."""

    available: bool
    device_count: int
    driver_version: int
    needed_driver_version: int
    images: str


class Device(Handle):
    """The CPU with its threads, or a GPU."""

    _keep: Any = None

    @classmethod
    def cpu(cls, threads: int = 0, isa: Isa = Isa.AUTO, parallel: Optional[Parallel] = None) -> Device:
        """A CPU with so many threads, the caller's included; 0: as many as there are cores. ``parallel`` is used instead of
        threads of the library's own; it may be called from several threads at once."""
        callback = None if parallel is None else _callback(parallel)
        self = cls._of(
            create("device", lib.awqm_device_create_cpu, options("cpu_options", threads=threads, isa=isa, parallel=callback), keep=callback)
        )
        self._keep = callback
        return self

    @classmethod
    def cuda(cls, ordinal: int = 0, flags: int = 0, context: int = 0, tuning: Optional[str] = None) -> Device:
        """A GPU. ``context`` is the address of a CUcontext that outlives it and its layers; 0: the current or primary one.
        ``tuning``: a tuning table as JSON; None: what the library ships."""
        table = string(tuning)
        chosen = options("cuda_options", ordinal=ordinal, flags=flags, context=ffi.cast("void *", context), tuning=table)
        return cls._of(create("device", lib.awqm_device_create_cuda, chosen))

    def export_tuning(self) -> str:
        """The tuning table that plans of a GPU are made after, as JSON."""
        return fill(lib.awqm_device_export_tuning, self._live)

    @property
    def info(self) -> DeviceInfo:
        """What the device is."""
        struct = empty("device_info")
        check(lib.awqm_device_get_info(self._live, struct))
        return info(DeviceInfo, struct)


_UNRAISABLE = ("exc_type", "exc_value", "exc_traceback", "err_msg", "object")


def _callback(parallel: Parallel) -> Any:
    @ffi.callback("awqm_parallel_fn")  # type: ignore[untyped-decorator,unused-ignore]
    def callback(_user: Any, count: int, task: Any, data: Any) -> None:
        done = bytearray(count)

        def one(index: int) -> None:
            if not 0 <= index < count or done[index]:
                raise ValueError(f"task {index} of {count} is none, or has been run")
            done[index] = 1
            task(data, index)

        try:
            parallel(count, one)
        except BaseException as problem:  # must not pass through the library: told, as an exception of a destructor is
            args = (type(problem), problem, problem.__traceback__, "in a parallel function of awq_marlin", None)
            sys.unraisablehook(SimpleNamespace(**dict(zip(_UNRAISABLE, args))))
        for index in range(count):
            if not done[index]:
                one(index)

    return callback


def backend_available(backend: Backend) -> bool:
    """Whether the backend is built in and can be used on this machine."""
    return bool(lib.awqm_backend_available(backend))


def cuda_info() -> Tuple[CudaInfo, str]:
    """Looks for a CUDA driver and its devices; the string says why it is not available."""
    struct = empty("cuda_info")
    reason = fill(lib.awqm_cuda_get_info, struct)
    return info(CudaInfo, struct), reason

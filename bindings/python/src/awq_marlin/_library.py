"""Finds and opens the library, and calls its functions."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, List, Optional

from ._native import ffi
from .enums import LogLevel
from .errors import error

VERSION = (0, 1, 0)
"""Version of the header that this package was made for."""

ABI_VERSION = 1
"""ABI that this package was made for; the library must offer the same."""

SONAMES = {"darwin": ["libawq_marlin.dylib"], "win32": ["awq_marlin.dll"]}.get(
    sys.platform, ["libawq_marlin.so.%d.%d" % VERSION[:2], "libawq_marlin.so"]
)


def candidates() -> List[str]:
    """Where the library is looked for: $AWQM_LIBRARY alone when it is set; else beside this package, under the Python
    installation and its environment, and where the system's loader looks."""
    named = os.environ.get("AWQM_LIBRARY")
    if named:
        return [named]
    folders = [os.path.dirname(os.path.abspath(__file__)), os.path.join(sys.prefix, "lib"), os.path.join(sys.base_prefix, "lib")]
    found = [os.path.join(folder, name) for folder in folders for name in SONAMES]
    return [path for path in found if os.path.exists(path)] + SONAMES


def _open() -> tuple[Any, str]:
    tried = []
    for path in candidates():
        try:
            library = ffi.dlopen(path)
        except OSError as problem:
            tried.append(f"{path}: {problem}")
            continue
        offered = library.awqm_abi_version()
        if offered != ABI_VERSION:
            raise ImportError(f"{path} offers ABI {offered}, this package needs ABI {ABI_VERSION}")
        return library, path
    raise ImportError("the awq_marlin library was not found; set AWQM_LIBRARY to its path. Tried: " + "; ".join(tried))


lib, _path = _open()


def library_path() -> str:
    """What was opened."""
    return _path


def check(status: int) -> None:
    """Raises the error of a call that failed just now on this thread."""
    if status != 0:
        raise error(status, text(lib.awqm_last_error_message()))


def text(pointer: Any) -> str:
    """A string of the library's."""
    return "" if pointer == ffi.NULL else bytes(ffi.string(pointer)).decode("utf-8", "replace")


def fill(function: Callable[..., int], *before: Any) -> str:
    """Calls a function whose last parameters are (buf, cap, out_len)."""
    length = ffi.new("size_t *")
    cap = 256
    while True:
        buf = ffi.new("char[]", cap)
        status = function(*before, buf, cap, length)
        if status != lib.AWQM_STATUS_BUFFER_TOO_SMALL or length[0] < cap:
            check(status)
            return bytes(ffi.buffer(buf, length[0])).decode("utf-8", "replace")
        cap = length[0] + 1


def create(kind: str, function: Callable[..., int], *before: Any, keep: Any = None) -> Any:
    """A handle of that kind from a function whose last parameter receives it. It is freed with its last reference, and what
    must outlive it (callbacks) is kept until then."""
    out = ffi.new(f"awqm_{kind} **")
    check(function(*before, out))
    free = getattr(lib, f"awqm_{kind}_free")

    def release(pointer: Any, _keep: Any = keep) -> None:
        free(pointer)

    return ffi.gc(out[0], release)


def options(kind: str, **fields: Any) -> Any:
    """An options struct with its size set; fields that are None stay 0."""
    struct = ffi.new(f"awqm_{kind} *")
    struct.struct_size = ffi.sizeof(struct[0])
    for name, value in fields.items():
        if value is not None:
            setattr(struct, name, value)
    return struct


def string(value: Optional[str]) -> Any:
    """A string to be pointed to by a struct, which does not keep it; None: NULL."""
    return ffi.NULL if value is None else ffi.new("char[]", value.encode())


def version() -> str:
    """The library's version, such as "0.1.0"."""
    return text(lib.awqm_version_string())


def version_number() -> int:
    """The library's version as MAJOR * 1000000 + MINOR * 1000 + PATCH."""
    return int(lib.awqm_version_number())


def abi_version() -> int:
    """The library's ABI."""
    return int(lib.awqm_abi_version())


def build_info() -> str:
    """Version, backends and target in one line, for bug reports."""
    return text(lib.awqm_build_info())


_log: Any = None


def set_log(function: Optional[Callable[[LogLevel, str], None]], level: LogLevel = LogLevel.INFO) -> None:
    """Sends the library's log to a function, for the whole process; None turns it off, which is how it starts. When this
    returns, the function that was set before is not running and will not run again. It may be called from any thread and
    must not call into this package."""
    global _log
    callback = ffi.NULL
    if function is not None:
        to = function

        @ffi.callback("awqm_log_fn")  # type: ignore[untyped-decorator,unused-ignore]
        def callback(_user: Any, at: int, message: Any) -> None:
            to(LogLevel(at), text(message))

    check(lib.awqm_set_log_callback(callback, ffi.NULL, level))
    _log = callback

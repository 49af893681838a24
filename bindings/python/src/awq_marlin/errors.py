"""Statuses as exceptions: one class for each hundred, and one each for statuses that a program acts on."""

from __future__ import annotations

from typing import Type

from .enums import Status


class Error(Exception):
    """A call failed. ``status`` is the library's; ``message`` names place, value found and value needed."""

    def __init__(self, status: int, message: str) -> None:
        try:
            self.status: int = Status(status)
        except ValueError:  # of a newer library
            self.status = status
        self.message = message
        super().__init__(f"{getattr(self.status, 'name', self.status)}: {message}")


class CallerError(Error, ValueError):
    """An argument that the function cannot take."""


class NotFound(CallerError, KeyError):
    """Nothing has that name or index."""

    __str__ = Exception.__str__


class Cancelled(CallerError):
    """A callback asked to stop."""


class DataError(Error):
    """A file, config or tensor is not what it must be."""


class Unsupported(DataError, NotImplementedError):
    """Well formed, but nothing that the library can run."""


class DeviceError(Error, RuntimeError):
    """The device, its driver, or what a kernel needs of it."""


class InternalError(Error, RuntimeError):
    """A bug in the library."""


class OutOfMemory(Error, MemoryError):
    """Memory could not be allocated."""


def error(status: int, message: str) -> Error:
    """The exception of a status."""
    special: dict[int, Type[Error]] = {
        Status.NOT_FOUND: NotFound,
        Status.CANCELLED: Cancelled,
        Status.UNSUPPORTED: Unsupported,
        Status.OUT_OF_MEMORY: OutOfMemory,
    }
    hundreds: dict[int, Type[Error]] = {1: CallerError, 2: DataError, 3: DeviceError}
    return special.get(status, hundreds.get(status // 100, InternalError))(status, message)

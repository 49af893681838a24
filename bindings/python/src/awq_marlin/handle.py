"""What all handles have in common."""

from __future__ import annotations

from typing import Any, Optional, Type, TypeVar

from ._native import ffi

Self = TypeVar("Self", bound="Handle")


class Handle:
    """Owns a reference to an object of the library."""

    _pointer: Any = None

    @classmethod
    def _of(cls: Type[Self], pointer: Any) -> Self:
        self = cls.__new__(cls)
        self._pointer = pointer
        return self

    @property
    def _live(self) -> Any:
        # Whoever holds what this returns keeps the object from being freed.
        if self._pointer is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._pointer

    def close(self) -> None:
        """Drops this reference. Memory that was borrowed, and calls of other threads, keep theirs."""
        self._pointer = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def optional(handle: Optional[Handle]) -> Any:
    """The pointer of a handle that may be None."""
    return ffi.NULL if handle is None else handle._live

"""Structs of the library as dataclasses whose fields have the same names."""

from __future__ import annotations

import dataclasses
from typing import Any, Type, TypeVar, get_type_hints

from ._library import text
from ._native import ffi

Info = TypeVar("Info")


def info(cls: Type[Info], struct: Any) -> Info:
    """Every field of the class from the struct's field of that name, as the type that the class says."""
    values = {}
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        value, kind = getattr(struct, field.name), hints[field.name]
        if kind is str:
            value = text(value)
        elif kind is not float:
            try:
                value = kind(value)
            except ValueError:  # an enum value of a newer library, or 0 for none
                value = int(value)
        values[field.name] = value
    return cls(**values)


def empty(kind: str) -> Any:
    """A struct to be filled, with its size set."""
    struct = ffi.new(f"awqm_{kind} *")
    struct.struct_size = ffi.sizeof(struct[0])
    return struct

"""Quantization configs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Tuple, Union

from ._info import empty, info
from ._library import check, create, fill, lib, text
from ._native import ffi
from .enums import Layout, Method
from .handle import Handle


@dataclass(frozen=True)
class ConfigInfo:
    """A normalized config; group_size -1 is per channel."""

    method: Method
    bits: int
    group_size: int
    zero_point: bool
    act_order: bool
    layout: Layout
    lm_head: bool


@dataclass(frozen=True)
class ModuleInfo:
    """What a config says of one module; the other fields are 0 when it is not quantized."""

    quantized: bool
    bits: int
    group_size: int
    zero_point: bool
    layout: Layout


class Config(Handle):
    """A parsed quantization config."""

    @classmethod
    def load_directory(cls, path: str) -> Config:
        """Finds and parses the config of a checkpoint directory; :class:`NotFound` when it is not quantized."""
        return cls._of(create("config", lib.awqm_config_load_directory, str(path).encode()))

    @classmethod
    def load_file(cls, path: str) -> Config:
        """Parses one config file."""
        return cls._of(create("config", lib.awqm_config_load_file, str(path).encode()))

    @classmethod
    def parse(cls, json: Union[str, bytes], origin: str = "config") -> Config:
        """Parses a quantization section, or a whole config.json; ``origin`` names it in messages."""
        data = json.encode() if isinstance(json, str) else json
        return cls._of(create("config", lib.awqm_config_parse, data, len(data), origin.encode()))

    @staticmethod
    def file_names() -> List[str]:
        """The names that are searched for a config, in order."""
        names: List[str] = []
        while True:
            name = lib.awqm_config_file_name(len(names))
            if name == ffi.NULL:
                return names
            names.append(text(name))

    @property
    def info(self) -> ConfigInfo:
        """The normalized config."""
        struct = empty("config_info")
        check(lib.awqm_config_get_info(self._live, struct))
        return info(ConfigInfo, struct)

    @property
    def source(self) -> str:
        """Where it came from: file and key path."""
        return fill(lib.awqm_config_get_source, self._live)

    @property
    def warnings(self) -> List[str]:
        """Unknown keys, and sources that disagree."""
        return texts(self._live, lib.awqm_config_warning_count, lib.awqm_config_get_warning)

    @property
    def skip(self) -> List[str]:
        """The list of modules that are not quantized, as the config has it."""
        return texts(self._live, lib.awqm_config_skip_count, lib.awqm_config_get_skip)

    def module(self, name: str) -> Tuple[ModuleInfo, str]:
        """Whether and how the module of that full name is quantized, and why."""
        struct = empty("module_info")
        reason = fill(lib.awqm_config_query_module, self._live, name.encode(), struct)
        return info(ModuleInfo, struct), reason

    def to_json(self) -> str:
        """The normalized config as one JSON object."""
        return fill(lib.awqm_config_to_json, self._live)


def texts(pointer: Any, count: Any, get: Any) -> List[str]:
    """All strings of a list of the library."""
    return [fill(get, pointer, i) for i in range(count(pointer))]

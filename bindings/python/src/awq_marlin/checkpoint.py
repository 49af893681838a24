"""Checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple, Union

from ._info import empty, info
from ._library import check, create, fill, lib, options
from ._native import ffi
from .config import Config, texts
from .device import Device
from .enums import DType, Layout, TpDim
from .handle import Handle, optional
from .packed import Packed
from .tensor import Tensor


@dataclass(frozen=True)
class LayerInfo:
    """One linear layer of a checkpoint."""

    quantized: bool
    bits: int
    k: int
    n: int
    group_size: int
    zero_point: bool
    layout: Layout
    scale_dtype: DType
    has_bias: bool


class Checkpoint(Handle):
    """An open checkpoint. Its files are mapped and must not change while it, or a tensor of it, is in use."""

    def __init__(self, path: str) -> None:
        """Opens a Hugging Face directory, or one safetensors file with its config beside it."""
        self._pointer = create("checkpoint", lib.awqm_checkpoint_open, str(path).encode())

    @classmethod
    def open_files(cls, paths: Sequence[str], config: Optional[Config] = None) -> Checkpoint:
        """Opens safetensors files by name; without a config the tensors are taken as they are, unquantized."""
        names = [ffi.new("char[]", str(path).encode()) for path in paths]
        array = ffi.new("const char *[]", names)
        return cls._of(create("checkpoint", lib.awqm_checkpoint_open_files, array, len(names), optional(config)))

    @property
    def config(self) -> Optional[Config]:
        """Its quantization config; None when it is not quantized."""
        owner, out = self._live, ffi.new("const awqm_config **")
        check(lib.awqm_checkpoint_get_config(owner, out))
        # Borrowed: nothing is freed, and the checkpoint lives as long as this.
        return None if out[0] == ffi.NULL else Config._of(ffi.gc(out[0], lambda _, owner=owner: None))

    @property
    def warnings(self) -> List[str]:
        """The config's, and where config and tensors disagree."""
        return texts(self._live, lib.awqm_checkpoint_warning_count, lib.awqm_checkpoint_get_warning)

    @property
    def layers(self) -> List[str]:
        """The full names of the linear layers, quantized or not."""
        return texts(self._live, lib.awqm_checkpoint_layer_count, lib.awqm_checkpoint_get_layer_name)

    @property
    def tensors(self) -> List[str]:
        """The names of all tensors."""
        return texts(self._live, lib.awqm_checkpoint_tensor_count, lib.awqm_checkpoint_get_tensor_name)

    def layer(self, name: str) -> Tuple[LayerInfo, str]:
        """What a layer is, and why it is quantized or not."""
        struct = empty("layer_info")
        reason = fill(lib.awqm_checkpoint_query_layer, self._live, name.encode(), struct)
        return info(LayerInfo, struct), reason

    def tensor(self, name: str) -> Tensor:
        """A tensor in the mapped file, not copied."""
        owner, view = self._live, empty("tensor_view")
        check(lib.awqm_checkpoint_get_tensor(owner, name.encode(), view))
        return Tensor(view, owner)

    def load(
        self,
        names: Union[str, Sequence[str]],
        layout: Optional[Layout] = None,
        device: Optional[Device] = None,
        tp_dim: TpDim = TpDim.NONE,
        tp_rank: int = 0,
        tp_world: int = 0,
    ) -> Packed:
        """Reads one layer, or several joined along N (q, k, v; gate, up), sliced for tensor parallelism and repacked.
        Without a layout: what layers of ``device`` run from. ``device``'s threads repack; None: the calling one."""
        keep = [ffi.new("char[]", name.encode()) for name in ([names] if isinstance(names, str) else names)]
        array = ffi.new("const char *[]", keep)
        chosen = options(
            "load_options", layout=layout, tp_dim=tp_dim, tp_rank=tp_rank, tp_world=tp_world, device=optional(device)
        )
        return Packed._of(create("packed", lib.awqm_checkpoint_load, self._live, array, len(keep), chosen))

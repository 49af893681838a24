"""Plans: the kernel that the library would run for a layer and a number of rows."""

from __future__ import annotations

from dataclasses import dataclass

from ._info import empty, info
from ._library import check, create, fill, lib, options
from .enums import Backend, DType, Isa, Kernel
from .linear import Linear, Runner


@dataclass(frozen=True)
class PlanInfo:
    """A plan in numbers; those from ``tiles`` on are 0 on the CPU."""

    kernel: Kernel
    backend: Backend
    isa: Isa
    dtype: DType
    m: int
    n: int
    k: int
    group_size: int
    block_rows: int
    tasks: int
    workspace_bytes: int
    bytes_moved: int
    operations: int
    tiles: int
    splits: int
    grid_x: int
    grid_y: int
    grid_z: int
    block_threads: int
    floor_us: float
    products_floor_us: float
    predicted_us: float
    dense_predicted_us: float
    prefers_dense: bool
    batch_invariant: bool
    shared_bytes: int
    code: str


class Plan(Runner):
    """The kernel for a layer and a number of rows; runs like the layer, which it keeps alive."""

    _function = "awqm_plan_run"

    def __init__(self, linear: Linear, m: int, dtype: DType = DType.F32, kernel: Kernel = Kernel.AUTO, flags: int = 0) -> None:
        """Chooses the kernel for m rows, or takes the one that is given."""
        chosen = options("plan_options", kernel=kernel, dtype=dtype, m=m, flags=flags)
        self._pointer = create("plan", lib.awqm_plan_create, linear._live, chosen, keep=linear._keep)
        self._like(linear)

    @classmethod
    def from_json(cls, linear: Linear, text: str) -> Plan:
        """The plan of a text that :meth:`to_json` wrote, here or elsewhere."""
        self = cls._of(create("plan", lib.awqm_plan_import, linear._live, text.encode(), keep=linear._keep))
        self._like(linear)
        return self

    def _like(self, linear: Linear) -> None:
        self._k, self._n, self._gpu, self._keep = linear._k, linear._n, linear._gpu, linear._keep

    def _workspace(self, m: int, dtype: DType) -> int:
        return self.info.workspace_bytes

    @property
    def info(self) -> PlanInfo:
        """The plan in numbers."""
        struct = empty("plan_info")
        check(lib.awqm_plan_get_info(self._live, struct))
        return info(PlanInfo, struct)

    @property
    def reason(self) -> str:
        """Why the plan is what it is."""
        return fill(lib.awqm_plan_get_reason, self._live)

    def to_json(self) -> str:
        """The plan as JSON text of one line."""
        return fill(lib.awqm_plan_export, self._live)

"""What can be run, and how, on any machine: no GPU and no checkpoint are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from ._info import empty, info
from ._library import check, fill, lib, options, string
from ._native import ffi
from .enums import DType, Kernel, Layout, Support


@dataclass(frozen=True)
class CapabilityInfo:
    """A compute capability in words and in the numbers of a typical product."""

    supported: bool
    multiprocessors: int
    bandwidth_gbps: float
    shared_bytes: int
    architecture: str
    products: str
    typical: str
    tflops: float


@dataclass(frozen=True)
class CudaPlanInfo:
    """A plan for a GPU in numbers."""

    kernel: Kernel
    multiprocessors: int
    bandwidth_gbps: float
    tiles: int
    splits: int
    slice_tiles: int
    block: int
    grid_x: int
    grid_y: int
    grid_z: int
    block_rows: int
    workspace_bytes: int
    counter_bytes: int
    bytes_moved: int
    operations: int
    floor_us: float
    products_floor_us: float
    predicted_us: float
    dense_predicted_us: float
    prefers_dense: bool
    batch_invariant: bool
    shared_bytes: int
    code: str


def quantization_support(bits: int, group_size: int, zero_point: bool, layout: Layout) -> Tuple[Support, str]:
    """Whether weights of these bits, group size and kind of zero point can be held in a layout, and why not."""
    out = ffi.new("awqm_support *")
    reason = fill(lib.awqm_query_quantization_support, bits, group_size, zero_point, layout, out)
    return Support(out[0]), reason


def shape_support(k: int, n: int, bits: int, group_size: int, zero_point: bool, layout: Layout) -> Tuple[Support, str]:
    """Whether a layer of that shape can be held in a layout: as it is, padded, or not and why."""
    out = ffi.new("awqm_support *")
    reason = fill(lib.awqm_query_shape_support, k, n, bits, group_size, zero_point, layout, out)
    return Support(out[0]), reason


def kernel_min_capability(kernel: Kernel) -> int:
    """The least compute capability, times ten, of a GPU that could run a kernel version."""
    out = ffi.new("uint32_t *")
    check(lib.awqm_kernel_min_capability(kernel, out))
    return int(out[0])


def kernel_supports_dtype(kernel: Kernel, capability: int, dtype: DType) -> bool:
    """Whether a kernel version takes activations of a dtype on a GPU of that compute capability; 0: the CPU."""
    return bool(lib.awqm_kernel_supports_dtype(kernel, capability, dtype))


def query_capability(capability: int) -> CapabilityInfo:
    """What GPUs of a compute capability are called, and whether kernels run on them."""
    struct = empty("capability_info")
    check(lib.awqm_query_capability(capability, struct))
    return info(CapabilityInfo, struct)


def query_cuda_plan(
    capability: int,
    k: int,
    n: int,
    m: int,
    bits: int = 4,
    zero_point: bool = True,
    group_size: int = 128,
    dtype: DType = DType.F16,
    scale_dtype: DType = DType.F16,
    kernel: Kernel = Kernel.AUTO,
    multiprocessors: int = 0,
    bandwidth_gbps: float = 0.0,
    flags: int = 0,
    tuning: Optional[str] = None,
) -> Tuple[CudaPlanInfo, str]:
    """The plan that a GPU of these numbers would get for a layer and a number of rows, and why."""
    fields = dict(locals(), tuning=string(tuning))
    chosen, struct = options("cuda_plan_options", **fields), empty("cuda_plan_info")
    reason = fill(lib.awqm_query_cuda_plan, chosen, struct)
    return info(CudaPlanInfo, struct), reason

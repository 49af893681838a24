"""AWQ-quantized linear layers through the awq-marlin library.

K input features, N output features, M rows of activations, g the group size along K;
``w[k][n] = (q[k][n] - z[k // g][n]) * s[k // g][n]`` and ``y = x @ w + bias``, x is (M, K), y is (M, N).

Arrays go in and out without copies: numpy arrays, and whatever speaks DLPack, such as torch tensors. Objects are freed when
the last reference to them goes, also that of a tensor that was borrowed from them; ``close()``, or ``with``, drops the
object's own. Everything may be used from several threads at once; calls of the library run without the interpreter's lock.

A failure is an :class:`Error` with a status and a message that names place, value found and value needed.
"""

from ._library import ABI_VERSION, VERSION, abi_version, build_info, library_path, set_log, version, version_number
from .calibrator import Calibrator, CalibratorInfo, CalibratorLayerInfo
from .checkpoint import Checkpoint, LayerInfo
from .config import Config, ConfigInfo, ModuleInfo
from .device import CudaInfo, Device, DeviceInfo, backend_available, cuda_info
from .enums import (
    BATCH_INVARIANT,
    CUDA_CHECK_POINTERS,
    CUDA_CHECK_WORKSPACE,
    CUDA_COUNTER_BYTES,
    AwqMode,
    Backend,
    Compute,
    DType,
    Isa,
    Kernel,
    Layout,
    LogLevel,
    Method,
    RangeRule,
    Role,
    Status,
    Support,
    TpDim,
)
from .errors import (
    CallerError,
    Cancelled,
    DataError,
    DeviceError,
    Error,
    InternalError,
    NotFound,
    OutOfMemory,
    Unsupported,
)
from .linear import Linear, LinearInfo
from .packed import LayerDesc, Packed, PackedInfo
from .plan import Plan, PlanInfo
from .quantize import Progress, QuantizeReport, convert_checkpoint, quantize, quantize_checkpoint, save_tensors
from .quantizer import GroupInfo, Quantizer, QuantizerInfo
from .query import (
    CapabilityInfo,
    CudaPlanInfo,
    kernel_min_capability,
    kernel_supports_dtype,
    query_capability,
    query_cuda_plan,
    quantization_support,
    shape_support,
)
from .repack import RepackSizes, repack, repack_query, repack_on_device
from .tensor import Tensor
from . import marlin

__version__ = version()

__all__ = [name for name in dir() if not name.startswith("_")]

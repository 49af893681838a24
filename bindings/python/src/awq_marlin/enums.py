"""The enumerations of the C header, number for number; a test compares them with the table made from it."""

from __future__ import annotations

from enum import IntEnum

BATCH_INVARIANT = 1
"""Flag of :class:`Linear` and :class:`Plan`: results that do not depend on the number of rows."""

CUDA_CHECK_WORKSPACE = 2
"""Flag of :meth:`Device.cuda`: a workspace's counters are looked at before a launch."""

CUDA_CHECK_POINTERS = 1
"""Flag of :meth:`Device.cuda`: every device pointer and stream is looked up in the driver before a launch."""

CUDA_COUNTER_BYTES = 32768
"""Bytes at the start of a GPU workspace that must be zero before its first use."""


class Status(IntEnum):
    """Outcome of a call: 1xx the caller's doing, 2xx the data's, 3xx the device's, 9xx the library's."""

    OK = 0
    INVALID_ARGUMENT = 101
    NULL_POINTER = 102
    BAD_STRUCT_SIZE = 103
    UNKNOWN_ENUM = 104
    BUFFER_TOO_SMALL = 105
    OVERLAP = 106
    SIZE_OVERFLOW = 107
    NOT_FOUND = 108
    CANCELLED = 109
    IO = 201
    JSON = 202
    CONFIG = 203
    UNSUPPORTED = 204
    CONTAINER = 205
    TENSOR = 206
    MISSING = 207
    MIXED_FUSED = 208
    BACKEND_UNAVAILABLE = 301
    NO_DEVICE = 302
    DRIVER_TOO_OLD = 303
    CAPABILITY_TOO_LOW = 304
    KERNEL_UNSUPPORTED = 305
    DEVICE = 306
    INTERNAL = 901
    OUT_OF_MEMORY = 902


class DType(IntEnum):
    """Element type of a tensor."""

    F16 = 1
    BF16 = 2
    F32 = 3
    F64 = 4
    I8 = 5
    U8 = 6
    I16 = 7
    U16 = 8
    I32 = 9
    U32 = 10
    I64 = 11
    U64 = 12
    BOOL = 13


class Layout(IntEnum):
    """Where the codes, scales and zero points of a layer lie; the C header has the shapes."""

    DENSE = 1
    AWQ_GEMM = 2
    AWQ_GEMV = 3
    AWQ_GEMV_FAST = 4
    AWQ_MARLIN = 5
    COMPRESSED_TENSORS = 6
    GPTQ = 7
    GPTQ_V2 = 8
    MARLIN = 9
    CPU = 10


class Kernel(IntEnum):
    """Kernel version."""

    AUTO = 0
    GEMV = 1
    GEMM = 2
    MARLIN = 3


class Method(IntEnum):
    """Who quantized a checkpoint."""

    NONE = 0
    AWQ = 1
    COMPRESSED_TENSORS = 2
    GPTQ = 3


class Isa(IntEnum):
    """Instruction set of the CPU kernels."""

    AUTO = 0
    PORTABLE = 1
    AVX2 = 2
    AVX512 = 3
    NEON = 4


class Backend(IntEnum):
    """Where a layer runs."""

    CPU = 1
    CUDA = 2


class LogLevel(IntEnum):
    """How much is logged; each level includes those before it."""

    OFF = 0
    ERROR = 1
    WARN = 2
    INFO = 3
    DEBUG = 4


class TpDim(IntEnum):
    """How tensor parallelism slices a layer: by outputs (COLUMN) or by inputs (ROW)."""

    NONE = 0
    COLUMN = 1
    ROW = 2


class Role(IntEnum):
    """One tensor of a packed layer."""

    QWEIGHT = 1
    SCALES = 2
    QZEROS = 3
    BIAS = 4


class Support(IntEnum):
    """Whether something can be run; PADDED: yes, with padding inside."""

    NO = 0
    YES = 1
    PADDED = 2


class Compute(IntEnum):
    """Arithmetic of a linear layer."""

    EXACT = 0
    INT8 = 1


class RangeRule(IntEnum):
    """How the range of a group becomes scale and zero point."""

    DEFAULT = 0
    AUTOAWQ = 1
    COMPRESSED_TENSORS = 2


class AwqMode(IntEnum):
    """How AWQ chooses scales, clips and codes."""

    BETTER = 0
    FAITHFUL = 1

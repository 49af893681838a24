//! The enumerations of the C header, number for number. They are open: a newer library may know more.

const c = @import("c.zig");
const std = @import("std");

/// Element type of a tensor.
pub const DType = enum(u32) {
    /// What the function documents for 0.
    default = 0,
    f16 = c.AWQM_DTYPE_F16,
    bf16 = c.AWQM_DTYPE_BF16,
    f32 = c.AWQM_DTYPE_F32,
    f64 = c.AWQM_DTYPE_F64,
    i8 = c.AWQM_DTYPE_I8,
    u8 = c.AWQM_DTYPE_U8,
    i16 = c.AWQM_DTYPE_I16,
    u16 = c.AWQM_DTYPE_U16,
    i32 = c.AWQM_DTYPE_I32,
    u32 = c.AWQM_DTYPE_U32,
    i64 = c.AWQM_DTYPE_I64,
    u64 = c.AWQM_DTYPE_U64,
    bool = c.AWQM_DTYPE_BOOL,
    _,

    /// The library's name of it, "" for an unknown number.
    pub fn name(self: DType) [:0]const u8 {
        return text(c.awqm_dtype_name(@intFromEnum(self)));
    }

    /// Bytes of one element; 0 for an unknown number.
    pub fn bytes(self: DType) usize {
        return c.awqm_dtype_bytes(@intFromEnum(self));
    }

    /// The element type of a slice: f16, f32, f64, BFloat16 or an integer.
    pub fn of(comptime T: type) DType {
        return switch (T) {
            f16 => .f16,
            BFloat16 => .bf16,
            f32 => .f32,
            f64 => .f64,
            i8 => .i8,
            u8 => .u8,
            i16 => .i16,
            u16 => .u16,
            i32 => .i32,
            u32 => .u32,
            i64 => .i64,
            u64 => .u64,
            else => @compileError(@typeName(T) ++ " is no element type"),
        };
    }
};

/// Where the codes, scales and zero points of a layer lie; the C header has the shapes.
pub const Layout = enum(u32) {
    /// The choice is left to the function.
    default = 0,
    dense = c.AWQM_LAYOUT_DENSE,
    awq_gemm = c.AWQM_LAYOUT_AWQ_GEMM,
    awq_gemv = c.AWQM_LAYOUT_AWQ_GEMV,
    awq_gemv_fast = c.AWQM_LAYOUT_AWQ_GEMV_FAST,
    awq_marlin = c.AWQM_LAYOUT_AWQ_MARLIN,
    compressed_tensors = c.AWQM_LAYOUT_COMPRESSED_TENSORS,
    gptq = c.AWQM_LAYOUT_GPTQ,
    gptq_v2 = c.AWQM_LAYOUT_GPTQ_V2,
    marlin = c.AWQM_LAYOUT_MARLIN,
    cpu = c.AWQM_LAYOUT_CPU,
    _,

    /// The library's name of it, "" for an unknown number.
    pub fn name(self: Layout) [:0]const u8 {
        return text(c.awqm_layout_name(@intFromEnum(self)));
    }
};

/// Kernel version.
pub const Kernel = enum(u32) {
    auto = c.AWQM_KERNEL_AUTO,
    gemv = c.AWQM_KERNEL_GEMV,
    gemm = c.AWQM_KERNEL_GEMM,
    marlin = c.AWQM_KERNEL_MARLIN,
    _,

    /// The library's name of it, "" for an unknown number.
    pub fn name(self: Kernel) [:0]const u8 {
        return text(c.awqm_kernel_name(@intFromEnum(self)));
    }

    /// Whether it takes activations of a dtype on a GPU of that compute capability, times ten; 0: the CPU.
    pub fn supports(self: Kernel, capability: u32, dtype: DType) bool {
        return c.awqm_kernel_supports_dtype(@intFromEnum(self), capability, @intFromEnum(dtype)) != 0;
    }
};

/// Who quantized a checkpoint.
pub const Method = enum(u32) {
    none = c.AWQM_METHOD_NONE,
    awq = c.AWQM_METHOD_AWQ,
    compressed_tensors = c.AWQM_METHOD_COMPRESSED_TENSORS,
    gptq = c.AWQM_METHOD_GPTQ,
    _,

    /// The library's name of it, "" for an unknown number.
    pub fn name(self: Method) [:0]const u8 {
        return text(c.awqm_method_name(@intFromEnum(self)));
    }
};

/// Instruction set of the CPU kernels.
pub const Isa = enum(u32) {
    auto = c.AWQM_ISA_AUTO,
    portable = c.AWQM_ISA_PORTABLE,
    avx2 = c.AWQM_ISA_AVX2,
    avx512 = c.AWQM_ISA_AVX512,
    neon = c.AWQM_ISA_NEON,
    _,

    /// The library's name of it, "" for an unknown number.
    pub fn name(self: Isa) [:0]const u8 {
        return text(c.awqm_isa_name(@intFromEnum(self)));
    }
};

/// Where a layer runs.
pub const Backend = enum(u32) {
    cpu = c.AWQM_BACKEND_CPU,
    cuda = c.AWQM_BACKEND_CUDA,
    _,

    /// Whether it is built in and can be used on this machine.
    pub fn available(self: Backend) bool {
        return c.awqm_backend_available(@intFromEnum(self)) != 0;
    }
};

/// How much is logged; each level includes those before it.
pub const LogLevel = enum(u32) {
    off = c.AWQM_LOG_LEVEL_OFF,
    err = c.AWQM_LOG_LEVEL_ERROR,
    warn = c.AWQM_LOG_LEVEL_WARN,
    info = c.AWQM_LOG_LEVEL_INFO,
    debug = c.AWQM_LOG_LEVEL_DEBUG,
    _,
};

/// How tensor parallelism slices a layer: by outputs (column) or by inputs (row).
pub const TpDim = enum(u32) {
    none = c.AWQM_TP_DIM_NONE,
    column = c.AWQM_TP_DIM_COLUMN,
    row = c.AWQM_TP_DIM_ROW,
    _,
};

/// One tensor of a packed layer.
pub const Role = enum(u32) {
    qweight = c.AWQM_ROLE_QWEIGHT,
    scales = c.AWQM_ROLE_SCALES,
    qzeros = c.AWQM_ROLE_QZEROS,
    bias = c.AWQM_ROLE_BIAS,
    _,
};

/// Whether something can be run.
pub const Support = enum(u32) {
    no = c.AWQM_SUPPORT_NO,
    yes = c.AWQM_SUPPORT_YES,
    padded = c.AWQM_SUPPORT_PADDED,
    _,
};

/// Arithmetic of a linear layer.
pub const Compute = enum(u32) {
    exact = c.AWQM_COMPUTE_EXACT,
    int8 = c.AWQM_COMPUTE_INT8,
    _,
};

/// How the range of a group becomes scale and zero point.
pub const RangeRule = enum(u32) {
    default = c.AWQM_RANGE_RULE_DEFAULT,
    autoawq = c.AWQM_RANGE_RULE_AUTOAWQ,
    compressed_tensors = c.AWQM_RANGE_RULE_COMPRESSED_TENSORS,
    _,
};

/// How AWQ chooses scales, clips and codes.
pub const AwqMode = enum(u32) {
    better = c.AWQM_AWQ_MODE_BETTER,
    faithful = c.AWQM_AWQ_MODE_FAITHFUL,
    _,
};

/// The bits of a bfloat16.
pub const BFloat16 = enum(u16) { _ };

fn text(string: [*c]const u8) [:0]const u8 {
    return if (string == null) "" else std.mem.span(@as([*:0]const u8, string));
}

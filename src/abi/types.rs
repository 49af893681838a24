//! Enums of the C interface: 32-bit integers with named constants, so that an unknown value from C is an error and
//! not undefined behaviour.

use std::ffi::{CStr, c_char};

use crate::config::QuantMethod;
use crate::cpu::Isa;
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{Compute, Kernel};
use crate::layout::{Layout, Role};
use crate::quantize::{AwqMode, RangeRule};
use crate::types::Dtype;

/// Element type of a tensor.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_dtype(pub u32);

impl awqm_dtype {
    /// IEEE half.
    pub const F16: awqm_dtype = awqm_dtype(1);
    /// bfloat16.
    pub const BF16: awqm_dtype = awqm_dtype(2);
    /// IEEE single.
    pub const F32: awqm_dtype = awqm_dtype(3);
    /// IEEE double.
    pub const F64: awqm_dtype = awqm_dtype(4);
    /// Signed 8-bit.
    pub const I8: awqm_dtype = awqm_dtype(5);
    /// Unsigned 8-bit.
    pub const U8: awqm_dtype = awqm_dtype(6);
    /// Signed 16-bit.
    pub const I16: awqm_dtype = awqm_dtype(7);
    /// Unsigned 16-bit.
    pub const U16: awqm_dtype = awqm_dtype(8);
    /// Signed 32-bit.
    pub const I32: awqm_dtype = awqm_dtype(9);
    /// Unsigned 32-bit.
    pub const U32: awqm_dtype = awqm_dtype(10);
    /// Signed 64-bit.
    pub const I64: awqm_dtype = awqm_dtype(11);
    /// Unsigned 64-bit.
    pub const U64: awqm_dtype = awqm_dtype(12);
    /// One byte, 0 or 1.
    pub const BOOL: awqm_dtype = awqm_dtype(13);
}

/// Where the codes, scales and zero points of a layer lie. P = 32/bits, b = bits, G = K/g groups.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_layout(pub u32);

impl awqm_layout {
    /// Not quantized: weight (N, K) in F16, BF16 or F32.
    pub const DENSE: awqm_layout = awqm_layout(1);
    /// AutoAWQ `gemm`: qweight I32 (K, N/P), qzeros I32 (G, N/P), scales (G, N), interleaved nibbles.
    pub const AWQ_GEMM: awqm_layout = awqm_layout(2);
    /// AutoAWQ `gemv`: qweight I32 (N, K/8), qzeros I32 (N, zw), scales F16 (N, 8*zw).
    pub const AWQ_GEMV: awqm_layout = awqm_layout(3);
    /// AutoAWQ `gemv_fast` and llm-awq v2: qweight I16 (N/4, K), scales and -z*s as floats (8*zw, N).
    pub const AWQ_GEMV_FAST: awqm_layout = awqm_layout(4);
    /// AutoAWQ `marlin`: symmetric, qweight I32 (K/16, 2N), scales F16 (G, N) permuted.
    pub const AWQ_MARLIN: awqm_layout = awqm_layout(5);
    /// compressed-tensors pack-quantized: weight_packed I32 (N, K*b/32), weight_scale (N, G), weight_zero_point I32 (N*b/32, G).
    pub const COMPRESSED_TENSORS: awqm_layout = awqm_layout(6);
    /// GPTQ: qweight I32 (K/P, N), qzeros I32 (G, N/P) holding z - 1, scales F16 (G, N); no act-order.
    pub const GPTQ: awqm_layout = awqm_layout(7);
    /// As GPTQ, with qzeros holding z.
    pub const GPTQ_V2: awqm_layout = awqm_layout(8);
    /// Marlin, bit for bit as vLLM, SGLang and pymllm hold it: qweight I32 (K/16, N*16/P), scales and qzeros permuted.
    pub const MARLIN: awqm_layout = awqm_layout(9);
    /// This library's CPU layout: 64-byte tiles of 16 columns.
    pub const CPU: awqm_layout = awqm_layout(10);
}

/// Who quantized a checkpoint.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_method(pub u32);

impl awqm_method {
    /// Nobody: not quantized.
    pub const NONE: awqm_method = awqm_method(0);
    /// AutoAWQ and its dialects.
    pub const AWQ: awqm_method = awqm_method(1);
    /// llm-compressor, compressed-tensors pack-quantized.
    pub const COMPRESSED_TENSORS: awqm_method = awqm_method(2);
    /// GPTQ without act-order.
    pub const GPTQ: awqm_method = awqm_method(3);
}

/// One tensor of a packed layer.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_role(pub u32);

impl awqm_role {
    /// The codes, or the weight of a dense layer.
    pub const QWEIGHT: awqm_role = awqm_role(1);
    /// Scales.
    pub const SCALES: awqm_role = awqm_role(2);
    /// Zero points.
    pub const QZEROS: awqm_role = awqm_role(3);
    /// Bias (N).
    pub const BIAS: awqm_role = awqm_role(4);
}

/// Kernel version.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_kernel(pub u32);

impl awqm_kernel {
    /// The library chooses by M, shape and device.
    pub const AUTO: awqm_kernel = awqm_kernel(0);
    /// For few rows: each weight is decoded where it is multiplied.
    pub const GEMV: awqm_kernel = awqm_kernel(1);
    /// For many rows: blocks of weights are decoded once and used for all of them. On a GPU another name for MARLIN's
    /// code, and the only one below compute capability 8.0.
    pub const GEMM: awqm_kernel = awqm_kernel(2);
    /// Tensor cores, compute capability 8.0 and up.
    pub const MARLIN: awqm_kernel = awqm_kernel(3);
}

/// Where a layer runs.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_backend(pub u32);

impl awqm_backend {
    /// The processor; works everywhere.
    pub const CPU: awqm_backend = awqm_backend(1);
    /// An NVIDIA GPU.
    pub const CUDA: awqm_backend = awqm_backend(2);
}

/// Instruction set of the CPU kernels.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_isa(pub u32);

impl awqm_isa {
    /// The best that this machine has, or what the environment variable AWQM_ISA names.
    pub const AUTO: awqm_isa = awqm_isa(0);
    /// Plain code, any machine.
    pub const PORTABLE: awqm_isa = awqm_isa(1);
    /// AVX2, FMA, F16C.
    pub const AVX2: awqm_isa = awqm_isa(2);
    /// AVX-512 F, BW, DQ, VL.
    pub const AVX512: awqm_isa = awqm_isa(3);
    /// aarch64: NEON.
    pub const NEON: awqm_isa = awqm_isa(4);
}

/// Arithmetic of a linear layer.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_compute(pub u32);

impl awqm_compute {
    /// Activations as given, products and sums in f32 or better.
    pub const EXACT: awqm_compute = awqm_compute(0);
    /// Activations rounded to 8-bit integers on the fly, with a scale for each row and each 128 inputs of a group (fewer
    /// where groups are smaller); codes and scales of the weights stay what they are. Several times faster for many rows,
    /// at a relative error of y of some 0.7 % for activations without outliers. CPU, quantized layers.
    pub const INT8: awqm_compute = awqm_compute(1);
}

/// How tensor parallelism slices a layer.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_tp_dim(pub u32);

impl awqm_tp_dim {
    /// Not at all.
    pub const NONE: awqm_tp_dim = awqm_tp_dim(0);
    /// Each rank computes N/world of the outputs.
    pub const COLUMN: awqm_tp_dim = awqm_tp_dim(1);
    /// Each rank takes K/world of the inputs; the caller adds up the outputs. Rank 0 adds the bias.
    pub const ROW: awqm_tp_dim = awqm_tp_dim(2);
}

/// How the range of a group becomes scale and zero point.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_range_rule(pub u32);

impl awqm_range_rule {
    /// compressed-tensors' formula for its own layout, else AutoAWQ's.
    pub const DEFAULT: awqm_range_rule = awqm_range_rule(0);
    /// AutoAWQ's formula: the zero point is clamped, so a group of one sign may be clipped.
    pub const AUTOAWQ: awqm_range_rule = awqm_range_rule(1);
    /// compressed-tensors' formula: the range is widened to include 0 first.
    pub const COMPRESSED_TENSORS: awqm_range_rule = awqm_range_rule(2);
}

/// How the AWQ search works.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_awq_mode(pub u32);

impl awqm_awq_mode {
    /// The scales of a wider grid, then rounding that makes up for its own errors: the best models that this library can make.
    pub const BETTER: awqm_awq_mode = awqm_awq_mode(0);
    /// AutoAWQ's choices.
    pub const FAITHFUL: awqm_awq_mode = awqm_awq_mode(1);
}

/// Whether something can be run.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_support(pub u32);

impl awqm_support {
    /// No.
    pub const NO: awqm_support = awqm_support(0);
    /// Yes.
    pub const YES: awqm_support = awqm_support(1);
    /// Yes; the library pads inside.
    pub const PADDED: awqm_support = awqm_support(2);
}

/// How much is logged.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct awqm_log_level(pub u32);

impl awqm_log_level {
    /// Nothing.
    pub const OFF: awqm_log_level = awqm_log_level(0);
    /// Errors.
    pub const ERROR: awqm_log_level = awqm_log_level(1);
    /// And warnings.
    pub const WARN: awqm_log_level = awqm_log_level(2);
    /// And milestones.
    pub const INFO: awqm_log_level = awqm_log_level(3);
    /// And details.
    pub const DEBUG: awqm_log_level = awqm_log_level(4);
}

fn unknown(what: &str, found: u32, argument: &str) -> Error {
    Error::new(ErrorKind::UnknownEnum, format!("is no {what} that this version knows"))
        .subject(argument)
        .found(found)
}

impl awqm_dtype {
    pub(super) fn get(self, argument: &str) -> Result<Dtype> {
        Dtype::from_code(self.0).ok_or_else(|| unknown("awqm_dtype", self.0, argument))
    }
}

impl From<Dtype> for awqm_dtype {
    fn from(d: Dtype) -> Self {
        awqm_dtype(d.code())
    }
}

impl awqm_layout {
    pub(super) fn get(self, argument: &str) -> Result<Layout> {
        Layout::from_code(self.0).ok_or_else(|| unknown("awqm_layout", self.0, argument))
    }

    /// As [`awqm_layout::get`], with 0 for `default`.
    pub(super) fn get_or(self, default: Layout, argument: &str) -> Result<Layout> {
        if self.0 == 0 { Ok(default) } else { self.get(argument) }
    }
}

impl From<Layout> for awqm_layout {
    fn from(l: Layout) -> Self {
        awqm_layout(l.code())
    }
}

impl awqm_role {
    pub(super) fn get(self, argument: &str) -> Result<Role> {
        match self {
            awqm_role::QWEIGHT => Ok(Role::Qweight),
            awqm_role::SCALES => Ok(Role::Scales),
            awqm_role::QZEROS => Ok(Role::Qzeros),
            awqm_role::BIAS => Ok(Role::Bias),
            _ => Err(unknown("awqm_role", self.0, argument)),
        }
    }
}

impl awqm_kernel {
    pub(super) fn get(self, argument: &str) -> Result<Kernel> {
        match self {
            awqm_kernel::AUTO => Ok(Kernel::Auto),
            awqm_kernel::GEMV => Ok(Kernel::Gemv),
            awqm_kernel::GEMM => Ok(Kernel::Gemm),
            awqm_kernel::MARLIN => Ok(Kernel::Marlin),
            _ => Err(unknown("awqm_kernel", self.0, argument)),
        }
    }
}

impl From<Kernel> for awqm_kernel {
    fn from(k: Kernel) -> Self {
        match k {
            Kernel::Auto => awqm_kernel::AUTO,
            Kernel::Gemv => awqm_kernel::GEMV,
            Kernel::Gemm => awqm_kernel::GEMM,
            Kernel::Marlin => awqm_kernel::MARLIN,
        }
    }
}

impl awqm_isa {
    /// `None` = choose.
    pub(super) fn get(self, argument: &str) -> Result<Option<Isa>> {
        match self {
            awqm_isa::AUTO => Ok(None),
            awqm_isa::PORTABLE => Ok(Some(Isa::Portable)),
            awqm_isa::AVX2 => Ok(Some(Isa::Avx2)),
            awqm_isa::AVX512 => Ok(Some(Isa::Avx512)),
            awqm_isa::NEON => Ok(Some(Isa::Neon)),
            _ => Err(unknown("awqm_isa", self.0, argument)),
        }
    }
}

impl From<Isa> for awqm_isa {
    fn from(isa: Isa) -> Self {
        match isa {
            Isa::Portable => awqm_isa::PORTABLE,
            Isa::Avx2 => awqm_isa::AVX2,
            Isa::Avx512 => awqm_isa::AVX512,
            Isa::Neon => awqm_isa::NEON,
        }
    }
}

impl From<QuantMethod> for awqm_method {
    fn from(m: QuantMethod) -> Self {
        match m {
            QuantMethod::Awq => awqm_method::AWQ,
            QuantMethod::CompressedTensors => awqm_method::COMPRESSED_TENSORS,
            QuantMethod::Gptq => awqm_method::GPTQ,
        }
    }
}

impl awqm_tp_dim {
    pub(super) fn unknown(self, argument: &str) -> Error {
        unknown("awqm_tp_dim", self.0, argument)
    }
}

impl awqm_compute {
    pub(super) fn get(self, argument: &str) -> Result<Compute> {
        Compute::from_code(self.0).ok_or_else(|| unknown("awqm_compute", self.0, argument))
    }
}

impl awqm_awq_mode {
    pub(super) fn get(self, argument: &str) -> Result<AwqMode> {
        match self {
            awqm_awq_mode::BETTER => Ok(AwqMode::Better),
            awqm_awq_mode::FAITHFUL => Ok(AwqMode::Faithful),
            _ => Err(unknown("awqm_awq_mode", self.0, argument)),
        }
    }
}

impl awqm_range_rule {
    /// `None` = by layout.
    pub(super) fn get(self, argument: &str) -> Result<Option<RangeRule>> {
        match self {
            awqm_range_rule::DEFAULT => Ok(None),
            awqm_range_rule::AUTOAWQ => Ok(Some(RangeRule::AutoAwq)),
            awqm_range_rule::COMPRESSED_TENSORS => Ok(Some(RangeRule::CompressedTensors)),
            _ => Err(unknown("awqm_range_rule", self.0, argument)),
        }
    }
}

fn name(names: &[(u32, &'static CStr)], code: u32) -> *const c_char {
    names.iter().find(|(c, _)| *c == code).map_or(std::ptr::null(), |(_, n)| n.as_ptr())
}

/// The name of an element type as safetensors writes it, such as "BF16"; NULL for an unknown number. Static string.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_dtype_name(dtype: awqm_dtype) -> *const c_char {
    const NAMES: [(u32, &CStr); 13] = [
        (1, c"F16"),
        (2, c"BF16"),
        (3, c"F32"),
        (4, c"F64"),
        (5, c"I8"),
        (6, c"U8"),
        (7, c"I16"),
        (8, c"U16"),
        (9, c"I32"),
        (10, c"U32"),
        (11, c"I64"),
        (12, c"U64"),
        (13, c"BOOL"),
    ];
    name(&NAMES, dtype.0)
}

/// Bytes of one element; 0 for an unknown number.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_dtype_bytes(dtype: awqm_dtype) -> usize {
    Dtype::from_code(dtype.0).map_or(0, Dtype::bytes)
}

/// The name of a layout as the awqm tool writes it, such as "gemm" or "marlin"; NULL for an unknown number.
/// Static string.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_layout_name(layout: awqm_layout) -> *const c_char {
    const NAMES: [(u32, &CStr); 10] = [
        (1, c"dense"),
        (2, c"gemm"),
        (3, c"gemv"),
        (4, c"gemv_fast"),
        (5, c"awq_marlin"),
        (6, c"compressed-tensors"),
        (7, c"gptq"),
        (8, c"gptq_v2"),
        (9, c"marlin"),
        (10, c"cpu"),
    ];
    name(&NAMES, layout.0)
}

/// "auto", "gemv", "gemm" or "marlin"; NULL for an unknown number. Static string.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_kernel_name(kernel: awqm_kernel) -> *const c_char {
    name(&[(0, c"auto"), (1, c"gemv"), (2, c"gemm"), (3, c"marlin")], kernel.0)
}

/// "none", "awq", "compressed-tensors" or "gptq"; NULL for an unknown number. Static string.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_method_name(method: awqm_method) -> *const c_char {
    name(&[(0, c"none"), (1, c"awq"), (2, c"compressed-tensors"), (3, c"gptq")], method.0)
}

/// "auto", "portable", "avx2", "avx512" or "neon"; NULL for an unknown number. Static string.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_isa_name(isa: awqm_isa) -> *const c_char {
    name(&[(0, c"auto"), (1, c"portable"), (2, c"avx2"), (3, c"avx512"), (4, c"neon")], isa.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_the_core() {
        for d in Dtype::ALL {
            // SAFETY: a static C string, not NULL for a known number.
            let name = unsafe { CStr::from_ptr(awqm_dtype_name(d.into())) };
            assert_eq!(name.to_str().unwrap(), d.name());
        }
        for l in Layout::ALL {
            // SAFETY: as above.
            let name = unsafe { CStr::from_ptr(awqm_layout_name(l.into())) };
            assert_eq!(name.to_str().unwrap(), l.name());
        }
        for isa in Isa::ALL {
            // SAFETY: as above.
            let name = unsafe { CStr::from_ptr(awqm_isa_name(isa.into())) };
            assert_eq!(name.to_str().unwrap(), isa.name());
            assert_eq!(awqm_isa::from(isa).0, isa.code());
        }
        assert!(awqm_dtype_name(awqm_dtype(0)).is_null());
        assert!(awqm_isa_name(awqm_isa(99)).is_null());
        assert!(awqm_layout_name(awqm_layout(99)).is_null());
    }
}

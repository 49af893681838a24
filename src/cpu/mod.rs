//! The CPU backend: y = x · W + bias for quantized and dense layers, on any M, K and N.
//!
//! Activations are taken as given (F16, BF16 or F32), products are summed in f32, or in integers where the processor is
//! faster at that and as exact (`integer/`); or, where the host asks for it ([`Compute::Int8`]), activations become
//! 8-bit integers first. Kernels are written once over
//! sixteen lanes (`simd.rs`) and compiled for each instruction set; which one runs is decided when the program
//! runs. There are two kernel versions, and [`CpuLinear::plan`] says which suits an M and why:
//!
//! - GEMV (`gemv.rs`): codes are decoded in registers and stream by once for a small block of rows;
//! - GEMM (`gemm.rs`): a panel of weights is dequantized once and multiplied with many rows from the cache.
//!
//! Results depend on the shape, the plan's kernel and the instruction set, never on the number of threads: tasks
//! split N only, and every sum over K has a fixed order. In every arithmetic a NaN activation makes every output of
//! its row NaN, an infinite one makes it infinite or NaN, and no other row changes; a scale or bias that is NaN makes
//! its column NaN, and no other column changes. Memory may lie at any address.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod bf16_dot;
mod dense;
mod device;
mod gemm;
mod gemv;
mod integer;
mod isa;
mod job;
mod kernels;
mod linear;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pack;
mod plan;
mod plan_json;
mod portable;
pub mod reference;
mod simd;
mod tensor;

pub use crate::kernel::{Compute, Kernel};
pub use device::CpuDevice;
pub use isa::{ISA_VARIABLE, Isa};
pub use linear::CpuLinear;
pub use plan::CpuPlan;
pub use tensor::{XView, YMut};

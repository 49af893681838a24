//! int8 arithmetic: activations become 8-bit integers on the way in, weights keep their codes and scales.
//!
//! Each row of x is cut into chunks of at most [`CHUNK`] k-steps within a group. A chunk has a scale d = max|x| / 127 and
//! integers i = round(x / d), ties to even. Then, with all integer sums exact,
//!
//! y\[n\] = bias\[n\] + Σ_chunks s\[g\]\[n\] · d · (Σ q · i − z\[g\]\[n\] · Σ i)
//!
//! The rounding of x is the only error beyond f32's. Since integer sums have no order, and chunks are added one after the
//! other, a row's result depends on nothing but the row, the layer and how the instruction set rounds its f32 sums:
//! not on M, not on the rows beside it, not on threads.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
mod multiply;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod quantize;

#[cfg(target_arch = "x86_64")]
pub(super) use avx512::Vnni;
pub(super) use multiply::run;
pub(super) use quantize::block;

use super::pack::Groups;

/// k-steps that share a scale: 128 activations. As many as the usual group of weights has, so that sums are scaled once
/// for both.
pub(super) const CHUNK: usize = 16;

/// Bytes of a row's k-step.
pub(super) const STEP_BYTES: usize = super::job::STEP;

/// Numbers beside the integers of a row: a scale and a sum for each chunk.
pub(super) fn row_sums(groups: &Groups) -> usize {
    let last = groups.steps - (groups.count - 1) * groups.group_steps;
    2 * ((groups.count - 1) * groups.group_steps.div_ceil(CHUNK) + last.div_ceil(CHUNK))
}

/// Rows of a block when m rows are to be multiplied and a block takes at most `most`: blocks of nearly one size, since
/// each of them decodes the weights anew.
pub(super) fn block_rows(m: usize, most: usize) -> usize {
    let m = m.max(1);
    m.div_ceil(m.div_ceil(most))
}

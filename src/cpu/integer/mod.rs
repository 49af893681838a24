//! Activations as integers: weights keep their codes and scales, and products of bytes are added up exactly.
//!
//! Each row of x is cut into chunks of at most [`CHUNK`] k-steps within a group. A chunk has a scale d and integers
//! i = round(x / d), ties to even, of P bytes. Each byte of i is a plane of its own, −128 to 127, that meets the codes in
//! an exact integer sum; with i = Σ_p 256^p · i_p,
//!
//! y\[n\] = bias\[n\] + Σ_chunks s\[g\]\[n\] · d · Σ_p 256^p · Σ_k (q − z\[g\]\[n\]) · i_p
//!
//! - One plane is int8 arithmetic: d = max|x| / 127, and the rounding of x is an error that the host has agreed to.
//! - Four planes are exact arithmetic: d is the smallest power of two with max|x| / d below 2^30. Then x / d is an integer
//!   unless x is much smaller than the largest of its chunk (by 2^−7 for f32, 2^−20 for f16), and what is lost is at most
//!   2^−30 of the largest: less than sums in f32 lose.
//!
//! Since integer sums have no order, and chunks are added one after the other, a row's result depends on nothing but the
//! row, the layer and how the instruction set rounds its f32 sums: not on M, not on the rows beside it, not on threads.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
mod multiply;
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

/// Planes of exact arithmetic.
pub(super) const EXACT: usize = 4;

/// n-tiles that a kernel may take at a time, which no two tasks share.
pub(super) const TILES: usize = 2;

/// Bytes of a plane of a row's k-step.
pub(super) const STEP_BYTES: usize = super::job::STEP;

/// Numbers beside the integers of a row: for each chunk a scale and each plane's sum.
pub(super) fn row_sums(groups: &Groups, planes: usize) -> usize {
    let last = groups.steps - (groups.count - 1) * groups.group_steps;
    let chunks = (groups.count - 1) * groups.group_steps.div_ceil(CHUNK) + last.div_ceil(CHUNK);
    chunks * (1 + planes)
}

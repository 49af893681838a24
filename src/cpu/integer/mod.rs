//! Activations as integers: weights keep their codes and scales, and products of bytes are added up exactly.
//!
//! Each row of x is cut into chunks of at most [`CHUNK`] k-steps within a group. A chunk has a scale d and integers
//! i = round(x / d), ties to even, of P bytes. Each byte of i is a plane of its own, −128 to 127, that meets the codes in
//! an exact integer sum; with i = Σ_p 256^p · i_p,
//!
//! y\[n\] = bias\[n\] + Σ_chunks s\[g\]\[n\] · d · Σ_p 256^p · Σ_k (q − z\[g\]\[n\]) · i_p
//!
//! - One plane is int8 arithmetic: d = max|x| / 127, and the rounding of x is an error that the host has agreed to.
//! - Three planes are exact arithmetic: d is a power of two with max|x| / d a little below 2^23 or 2^22. What is lost of an
//!   activation, if anything, is at most 2^−23 of the largest of its chunk: about what f32 sums lose, where partial sums
//!   are as large. Products with a weight of 0 are 0, so a large activation may not count while its neighbours do; when
//!   one is more than 64 times the mean of its chunk, all rows of the call (of the pass, where there are hundreds) take
//!   four planes, which lose 2^−30.
//!
//! Since integer sums have no order, and chunks are added one after the other, a row's result depends on nothing but the
//! row, the layer, the number of planes and how the instruction set rounds its f32 sums: not on M, not on threads. int8 has
//! always one plane, so its rows do not depend on the rows beside them either; exact rows may, if one of those is such that
//! all take four.

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

/// Planes of exact arithmetic, and of exact arithmetic where an activation stands far above the rest of its chunk.
pub(super) const EXACT: usize = 3;
pub(super) const WIDER: usize = 4;

/// How many times the mean of its chunk an activation may be before [`WIDER`] planes are needed.
const FAR_ABOVE: f32 = 64.0;

/// Bytes of a plane of a row's k-step.
pub(super) const STEP_BYTES: usize = super::job::STEP;

/// Numbers beside the integers of a row: for each chunk a scale and each plane's sum.
pub(super) fn row_sums(groups: &Groups, planes: usize) -> usize {
    let last = groups.steps - (groups.count - 1) * groups.group_steps;
    let chunks = (groups.count - 1) * groups.group_steps.div_ceil(CHUNK) + last.div_ceil(CHUNK);
    chunks * (1 + planes)
}

//! The AWQ algorithm on one group of layers: no files, no names, only weights and statistics.
//!
//! min over s of ‖Q(W·diag(s))·diag(s)⁻¹·X − W·X‖, with s = x̄^α (over w̄^(1−α)) for α on a grid; then clipping of each group
//! of weights by the same error. The error of a change ΔW is tr(ΔW·XᵀX·ΔWᵀ), so the activations themselves are not needed.
//! Better mode replaces clipping and rounding to nearest by error-compensating rounding (`compensate`), which uses all of
//! XᵀX and not only its diagonal blocks.

mod clip;
mod compensate;
mod factor;
#[cfg(test)]
mod fixtures;
mod fold;
mod grid;
mod loss;
mod mlp;
mod params;
mod round;
mod search;
mod weight;

pub(super) use clip::{ClipOptions, clip};
pub(super) use compensate::Compensation;
pub(super) use factor::Factor;
pub(super) use fold::{divide_norm, divide_rows, scale_columns};
pub(super) use grid::Candidate;
pub(super) use loss::{Quadratic, Scratch};
pub(super) use mlp::Mlp;
pub(super) use round::Rounding;
pub(super) use search::{Inputs, Search, Searched};
pub(super) use weight::{ROWS, Weight};

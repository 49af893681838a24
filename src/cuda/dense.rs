//! The other way for very many rows: dequantize once, then the host's dense GEMM. This library owns no dense GEMM; it
//! offers the dequantize kernel and says when the detour is predicted to win.
//!
//! ```text
//! time = START + (codes + dense weights) / memory              awqm_linear_dequantize
//!      + START + max(operations / (share x dense products),    the host's GEMM
//!                    (dense weights + x + y) / memory)
//! ```
//!
//! The share is what dense GEMMs of vendors' libraries reach of the peak: 0.68 on an H100 (669 to 699 of 989 TFLOP/s,
//! limited by power), 0.8 on an A100.

use super::problem::Problem;
use super::speed::{START_NS, Speed};

/// Share of the peak that a good dense GEMM reaches.
const fn gemm_share(capability: (u32, u32)) -> f64 {
    match capability {
        (9..=11, _) => 0.68,
        _ => 0.8,
    }
}

/// Nanoseconds of the detour.
pub(super) fn detour_ns(speed: &Speed, capability: (u32, u32), problem: &Problem) -> f64 {
    let element = problem.dtype.bytes() as f64;
    let dense = problem.k as f64 * problem.n as f64 * element;
    let activations = problem.m as f64 * (problem.k + problem.n) as f64 * element;
    let dequantize = speed.memory_ns(problem.weight_bytes() as f64 + dense);
    let products = problem.operations() as f64 / (gemm_share(capability) * speed.dense_products);
    2.0 * START_NS + dequantize + products.max(speed.memory_ns(dense + activations))
}

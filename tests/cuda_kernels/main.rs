//! The CUDA kernels on the emulation: GEMV and the Marlin GEMM against f64 and fixtures, dequantize and repack against the host's bytes.

#[path = "../common/mod.rs"]
mod common;
#[path = "../cpu_common/mod.rs"]
mod cpu_common;

mod dequantize;
mod fixtures;
mod gemv;
mod gpu;
mod marlin;
mod marlin_bits;
mod marlin_planted;
mod repack;

use awq_marlin::types::Dtype;
use cpu_common::Case;

const CASE: Case =
    Case { k: 512, n: 128, group: 128, bits: 4, zero_point: true, scale_dtype: Dtype::F16, bias: true };

/// Shapes that fill tiles and shapes that do not, every group size's kind, both widths, with and without zero points.
fn kinds() -> Vec<Case> {
    let mut cases = Vec::new();
    for (k, n, group) in [
        (512, 128, 128),
        (512, 192, 32),
        (256, 64, 64),
        (256, 64, 16),
        (384, 64, -1),
        (128, 64, 128),
        (100, 60, -1),
        (72, 44, 24),
        (250, 70, 50),
        (97, 33, 32),
    ] {
        for bits in [4, 8] {
            for zero_point in [true, false] {
                cases.push(Case { k, n, group, bits, zero_point, ..CASE });
            }
        }
    }
    cases.push(Case { scale_dtype: Dtype::BF16, ..CASE });
    cases.push(Case { scale_dtype: Dtype::F32, bias: false, ..CASE });
    cases.push(Case { scale_dtype: Dtype::F32, group: -1, ..CASE });
    cases
}

//! Scales folded into the weights around them, in the arithmetic of the model's own type.

use super::super::arithmetic::{Arithmetic, Brain, Half, Single};
use crate::types::Dtype;

/// The function that rounds to a type.
fn rounding(dtype: Dtype) -> fn(f32) -> f32 {
    match dtype {
        Dtype::F16 => Half::round,
        Dtype::BF16 => Brain::round,
        _ => Single::round,
    }
}

/// weight\[n, k\] ← weight\[n, k\] · scales\[k\], of the layer that reads the scaled input.
pub(in super::super) fn scale_columns(rows: &mut [f32], scales: &[f32], dtype: Dtype) {
    let round = rounding(dtype);
    for row in rows.chunks_mut(scales.len()) {
        row.iter_mut().zip(scales).for_each(|(w, s)| *w = round(*w * s));
    }
}

/// weight\[r, k\] ← weight\[r, k\] / divisors\[r\], of the layer that makes the input; a bias is a weight with k = 1.
/// Rows whose divisor is 1 stay as they are.
pub(in super::super) fn divide_rows(rows: &mut [f32], k: usize, divisors: &[f32], dtype: Dtype) {
    let round = rounding(dtype);
    for (row, &d) in rows.chunks_mut(k).zip(divisors) {
        if d != 1.0 {
            row.iter_mut().for_each(|w| *w = round(*w / d));
        }
    }
}

/// weight\[k\] ← (weight\[k\] + offset) / scales\[k\] − offset, of the norm that makes the input. Gemma's offset is 1.
pub(in super::super) fn divide_norm(weight: &mut [f32], scales: &[f32], offset: f32, dtype: Dtype) {
    let round = rounding(dtype);
    for (w, s) in weight.iter_mut().zip(scales) {
        *w = match offset {
            0.0 => round(*w / s),
            offset => round(round(round(*w + offset) / s) - offset),
        };
    }
}

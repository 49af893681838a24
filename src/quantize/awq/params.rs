//! Scales and zero points chosen by error: which of many rounds a group of weights best.

use super::super::arithmetic::{Arithmetic, Brain, Half};
use crate::types::{Dtype, QuantSpec};

/// Ranges that are tried, as parts of the whole one. Less than 1 clips.
const RANGES: [f32; 10] = [1.0, 1.05, 0.975, 0.95, 0.925, 0.9, 0.875, 0.85, 0.8, 0.75];
/// No scale is smaller: AutoAWQ's floor of 1e-5 for the range of a group of 4-bit codes.
const SMALLEST: f32 = 1e-5 / 15.0;

/// Scale and zero point of one group in each of some rows.
pub(super) struct Params {
    pub scale: Vec<f32>,
    pub zero: Vec<f32>,
}

/// Rounds a scale to the type in which it is stored.
pub(super) fn stored(scale: f32, dtype: Dtype) -> f32 {
    let rounded = match dtype {
        Dtype::F16 => Half::round(scale),
        Dtype::BF16 => Brain::round(scale),
        _ => scale,
    };
    rounded.max(SMALLEST)
}

/// The code nearest to `v`, as a number.
#[inline(always)]
pub(super) fn code(v: f32, scale: f32, zero: f32, top: f32) -> f32 {
    /// 1.5 · 2^23: adding and taking it away rounds a small number to an integer, ties to even.
    const ROUND: f32 = 12_582_912.0;
    let t = (v / scale).clamp(-512.0, 512.0);
    ((t + ROUND) - ROUND + zero).clamp(0.0, top)
}

/// The best parameters for weights `v` \[group, rows\] (channel by channel, all rows of a channel together); `importance`
/// weighs the squared error of each channel. The first of equally good ones wins.
pub(super) fn search(v: &[f32], rows: usize, importance: &[f32], spec: &QuantSpec, dtype: Dtype) -> Params {
    let top = f32::from(spec.bits.max_code());
    let (mut min, mut max) = (vec![f32::INFINITY; rows], vec![f32::NEG_INFINITY; rows]);
    for channel in v.chunks(rows) {
        for r in 0..rows {
            (min[r], max[r]) = (min[r].min(channel[r]), max[r].max(channel[r]));
        }
    }
    let mut best = Params { scale: vec![0.0; rows], zero: vec![0.0; rows] };
    let mut least = vec![f32::INFINITY; rows];
    let (mut scale, mut zero, mut error) = (vec![0f32; rows], vec![0f32; rows], vec![0f32; rows]);
    for part in RANGES {
        // A symmetric group has its zero point given; else the two around the middle of the range.
        for up in 0..if spec.zero_point { 2 } else { 1 } {
            for r in 0..rows {
                let range = match spec.zero_point {
                    true => max[r] - min[r],
                    false => 2.0 * max[r].max(-min[r]),
                };
                scale[r] = stored(range * part / top, dtype);
                zero[r] = match spec.zero_point {
                    true => (0.5 * top - 0.5 * (max[r] + min[r]) / scale[r]).floor() + up as f32,
                    false => f32::from(spec.bits.mid()),
                }
                .clamp(0.0, top);
            }
            error.fill(0.0);
            for (channel, &weight) in v.chunks(rows).zip(importance) {
                for r in 0..rows {
                    let q = code(channel[r], scale[r], zero[r], top);
                    let e = (q - zero[r]) * scale[r] - channel[r];
                    error[r] += weight * e * e;
                }
            }
            for r in 0..rows {
                if error[r] < least[r] {
                    (least[r], best.scale[r], best.zero[r]) = (error[r], scale[r], zero[r]);
                }
            }
        }
    }
    // Errors that overflow leave no choice.
    for r in 0..rows {
        if best.scale[r] == 0.0 {
            (best.scale[r], best.zero[r]) = (scale[r], zero[r]);
        }
    }
    best
}

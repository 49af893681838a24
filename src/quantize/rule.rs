//! How a group of weights becomes a scale, a zero point and codes: the two rules that checkpoints are made by.

use super::arithmetic::Arithmetic;
use crate::types::{Bits, QuantSpec};

/// Which tool's formula turns the range of a group into its scale and zero point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeRule {
    /// AutoAWQ and llm-awq: s = max(max − min, 1e-5) / (2^b − 1), z = clamp(−round(min/s)), q = round(w/s) + z;
    /// symmetric: s = max(|w|, 1e-5) / (2^(b−1) − 1). A group that lies wholly above or below 0 is cut
    /// hard, because z cannot leave the code range.
    AutoAwq,
    /// compressed-tensors and llm-compressor: the range is widened to contain 0, z = round(−min/s),
    /// q = round(w/s + z), rounded once; symmetric: s = 2·max|w| / (2^b − 1).
    CompressedTensors,
}

/// What one pass over a group finds.
#[derive(Clone, Copy)]
pub(super) struct MinMax {
    pub min: f32,
    pub max: f32,
    /// False when any weight is infinite or no number.
    pub finite: bool,
}

/// Scale and zero point of a group.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Params {
    pub scale: f32,
    /// Unsigned, as it is stored.
    pub zero: u8,
}

/// Lanes that the passes over a group keep apart, so that the compiler can make vectors of them.
const LANES: usize = 16;

/// Smallest and largest weight of a group.
pub(super) fn range(group: &[f32]) -> MinMax {
    let mut min = [f32::INFINITY; LANES];
    let mut max = [f32::NEG_INFINITY; LANES];
    // x · 0 is 0 for every finite x and NaN for all others, and NaN stays in a sum.
    let mut probe = [0f32; LANES];
    let mut step = |l: usize, x: f32| {
        min[l] = if x < min[l] { x } else { min[l] };
        max[l] = if x > max[l] { x } else { max[l] };
        probe[l] += x * 0.0;
    };
    let (blocks, rest) = group.as_chunks::<LANES>();
    for block in blocks {
        for (l, &x) in block.iter().enumerate() {
            step(l, x);
        }
    }
    for (l, &x) in rest.iter().enumerate() {
        step(l, x);
    }
    MinMax {
        min: min.into_iter().fold(f32::INFINITY, f32::min),
        max: max.into_iter().fold(f32::NEG_INFINITY, f32::max),
        finite: probe.into_iter().sum::<f32>() == 0.0,
    }
}

/// Scale and zero point of a group with this range. The scale is infinite when the range overflows the type.
pub(super) fn params<A: Arithmetic>(range: MinMax, rule: RangeRule, spec: &QuantSpec) -> Params {
    match rule {
        RangeRule::AutoAwq => auto_awq::<A>(range, spec),
        RangeRule::CompressedTensors => compressed_tensors::<A>(range, spec),
    }
}

fn auto_awq<A: Arithmetic>(MinMax { min, max, .. }: MinMax, spec: &QuantSpec) -> Params {
    let floor = A::round(1e-5);
    let top = f32::from(spec.bits.max_code());
    if spec.zero_point {
        let scale = A::round(A::round(max - min).max(floor) / top);
        let zero = -A::round(min / scale).round_ties_even();
        Params { scale, zero: zero.clamp(0.0, top) as u8 }
    } else {
        let mid = spec.bits.mid();
        let scale = A::round(max.abs().max(min.abs()).max(floor) / f32::from(mid - 1));
        Params { scale, zero: mid }
    }
}

fn compressed_tensors<A: Arithmetic>(MinMax { min, max, .. }: MinMax, spec: &QuantSpec) -> Params {
    let (min, max) = (min.min(0.0), max.max(0.0));
    let (top, mid) = (f32::from(spec.bits.max_code()), f32::from(spec.bits.mid()));
    let or_epsilon = |scale: f32| if scale == 0.0 { A::EPSILON } else { scale };
    if spec.zero_point {
        let scale = A::round(A::round(max - min) / top);
        // The zero point is signed here; a group of zeros (0/0) gets 0.
        let zero = A::round(-mid - A::round(min / scale));
        let zero = if zero.is_nan() { 0.0 } else { zero.clamp(-mid, mid - 1.0).round_ties_even() };
        Params { scale: or_epsilon(scale), zero: (zero + mid) as u8 }
    } else {
        let scale = A::round(max.max(-min) / (top / 2.0));
        Params { scale: or_epsilon(scale), zero: spec.bits.mid() }
    }
}

/// 1.5 · 2^23: adding it to a number of less than 2^22 rounds that number to an integer, ties to even,
/// and leaves the integer in the lowest bits of the sum. Unlike `round_ties_even`, it needs no SSE4.1.
const ROUND: f32 = 12_582_912.0;

/// The codes of a group.
pub(super) fn codes<A: Arithmetic>(
    group: &[f32],
    params: Params,
    rule: RangeRule,
    bits: Bits,
    codes: &mut [u8],
) {
    let Params { scale, zero } = params;
    let (top, mid) = (f32::from(bits.max_code()), f32::from(bits.mid()));
    match rule {
        RangeRule::AutoAwq => {
            let zero = f32::from(zero);
            for (code, &w) in codes.iter_mut().zip(group) {
                // Anything beyond ±512 is clamped below; here it keeps the sum in range.
                let t = A::round_fast(w / scale).clamp(-512.0, 512.0);
                let q = ((t + ROUND) - ROUND + zero).clamp(0.0, top);
                *code = (q + ROUND).to_bits() as u8;
            }
        }
        RangeRule::CompressedTensors => {
            let zero = f32::from(zero) - mid;
            for (code, &w) in codes.iter_mut().zip(group) {
                let t = A::round_fast(A::round_fast(w / scale) + zero).clamp(-mid, mid - 1.0);
                *code = ((t + ROUND).to_bits() as u8).wrapping_add(bits.mid());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::arithmetic::{Brain, Half, Single};
    use super::*;
    use crate::types::GroupSize;

    fn quantize<A: Arithmetic>(group: &[f32], rule: RangeRule, zero_point: bool) -> (Params, Vec<u8>) {
        let spec = QuantSpec { bits: Bits::Four, group: GroupSize::PerChannel, zero_point };
        let params = params::<A>(range(group), rule, &spec);
        let mut q = vec![0; group.len()];
        codes::<A>(group, params, rule, spec.bits, &mut q);
        (params, q)
    }

    #[test]
    fn zeros_stay_zeros() {
        for (rule, zero_point) in [RangeRule::AutoAwq, RangeRule::CompressedTensors]
            .into_iter()
            .flat_map(|r| [false, true].map(|z| (r, z)))
        {
            for group in [[0.0; 19], [-0.0; 19]] {
                let (params, q) = quantize::<Half>(&group, rule, zero_point);
                assert_eq!(q, [params.zero; 19], "{rule:?}");
                assert!(params.scale > 0.0);
            }
        }
        let (params, _) = quantize::<Brain>(&[0.0; 4], RangeRule::CompressedTensors, true);
        assert_eq!(params, Params { scale: 1.0 / 128.0, zero: 8 });
    }

    #[test]
    fn a_range_away_from_zero_is_cut_by_one_rule_and_widened_by_the_other() {
        let group = [3.0, 3.5, 4.5];
        let (params, q) = quantize::<Single>(&group, RangeRule::AutoAwq, true);
        assert_eq!((params, q), (Params { scale: 0.1, zero: 0 }, vec![15, 15, 15]));
        let (params, q) = quantize::<Single>(&group, RangeRule::CompressedTensors, true);
        assert_eq!((params, q), (Params { scale: 0.3, zero: 0 }, vec![10, 12, 15]));
        let (params, q) = quantize::<Single>(&group.map(|w| -w), RangeRule::CompressedTensors, true);
        assert_eq!((params, q), (Params { scale: 0.3, zero: 15 }, vec![5, 3, 0]));
    }

    #[test]
    fn ties_fall_to_even_before_or_after_the_zero_point() {
        // s = 1 and z = 7 in both rules; 2.5 lies between two codes.
        let group = [-7.0, 8.0, 2.5, 1.5];
        assert_eq!(quantize::<Half>(&group, RangeRule::AutoAwq, true).1, [0, 15, 9, 9]);
        assert_eq!(quantize::<Half>(&group, RangeRule::CompressedTensors, true).1, [0, 15, 10, 8]);
    }

    #[test]
    fn every_place_in_a_group_is_looked_at() {
        for len in [1, 15, 16, 17, 40] {
            for i in 0..len {
                let mut group = vec![0.25; len];
                group[i] = -8.0;
                assert_eq!(range(&group).min, -8.0);
                group[i] = 8.0;
                let found = range(&group);
                assert!(found.max == 8.0 && found.finite);
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    group[i] = bad;
                    assert!(!range(&group).finite, "{len} {i} {bad}");
                }
            }
        }
    }
}

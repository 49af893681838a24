//! Activations on their way into the workspace: as integers with a scale for each chunk.

use super::CHUNK;
use super::lanes::Int8;
use crate::cpu::job::{LANES, PackedX, STEP, Strided};
use crate::cpu::pack::Groups;
use crate::types::{Bits, Dtype};

/// Quantizes the rows of block `i` to P planes: words of four bytes \[k/4\]\[R\]\[P\], in the order in which
/// [`Int8::bytes4`] and [`Int8::bytes8`] have the codes; then for each chunk the scales \[R\] and minus the sums of
/// the planes \[R\]\[P\]. R are the slots of the block; those without a row are zero.
///
/// A chunk with an infinite or NaN activation has the scale NaN, and so has every output of the row.
///
/// True when [`super::EXACT`] planes were asked for and a chunk needs [`super::WIDER`].
///
/// # Safety
/// The instruction set of `S`; x has the rows and `k` columns, and `out` is writable and sized for P planes.
#[inline(always)]
pub(in crate::cpu) unsafe fn block<S: Int8, const P: usize>(
    x: &Strided<*const u8>,
    groups: &Groups,
    bits: Bits,
    out: &PackedX,
    i: usize,
) -> bool {
    // SAFETY: the caller's promises; offsets stay below `steps` k-steps and `row_sums` numbers of a row.
    unsafe {
        let to = out.at(i);
        let mut too_wide = false;
        for r in 0..to.slots {
            let mut beside = to.sums.cast_mut();
            for (g, start) in (0..groups.k).step_by(groups.group.max(1)).enumerate() {
                let len = groups.group.min(groups.k - start);
                let first = g * groups.group_steps;
                let steps = groups.group_steps.min(groups.steps - first);
                for step in (0..steps).step_by(CHUNK) {
                    let at = start + (step * STEP).min(len);
                    let piece = match r < to.rows {
                        true => Piece {
                            from: x.element(to.first_row + r, at),
                            dtype: x.dtype,
                            len: start + len - at,
                        },
                        false => Piece { from: x.at, dtype: x.dtype, len: 0 },
                    };
                    let count = CHUNK.min(steps - step);
                    let words =
                        to.values.cast_mut().cast::<u32>().add(((first + step) * 2 * to.slots + r) * P);
                    let (scale, sums, wide) = piece.quantize::<S, P>(count, bits, words, to.slots * P);
                    too_wide |= wide;
                    *beside.add(r) = scale;
                    for (p, sum) in sums.into_iter().enumerate() {
                        *beside.add(to.slots + r * P + p).cast::<i32>() = -sum;
                    }
                    beside = beside.add(to.slots * (1 + P));
                }
            }
        }
        too_wide
    }
}

/// Activations of a row from the start of a chunk to the end of the group.
struct Piece {
    from: *const u8,
    dtype: Dtype,
    len: usize,
}

impl Piece {
    /// Sixteen activations from the `at`th on, zeros behind the end.
    #[inline(always)]
    unsafe fn load<S: Int8>(&self, at: usize) -> S::V {
        // SAFETY: `len` elements are readable.
        unsafe {
            let from = self.from.wrapping_add(at * self.dtype.bytes());
            match self.len.saturating_sub(at) {
                LANES.. => S::load_as(from, self.dtype),
                0 => S::zero(),
                some => S::load_some(from, self.dtype, some),
            }
        }
    }

    /// Writes the words of `steps` k-steps, `stride` words apart; gives the scale, the sums of the planes, and whether an
    /// activation is far above the rest.
    #[inline(always)]
    unsafe fn quantize<S: Int8, const P: usize>(
        &self,
        steps: usize,
        bits: Bits,
        words: *mut u32,
        stride: usize,
    ) -> (f32, [i32; P], bool) {
        // SAFETY: the words of the chunk are writable.
        unsafe {
            // x · 0 is 0 for every finite x and NaN for all others, and NaN stays in a sum.
            let (mut large, mut probe, mut all) = (S::zero(), S::zero(), S::zero());
            for at in (0..steps * STEP).step_by(LANES) {
                let v = self.load::<S>(at);
                large = S::larger(large, v);
                probe = S::mul_add(v, S::zero(), probe);
                all = S::mul_add(S::larger(S::zero(), v), S::splat(1.0), all);
            }
            let finite = S::sum(probe) == 0.0;
            let largest = S::largest(large);
            let scale = if finite { Scale::of::<P>(largest) } else { Scale::NONE };
            let wide = P == super::EXACT
                && finite
                && largest / super::FAR_ABOVE * (steps * STEP) as f32 > S::sum(all);

            let mut sums = [S::zeros(); P];
            for at in (0..steps * STEP).step_by(LANES) {
                let x = if finite { self.load::<S>(at) } else { S::zero() };
                let x = S::mul(S::mul(x, S::splat(scale.factors[0])), S::splat(scale.factors[1]));
                let mut integers = S::round(x);
                // Two k-steps, of which the last one may be missing.
                let count = 4.min((steps - at / STEP) * 2);
                for (p, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add(*sum, S::low_byte(integers));
                    let four = S::words(integers, bits);
                    integers = S::upper(integers);
                    for (w, word) in four.iter().enumerate().take(count) {
                        *words.add((at / 4 + w) * stride + p) = u32::from_le(*word);
                    }
                }
            }
            let mut totals = [0; P];
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = S::total(sum);
            }
            (scale.unit, totals, wide)
        }
    }
}

/// What one integer is worth, and the two factors that make integers of activations: a single one might overflow.
struct Scale {
    unit: f32,
    factors: [f32; 2],
}

impl Scale {
    /// For a chunk that holds an infinite or NaN activation.
    const NONE: Scale = Scale { unit: f32::NAN, factors: [0.0; 2] };

    #[inline(always)]
    fn of<const P: usize>(largest: f32) -> Scale {
        if P == 1 {
            Scale::of_bytes(largest)
        } else {
            Scale::power_of_two(largest, if P == 4 { 30 } else { 8 * P as i32 - 1 })
        }
    }

    /// 1/127 of the largest activation.
    #[inline(always)]
    fn of_bytes(largest: f32) -> Scale {
        /// What a chunk is multiplied with before 127 / max|x|, so that this quotient is finite for the smallest numbers too.
        const LIFT: f32 = 1.2676506e30; // 2^100
        /// Chunks whose largest activation is below this are lifted.
        const TINY: f32 = 1e-30;
        let lift = if largest < TINY { LIFT } else { 1.0 };
        let factor = if largest > 0.0 { 127.0 / (largest * lift) } else { 0.0 };
        Scale { unit: largest / 127.0, factors: [lift, factor] }
    }

    /// The smallest power of two by which the largest activation is below 2^bits, or that of f32's smallest number.
    #[inline(always)]
    fn power_of_two(largest: f32, bits: i32) -> Scale {
        // 2^exponent is above 1 + 2^-6 times the largest: its integer is below 127 / 128 of 2^bits.
        let exponent = (((largest * 1.015625).to_bits() >> 23) as i32).max(1) - 126;
        let unit = (exponent - bits).max(-149);
        Scale { unit: power(unit), factors: [power(-unit / 2), power(-unit - -unit / 2)] }
    }
}

/// 2^exponent, for -149 to 127.
#[inline(always)]
fn power(exponent: i32) -> f32 {
    f32::from_bits(if exponent < -126 { 1 << (exponent + 149) } else { ((exponent + 127) as u32) << 23 })
}

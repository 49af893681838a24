//! Activations on their way into the workspace: as integers with a scale for each chunk.

use super::CHUNK;
use super::lanes::Int8;
use crate::cpu::job::{LANES, PackedX, STEP, Strided};
use crate::cpu::pack::Groups;
use crate::types::Bits;

/// What a chunk is multiplied with before 127 / max|x|, so that this quotient is finite for the smallest numbers too.
const LIFT: f32 = 1.2676506e30; // 2^100
/// Chunks whose largest activation is below this are lifted.
const TINY: f32 = 1e-30;

/// Quantizes the rows of block `i`: integers as \[k/4\]\[R\] words of four bytes, in the order in which [`Int8::bytes4`]
/// and [`Int8::bytes8`] have the codes; then for each chunk the scales of R rows and the sums of their integers.
///
/// A chunk with an infinite or NaN activation has the scale NaN, and so has every output of the row.
///
/// # Safety
/// The instruction set of `S`; x has the rows and `k` columns, and `out` is writable and sized for int8.
#[inline(always)]
pub(in crate::cpu) unsafe fn block<S: Int8>(
    x: &Strided<*const u8>,
    groups: &Groups,
    bits: Bits,
    out: &PackedX,
    i: usize,
) {
    // SAFETY: the caller's promises; offsets stay below `steps` k-steps and `row_sums` numbers of a row.
    unsafe {
        let to = out.at(i);
        for r in 0..to.rows {
            let mut chunk = 0;
            for (g, start) in (0..groups.k).step_by(groups.group.max(1)).enumerate() {
                let len = groups.group.min(groups.k - start);
                let first = g * groups.group_steps;
                let steps = groups.group_steps.min(groups.steps - first);
                for step in (0..steps).step_by(CHUNK) {
                    let at = start + (step * STEP).min(len);
                    let from = x.element(to.first_row + r, at);
                    let piece = Piece { from, dtype: x.dtype, len: start + len - at };
                    let count = CHUNK.min(steps - step);
                    let words = to.values.cast_mut().cast::<u32>().add((first + step) * 2 * to.rows + r);
                    let (scale, sum) = piece.quantize::<S>(count, bits, words, to.rows);
                    let beside = to.sums.cast_mut().add(chunk * 2 * to.rows + r);
                    *beside = scale;
                    *beside.add(to.rows) = sum as f32;
                    chunk += 1;
                }
            }
        }
    }
}

/// Activations of a row from the start of a chunk to the end of the group.
struct Piece {
    from: *const u8,
    dtype: crate::types::Dtype,
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

    /// Writes the words of `steps` k-steps, `stride` words apart; gives the scale and the sum of the integers.
    #[inline(always)]
    unsafe fn quantize<S: Int8>(
        &self,
        steps: usize,
        bits: Bits,
        words: *mut u32,
        stride: usize,
    ) -> (f32, i32) {
        // SAFETY: the words of the chunk are writable.
        unsafe {
            // x · 0 is 0 for every finite x and NaN for all others, and NaN stays in a sum.
            let (mut large, mut probe) = (S::zero(), S::zero());
            for at in (0..steps * STEP).step_by(LANES) {
                let v = self.load::<S>(at);
                large = S::larger(large, v);
                probe = S::mul_add(v, S::zero(), probe);
            }
            let largest = S::largest(large);
            let finite = S::sum(probe) == 0.0;
            let lift = if largest < TINY { LIFT } else { 1.0 };
            let factor = if finite && largest > 0.0 { 127.0 / (largest * lift) } else { 0.0 };

            let mut sum = 0;
            for at in (0..steps * STEP).step_by(LANES) {
                let v = S::mul(S::mul(self.load::<S>(at), S::splat(lift)), S::splat(factor));
                let integers = if finite { S::round(v) } else { [0; LANES] };
                let step = at / STEP;
                for (half, eight) in integers.chunks_exact(STEP).enumerate().take(steps - step) {
                    sum += eight.iter().map(|i| i32::from(*i)).sum::<i32>();
                    for (w, four) in order(eight, bits).into_iter().enumerate() {
                        *words.add(((step + half) * 2 + w) * stride) = u32::from_le_bytes(four);
                    }
                }
            }
            (if finite { largest / 127.0 } else { f32::NAN }, sum)
        }
    }
}

/// The bytes of a k-step as its two words have them.
#[inline(always)]
fn order(i: &[i8], bits: Bits) -> [[u8; 4]; 2] {
    let rows: [[usize; 4]; 2] = match bits {
        Bits::Four => [[0, 4, 1, 5], [2, 6, 3, 7]],
        Bits::Eight => [[0, 1, 2, 3], [4, 5, 6, 7]],
    };
    rows.map(|row| row.map(|k| i[k] as u8))
}

//! y of int8 activations: codes become bytes in registers and meet a block of rows, four products an instruction.

use std::ops::Range;

use super::CHUNK;
use super::lanes::Int8;
use crate::cpu::job::{Block, LANES, PackedX, Strided, Tiles};

/// How far ahead of their use codes are asked for, in each of the J streams.
const PREFETCH: usize = 2048;

/// Blocks of more rows than this wait for products, not for memory.
const FEW_ROWS: usize = 4;

/// y of J n-tiles from `nt` on and a block of R rows, 8 bits if WIDE, else 4; the last tile of the layer may stand in for one behind it. With
/// few rows A sums of each output take turns, which hides the latency of the products.
#[inline(always)]
unsafe fn tiles<S: Int8, const WIDE: bool, const J: usize, const R: usize, const A: usize>(
    w: &Tiles,
    nt: usize,
    x: Block,
    y: &Strided<*mut u8>,
) {
    // SAFETY: the tiles are those of `w` and `x` has R rows; all offsets follow from the layout.
    unsafe {
        let last = w.n.div_ceil(LANES) - 1;
        let tile: [usize; J] = std::array::from_fn(|j| (nt + j).min(last));
        let step_bytes = if WIDE { 128 } else { 64 };
        let codes = tile.map(|t| w.codes.as_ptr().add(t * w.steps * step_bytes));
        let mid = S::splat(f32::from(w.bits.mid()));
        let mut total = [tile.map(|t| S::load(w.bias.as_ptr().add(t * LANES))); R];
        let mut beside = x.sums;
        for g in 0..w.groups {
            let group = tile.map(|t| (t * w.groups + g) * LANES);
            let scale =
                group.map(|at| S::load_as(w.scales.as_ptr().add(at * w.scale_dtype.bytes()), w.scale_dtype));
            let minus_zero = group.map(|at| match w.zeros.is_empty() {
                true => S::sub(S::zero(), mid),
                false => S::sub(S::zero(), S::load_u8(w.zeros.as_ptr().add(at))),
            });
            let steps = w.group(g);
            let mut start = steps.start;
            while start < steps.end {
                let end = (start + CHUNK).min(steps.end);
                let mut acc = [[[S::zeros(); A]; J]; R];
                for step in start..end {
                    let at = codes.map(|c| c.add(step * step_bytes));
                    if R <= FEW_ROWS {
                        for line in (0..step_bytes).step_by(64) {
                            for p in at {
                                S::prefetch(p.wrapping_add(PREFETCH + line));
                            }
                        }
                    }
                    let bytes = at.map(|p| match WIDE {
                        false => S::bytes4(p),
                        true => [S::bytes8(p), S::bytes8(p.add(64))],
                    });
                    let words = x.values.cast::<i32>().add(step * 2 * R);
                    for half in 0..2 {
                        for r in 0..R {
                            let four = S::four_bytes(words.add(half * R + r).read_unaligned());
                            for j in 0..J {
                                let sum = &mut acc[r][j][half % A];
                                *sum = S::dot::<WIDE>(*sum, bytes[j][half], four);
                            }
                        }
                    }
                }
                for r in 0..R {
                    let (d, sum) = (S::splat(*beside.add(r)), S::splat(*beside.add(R + r)));
                    for j in 0..J {
                        let mut products = S::to_f32(acc[r][j][0]);
                        for part in &acc[r][j][1..] {
                            products = S::mul_add(S::to_f32(*part), S::splat(1.0), products);
                        }
                        let products = S::mul_add(minus_zero[j], sum, products);
                        total[r][j] = S::mul_add(S::mul(products, d), scale[j], total[r][j]);
                    }
                }
                beside = beside.add(2 * R);
                start = end;
            }
        }
        for r in 0..R {
            for j in 0..J.min(last + 1 - nt) {
                let col = (nt + j) * LANES;
                S::store_some(y.element(x.first_row + r, col), total[r][j], y.dtype, (w.n - col).min(LANES));
            }
        }
    }
}

/// y of a range of n-tiles, J at a time, for all rows; blocks of x have at most ROWS rows (at most 12).
///
/// # Safety
/// The instruction set of `S`; `x` (int8) and `y` belong to `w` and to each other; the layer has 8 bits if
/// WIDE, else 4.
#[inline(always)]
pub(in crate::cpu) unsafe fn run<S: Int8, const WIDE: bool, const J: usize, const ROWS: usize>(
    w: &Tiles,
    range: Range<usize>,
    x: &PackedX,
    y: &Strided<*mut u8>,
) {
    for nt in range.step_by(J) {
        for i in 0..x.blocks() {
            // SAFETY: the caller's promises.
            unsafe {
                let block = x.at(i);
                macro_rules! rows {
                    ($($r:literal x $a:literal),*) => {
                        match block.rows {
                            $($r if $r <= ROWS => tiles::<S, WIDE, J, $r, $a>(w, nt, block, y),)*
                            _ => {}
                        }
                    };
                }
                rows!(1 x 2, 2 x 2, 3 x 1, 4 x 1, 5 x 1, 6 x 1, 7 x 1, 8 x 1, 9 x 1, 10 x 1, 11 x 1, 12 x 1);
            }
        }
    }
}

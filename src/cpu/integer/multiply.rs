//! y of integer activations: codes become bytes in registers and meet a block of rows, four products an instruction.

use std::ops::Range;

use super::CHUNK;
use super::lanes::Int8;
use crate::cpu::job::{Block, LANES, PackedX, Strided, Tiles};

/// How far ahead of their use codes are asked for, in each of the J streams.
const PREFETCH: usize = 2048;

/// Blocks of more planes than this wait for products, not for memory.
const FEW_PLANES: usize = 24;

/// n-tiles whose codes stay in the second-level cache while the blocks of x pass by.
const BAND: usize = 8;

/// y of J n-tiles from `nt` on and a block of R rows in P planes (1, 3 or 4), 8 bits if WIDE, else 4; the last tile of the layer may
/// stand in for one behind it. A sums of each output take turns, which hides the latency of few products.
#[inline(always)]
unsafe fn tiles<S: Int8, const WIDE: bool, const P: usize, const J: usize, const R: usize, const A: usize>(
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
        let mut total = [tile.map(|t| S::load(w.bias.as_ptr().add(t * LANES))); R];
        let mut beside = x.sums;
        for g in 0..w.groups {
            let group = tile.map(|t| (t * w.groups + g) * LANES);
            let scale =
                group.map(|at| S::load_as(w.scales.as_ptr().add(at * w.scale_dtype.bytes()), w.scale_dtype));
            let zero = group.map(|at| match w.zeros.is_empty() {
                true => S::four_bytes(i32::from(w.bits.mid())),
                false => S::widen_u8(w.zeros.as_ptr().add(at)),
            });
            let steps = w.group(g);
            let mut start = steps.start;
            while start < steps.end {
                let end = (start + CHUNK).min(steps.end);
                // Beginning with −z · Σ i, the sums end as Σ (q − z) · i.
                let minus_sums = beside.add(R).cast::<i32>();
                let mut acc = [[[[S::zeros(); A]; P]; J]; R];
                for r in 0..R {
                    for p in 0..P {
                        let minus_sum = *minus_sums.add(r * P + p);
                        for j in 0..J {
                            acc[r][j][p][0] = S::times(zero[j], minus_sum);
                        }
                    }
                }
                let mut step = start;
                while step + A.div_ceil(2) <= end {
                    for turn in 0..A.div_ceil(2) {
                        add_step::<S, WIDE, P, J, R, A>(codes, x.values, step + turn, 2 * turn, &mut acc);
                    }
                    step += A.div_ceil(2);
                }
                for step in step..end {
                    add_step::<S, WIDE, P, J, R, A>(codes, x.values, step, 0, &mut acc);
                }
                for r in 0..R {
                    let d = S::splat(*beside.add(r));
                    for j in 0..J {
                        let products = value::<S, P, A>(acc[r][j]);
                        total[r][j] = S::mul_add(S::mul(products, d), scale[j], total[r][j]);
                    }
                }
                beside = beside.add(R * (1 + P));
                start = end;
            }
        }
        for r in 0..x.rows {
            for j in 0..J.min(last + 1 - nt) {
                let col = (nt + j) * LANES;
                S::store_some(y.element(x.first_row + r, col), total[r][j], y.dtype, (w.n - col).min(LANES));
            }
        }
    }
}

/// Adds the products of k-step `step`, beginning with the sums whose turn it is.
#[inline(always)]
unsafe fn add_step<S: Int8, const WIDE: bool, const P: usize, const J: usize, const R: usize, const A: usize>(
    codes: [*const u8; J],
    x: *const u8,
    step: usize,
    turn: usize,
    acc: &mut [[[[S::I; A]; P]; J]; R],
) {
    // SAFETY: the caller's tiles and block have the k-step.
    unsafe {
        let step_bytes = if WIDE { 128 } else { 64 };
        let mut bytes = [[S::zeros(); 2]; J];
        for j in 0..J {
            let at = codes[j].add(step * step_bytes);
            if R * P <= FEW_PLANES {
                for line in (0..step_bytes).step_by(64) {
                    S::prefetch(at.wrapping_add(PREFETCH + line));
                }
            }
            bytes[j] = match WIDE {
                false => S::bytes4(at),
                true => [S::bytes8(at), S::bytes8(at.add(64))],
            };
        }
        let words = x.cast::<i32>().add(step * 2 * R * P);
        for half in 0..2 {
            for r in 0..R {
                for p in 0..P {
                    let four = S::four_bytes(words.add((half * R + r) * P + p).read_unaligned());
                    for j in 0..J {
                        let sum = &mut acc[r][j][p][(turn + half) % A];
                        *sum = S::dot::<WIDE>(*sum, bytes[j][half], four);
                    }
                }
            }
        }
    }
}

/// Σ_p 256^p · (sum of the plane's parts). Sums of a plane lie within 2^23, so two of them join in 32 bits.
#[inline(always)]
unsafe fn value<S: Int8, const P: usize, const A: usize>(parts: [[S::I; A]; P]) -> S::V {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let mut planes = [S::zeros(); P];
        for p in 0..P {
            planes[p] = parts[p][0];
            for part in &parts[p][1..] {
                planes[p] = S::add(planes[p], *part);
            }
        }
        match P {
            1 => S::to_f32(planes[0]),
            _ => {
                let high = if P == 3 { planes[2] } else { S::join(planes[P - 1], planes[2]) };
                S::mul_add(S::to_f32(high), S::splat(65536.0), S::to_f32(S::join(planes[1], planes[0])))
            }
        }
    }
}

/// y of a range of n-tiles for all rows, in P planes; blocks of x have room for at most MOST planes of rows.
///
/// # Safety
/// The instruction set of `S`; `x` (integers of P planes) and `y` belong to `w` and to each other; the layer has 8 bits
/// if WIDE, else 4.
#[inline(always)]
pub(in crate::cpu) unsafe fn run<S: Int8, const WIDE: bool, const P: usize, const MOST: usize>(
    w: &Tiles,
    range: Range<usize>,
    x: &PackedX,
    y: &Strided<*mut u8>,
) {
    for band in range.clone().step_by(BAND) {
        for i in 0..x.blocks() {
            // SAFETY: the caller's promises.
            unsafe {
                let block = x.at(i);
                let end = (band + BAND).min(range.end);
                macro_rules! rows {
                    ($($r:literal),*) => {
                        match block.slots {
                            $($r if $r * P <= MOST => rows::<S, WIDE, P, $r, MOST>(w, band..end, block, y),)*
                            _ => {}
                        }
                    };
                }
                rows!(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24);
            }
        }
    }
}

/// A band of n-tiles and a block of R rows: as many tiles at a time as the registers hold sums for.
#[inline(always)]
unsafe fn rows<S: Int8, const WIDE: bool, const P: usize, const R: usize, const MOST: usize>(
    w: &Tiles,
    tiles: Range<usize>,
    x: Block,
    y: &Strided<*mut u8>,
) {
    // SAFETY: the caller's promises.
    unsafe {
        if R * P == 1 && MOST > 4 {
            tiles.for_each(|nt| self::tiles::<S, WIDE, P, 1, R, 4>(w, nt, x, y));
        } else if R * P <= 4 && MOST > 4 {
            tiles.for_each(|nt| self::tiles::<S, WIDE, P, 1, R, 2>(w, nt, x, y));
        } else if R * P * 2 <= MOST / 2 {
            tiles.step_by(2).for_each(|nt| self::tiles::<S, WIDE, P, 2, R, 1>(w, nt, x, y));
        } else {
            tiles.step_by(1).for_each(|nt| self::tiles::<S, WIDE, P, 1, R, 1>(w, nt, x, y));
        }
    }
}

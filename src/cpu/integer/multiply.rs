//! y of integer activations: codes become bytes in registers and meet a block of rows, four products an instruction.

use std::ops::Range;

use super::CHUNK;
use super::lanes::Int8;
use crate::cpu::job::{Block, LANES, PackedX, Strided, Tiles};

/// n-tiles whose codes stay in the second-level cache while the blocks of x pass by.
const BAND: usize = 8;

/// How far ahead of their use codes are asked for: the fewer products a tile has, the sooner the next one is needed.
const fn prefetch(planes: usize) -> usize {
    if planes <= 3 { 8192 } else { 4096 }
}

/// y of n-tile `nt` and a block of R rows in P planes (1, 3 or 4), 8 bits if WIDE, else 4. A sums of each output take
/// turns, which hides the latency of few products.
#[inline(always)]
unsafe fn tile<S: Int8, const WIDE: bool, const P: usize, const R: usize, const A: usize>(
    w: &Tiles,
    nt: usize,
    x: Block,
    y: &Strided<*mut u8>,
) {
    // SAFETY: the tile is one of `w` and `x` has R slots; all offsets follow from the layout.
    unsafe {
        let codes = w.codes.as_ptr().add(nt * w.steps * step_bytes::<WIDE>());
        let mut total = [S::load(w.bias.as_ptr().add(nt * LANES)); R];
        let mut beside = x.sums;
        for g in 0..w.groups {
            let group = (nt * w.groups + g) * LANES;
            let scale = S::load_as(w.scales.as_ptr().add(group * w.scale_dtype.bytes()), w.scale_dtype);
            let zero = match w.zeros.is_empty() {
                true => S::four_bytes(i32::from(w.bits.mid())),
                false => S::widen_u8(w.zeros.as_ptr().add(group)),
            };
            let steps = w.group(g);
            let mut start = steps.start;
            while start < steps.end {
                let end = (start + CHUNK).min(steps.end);
                // Beginning with −z · Σ i, the sums end as Σ (q − z) · i.
                let minus_sums = beside.add(R).cast::<i32>();
                let mut acc = [[[S::zeros(); A]; P]; R];
                for r in 0..R {
                    for p in 0..P {
                        acc[r][p][0] = S::times(zero, *minus_sums.add(r * P + p));
                    }
                }
                let mut step = start;
                if A > 2 {
                    while step + 2 <= end {
                        add_step::<S, WIDE, P, R, A>(codes, x.values, step, 0, &mut acc);
                        add_step::<S, WIDE, P, R, A>(codes, x.values, step + 1, 2, &mut acc);
                        step += 2;
                    }
                }
                while step < end {
                    add_step::<S, WIDE, P, R, A>(codes, x.values, step, 0, &mut acc);
                    step += 1;
                }
                for r in 0..R {
                    let products = S::mul(value::<S, P, A>(acc[r]), S::splat(*beside.add(r)));
                    total[r] = S::mul_add(products, scale, total[r]);
                }
                beside = beside.add(R * (1 + P));
                start = end;
            }
        }
        let col = nt * LANES;
        for r in 0..x.rows {
            S::store_some(y.element(x.first_row + r, col), total[r], y.dtype, (w.n - col).min(LANES));
        }
    }
}

const fn step_bytes<const WIDE: bool>() -> usize {
    if WIDE { 128 } else { 64 }
}

/// Adds the products of a k-step, beginning with the sums whose turn it is.
#[inline(always)]
unsafe fn add_step<S: Int8, const WIDE: bool, const P: usize, const R: usize, const A: usize>(
    codes: *const u8,
    x: *const u8,
    step: usize,
    turn: usize,
    acc: &mut [[[S::I; A]; P]; R],
) {
    // SAFETY: the caller's tile and block have the k-step.
    unsafe {
        let at = codes.add(step * step_bytes::<WIDE>());
        for line in (0..step_bytes::<WIDE>()).step_by(64) {
            S::prefetch(at.wrapping_add(prefetch(R * P) + line));
        }
        let bytes = match WIDE {
            false => S::bytes4(at),
            true => [S::bytes8(at), S::bytes8(at.add(64))],
        };
        let words = x.cast::<i32>().add(step * 2 * R * P);
        for half in 0..2 {
            for r in 0..R {
                for p in 0..P {
                    let four = S::four_bytes(words.add((half * R + r) * P + p).read_unaligned());
                    let sum = &mut acc[r][p][(turn + half) % A];
                    *sum = S::dot::<WIDE>(*sum, bytes[half], four);
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

/// y of a range of n-tiles for all rows, in P planes; blocks of x have slots for at most MOST planes of rows.
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
        let tiles = band..(band + BAND).min(range.end);
        for i in 0..x.blocks() {
            // SAFETY: the caller's promises.
            unsafe {
                let block = x.at(i);
                macro_rules! rows {
                    ($($r:literal),*) => {
                        match block.slots {
                            $($r if $r * P <= MOST => rows::<S, WIDE, P, $r>(w, tiles.clone(), block, y),)*
                            _ => {}
                        }
                    };
                }
                rows!(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16);
            }
        }
    }
}

/// Some n-tiles and a block of R rows.
#[inline(always)]
unsafe fn rows<S: Int8, const WIDE: bool, const P: usize, const R: usize>(
    w: &Tiles,
    tiles: Range<usize>,
    x: Block,
    y: &Strided<*mut u8>,
) {
    for nt in tiles {
        // SAFETY: the caller's promises.
        unsafe {
            match R * P {
                1 => tile::<S, WIDE, P, R, 4>(w, nt, x, y),
                2..=4 => tile::<S, WIDE, P, R, 2>(w, nt, x, y),
                _ => tile::<S, WIDE, P, R, 1>(w, nt, x, y),
            }
        }
    }
}

//! GEMM: a panel of weights is dequantized to f32 once, then multiplied with every row of x from the cache.

use std::ops::Range;

use super::job::{LANES, PackedX, STEP, Strided, Tiles};
use super::simd::Simd;
use crate::types::Bits;

/// k-steps of a panel: 128 rows of two n-tiles are 16 KiB, half of a first-level cache.
const PANEL_STEPS: usize = 16;

/// Bytes of a task's scratch: a panel of `tiles` n-tiles, and their f32 results for `rows` rows.
pub(super) const fn scratch_bytes(tiles: usize, rows: usize) -> usize {
    (PANEL_STEPS * STEP + rows) * tiles * LANES * size_of::<f32>()
}

/// Weights (q − z) · s of the given k-steps of J n-tiles: panel\[k\]\[J\]\[16\].
#[inline(always)]
unsafe fn decode<S: Simd, const J: usize>(w: &Tiles, nt: usize, steps: Range<usize>, panel: *mut f32) {
    // SAFETY: the tiles and steps are those of `w`, and the panel has room for PANEL_STEPS.
    unsafe {
        for j in 0..J {
            let codes = w.codes.as_ptr().add((nt + j) * w.steps * w.step_bytes());
            let mut step = steps.start;
            while step < steps.end {
                let g = step / w.group_steps;
                let group = ((nt + j) * w.groups + g) * LANES;
                let scale = S::load_as(w.scales.as_ptr().add(group * w.scale_dtype.bytes()), w.scale_dtype);
                let zero = match w.zeros.is_empty() {
                    true => S::zero(),
                    false => {
                        S::sub(S::load_u8(w.zeros.as_ptr().add(group)), S::splat(f32::from(w.bits.mid())))
                    }
                };
                for step in step..w.group(g).end.min(steps.end) {
                    let at = codes.add(step * w.step_bytes());
                    let out = panel.add(((step - steps.start) * STEP * J + j) * LANES);
                    match w.bits {
                        Bits::Four => weights::<S, 8, J>(S::codes4(at), zero, scale, out),
                        Bits::Eight => {
                            weights::<S, 4, J>(S::codes8(at), zero, scale, out);
                            weights::<S, 4, J>(S::codes8(at.add(64)), zero, scale, out.add(4 * J * LANES));
                        }
                    }
                }
                step = w.group(g).end;
            }
        }
    }
}

#[inline(always)]
unsafe fn weights<S: Simd, const C: usize, const J: usize>(
    codes: [S::V; C],
    zero: S::V,
    scale: S::V,
    out: *mut f32,
) {
    for (k, code) in codes.into_iter().enumerate() {
        // SAFETY: the panel has C rows of J tiles from `out` on.
        unsafe { S::store(out.add(k * J * LANES), S::mul(S::sub(code, zero), scale)) };
    }
}

/// c\[R\]\[J\]\[16\] += x\[k\]\[R\] · panel\[k\]\[J\]\[16\].
#[inline(always)]
unsafe fn multiply<S: Simd, const R: usize, const J: usize>(
    panel: *const f32,
    x: *const f32,
    k: usize,
    c: *mut f32,
) {
    // SAFETY: the caller's buffers have these shapes.
    unsafe {
        let mut acc = [[S::zero(); J]; R];
        for r in 0..R {
            for j in 0..J {
                acc[r][j] = S::load(c.add((r * J + j) * LANES));
            }
        }
        for k in 0..k {
            let mut row = [S::zero(); J];
            for j in 0..J {
                row[j] = S::load(panel.add((k * J + j) * LANES));
            }
            for r in 0..R {
                let x = S::splat(*x.add(k * R + r));
                for j in 0..J {
                    acc[r][j] = S::mul_add(x, row[j], acc[r][j]);
                }
            }
        }
        for r in 0..R {
            for j in 0..J {
                S::store(c.add((r * J + j) * LANES), acc[r][j]);
            }
        }
    }
}

/// y of J n-tiles from `nt` on, for all rows.
#[inline(always)]
unsafe fn tiles<S: Simd, const J: usize, const ROWS: usize>(
    w: &Tiles,
    nt: usize,
    x: &PackedX,
    y: &Strided<*mut u8>,
    scratch: *mut f32,
) {
    // SAFETY: the scratch has `scratch_bytes`, and the tiles are those of `w`.
    unsafe {
        let (panel, c) = (scratch, scratch.add(PANEL_STEPS * STEP * J * LANES));
        let bias = w.bias.as_ptr().add(nt * LANES);
        for row in 0..x.rows {
            std::ptr::copy_nonoverlapping(bias, c.add(row * J * LANES), J * LANES);
        }
        for start in (0..w.steps).step_by(PANEL_STEPS) {
            let steps = start..(start + PANEL_STEPS).min(w.steps);
            let k = steps.len() * STEP;
            decode::<S, J>(w, nt, steps, panel);
            for i in 0..x.blocks() {
                let block = x.at(i);
                let values = block.values.cast::<f32>().add(start * STEP * block.rows);
                let c = c.add(block.first_row * J * LANES);
                match block.rows {
                    1 => multiply::<S, 1, J>(panel, values, k, c),
                    2 => multiply::<S, 2, J>(panel, values, k, c),
                    3 => multiply::<S, 3, J>(panel, values, k, c),
                    4 => multiply::<S, 4, J>(panel, values, k, c),
                    5 if ROWS > 4 => multiply::<S, 5, J>(panel, values, k, c),
                    6 if ROWS > 4 => multiply::<S, 6, J>(panel, values, k, c),
                    7 if ROWS > 6 => multiply::<S, 7, J>(panel, values, k, c),
                    _ if ROWS > 6 => multiply::<S, 8, J>(panel, values, k, c),
                    _ => {}
                }
            }
        }
        for row in 0..x.rows {
            for j in 0..J {
                let v = S::load(c.add((row * J + j) * LANES));
                let col = (nt + j) * LANES;
                S::store_some(y.element(row, col), v, y.dtype, (w.n - col).min(LANES));
            }
        }
    }
}

/// y of a range of n-tiles, J at a time, for all rows; blocks of x have up to `ROWS` rows (at most 8).
///
/// # Safety
/// The instruction set of `S`; `x` and `y` belong to `w` and to each other; `scratch` has
/// [`scratch_bytes`]`(J, x.rows)` bytes that nobody else uses, aligned for f32.
#[inline(always)]
pub(super) unsafe fn run<S: Simd, const J: usize, const ROWS: usize>(
    w: &Tiles,
    range: Range<usize>,
    x: &PackedX,
    y: &Strided<*mut u8>,
    scratch: *mut u8,
) {
    let mut nt = range.start;
    while nt < range.end {
        // SAFETY: the caller's promises.
        unsafe {
            if range.end - nt >= J {
                tiles::<S, J, ROWS>(w, nt, x, y, scratch.cast());
                nt += J;
            } else {
                tiles::<S, 1, ROWS>(w, nt, x, y, scratch.cast());
                nt += 1;
            }
        }
    }
}

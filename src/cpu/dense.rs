//! Layers that were not quantized: row dot products over weight \[N, K\], converted in registers.

use std::ops::Range;

use super::job::{LANES, PackedX, Rows, Strided};
use super::simd::Simd;

/// Rows of x that stay in the second-level cache while the weights of a task pass by.
const ROWS_AT_ONCE: usize = 48;

/// Dot products of NR weight rows from `n` on with MR rows of x.
#[inline(always)]
unsafe fn dots<S: Simd, const NR: usize, const MR: usize>(
    w: &Rows,
    n: usize,
    x: *const f32,
    x_stride: usize,
    out: &mut [[f32; LANES]; MR],
    col: usize,
) {
    // SAFETY: the caller's rows exist; x is padded with zeros to a multiple of 16.
    unsafe {
        let bytes = w.dtype.bytes();
        let mut acc = [[S::zero(); NR]; MR];
        let whole = w.k - w.k % LANES;
        let mut k = 0;
        while k < w.k {
            let mut weights = [S::zero(); NR];
            for (j, v) in weights.iter_mut().enumerate() {
                let at = w.weight.as_ptr().add(((n + j) * w.k + k) * bytes);
                *v = if k < whole { S::load_as(at, w.dtype) } else { S::load_some(at, w.dtype, w.k - k) };
            }
            for r in 0..MR {
                let x = S::load(x.add(r * x_stride + k));
                for j in 0..NR {
                    acc[r][j] = S::mul_add(weights[j], x, acc[r][j]);
                }
            }
            k += LANES;
        }
        for r in 0..MR {
            for j in 0..NR {
                out[r][col + j] = S::sum(acc[r][j]) + w.bias[n + j];
            }
        }
    }
}

/// y of one n-tile and MR rows from `row` on.
#[inline(always)]
unsafe fn tile<S: Simd, const NR: usize, const MR: usize>(
    w: &Rows,
    nt: usize,
    x: &PackedX,
    row: usize,
    y: &Strided<*mut u8>,
) {
    let (first, end) = (nt * LANES, (nt * LANES + LANES).min(w.n));
    let stride = x.row_bytes / size_of::<f32>();
    let mut out = [[0f32; LANES]; MR];
    // SAFETY: the rows of x, y and the weight exist.
    unsafe {
        let values = x.values.cast::<f32>().add(row * stride);
        let mut n = first;
        while n + NR <= end {
            dots::<S, NR, MR>(w, n, values, stride, &mut out, n - first);
            n += NR;
        }
        while n < end {
            dots::<S, 1, MR>(w, n, values, stride, &mut out, n - first);
            n += 1;
        }
        for (r, lanes) in out.iter().enumerate() {
            S::store_some(y.element(row + r, first), S::load(lanes.as_ptr()), y.dtype, end - first);
        }
    }
}

/// y of a range of n-tiles (16 weight rows each), for all rows, NR × MR dot products at a time.
///
/// # Safety
/// The instruction set of `S`; `x` (blocks of one row) and `y` belong to `w` and to each other.
#[inline(always)]
pub(super) unsafe fn run<S: Simd, const NR: usize, const MR: usize>(
    w: &Rows,
    tiles: Range<usize>,
    x: &PackedX,
    y: &Strided<*mut u8>,
) {
    for start in (0..x.rows).step_by(ROWS_AT_ONCE) {
        let end = (start + ROWS_AT_ONCE).min(x.rows);
        for nt in tiles.clone() {
            let mut row = start;
            // SAFETY: the caller's promises.
            unsafe {
                while row + MR <= end {
                    tile::<S, NR, MR>(w, nt, x, row, y);
                    row += MR;
                }
                while row < end {
                    tile::<S, 4, 1>(w, nt, x, row, y);
                    row += 1;
                }
            }
        }
    }
}

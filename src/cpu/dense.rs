//! Layers that were not quantized: row dot products over weight \[N, K\], converted in registers.

use std::ops::Range;

use super::job::{LANES, PackedX, Rows, Strided};
use super::simd::{Simd, add_up};
use crate::types::Dtype;

/// Rows of x that stay in the second-level cache while the weights of a task pass by.
const ROWS_AT_ONCE: usize = 48;

/// Element types as constants.
const F16: u8 = 0;
const BF16: u8 = 1;
const F32: u8 = 2;

/// How far ahead of their use weights are asked for, where they are read one row after the other. Several streams at once
/// are quicker without.
const AHEAD: usize = 8192;

/// K up to which one row of x meets the weights row by row. Reading a longer one again and again from the first-level cache
/// costs more than reading several rows of weights at once does.
const SHORT: usize = 1024;

/// Sixteen elements of the type numbered D.
#[inline(always)]
unsafe fn load<S: Simd, const D: u8>(p: *const u8) -> S::V {
    // SAFETY: the caller's promise.
    unsafe {
        match D {
            F16 => S::load_f16(p),
            BF16 => S::load_bf16(p),
            _ => S::load(p.cast()),
        }
    }
}

/// Adds the products of NR weight rows from `n` on with MR rows of x, all but the last few of K. A sums of each output take
/// turns, which hides the latency of few products.
#[inline(always)]
unsafe fn add_whole<S: Simd, const D: u8, const NR: usize, const MR: usize, const A: usize>(
    w: &Rows,
    n: usize,
    x: *const f32,
    x_stride: usize,
    acc: &mut [[[S::V; A]; NR]; MR],
) {
    let bytes = w.dtype.bytes();
    let row = w.k * bytes;
    // SAFETY: the caller's rows exist.
    unsafe {
        let weights = w.weight.as_ptr().add(n * row);
        let (mut k, mut turn) = (0, 0);
        while k + A * LANES <= w.k {
            if NR == 1 {
                for line in (0..A * LANES * bytes).step_by(64) {
                    S::prefetch(weights.wrapping_add(k * bytes + line + AHEAD));
                }
            }
            for turn in 0..A {
                add::<S, D, NR, MR, A>(weights, row, x, x_stride, k + turn * LANES, turn, acc);
            }
            k += A * LANES;
        }
        while k + LANES <= w.k {
            add::<S, D, NR, MR, A>(weights, row, x, x_stride, k, turn, acc);
            (k, turn) = (k + LANES, (turn + 1) % A);
        }
    }
}

/// Adds the products of sixteen of K to the sums whose turn it is.
#[inline(always)]
unsafe fn add<S: Simd, const D: u8, const NR: usize, const MR: usize, const A: usize>(
    weights: *const u8,
    row: usize,
    x: *const f32,
    x_stride: usize,
    k: usize,
    turn: usize,
    acc: &mut [[[S::V; A]; NR]; MR],
) {
    // SAFETY: the caller's rows exist.
    unsafe {
        let mut v = [S::zero(); NR];
        for j in 0..NR {
            v[j] = load::<S, D>(weights.add(j * row + k * (if D == F32 { 4 } else { 2 })));
        }
        for r in 0..MR {
            let x = S::load(x.add(r * x_stride + k));
            for j in 0..NR {
                acc[r][j][turn] = S::mul_add(v[j], x, acc[r][j][turn]);
            }
        }
    }
}

/// Dot products of NR weight rows from `n` on with MR rows of x.
#[inline(always)]
unsafe fn dots<S: Simd, const NR: usize, const MR: usize, const A: usize>(
    w: &Rows,
    n: usize,
    x: *const f32,
    x_stride: usize,
    out: &mut [[f32; LANES]; MR],
    col: usize,
) {
    // SAFETY: the caller's rows exist; x is padded with zeros to a multiple of 16.
    unsafe {
        let mut acc = [[[S::zero(); A]; NR]; MR];
        match w.dtype {
            Dtype::F16 => add_whole::<S, F16, NR, MR, A>(w, n, x, x_stride, &mut acc),
            Dtype::BF16 => add_whole::<S, BF16, NR, MR, A>(w, n, x, x_stride, &mut acc),
            _ => add_whole::<S, F32, NR, MR, A>(w, n, x, x_stride, &mut acc),
        }
        let rest = w.k % LANES;
        if rest > 0 {
            let k = w.k - rest;
            for j in 0..NR {
                let at = w.weight.as_ptr().add(((n + j) * w.k + k) * w.dtype.bytes());
                let v = S::load_some(at, w.dtype, rest);
                for r in 0..MR {
                    acc[r][j][0] = S::mul_add(v, S::load(x.add(r * x_stride + k)), acc[r][j][0]);
                }
            }
        }
        for r in 0..MR {
            for j in 0..NR {
                out[r][col + j] = S::sum(add_up::<S, A>(acc[r][j])) + w.bias[n + j];
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
        while NR > 1 && n + NR <= end {
            dots::<S, NR, MR, 1>(w, n, values, stride, &mut out, n - first);
            n += NR;
        }
        while n < end {
            dots::<S, 1, MR, 4>(w, n, values, stride, &mut out, n - first);
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
                    match w.k <= SHORT {
                        true => tile::<S, 1, 1>(w, nt, x, row, y),
                        false => tile::<S, 4, 1>(w, nt, x, row, y),
                    }
                    row += 1;
                }
            }
        }
    }
}

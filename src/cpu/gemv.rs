//! GEMV: codes are decoded in registers and meet every row of a small block of x; weights stream by once.
//!
//! y[n] = bias[n] + Σ_g s[g][n] · (Σ_{k in g} (q − mid) · x[k] − (z − mid) · Σ_{k in g} x[k])
//!
//! The order of all sums is fixed by the shape, so results do not depend on how n-tiles are spread over threads.

use std::ops::Range;

use super::job::{Block, LANES, PackedX, Strided, Tiles};
use super::simd::{Simd, add_up};

/// How one k-step of codes meets x.
///
/// # Safety
/// Implementors need the instruction set of their `S`.
pub(super) trait Dot {
    /// The lanes.
    type S: Simd;
    /// Bytes of x that one row has for a k-step.
    const X_BYTES: usize;
    /// Bytes of codes in a k-step.
    const CODE_BYTES: usize;
    /// Accumulations of one row in a k-step, one after the other.
    const PRODUCTS: usize;
    /// The largest block of rows; at most 16.
    const ROWS: usize;

    /// Adds a k-step to `acc`: A accumulators a row, which the caller adds up, to hide latency when rows are few.
    ///
    /// # Safety
    /// `codes` and `x` have the bytes of a k-step (x: of R rows).
    unsafe fn step<const R: usize, const A: usize>(
        codes: *const u8,
        x: *const u8,
        acc: &mut [[<Self::S as Simd>::V; A]; R],
    );
}

/// How far ahead of their use codes are asked for: some 300 ns at full speed.
const fn prefetch(rows: usize) -> usize {
    if rows == 1 { 8192 } else { 4096 }
}

/// y of one n-tile and a block of R rows.
#[inline(always)]
unsafe fn tile<D: Dot, const R: usize, const A: usize>(w: &Tiles, nt: usize, x: Block, y: &Strided<*mut u8>) {
    // SAFETY: `nt` is a tile of `w` and `x` has R packed rows; all offsets follow from the layout.
    unsafe {
        let mut total = [D::S::load(w.bias.as_ptr().add(nt * LANES)); R];
        let codes = w.codes.as_ptr().add(nt * w.steps * D::CODE_BYTES);
        for g in 0..w.groups {
            let mut acc = [[D::S::zero(); A]; R];
            for step in w.group(g) {
                let at = codes.add(step * D::CODE_BYTES);
                for line in (0..D::CODE_BYTES).step_by(64) {
                    D::S::prefetch(at.wrapping_add(prefetch(R) + line));
                }
                D::step(at, x.values.add(step * D::X_BYTES * R), &mut acc);
            }
            let group = (nt * w.groups + g) * LANES;
            let scale = D::S::load_as(w.scales.as_ptr().add(group * w.scale_dtype.bytes()), w.scale_dtype);
            let mut sums = acc.map(|parts| add_up::<D::S, A>(parts));
            if !w.zeros.is_empty() {
                let mid = D::S::splat(f32::from(w.bits.mid()));
                let below = D::S::sub(mid, D::S::load_u8(w.zeros.as_ptr().add(group)));
                for r in 0..R {
                    sums[r] = D::S::mul_add(below, D::S::splat(*x.sums.add(g * R + r)), sums[r]);
                }
            }
            for r in 0..R {
                total[r] = D::S::mul_add(scale, sums[r], total[r]);
            }
        }
        for r in 0..x.rows {
            let at = y.element(x.first_row + r, nt * LANES);
            D::S::store_some(at, total[r], y.dtype, (w.n - nt * LANES).min(LANES));
        }
    }
}

/// y of a range of n-tiles, for all rows.
///
/// # Safety
/// The instruction set of `D`; `x` and `y` belong to `w` (K, groups, N) and to each other (rows).
#[inline(always)]
pub(super) unsafe fn run<D: Dot>(w: &Tiles, tiles: Range<usize>, x: &PackedX, y: &Strided<*mut u8>) {
    for nt in tiles {
        for i in 0..x.blocks() {
            // SAFETY: the caller's promises; a block has 1 to D::ROWS rows.
            unsafe {
                let block = x.at(i);
                macro_rules! rows {
                    ($($r:literal x $a:literal),*) => {
                        match block.slots {
                            1 if D::PRODUCTS > 4 => tile::<D, 1, 8>(w, nt, block, y),
                            $($r if $r <= D::ROWS => tile::<D, $r, $a>(w, nt, block, y),)*
                            _ => {}
                        }
                    };
                }
                rows!(1 x 4, 2 x 4, 3 x 2, 4 x 2, 5 x 1, 6 x 1, 7 x 1, 8 x 1, 10 x 1, 12 x 1, 14 x 1, 16 x 1);
            }
        }
    }
}

/// f32 multiplications and additions with 4-bit codes, fused where the instruction set can.
pub(super) struct Fma4<S, const ROWS: usize>(std::marker::PhantomData<S>);

impl<S: Simd, const ROWS: usize> Dot for Fma4<S, ROWS> {
    type S = S;
    const X_BYTES: usize = 32;
    const CODE_BYTES: usize = 64;
    const PRODUCTS: usize = 8;
    const ROWS: usize = ROWS;

    #[inline(always)]
    unsafe fn step<const R: usize, const A: usize>(codes: *const u8, x: *const u8, acc: &mut [[S::V; A]; R]) {
        // SAFETY: the trait's promise.
        unsafe { multiply::<S, 8, R, A>(S::codes4(codes), x.cast(), acc) }
    }
}

/// As [`Fma4`], with 8-bit codes: two tiles a k-step.
pub(super) struct Fma8<S, const ROWS: usize>(std::marker::PhantomData<S>);

impl<S: Simd, const ROWS: usize> Dot for Fma8<S, ROWS> {
    type S = S;
    const X_BYTES: usize = 32;
    const CODE_BYTES: usize = 128;
    const PRODUCTS: usize = 8;
    const ROWS: usize = ROWS;

    #[inline(always)]
    unsafe fn step<const R: usize, const A: usize>(codes: *const u8, x: *const u8, acc: &mut [[S::V; A]; R]) {
        // SAFETY: the trait's promise.
        unsafe {
            multiply::<S, 4, R, A>(S::codes8(codes), x.cast(), acc);
            multiply::<S, 4, R, A>(S::codes8(codes.add(64)), x.cast::<f32>().add(4 * R), acc);
        }
    }
}

#[inline(always)]
unsafe fn multiply<S: Simd, const C: usize, const R: usize, const A: usize>(
    codes: [S::V; C],
    x: *const f32,
    acc: &mut [[S::V; A]; R],
) {
    for (k, code) in codes.into_iter().enumerate() {
        for r in 0..R {
            // SAFETY: x has C · R values.
            unsafe { acc[r][k % A] = S::mul_add(code, S::splat(*x.add(k * R + r)), acc[r][k % A]) };
        }
    }
}

//! The sixteen lanes that every kernel is written in, once for all instruction sets.
//!
//! A lane is a column of an n-tile (or, in dense layers, an input feature). All functions are `inline(always)`,
//! so that they become part of the caller that carries the `target_feature`.

use crate::types::Dtype;

/// Sixteen f32 lanes and what the kernels do with them.
///
/// # Safety
/// Every function needs the instruction set of its implementor, and pointers that are valid for what it reads or
/// writes: 16 elements where nothing else is said. No pointer needs alignment.
pub(super) trait Simd {
    /// Sixteen lanes.
    type V: Copy;

    unsafe fn zero() -> Self::V;
    unsafe fn splat(x: f32) -> Self::V;
    /// a · b + c.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// The lanes' sum, in an order that depends on nothing but the instruction set.
    unsafe fn sum(v: Self::V) -> f32;

    unsafe fn load(p: *const f32) -> Self::V;
    unsafe fn store(p: *mut f32, v: Self::V);
    unsafe fn load_f16(p: *const u8) -> Self::V;
    unsafe fn load_bf16(p: *const u8) -> Self::V;
    unsafe fn load_u8(p: *const u8) -> Self::V;
    unsafe fn store_f16(p: *mut u8, v: Self::V);
    unsafe fn store_bf16(p: *mut u8, v: Self::V);

    /// q − 8 of the 8 rows of a 4-bit tile of 64 bytes.
    unsafe fn codes4(tile: *const u8) -> [Self::V; 8];
    /// q − 128 of the 4 rows of an 8-bit tile of 64 bytes.
    unsafe fn codes8(tile: *const u8) -> [Self::V; 4];

    /// Asks for the cache line at `p`, which may lie outside of any buffer.
    unsafe fn prefetch(p: *const u8);

    /// Sixteen elements of F16, BF16 or F32.
    #[inline(always)]
    unsafe fn load_as(p: *const u8, dtype: Dtype) -> Self::V {
        // SAFETY: the caller's promise.
        unsafe {
            match dtype {
                Dtype::F16 => Self::load_f16(p),
                Dtype::BF16 => Self::load_bf16(p),
                _ => Self::load(p.cast()),
            }
        }
    }

    /// The first `count` of sixteen elements of F16, BF16 or F32; the other lanes are 0.
    #[inline(always)]
    unsafe fn load_some(p: *const u8, dtype: Dtype, count: usize) -> Self::V {
        let mut padded = [0u8; 64];
        // SAFETY: `count` elements are readable; the copy has room for sixteen of the widest.
        unsafe {
            std::ptr::copy_nonoverlapping(p, padded.as_mut_ptr(), count.min(16) * dtype.bytes());
            Self::load_as(padded.as_ptr(), dtype)
        }
    }

    /// All lanes, rounded to nearest even, as F16, BF16 or F32.
    #[inline(always)]
    unsafe fn store_as(p: *mut u8, v: Self::V, dtype: Dtype) {
        // SAFETY: the caller's promise.
        unsafe {
            match dtype {
                Dtype::F16 => Self::store_f16(p, v),
                Dtype::BF16 => Self::store_bf16(p, v),
                _ => Self::store(p.cast(), v),
            }
        }
    }

    /// The first `count` lanes as [`Simd::store_as`] does.
    #[inline(always)]
    unsafe fn store_some(p: *mut u8, v: Self::V, dtype: Dtype, count: usize) {
        // SAFETY: the caller's promise; a part of sixteen goes through a copy that has room for all.
        unsafe {
            if count == 16 {
                return Self::store_as(p, v, dtype);
            }
            let mut padded = [0u8; 64];
            Self::store_as(padded.as_mut_ptr(), v, dtype);
            std::ptr::copy_nonoverlapping(padded.as_ptr(), p, count * dtype.bytes());
        }
    }
}

/// The sum of accumulators that took turns.
///
/// # Safety
/// The instruction set of `S`.
#[inline(always)]
pub(super) unsafe fn add_up<S: Simd, const A: usize>(parts: [S::V; A]) -> S::V {
    let mut sum = parts[0];
    for part in &parts[1..] {
        // SAFETY: the caller has the instruction set.
        sum = unsafe { S::mul_add(*part, S::splat(1.0), sum) };
    }
    sum
}

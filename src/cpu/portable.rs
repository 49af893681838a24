//! Sixteen lanes in plain Rust, for processors without a kernel of their own.

use half::{bf16, f16};

use super::simd::Simd;

/// Arrays that the compiler turns into what vectors it has.
pub(super) struct Portable;

type V = [f32; 16];

#[inline(always)]
unsafe fn read<T: Copy>(p: *const u8) -> [T; 16] {
    // SAFETY: the caller of the trait function promised 16 readable elements.
    unsafe { p.cast::<[T; 16]>().read_unaligned() }
}

impl Simd for Portable {
    type V = V;

    #[inline(always)]
    unsafe fn zero() -> V {
        [0.0; 16]
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        [x; 16]
    }
    #[inline(always)]
    unsafe fn mul_add(a: V, b: V, c: V) -> V {
        // Not f32::mul_add: without the instruction that is a library call.
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        std::array::from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        std::array::from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn sum(v: V) -> f32 {
        let eight: [f32; 8] = std::array::from_fn(|i| v[i] + v[i + 8]);
        let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> V {
        // SAFETY: the trait's promise.
        unsafe { read(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: V) {
        // SAFETY: the trait's promise.
        unsafe { p.cast::<V>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn load_f16(p: *const u8) -> V {
        // SAFETY: the trait's promise.
        unsafe { read::<u16>(p) }.map(|b| f16::from_bits(b).to_f32())
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const u8) -> V {
        // SAFETY: the trait's promise.
        unsafe { read::<u16>(p) }.map(|b| f32::from_bits(u32::from(b) << 16))
    }
    #[inline(always)]
    unsafe fn load_u8(p: *const u8) -> V {
        // SAFETY: the trait's promise.
        unsafe { read::<u8>(p) }.map(f32::from)
    }
    #[inline(always)]
    unsafe fn store_f16(p: *mut u8, v: V) {
        // SAFETY: the trait's promise.
        unsafe { p.cast::<[f16; 16]>().write_unaligned(v.map(f16::from_f32)) }
    }
    #[inline(always)]
    unsafe fn store_bf16(p: *mut u8, v: V) {
        // SAFETY: the trait's promise.
        unsafe { p.cast::<[bf16; 16]>().write_unaligned(v.map(bf16::from_f32)) }
    }

    #[inline(always)]
    unsafe fn codes4(tile: *const u8) -> [V; 8] {
        // SAFETY: a tile has 64 bytes.
        let words = unsafe { read::<u32>(tile) }.map(u32::from_le);
        std::array::from_fn(|row| {
            let nibble = row / 2 + 4 * (row % 2);
            words.map(|w| ((w >> (4 * nibble)) & 15) as f32 - 8.0)
        })
    }
    #[inline(always)]
    unsafe fn codes8(tile: *const u8) -> [V; 4] {
        // SAFETY: a tile has 64 bytes.
        let words = unsafe { read::<u32>(tile) }.map(u32::from_le);
        std::array::from_fn(|row| words.map(|w| ((w >> (8 * row)) & 255) as f32 - 128.0))
    }

    #[inline(always)]
    unsafe fn prefetch(_: *const u8) {}
}

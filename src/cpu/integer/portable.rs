//! Integer lanes in plain Rust.

use super::lanes::{Int8, ORDER4};
use crate::cpu::portable::Portable;
use crate::types::Bits;

type I = [i32; 16];

#[inline(always)]
unsafe fn words(tile: *const u8) -> [u32; 16] {
    // SAFETY: a tile has 64 bytes.
    unsafe { tile.cast::<[u32; 16]>().read_unaligned() }.map(u32::from_le)
}

impl Int8 for Portable {
    type I = I;

    #[inline(always)]
    unsafe fn zeros() -> I {
        [0; 16]
    }
    #[inline(always)]
    unsafe fn four_bytes(bytes: i32) -> I {
        [bytes; 16]
    }
    #[inline(always)]
    unsafe fn widen_u8(p: *const u8) -> I {
        // SAFETY: the trait's promise.
        unsafe { p.cast::<[u8; 16]>().read_unaligned() }.map(i32::from)
    }
    #[inline(always)]
    unsafe fn add(a: I, b: I) -> I {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    unsafe fn times(a: I, factor: i32) -> I {
        a.map(|a| a.wrapping_mul(factor))
    }
    #[inline(always)]
    unsafe fn join(high: I, low: I) -> I {
        std::array::from_fn(|i| (high[i] << 8).wrapping_add(low[i]))
    }
    #[inline(always)]
    unsafe fn to_f32(v: I) -> [f32; 16] {
        v.map(|i| i as f32)
    }

    #[inline(always)]
    unsafe fn bytes4(tile: *const u8) -> [I; 2] {
        // SAFETY: the trait's promise.
        let words = unsafe { words(tile) };
        [words.map(|w| (w & 0x0f0f_0f0f) as i32), words.map(|w| (w >> 4 & 0x0f0f_0f0f) as i32)]
    }
    #[inline(always)]
    unsafe fn bytes8(tile: *const u8) -> I {
        // SAFETY: the trait's promise.
        unsafe { words(tile) }.map(|w| w as i32)
    }

    #[inline(always)]
    unsafe fn dot<const WIDE: bool>(sum: I, codes: I, x: I) -> I {
        std::array::from_fn(|lane| {
            let (q, x) = (codes[lane].to_le_bytes(), x[lane].to_le_bytes());
            sum[lane] + (0..4).map(|b| i32::from(q[b]) * i32::from(x[b] as i8)).sum::<i32>()
        })
    }

    #[inline(always)]
    unsafe fn larger(a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        std::array::from_fn(|i| if b[i].abs() > a[i] { b[i].abs() } else { a[i] })
    }
    #[inline(always)]
    unsafe fn largest(v: [f32; 16]) -> f32 {
        v.into_iter().fold(v[0], f32::max)
    }
    #[inline(always)]
    unsafe fn round(v: [f32; 16]) -> I {
        v.map(|x| x.round_ties_even() as i32)
    }
    #[inline(always)]
    unsafe fn upper(v: I) -> I {
        v.map(|i| (i + 128) >> 8)
    }
    #[inline(always)]
    unsafe fn low_byte(v: I) -> I {
        v.map(|i| i32::from(i as i8))
    }
    #[inline(always)]
    unsafe fn words(v: I, bits: Bits) -> [u32; 4] {
        let lane = |i: usize| if bits == Bits::Four { usize::from(ORDER4[i]) } else { i };
        std::array::from_fn(|word| u32::from_le_bytes(std::array::from_fn(|i| v[lane(4 * word + i)] as u8)))
    }
    #[inline(always)]
    unsafe fn total(v: I) -> i32 {
        v.iter().sum()
    }
}

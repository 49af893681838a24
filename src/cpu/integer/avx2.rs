//! Integer lanes as two 256-bit registers: products of bytes added in pairs, then pairs in fours.

use std::arch::x86_64::*;

use super::lanes::{Int8, ORDER4};
use crate::cpu::avx2::Avx2;
use crate::types::Bits;

type I = [__m256i; 2];

/// The words of a tile, lanes 0 to 7 and 8 to 15.
#[inline(always)]
unsafe fn words(tile: *const u8) -> I {
    // SAFETY: a tile has 64 bytes.
    unsafe { [0, 32].map(|at| _mm256_loadu_si256(tile.add(at).cast())) }
}

/// The nibbles of eight words, the lower ones of each byte, then the upper ones.
#[inline(always)]
unsafe fn nibbles(v: __m256i) -> (__m256i, __m256i) {
    // SAFETY: register arithmetic only.
    unsafe {
        let mask = _mm256_set1_epi8(15);
        (_mm256_and_si256(v, mask), _mm256_and_si256(_mm256_srli_epi16::<4>(v), mask))
    }
}

/// Σ of four products in each word, times `weight`. The sum of two products of codes below 16 fits 16 bits.
#[inline(always)]
unsafe fn fours(codes: __m256i, x: __m256i, weight: i16) -> __m256i {
    // SAFETY: register arithmetic only.
    unsafe { _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), _mm256_set1_epi16(weight)) }
}

// SAFETY of all blocks below: the trait's promises (instruction set, readable pointers).
impl Int8 for Avx2 {
    type I = I;

    #[inline(always)]
    unsafe fn zeros() -> I {
        // SAFETY: see the impl.
        unsafe { [_mm256_setzero_si256(); 2] }
    }
    #[inline(always)]
    unsafe fn four_bytes(bytes: i32) -> I {
        // SAFETY: see the impl.
        unsafe { [_mm256_set1_epi32(bytes); 2] }
    }
    #[inline(always)]
    unsafe fn widen_u8(p: *const u8) -> I {
        // SAFETY: see the impl.
        unsafe { [0, 8].map(|at| _mm256_cvtepu8_epi32(_mm_loadl_epi64(p.add(at).cast()))) }
    }
    #[inline(always)]
    unsafe fn add(a: I, b: I) -> I {
        // SAFETY: see the impl.
        unsafe { [0, 1].map(|half| _mm256_add_epi32(a[half], b[half])) }
    }
    #[inline(always)]
    unsafe fn times(a: I, factor: i32) -> I {
        // The upper half of a is 0, so of the factor only its lower 16 bits count; cheaper than a full product.
        // SAFETY: see the impl.
        unsafe { a.map(|half| _mm256_madd_epi16(half, _mm256_set1_epi32(factor))) }
    }
    #[inline(always)]
    unsafe fn join(high: I, low: I) -> I {
        // SAFETY: see the impl.
        unsafe { [0, 1].map(|half| _mm256_add_epi32(_mm256_slli_epi32::<8>(high[half]), low[half])) }
    }
    #[inline(always)]
    unsafe fn to_f32(v: I) -> [__m256; 2] {
        // SAFETY: see the impl.
        unsafe { v.map(|half| _mm256_cvtepi32_ps(half)) }
    }

    #[inline(always)]
    unsafe fn bytes4(tile: *const u8) -> [I; 2] {
        // SAFETY: see the impl.
        unsafe {
            let [a, b] = words(tile).map(|half| nibbles(half));
            [[a.0, b.0], [a.1, b.1]]
        }
    }
    #[inline(always)]
    unsafe fn bytes8(tile: *const u8) -> I {
        // SAFETY: see the impl.
        unsafe { words(tile) }
    }

    #[inline(always)]
    unsafe fn dot<const WIDE: bool>(sum: I, codes: I, x: I) -> I {
        // SAFETY: see the impl.
        unsafe {
            [0, 1].map(|half| {
                if !WIDE {
                    return _mm256_add_epi32(sum[half], fours(codes[half], x[half], 1));
                }
                let (low, high) = nibbles(codes[half]);
                let high = _mm256_add_epi32(sum[half], fours(high, x[half], 16));
                _mm256_add_epi32(high, fours(low, x[half], 1))
            })
        }
    }

    #[inline(always)]
    unsafe fn larger(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see the impl.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            [0, 1].map(|half| _mm256_max_ps(_mm256_andnot_ps(sign, b[half]), a[half]))
        }
    }
    #[inline(always)]
    unsafe fn largest(v: [__m256; 2]) -> f32 {
        // SAFETY: see the impl.
        unsafe {
            let eight = _mm256_max_ps(v[0], v[1]);
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    unsafe fn round(v: [__m256; 2]) -> I {
        // SAFETY: see the impl.
        unsafe { v.map(|half| _mm256_cvtps_epi32(half)) }
    }
    #[inline(always)]
    unsafe fn upper(v: I) -> I {
        // SAFETY: see the impl.
        unsafe { v.map(|half| _mm256_srai_epi32::<8>(_mm256_add_epi32(half, _mm256_set1_epi32(128)))) }
    }
    #[inline(always)]
    unsafe fn low_byte(v: I) -> I {
        // SAFETY: see the impl.
        unsafe { v.map(|half| _mm256_srai_epi32::<24>(_mm256_slli_epi32::<24>(half))) }
    }
    #[inline(always)]
    unsafe fn words(v: I, bits: Bits) -> [u32; 4] {
        // SAFETY: see the impl; the array is as long as the register.
        unsafe {
            let [a, b] = v.map(|half| _mm256_and_si256(half, _mm256_set1_epi32(255)));
            // Packing works within 128-bit halves; the permutation puts the quarters back in order.
            let shorts = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(a, b));
            let (low, high) = (_mm256_castsi256_si128(shorts), _mm256_extracti128_si256::<1>(shorts));
            let bytes = _mm_packus_epi16(low, high);
            std::mem::transmute(match bits {
                Bits::Four => _mm_shuffle_epi8(bytes, _mm_loadu_si128(ORDER4.as_ptr().cast())),
                Bits::Eight => bytes,
            })
        }
    }
    #[inline(always)]
    unsafe fn total(v: I) -> i32 {
        // SAFETY: see the impl; the array is as long as the register.
        unsafe {
            let lanes: [i32; 8] = std::mem::transmute(_mm256_add_epi32(v[0], v[1]));
            lanes.iter().sum()
        }
    }
}

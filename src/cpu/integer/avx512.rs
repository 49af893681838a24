//! Integer lanes as one 512-bit register: AVX-512 F, BW, DQ, VL and VNNI, which multiplies bytes and adds fours at once.

use std::arch::x86_64::*;

use super::lanes::{Int8, ORDER4};
use crate::cpu::avx512::Avx512;
use crate::types::Bits;

/// AVX-512 with VNNI.
pub(in crate::cpu) type Vnni = Avx512;

// SAFETY of all blocks below: the trait's promises (instruction set, readable pointers).
impl Int8 for Avx512 {
    type I = __m512i;

    #[inline(always)]
    unsafe fn zeros() -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_setzero_si512() }
    }
    #[inline(always)]
    unsafe fn four_bytes(bytes: i32) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_set1_epi32(bytes) }
    }
    #[inline(always)]
    unsafe fn widen_u8(p: *const u8) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtepu8_epi32(_mm_loadu_si128(p.cast())) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_add_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn times(a: __m512i, factor: i32) -> __m512i {
        // The upper half of a is 0, so of the factor only its lower 16 bits count; cheaper than a full product.
        // SAFETY: see the impl.
        unsafe { _mm512_madd_epi16(a, _mm512_set1_epi32(factor)) }
    }
    #[inline(always)]
    unsafe fn join(high: __m512i, low: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_add_epi32(_mm512_slli_epi32::<8>(high), low) }
    }
    #[inline(always)]
    unsafe fn to_f32(v: __m512i) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtepi32_ps(v) }
    }

    #[inline(always)]
    unsafe fn bytes4(tile: *const u8) -> [__m512i; 2] {
        // SAFETY: see the impl.
        unsafe {
            let (v, mask) = (_mm512_loadu_si512(tile.cast()), _mm512_set1_epi8(15));
            [_mm512_and_si512(v, mask), _mm512_and_si512(_mm512_srli_epi16::<4>(v), mask)]
        }
    }
    #[inline(always)]
    unsafe fn bytes8(tile: *const u8) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_loadu_si512(tile.cast()) }
    }

    #[inline(always)]
    unsafe fn dot<const WIDE: bool>(sum: __m512i, codes: __m512i, x: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_dpbusd_epi32(sum, codes, x) }
    }

    #[inline(always)]
    unsafe fn larger(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_max_ps(_mm512_abs_ps(b), a) }
    }
    #[inline(always)]
    unsafe fn largest(v: __m512) -> f32 {
        // SAFETY: see the impl.
        unsafe { _mm512_reduce_max_ps(v) }
    }
    #[inline(always)]
    unsafe fn round(v: __m512) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtps_epi32(v) }
    }
    #[inline(always)]
    unsafe fn upper(v: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_srai_epi32::<8>(_mm512_add_epi32(v, _mm512_set1_epi32(128))) }
    }
    #[inline(always)]
    unsafe fn low_byte(v: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_srai_epi32::<24>(_mm512_slli_epi32::<24>(v)) }
    }
    #[inline(always)]
    unsafe fn words(v: __m512i, bits: Bits) -> [u32; 4] {
        // SAFETY: see the impl; the array is as long as the register.
        unsafe {
            let bytes = _mm512_cvtepi32_epi8(v);
            std::mem::transmute(match bits {
                Bits::Four => _mm_shuffle_epi8(bytes, _mm_loadu_si128(ORDER4.as_ptr().cast())),
                Bits::Eight => bytes,
            })
        }
    }
    #[inline(always)]
    unsafe fn total(v: __m512i) -> i32 {
        // SAFETY: see the impl.
        unsafe { _mm512_reduce_add_epi32(v) }
    }
}

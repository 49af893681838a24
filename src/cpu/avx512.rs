//! Sixteen lanes as one 512-bit register: AVX-512 F, BW, DQ, VL.

use std::arch::x86_64::*;

use super::simd::Simd;

/// One register.
pub(super) struct Avx512;

type V = __m512;

/// The nibble or byte that `mask` selects, as a number minus `mid`: OR-ed into the mantissa of a power of two
/// whose last place is worth one unit of it, and the power subtracted again. Two cheap operations on ports that
/// the multiplications do not need, and exact.
#[inline(always)]
unsafe fn in_mantissa<const MASK: i32>(v: __m512i, power: f32, mid: f32) -> V {
    const SELECT_OR: i32 = 0xea; // (a & b) | c
    // SAFETY: register arithmetic only.
    unsafe {
        let magic = _mm512_castps_si512(_mm512_set1_ps(power));
        let bits = _mm512_ternarylogic_epi32::<SELECT_OR>(v, _mm512_set1_epi32(MASK), magic);
        _mm512_sub_ps(_mm512_castsi512_ps(bits), _mm512_set1_ps(power + mid))
    }
}

/// q − 8 by the low nibble of each lane; the permutation looks at four bits only, so what lies above is no matter.
#[inline(always)]
unsafe fn low_nibble(v: __m512i) -> V {
    // SAFETY: register arithmetic only.
    unsafe {
        let table = _mm512_setr_ps(-8., -7., -6., -5., -4., -3., -2., -1., 0., 1., 2., 3., 4., 5., 6., 7.);
        _mm512_permutexvar_ps(v, table)
    }
}

// SAFETY of all blocks below: the trait's promises (instruction set, readable and writable pointers).
impl Simd for Avx512 {
    type V = V;

    #[inline(always)]
    unsafe fn zero() -> V {
        // SAFETY: see the impl.
        unsafe { _mm512_setzero_ps() }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        // SAFETY: see the impl.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: V, b: V, c: V) -> V {
        // SAFETY: see the impl.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        // SAFETY: see the impl.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        // SAFETY: see the impl.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sum(v: V) -> f32 {
        // SAFETY: see the impl.
        unsafe { _mm512_reduce_add_ps(v) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> V {
        // SAFETY: see the impl.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: V) {
        // SAFETY: see the impl.
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_f16(p: *const u8) -> V {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(p.cast())) }
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const u8) -> V {
        // SAFETY: see the impl.
        unsafe {
            let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
        }
    }
    #[inline(always)]
    unsafe fn load_u8(p: *const u8) -> V {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(p.cast()))) }
    }
    #[inline(always)]
    unsafe fn store_f16(p: *mut u8, v: V) {
        // SAFETY: see the impl.
        unsafe {
            _mm256_storeu_si256(p.cast(), _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(v));
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(p: *mut u8, v: V) {
        // SAFETY: see the impl.
        unsafe {
            let bits = _mm512_castps_si512(v);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(v, v);
            let kept = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x0040_0000));
            _mm256_storeu_si256(p.cast(), _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(kept)));
        }
    }

    #[inline(always)]
    unsafe fn codes4(tile: *const u8) -> [V; 8] {
        // SAFETY: see the impl.
        unsafe {
            let v = _mm512_loadu_si512(tile.cast());
            // Nibbles 5, 6, 7 lie too high for a mantissa; in `high` they are where 2, 3, 4 are in `v`.
            let high = _mm512_srli_epi32::<12>(v);
            [
                low_nibble(v),
                in_mantissa::<0xf_0000>(v, 128.0, 8.0),
                in_mantissa::<0xf0>(v, 524_288.0, 8.0),
                in_mantissa::<0xf00>(high, 32_768.0, 8.0),
                in_mantissa::<0xf00>(v, 32_768.0, 8.0),
                in_mantissa::<0xf000>(high, 2048.0, 8.0),
                low_nibble(high),
                in_mantissa::<0xf_0000>(high, 128.0, 8.0),
            ]
        }
    }
    #[inline(always)]
    unsafe fn codes8(tile: *const u8) -> [V; 4] {
        // SAFETY: see the impl.
        unsafe {
            let v = _mm512_loadu_si512(tile.cast());
            let high = _mm512_srli_epi32::<16>(v);
            [
                in_mantissa::<0xff>(v, 8_388_608.0, 128.0),
                in_mantissa::<0xff00>(v, 32_768.0, 128.0),
                in_mantissa::<0xff>(high, 8_388_608.0, 128.0),
                in_mantissa::<0xff00>(high, 32_768.0, 128.0),
            ]
        }
    }

    #[inline(always)]
    unsafe fn prefetch(p: *const u8) {
        // SAFETY: a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
}

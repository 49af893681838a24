//! Sixteen lanes as two 256-bit registers: AVX2, FMA, F16C.

use std::arch::x86_64::*;

use super::simd::Simd;

/// Two registers of eight lanes.
pub(super) struct Avx2;

type V = [__m256; 2];

/// Eight 32-bit words of a tile from word 8·`half` on, turned so that codes are two's complement (q − mid).
#[inline(always)]
unsafe fn signed_words(tile: *const u8, half: usize, sign_bits: i32) -> __m256i {
    // SAFETY: a tile has 64 bytes.
    unsafe { _mm256_xor_si256(_mm256_loadu_si256(tile.add(32 * half).cast()), _mm256_set1_epi32(sign_bits)) }
}

/// bf16 bits of eight lanes in the low 16 bits of each, rounded to nearest even; NaN stays NaN.
#[inline(always)]
unsafe fn round_bf16(v: __m256) -> __m256i {
    // SAFETY: register arithmetic only.
    unsafe {
        let bits = _mm256_castps_si256(v);
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
        let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x0040_0000));
        let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(v, v));
        _mm256_srli_epi32::<16>(_mm256_blendv_epi8(rounded, quiet, nan))
    }
}

// SAFETY of all blocks below: the trait's promises (instruction set, readable and writable pointers).
impl Simd for Avx2 {
    type V = V;

    #[inline(always)]
    unsafe fn zero() -> V {
        // SAFETY: see the impl.
        unsafe { [_mm256_setzero_ps(); 2] }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        // SAFETY: see the impl.
        unsafe { [_mm256_set1_ps(x); 2] }
    }
    #[inline(always)]
    unsafe fn mul_add(a: V, b: V, c: V) -> V {
        // SAFETY: see the impl.
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        // SAFETY: see the impl.
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        // SAFETY: see the impl.
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }
    #[inline(always)]
    unsafe fn sum(v: V) -> f32 {
        // SAFETY: see the impl.
        unsafe {
            let eight = _mm256_add_ps(v[0], v[1]);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> V {
        // SAFETY: see the impl.
        unsafe { [_mm256_loadu_ps(p), _mm256_loadu_ps(p.add(8))] }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: V) {
        // SAFETY: see the impl.
        unsafe {
            _mm256_storeu_ps(p, v[0]);
            _mm256_storeu_ps(p.add(8), v[1]);
        }
    }
    #[inline(always)]
    unsafe fn load_f16(p: *const u8) -> V {
        // SAFETY: see the impl.
        unsafe { [0, 16].map(|at| _mm256_cvtph_ps(_mm_loadu_si128(p.add(at).cast()))) }
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const u8) -> V {
        // SAFETY: see the impl.
        unsafe {
            [0, 16].map(|at| {
                let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(p.add(at).cast()));
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
            })
        }
    }
    #[inline(always)]
    unsafe fn load_u8(p: *const u8) -> V {
        // SAFETY: see the impl.
        unsafe {
            [0, 8].map(|at| _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(p.add(at).cast()))))
        }
    }
    #[inline(always)]
    unsafe fn store_f16(p: *mut u8, v: V) {
        // SAFETY: see the impl.
        unsafe {
            for (half, lanes) in v.into_iter().enumerate() {
                let rounded = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(lanes);
                _mm_storeu_si128(p.add(16 * half).cast(), rounded);
            }
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(p: *mut u8, v: V) {
        // SAFETY: see the impl.
        unsafe {
            // Packing works within 128-bit halves; the permutation puts the quarters back in order.
            let packed = _mm256_packus_epi32(round_bf16(v[0]), round_bf16(v[1]));
            _mm256_storeu_si256(p.cast(), _mm256_permute4x64_epi64::<0b11_01_10_00>(packed));
        }
    }

    #[inline(always)]
    unsafe fn codes4(tile: *const u8) -> [V; 8] {
        // SAFETY: see the impl.
        unsafe {
            let words = [0, 1].map(|half| signed_words(tile, half, 0x8888_8888u32 as i32));
            // Each nibble is moved to the top and comes down with its sign.
            macro_rules! rows {
                ($($left:literal)*) => {[$(words.map(|w| {
                    _mm256_cvtepi32_ps(_mm256_srai_epi32::<28>(_mm256_slli_epi32::<$left>(w)))
                })),*]};
            }
            rows!(28 12 24 8 20 4 16 0)
        }
    }
    #[inline(always)]
    unsafe fn codes8(tile: *const u8) -> [V; 4] {
        // SAFETY: see the impl.
        unsafe {
            let words = [0, 1].map(|half| signed_words(tile, half, 0x8080_8080u32 as i32));
            macro_rules! rows {
                ($($left:literal)*) => {[$(words.map(|w| {
                    _mm256_cvtepi32_ps(_mm256_srai_epi32::<24>(_mm256_slli_epi32::<$left>(w)))
                })),*]};
            }
            rows!(24 16 8 0)
        }
    }

    #[inline(always)]
    unsafe fn prefetch(p: *const u8) {
        // SAFETY: a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
}

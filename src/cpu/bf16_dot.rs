//! AVX512_BF16: two products a lane and instruction, exact in f32, for activations that are bf16.
//!
//! Codes minus 8 are exact in bf16. The instruction takes bf16 below 2^-126 for zero and rounds each sum to f32.

use std::arch::x86_64::*;

use super::avx512::Avx512;
use super::gemv::Dot;

/// Rows of a block: with more, on Zen 4, sums of groups cost more than decoding less often saves.
pub(super) const ROWS: usize = 12;

/// 4-bit codes; x as pairs of k, \[k/2\]\[R\].
pub(super) struct Bf16Dot;

/// bf16 of −8..=7, twice: the permutation looks at five bits, the fifth belonging to the next nibble.
#[inline(always)]
unsafe fn table() -> __m512i {
    const BITS: [u16; 32] = {
        let mut bits = [0; 32];
        let mut i = 0;
        while i < 32 {
            bits[i] = (((i % 16) as f32 - 8.0).to_bits() >> 16) as u16;
            i += 1;
        }
        bits
    };
    // SAFETY: 64 bytes are read.
    unsafe { _mm512_loadu_si512(BITS.as_ptr().cast()) }
}

impl Dot for Bf16Dot {
    type S = Avx512;
    const X_BYTES: usize = 16;
    const CODE_BYTES: usize = 64;
    const PRODUCTS: usize = 4;
    const ROWS: usize = ROWS;

    #[inline(always)]
    unsafe fn step<const R: usize, const A: usize>(
        codes: *const u8,
        x: *const u8,
        acc: &mut [[__m512; A]; R],
    ) {
        // SAFETY: the trait's promise; x has 4 · R pairs.
        unsafe {
            let v = _mm512_loadu_si512(codes.cast());
            let table = table();
            // Nibble b of a word's lower half is row 2b, of its upper half row 2b + 1.
            let pairs = [
                _mm512_permutexvar_epi16(v, table),
                _mm512_permutexvar_epi16(_mm512_srli_epi16::<4>(v), table),
                _mm512_permutexvar_epi16(_mm512_srli_epi16::<8>(v), table),
                _mm512_permutexvar_epi16(_mm512_srli_epi16::<12>(v), table),
            ];
            for (b, pair) in pairs.into_iter().enumerate() {
                for r in 0..R {
                    let x = _mm512_set1_epi32(x.cast::<i32>().add(b * R + r).read_unaligned());
                    let sum = &mut acc[r][b % A];
                    *sum = _mm512_dpbf16_ps(*sum, bf16(pair), bf16(x));
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn bf16(v: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of anything.
    unsafe { std::mem::transmute(v) }
}

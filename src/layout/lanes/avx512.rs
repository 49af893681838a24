//! Four lanes as one 512-bit register: AVX-512 F and BW.

use std::arch::x86_64::*;

use super::Lanes;

/// One register.
#[derive(Clone, Copy)]
pub(in crate::layout) struct Avx512(__m512i);

/// Bits of `a` where `mask` is set, of `b` elsewhere.
#[inline(always)]
unsafe fn select(mask: __m512i, a: __m512i, b: __m512i) -> __m512i {
    const MASK_A_B: i32 = 0xca;
    // SAFETY: register arithmetic only.
    unsafe { _mm512_ternarylogic_epi32::<MASK_A_B>(mask, a, b) }
}

/// Lane j of vector i becomes lane i of vector j.
#[inline(always)]
unsafe fn turn(v: [__m512i; 4]) -> [__m512i; 4] {
    // SAFETY: register arithmetic only.
    unsafe {
        let low = [_mm512_shuffle_i64x2::<0x44>(v[0], v[1]), _mm512_shuffle_i64x2::<0x44>(v[2], v[3])];
        let high = [_mm512_shuffle_i64x2::<0xee>(v[0], v[1]), _mm512_shuffle_i64x2::<0xee>(v[2], v[3])];
        [
            _mm512_shuffle_i64x2::<0x88>(low[0], low[1]),
            _mm512_shuffle_i64x2::<0xdd>(low[0], low[1]),
            _mm512_shuffle_i64x2::<0x88>(high[0], high[1]),
            _mm512_shuffle_i64x2::<0xdd>(high[0], high[1]),
        ]
    }
}

/// Exchanges nibbles 1 and 2 of each half of a word.
#[inline(always)]
unsafe fn middle_nibbles(v: __m512i) -> __m512i {
    // SAFETY: register arithmetic only.
    unsafe {
        let up = select(_mm512_set1_epi32(0x0f00_0f00), _mm512_slli_epi32::<4>(v), v);
        select(_mm512_set1_epi32(0x00f0_00f0), _mm512_srli_epi32::<4>(v), up)
    }
}

/// Exchanges bytes 1 and 2 of each word.
#[inline(always)]
unsafe fn middle_bytes(v: __m512i) -> __m512i {
    // SAFETY: register arithmetic only.
    unsafe {
        let order = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
        _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(order))
    }
}

// SAFETY of all blocks below: the trait's promises (AVX-512 F and BW, readable and writable pointers).
impl Lanes for Avx512 {
    const COUNT: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: see the impl.
        Avx512(unsafe { _mm512_setzero_si512() })
    }
    #[inline(always)]
    unsafe fn load(p: *const u8) -> Self {
        // SAFETY: see the impl.
        Avx512(unsafe { _mm512_loadu_si512(p.cast()) })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut u8) {
        // SAFETY: see the impl.
        unsafe { _mm512_storeu_si512(p.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn gather(p: *const u8, stride: usize) -> Self {
        // SAFETY: see the impl. A broadcast under a mask needs no port for shuffles.
        unsafe {
            let lane = |j: usize| _mm_loadu_si128(p.add(j * stride).cast());
            let v = _mm512_castsi128_si512(lane(0));
            let v = _mm512_mask_broadcast_i32x4(v, 0x00f0, lane(1));
            let v = _mm512_mask_broadcast_i32x4(v, 0x0f00, lane(2));
            Avx512(_mm512_mask_broadcast_i32x4(v, 0xf000, lane(3)))
        }
    }
    #[inline(always)]
    unsafe fn scatter(self, p: *mut u8, stride: usize) {
        // SAFETY: see the impl.
        unsafe {
            _mm_storeu_si128(p.cast(), _mm512_castsi512_si128(self.0));
            _mm_storeu_si128(p.add(stride).cast(), _mm512_extracti32x4_epi32::<1>(self.0));
            _mm_storeu_si128(p.add(2 * stride).cast(), _mm512_extracti32x4_epi32::<2>(self.0));
            _mm_storeu_si128(p.add(3 * stride).cast(), _mm512_extracti32x4_epi32::<3>(self.0));
        }
    }
    #[inline(always)]
    unsafe fn load4(p: *const u8, stride: usize) -> [Self; 4] {
        // SAFETY: see the impl.
        unsafe {
            turn([
                Self::load(p).0,
                Self::load(p.add(stride)).0,
                Self::load(p.add(2 * stride)).0,
                Self::load(p.add(3 * stride)).0,
            ])
            .map(Avx512)
        }
    }
    #[inline(always)]
    unsafe fn store4(v: [Self; 4], p: *mut u8, stride: usize) {
        // SAFETY: see the impl.
        unsafe {
            let v = turn([v[0].0, v[1].0, v[2].0, v[3].0]);
            for j in 0..4 {
                Avx512(v[j]).store(p.add(j * stride));
            }
        }
    }
    #[inline(always)]
    unsafe fn stream4(v: [Self; 4], p: *mut u8, stride: usize) {
        // SAFETY: see the impl; the addresses are multiples of 64.
        unsafe {
            let v = turn([v[0].0, v[1].0, v[2].0, v[3].0]);
            for j in 0..4 {
                _mm512_stream_si512(p.add(j * stride).cast(), v[j]);
            }
        }
    }
    #[inline(always)]
    unsafe fn load_pairs(p: *const u8, stride: usize) -> [Self; 2] {
        // SAFETY: see the impl: 32 bytes at each of four places.
        unsafe {
            let two = |p: *const u8| {
                let low = _mm512_castsi256_si512(_mm256_loadu_si256(p.cast()));
                _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(p.add(stride).cast()))
            };
            let (a, b) = (two(p), two(p.add(2 * stride)));
            let even = _mm512_setr_epi32(0, 8, 16, 24, 2, 10, 18, 26, 4, 12, 20, 28, 6, 14, 22, 30);
            let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
            [even, odd].map(|order| Avx512(_mm512_permutex2var_epi32(a, order, b)))
        }
    }

    #[inline(always)]
    unsafe fn nibbles(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe {
            let low = _mm512_set1_epi8(0x0f);
            [
                Avx512(select(low, a.0, _mm512_slli_epi16::<4>(b.0))),
                Avx512(select(low, _mm512_srli_epi16::<4>(a.0), b.0)),
            ]
        }
    }
    #[inline(always)]
    unsafe fn bytes(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe {
            let low = _mm512_set1_epi16(0x00ff);
            [
                Avx512(select(low, a.0, _mm512_slli_epi16::<8>(b.0))),
                Avx512(select(low, _mm512_srli_epi16::<8>(a.0), b.0)),
            ]
        }
    }
    #[inline(always)]
    unsafe fn zip8(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe { [Avx512(_mm512_unpacklo_epi8(a.0, b.0)), Avx512(_mm512_unpackhi_epi8(a.0, b.0))] }
    }
    #[inline(always)]
    unsafe fn zip16(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe { [Avx512(_mm512_unpacklo_epi16(a.0, b.0)), Avx512(_mm512_unpackhi_epi16(a.0, b.0))] }
    }
    #[inline(always)]
    unsafe fn zip32(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe { [Avx512(_mm512_unpacklo_epi32(a.0, b.0)), Avx512(_mm512_unpackhi_epi32(a.0, b.0))] }
    }
    #[inline(always)]
    unsafe fn unzip(self) -> Self {
        // SAFETY: see the impl.
        Avx512(unsafe { middle_bytes(middle_nibbles(self.0)) })
    }
    #[inline(always)]
    unsafe fn zip(self) -> Self {
        // SAFETY: see the impl.
        Avx512(unsafe { middle_nibbles(middle_bytes(self.0)) })
    }
}

//! Two lanes as one 256-bit register: AVX2.

use std::arch::x86_64::*;

use super::Lanes;

/// One register.
#[derive(Clone, Copy)]
pub(in crate::layout) struct Avx2(__m256i);

/// The low and the high lanes of two vectors.
#[inline(always)]
unsafe fn turn(a: __m256i, b: __m256i) -> [__m256i; 2] {
    // SAFETY: register arithmetic only.
    unsafe { [_mm256_permute2x128_si256::<0x20>(a, b), _mm256_permute2x128_si256::<0x31>(a, b)] }
}

/// Exchanges nibbles 1 and 2 of each half of a word.
#[inline(always)]
unsafe fn middle_nibbles(v: __m256i) -> __m256i {
    // SAFETY: register arithmetic only.
    unsafe {
        let differing = _mm256_xor_si256(v, _mm256_srli_epi32::<4>(v));
        let t = _mm256_and_si256(differing, _mm256_set1_epi32(0x00f0_00f0));
        _mm256_xor_si256(v, _mm256_xor_si256(t, _mm256_slli_epi32::<4>(t)))
    }
}

/// Exchanges bytes 1 and 2 of each word.
#[inline(always)]
unsafe fn middle_bytes(v: __m256i) -> __m256i {
    // SAFETY: register arithmetic only.
    unsafe {
        let order = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
        _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(order))
    }
}

// SAFETY of all blocks below: the trait's promises (AVX2, readable and writable pointers).
impl Lanes for Avx2 {
    const COUNT: usize = 2;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: see the impl.
        Avx2(unsafe { _mm256_setzero_si256() })
    }
    #[inline(always)]
    unsafe fn load(p: *const u8) -> Self {
        // SAFETY: see the impl.
        Avx2(unsafe { _mm256_loadu_si256(p.cast()) })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut u8) {
        // SAFETY: see the impl.
        unsafe { _mm256_storeu_si256(p.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn gather(p: *const u8, stride: usize) -> Self {
        // SAFETY: see the impl.
        Avx2(unsafe { _mm256_loadu2_m128i(p.add(stride).cast(), p.cast()) })
    }
    #[inline(always)]
    unsafe fn scatter(self, p: *mut u8, stride: usize) {
        // SAFETY: see the impl.
        unsafe { _mm256_storeu2_m128i(p.add(stride).cast(), p.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn load4(p: *const u8, stride: usize) -> [Self; 4] {
        // SAFETY: see the impl.
        unsafe {
            let q = p.add(stride);
            let [a, b] = turn(Self::load(p).0, Self::load(q).0);
            let [c, d] = turn(Self::load(p.add(32)).0, Self::load(q.add(32)).0);
            [Avx2(a), Avx2(b), Avx2(c), Avx2(d)]
        }
    }
    #[inline(always)]
    unsafe fn store4(v: [Self; 4], p: *mut u8, stride: usize) {
        // SAFETY: see the impl.
        unsafe {
            let ([a, b], [c, d]) = (turn(v[0].0, v[1].0), turn(v[2].0, v[3].0));
            Avx2(a).store(p);
            Avx2(c).store(p.add(32));
            Avx2(b).store(p.add(stride));
            Avx2(d).store(p.add(stride + 32));
        }
    }
    #[inline(always)]
    unsafe fn stream4(v: [Self; 4], p: *mut u8, stride: usize) {
        // SAFETY: see the impl; the addresses are multiples of 32.
        unsafe {
            let ([a, b], [c, d]) = (turn(v[0].0, v[1].0), turn(v[2].0, v[3].0));
            _mm256_stream_si256(p.cast(), a);
            _mm256_stream_si256(p.add(32).cast(), c);
            _mm256_stream_si256(p.add(stride).cast(), b);
            _mm256_stream_si256(p.add(stride + 32).cast(), d);
        }
    }
    #[inline(always)]
    unsafe fn load_pairs(p: *const u8, stride: usize) -> [Self; 2] {
        // SAFETY: see the impl: 16 bytes at each of four places.
        unsafe {
            // Places 0 and 2, 1 and 3: the first 8 bytes of each, then the second.
            let (even, odd) = (Self::gather(p, 2 * stride).0, Self::gather(p.add(stride), 2 * stride).0);
            let [a, b] = turn(_mm256_unpacklo_epi64(even, odd), _mm256_unpackhi_epi64(even, odd));
            // Lane j of `a` is what 0 and 1 have at 8·j, of `b` what 2 and 3 have.
            let (a, b) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
            let words = [_mm256_shuffle_ps::<0x88>(a, b), _mm256_shuffle_ps::<0xdd>(a, b)];
            words.map(|w| Avx2(_mm256_castps_si256(w)))
        }
    }

    #[inline(always)]
    unsafe fn nibbles(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe {
            let differing = _mm256_xor_si256(_mm256_srli_epi16::<4>(a.0), b.0);
            let t = _mm256_and_si256(differing, _mm256_set1_epi8(0x0f));
            [Avx2(_mm256_xor_si256(a.0, _mm256_slli_epi16::<4>(t))), Avx2(_mm256_xor_si256(b.0, t))]
        }
    }
    #[inline(always)]
    unsafe fn bytes(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe {
            let low = _mm256_set1_epi16(0x00ff);
            [
                Avx2(_mm256_or_si256(_mm256_and_si256(a.0, low), _mm256_slli_epi16::<8>(b.0))),
                Avx2(_mm256_or_si256(_mm256_srli_epi16::<8>(a.0), _mm256_andnot_si256(low, b.0))),
            ]
        }
    }
    #[inline(always)]
    unsafe fn zip8(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe { [Avx2(_mm256_unpacklo_epi8(a.0, b.0)), Avx2(_mm256_unpackhi_epi8(a.0, b.0))] }
    }
    #[inline(always)]
    unsafe fn zip16(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe { [Avx2(_mm256_unpacklo_epi16(a.0, b.0)), Avx2(_mm256_unpackhi_epi16(a.0, b.0))] }
    }
    #[inline(always)]
    unsafe fn zip32(a: Self, b: Self) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe { [Avx2(_mm256_unpacklo_epi32(a.0, b.0)), Avx2(_mm256_unpackhi_epi32(a.0, b.0))] }
    }
    #[inline(always)]
    unsafe fn unzip(self) -> Self {
        // SAFETY: see the impl.
        Avx2(unsafe { middle_bytes(middle_nibbles(self.0)) })
    }
    #[inline(always)]
    unsafe fn zip(self) -> Self {
        // SAFETY: see the impl.
        Avx2(unsafe { middle_nibbles(middle_bytes(self.0)) })
    }
}

//! One lane in plain Rust: loops that compilers turn into the vectors of whatever machine it is.

use super::Lanes;
use crate::layout::tile;

/// Sixteen bytes.
#[derive(Clone, Copy)]
pub(in crate::layout) struct Portable([u8; 16]);

/// Elements of `E` bytes of the low halves in turns, and of the high halves.
#[inline(always)]
fn zip<const E: usize>(a: Portable, b: Portable) -> [Portable; 2] {
    let mut out = [[0; 16]; 2];
    for half in 0..2 {
        for i in 0..8 {
            let (element, within) = (i / E, i % E);
            out[half][2 * element * E + within] = a.0[8 * half + i];
            out[half][(2 * element + 1) * E + within] = b.0[8 * half + i];
        }
    }
    out.map(Portable)
}

/// `f` of every word.
#[inline(always)]
fn each_word(v: Portable, f: impl Fn(u32) -> u32) -> Portable {
    let mut out = v.0;
    for word in out.as_chunks_mut::<4>().0 {
        *word = f(u32::from_le_bytes(*word)).to_le_bytes();
    }
    Portable(out)
}

// SAFETY of all blocks below: the trait's promises about pointers.
impl Lanes for Portable {
    const COUNT: usize = 1;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Portable([0; 16])
    }
    #[inline(always)]
    unsafe fn load(p: *const u8) -> Self {
        // SAFETY: see the impl.
        Portable(unsafe { p.cast::<[u8; 16]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut u8) {
        // SAFETY: see the impl.
        unsafe { p.cast::<[u8; 16]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn gather(p: *const u8, _: usize) -> Self {
        // SAFETY: see the impl.
        unsafe { Self::load(p) }
    }
    #[inline(always)]
    unsafe fn scatter(self, p: *mut u8, _: usize) {
        // SAFETY: see the impl.
        unsafe { self.store(p) }
    }
    #[inline(always)]
    unsafe fn load4(p: *const u8, _: usize) -> [Self; 4] {
        // SAFETY: see the impl.
        unsafe { [Self::load(p), Self::load(p.add(16)), Self::load(p.add(32)), Self::load(p.add(48))] }
    }
    #[inline(always)]
    unsafe fn store4(v: [Self; 4], p: *mut u8, _: usize) {
        for q in 0..4 {
            // SAFETY: see the impl.
            unsafe { v[q].store(p.add(16 * q)) }
        }
    }
    #[inline(always)]
    unsafe fn stream4(v: [Self; 4], p: *mut u8, stride: usize) {
        // SAFETY: see the impl.
        unsafe { Self::store4(v, p, stride) }
    }
    #[inline(always)]
    unsafe fn load_pairs(p: *const u8, stride: usize) -> [Self; 2] {
        let mut out = [[0; 16]; 2];
        for i in 0..4 {
            for h in 0..2 {
                // SAFETY: see the impl.
                let word = unsafe { p.add(i * stride + 4 * h).cast::<[u8; 4]>().read_unaligned() };
                out[h][4 * i..4 * i + 4].copy_from_slice(&word);
            }
        }
        out.map(Portable)
    }

    #[inline(always)]
    unsafe fn nibbles(a: Self, b: Self) -> [Self; 2] {
        let mut out = [[0; 16]; 2];
        for i in 0..16 {
            out[0][i] = (a.0[i] & 0x0f) | (b.0[i] << 4);
            out[1][i] = (a.0[i] >> 4) | (b.0[i] & 0xf0);
        }
        out.map(Portable)
    }
    #[inline(always)]
    unsafe fn bytes(a: Self, b: Self) -> [Self; 2] {
        let mut out = [[0; 16]; 2];
        for odd in 0..2 {
            for i in 0..8 {
                out[odd][2 * i] = a.0[2 * i + odd];
                out[odd][2 * i + 1] = b.0[2 * i + odd];
            }
        }
        out.map(Portable)
    }
    #[inline(always)]
    unsafe fn zip8(a: Self, b: Self) -> [Self; 2] {
        zip::<1>(a, b)
    }
    #[inline(always)]
    unsafe fn zip16(a: Self, b: Self) -> [Self; 2] {
        zip::<2>(a, b)
    }
    #[inline(always)]
    unsafe fn zip32(a: Self, b: Self) -> [Self; 2] {
        zip::<4>(a, b)
    }
    #[inline(always)]
    unsafe fn unzip(self) -> Self {
        each_word(self, tile::unzip)
    }
    #[inline(always)]
    unsafe fn zip(self) -> Self {
        each_word(self, tile::zip)
    }
}

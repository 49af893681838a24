//! The common currency of all packings: a tile of 64 x 64 codes as *column words*.
//!
//! A column word is a u32 that holds consecutive rows of one column: 4 rows of 8 bits in order, or 8 rows of 4 bits in
//! the order 0 2 4 6 1 3 5 7 (what Marlin and the CPU layout want). The 64 words of a row of words stand in the
//! order of [`slot`]: the columns that are equal modulo 8 together, since they share a lane in Marlin and a place in the
//! words of AWQ gemm. Codes stay packed on their way from one layout to another, and every layout is a few masked swaps
//! away from this form; the swaps work on whole vectors of words.

use crate::types::Bits;

/// Rows and columns of a tile. Every layout's own tile divides it.
pub(super) const TILE: usize = 64;

/// Place of column n = 16·w + 8·h + i in a row of words: 8·i + 4·h + w.
#[inline(always)]
pub(super) fn slot(n: usize) -> usize {
    n % 8 * 8 + n % 16 / 8 * 4 + n / 16
}

/// Codes of 64 rows and 64 columns; `words[b]` holds rows b·P .. (b+1)·P, P = codes in a word.
pub(super) struct Tile {
    /// 8 rows of words in use at 4 bits, 16 at 8 bits.
    pub words: [[u32; TILE]; 16],
}

/// Shift of row k in its column word.
#[inline(always)]
pub(super) fn shift(bits: Bits, k: usize) -> usize {
    match bits {
        Bits::Four => k % 8 / 2 * 4 + k % 2 * 16,
        Bits::Eight => k % 4 * 8,
    }
}

impl Tile {
    pub fn new() -> Self {
        Tile { words: [[0; TILE]; 16] }
    }

    pub fn clear(&mut self) {
        self.words = [[0; TILE]; 16];
    }

    /// Code of row k and column n.
    #[inline(always)]
    pub fn get(&self, bits: Bits, k: usize, n: usize) -> u32 {
        (self.words[k / bits.per_word()][slot(n)] >> shift(bits, k)) & bits.max_code() as u32
    }

    /// Puts a code where the tile has 0.
    #[inline(always)]
    pub fn set(&mut self, bits: Bits, k: usize, n: usize, code: u32) {
        self.words[k / bits.per_word()][slot(n)] |= code << shift(bits, k);
    }

    /// Row of codes k, in the order of columns.
    #[inline(always)]
    pub fn row(&self, bits: Bits, k: usize) -> [u8; TILE] {
        let (words, shift) = (&self.words[k / bits.per_word()], shift(bits, k));
        let mut row = [0; TILE];
        for c in 0..8 {
            for i in 0..8 {
                row[8 * c + i] = (words[8 * i + c % 2 * 4 + c / 2] >> shift) as u8 & bits.max_code();
            }
        }
        row
    }

    /// Puts a row of codes where the tile has 0.
    #[inline(always)]
    pub fn set_row(&mut self, bits: Bits, k: usize, row: &[u8]) {
        let words = &mut self.words[k / bits.per_word()];
        for (n, &code) in row.iter().enumerate() {
            words[slot(n)] |= (code as u32) << shift(bits, k);
        }
    }
}

/// Puts 64 words in the order of columns into the order of [`slot`].
#[inline(always)]
pub(super) fn to_slots(words: &[u32; TILE]) -> [u32; TILE] {
    let mut out = [0; TILE];
    for i in 0..8 {
        for c in 0..8 {
            out[8 * i + c % 2 * 4 + c / 2] = words[8 * c + i];
        }
    }
    out
}

/// The inverse of [`to_slots`].
#[inline(always)]
pub(super) fn from_slots(words: &[u32; TILE]) -> [u32; TILE] {
    let mut out = [0; TILE];
    for c in 0..8 {
        for i in 0..8 {
            out[8 * c + i] = words[8 * i + c % 2 * 4 + c / 2];
        }
    }
    out
}

/// One step of a transpose: swaps the fields of `a` selected by `mask << shift` with those of `b` selected by `mask`.
#[inline(always)]
fn swap(a: &mut u32, b: &mut u32, shift: u32, mask: u32) {
    let t = ((*a >> shift) ^ *b) & mask;
    *b ^= t;
    *a ^= t << shift;
}

/// Transposes nibbles: nibble j of result i is nibble i of argument j. Its own inverse. Lanes are independent.
#[inline(always)]
pub(super) fn transpose8<const L: usize>(w: &mut [[u32; L]; 8]) {
    let [w0, w1, w2, w3, w4, w5, w6, w7] = w;
    for l in 0..L {
        swap(&mut w0[l], &mut w4[l], 16, 0x0000_ffff);
        swap(&mut w1[l], &mut w5[l], 16, 0x0000_ffff);
        swap(&mut w2[l], &mut w6[l], 16, 0x0000_ffff);
        swap(&mut w3[l], &mut w7[l], 16, 0x0000_ffff);
        swap(&mut w0[l], &mut w2[l], 8, 0x00ff_00ff);
        swap(&mut w1[l], &mut w3[l], 8, 0x00ff_00ff);
        swap(&mut w4[l], &mut w6[l], 8, 0x00ff_00ff);
        swap(&mut w5[l], &mut w7[l], 8, 0x00ff_00ff);
        swap(&mut w0[l], &mut w1[l], 4, 0x0f0f_0f0f);
        swap(&mut w2[l], &mut w3[l], 4, 0x0f0f_0f0f);
        swap(&mut w4[l], &mut w5[l], 4, 0x0f0f_0f0f);
        swap(&mut w6[l], &mut w7[l], 4, 0x0f0f_0f0f);
    }
}

/// Transposes nibbles in each 16-bit half of four words: nibble j of result i is nibble i of argument j. Its own
/// inverse. Lanes are independent.
#[inline(always)]
pub(super) fn transpose4<const L: usize>(w: &mut [[u32; L]; 4]) {
    let [w0, w1, w2, w3] = w;
    for l in 0..L {
        swap(&mut w0[l], &mut w2[l], 8, 0x00ff_00ff);
        swap(&mut w1[l], &mut w3[l], 8, 0x00ff_00ff);
        swap(&mut w0[l], &mut w1[l], 4, 0x0f0f_0f0f);
        swap(&mut w2[l], &mut w3[l], 4, 0x0f0f_0f0f);
    }
}

/// Moves even nibbles to the low half and odd nibbles to the high half: 0 1 2 3 4 5 6 7 becomes 0 2 4 6 1 3 5 7.
#[inline(always)]
pub(super) fn unzip(w: u32) -> u32 {
    let t = (w ^ (w >> 4)) & 0x00f0_00f0;
    let w = w ^ t ^ (t << 4);
    let t = (w ^ (w >> 8)) & 0x0000_ff00;
    w ^ t ^ (t << 8)
}

/// The inverse of [`unzip`].
#[inline(always)]
pub(super) fn zip(w: u32) -> u32 {
    let t = (w ^ (w >> 8)) & 0x0000_ff00;
    let w = w ^ t ^ (t << 8);
    let t = (w ^ (w >> 4)) & 0x00f0_00f0;
    w ^ t ^ (t << 4)
}

/// `L` little-endian words from byte `at` on.
#[inline(always)]
pub(super) fn load<const L: usize>(src: &[u8], at: usize) -> [u32; L] {
    let mut out = [0; L];
    for (o, c) in out.iter_mut().zip(src[at..at + 4 * L].chunks_exact(4)) {
        *o = u32::from_le_bytes([c[0], c[1], c[2], c[3]]);
    }
    out
}

/// The inverse of [`load`].
#[inline(always)]
pub(super) fn store<const L: usize>(dst: &mut [u8], at: usize, words: &[u32; L]) {
    for (c, w) in dst[at..at + 4 * L].chunks_exact_mut(4).zip(words) {
        c.copy_from_slice(&w.to_le_bytes());
    }
}

/// Asks for the cache line at byte `at` of `src`, which may lie beyond its end. A tile touches 64 rows that are far apart,
/// more than hardware follows on its own.
#[inline(always)]
pub(super) fn prefetch(src: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch is a hint; it faults at no address and changes no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(src.as_ptr().wrapping_add(at).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (src, at);
}

/// How many bytes ahead of a row that is being read the next line is asked for: one line, which is two tiles of 4 bits.
pub(super) const AHEAD: usize = 64;

/// Defines a function over tiles that is compiled once for any machine and once for AVX2, chosen when it runs.
/// The body must be plain code that the compiler can vectorize.
macro_rules! vectorized {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[inline(always)]
            // Indices say where each lane goes; iterators would hide it.
            #[allow(clippy::needless_range_loop)]
            fn body($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) {
                    body($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the machine has AVX2, and that is all the function asks for.
                    return unsafe { avx2($($arg),*) };
                }
            }
            body($($arg),*)
        }
    };
}
pub(super) use vectorized;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_move_every_nibble() {
        let nib = |w: u32, i: usize| (w >> (4 * i)) & 15;
        let src: [[u32; 1]; 8] =
            std::array::from_fn(|i| [0x9e37_79b9u32.wrapping_mul(i as u32 + 1).rotate_left(i as u32)]);
        let mut t = src;
        transpose8(&mut t);
        let mut u = [src[0], src[1], src[2], src[3]];
        transpose4(&mut u);
        for (j, &[w]) in src.iter().enumerate() {
            for i in 0..8 {
                assert_eq!(nib(t[i][0], j), nib(w, i));
                if j < 4 {
                    assert_eq!(nib(u[i % 4][0], j + 4 * (i / 4)), nib(w, i));
                }
            }
        }
    }

    #[test]
    fn slots_are_a_permutation() {
        let columns: [u32; TILE] = std::array::from_fn(|n| n as u32);
        let slots = to_slots(&columns);
        for n in 0..TILE {
            assert_eq!(slots[slot(n)], n as u32);
        }
        assert_eq!(from_slots(&slots), columns);
    }

    #[test]
    fn a_row_is_its_codes() {
        for bits in [Bits::Four, Bits::Eight] {
            let mut tile = Tile::new();
            let code = |k: usize, n: usize| (7 * k + 3 * n) as u8 & bits.max_code();
            for k in 0..TILE {
                let row: Vec<u8> = (0..TILE).map(|n| code(k, n)).collect();
                tile.set_row(bits, k, &row);
            }
            for k in 0..TILE {
                assert!((0..TILE).all(|n| tile.get(bits, k, n) == code(k, n) as u32));
                assert!((0..TILE).all(|n| tile.row(bits, k)[n] == code(k, n)));
            }
        }
    }

    #[test]
    fn zip_undoes_unzip() {
        assert_eq!(unzip(0x7654_3210), 0x7531_6420);
        assert_eq!(zip(0x7531_6420), 0x7654_3210);
    }
}

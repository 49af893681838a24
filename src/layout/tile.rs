//! The common currency of all packings: a tile of 64 x 64 codes as *column words*.
//!
//! A column word is a u32 that holds consecutive rows of one column: 4 rows of 8 bits in order, or 8 rows of 4 bits in
//! the order 0 2 4 6 1 3 5 7 (what Marlin and the CPU layout want). Sixteen words make a line of a tile: four columns
//! side by side, at each of the four places 16 rows apart. So the lanes of a vector (`lanes`) are blocks of 16 rows,
//! and codes stay packed on their way from one layout to another: a few exchanges of digits, on whole vectors.

use crate::types::Bits;

/// Rows and columns of a tile. Every layout's own tile divides it.
pub(super) const TILE: usize = 64;

/// Codes of 64 rows and 64 columns.
#[repr(align(64))]
pub(super) struct Tile {
    /// Line h·16 + n/4, word k/16·4 + n%4 holds column n and row k, where h = k%16/P and P are the codes in a word.
    /// 32 lines are in use at 4 bits, 64 at 8 bits.
    lines: [[u32; 16]; 64],
}

/// Line and word of row k and column n.
#[inline(always)]
fn place(bits: Bits, k: usize, n: usize) -> (usize, usize) {
    (k % 16 / bits.per_word() * 16 + n / 4, k / 16 * 4 + n % 4)
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
        Tile { lines: [[0; 16]; 64] }
    }

    pub fn clear(&mut self) {
        self.lines = [[0; 16]; 64];
    }

    /// Code of row k and column n.
    #[inline(always)]
    pub fn get(&self, bits: Bits, k: usize, n: usize) -> u32 {
        let (line, word) = place(bits, k, n);
        (self.lines[line][word] >> shift(bits, k)) & bits.max_code() as u32
    }

    /// Puts a code where the tile has 0.
    #[inline(always)]
    pub fn set(&mut self, bits: Bits, k: usize, n: usize, code: u32) {
        let (line, word) = place(bits, k, n);
        self.lines[line][word] |= code << shift(bits, k);
    }

    /// The words of rows b·P .. (b+1)·P, in the order of columns.
    #[inline(always)]
    pub fn words(&self, bits: Bits, b: usize) -> [u32; TILE] {
        let mut out = [0; TILE];
        let (line, word) = place(bits, b * bits.per_word(), 0);
        for c in 0..TILE / 4 {
            out[4 * c..4 * c + 4].copy_from_slice(&self.lines[line + c][word..word + 4]);
        }
        out
    }

    /// The inverse of [`Tile::words`].
    #[inline(always)]
    pub fn set_words(&mut self, bits: Bits, b: usize, words: &[u32; TILE]) {
        let (line, word) = place(bits, b * bits.per_word(), 0);
        for c in 0..TILE / 4 {
            self.lines[line + c][word..word + 4].copy_from_slice(&words[4 * c..4 * c + 4]);
        }
    }

    /// Row of codes k, in the order of columns.
    #[inline(always)]
    pub fn row(&self, bits: Bits, k: usize) -> [u8; TILE] {
        let (words, shift) = (self.words(bits, k / bits.per_word()), shift(bits, k));
        words.map(|word| (word >> shift) as u8 & bits.max_code())
    }

    /// Address of lane `lane` of a line.
    #[inline(always)]
    pub fn line(&self, line: usize, lane: usize) -> *const u8 {
        self.lines[line][4 * lane..].as_ptr().cast()
    }

    /// The same, to be written.
    #[inline(always)]
    pub fn line_mut(&mut self, line: usize, lane: usize) -> *mut u8 {
        self.lines[line][4 * lane..].as_mut_ptr().cast()
    }
}

/// One step of a transpose: swaps the fields of `a` selected by `mask << shift` with those of `b` selected by `mask`.
#[inline(always)]
fn swap(a: &mut u32, b: &mut u32, shift: u32, mask: u32) {
    let t = ((*a >> shift) ^ *b) & mask;
    *b ^= t;
    *a ^= t << shift;
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
        let src: [[u32; 1]; 4] =
            std::array::from_fn(|i| [0x9e37_79b9u32.wrapping_mul(i as u32 + 1).rotate_left(i as u32)]);
        let mut t = src;
        transpose4(&mut t);
        for (j, &[w]) in src.iter().enumerate() {
            for i in 0..8 {
                assert_eq!(nib(t[i % 4][0], j + 4 * (i / 4)), nib(w, i));
            }
        }
    }

    #[test]
    fn words_are_codes_in_the_order_of_columns() {
        for bits in [Bits::Four, Bits::Eight] {
            let mut tile = Tile::new();
            let words: Vec<[u32; TILE]> = (0..TILE / bits.per_word())
                .map(|b| std::array::from_fn(|n| ((64 * b + n) as u32).wrapping_mul(0x9e37_79b9)))
                .collect();
            for (b, words) in words.iter().enumerate() {
                tile.set_words(bits, b, words);
            }
            for k in 0..TILE {
                let b = k / bits.per_word();
                assert_eq!(tile.words(bits, b), words[b]);
                for n in 0..TILE {
                    let code = words[b][n] >> shift(bits, k) & bits.max_code() as u32;
                    assert_eq!(tile.get(bits, k, n), code);
                }
            }
        }
    }

    #[test]
    fn a_row_is_its_codes() {
        for bits in [Bits::Four, Bits::Eight] {
            let mut tile = Tile::new();
            let code = |k: usize, n: usize| (7 * k + 3 * n) as u8 & bits.max_code();
            for k in 0..TILE {
                (0..TILE).for_each(|n| tile.set(bits, k, n, code(k, n) as u32));
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

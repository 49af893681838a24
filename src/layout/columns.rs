//! Codes in C order of the transpose, \[N, K\]: what AutoAWQ gemv and compressed-tensors have in common.
//!
//! Words run along K, so a word is a column word but for the order of its nibbles; only the words have to be transposed.
//! `stride` is the bytes of a column, `at` those before the first word.

use super::lanes::{Width, for_lanes};
use super::tile::{TILE, Tile, load, store, vectorized, zip};
use crate::types::Bits;

/// 4 bits.
pub(super) fn read4(width: Width, src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
    let src = &src[at..at + (TILE - 1) * stride + TILE / 2];
    // SAFETY: 64 columns of 32 bytes, `stride` apart, lie in `src`.
    unsafe { read4_lanes(width, src.as_ptr(), stride, tile) }
}

for_lanes! {
    fn read4_lanes<V>(src: *const u8, stride: usize, tile: &mut Tile) {
        for lane in (0..4).step_by(V::COUNT) {
            for n in (0..TILE).step_by(4) {
                let words = V::load_pairs(src.add(n * stride + 8 * lane), stride);
                for h in 0..2 {
                    words[h].unzip().store(tile.line_mut(16 * h + n / 4, lane));
                }
            }
        }
    }
}

vectorized! {
    /// The inverse of [`read4`].
    pub(super) fn write4(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for b in 0..8 {
            let words = tile.words(Bits::Four, b);
            for n in 0..TILE {
                store(dst, n * stride + at + 4 * b, &[zip(words[n])]);
            }
        }
    }
}

vectorized! {
    /// 8 bits.
    pub(super) fn read8(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for b in 0..16 {
            let mut words = [0; TILE];
            for n in 0..TILE {
                [words[n]] = load(src, n * stride + at + 4 * b);
            }
            tile.set_words(Bits::Eight, b, &words);
        }
    }
}

vectorized! {
    /// The inverse of [`read8`].
    pub(super) fn write8(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for b in 0..16 {
            let words = tile.words(Bits::Eight, b);
            for n in 0..TILE {
                store(dst, n * stride + at + 4 * b, &[words[n]]);
            }
        }
    }
}

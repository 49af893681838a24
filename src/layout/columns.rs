//! Codes in C order of the transpose, \[N, K\]: what AutoAWQ gemv and compressed-tensors have in common.
//!
//! Words run along K, so a word is a column word but for the order of its nibbles; only the words have to be transposed.
//! `stride` is the bytes of a column, `at` those before the first word.

use super::tile::{AHEAD, TILE, Tile, load, prefetch, slot, store, unzip, vectorized, zip};

vectorized! {
    /// 4 bits.
    pub(super) fn read4(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for n in 0..TILE {
            prefetch(src, n * stride + at + AHEAD);
            let mut w: [u32; 8] = load(src, n * stride + at);
            for b in 0..8 {
                w[b] = unzip(w[b]);
            }
            for b in 0..8 {
                tile.words[b][slot(n)] = w[b];
            }
        }
    }
}

vectorized! {
    /// The inverse of [`read4`].
    pub(super) fn write4(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for n in 0..TILE {
            let mut w = [0; 8];
            for b in 0..8 {
                w[b] = tile.words[b][slot(n)];
            }
            for b in 0..8 {
                w[b] = zip(w[b]);
            }
            store(dst, n * stride + at, &w);
        }
    }
}

vectorized! {
    /// 8 bits.
    pub(super) fn read8(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for n in 0..TILE {
            let w: [u32; 16] = load(src, n * stride + at);
            for b in 0..16 {
                tile.words[b][slot(n)] = w[b];
            }
        }
    }
}

vectorized! {
    /// The inverse of [`read8`].
    pub(super) fn write8(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for n in 0..TILE {
            let mut w = [0; 16];
            for b in 0..16 {
                w[b] = tile.words[b][slot(n)];
            }
            store(dst, n * stride + at, &w);
        }
    }
}

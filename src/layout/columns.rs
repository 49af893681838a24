//! Codes in C order of the transpose, \[N, K\]: what AutoAWQ gemv and compressed-tensors have in common.
//!
//! Words run along K, so a word is a column word already; only the words have to be transposed.

use super::tile::{TILE, Tile, load, store, vectorized};

vectorized! {
    /// 4 bits; `stride` is the bytes of a column.
    pub(super) fn read4(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for n in 0..TILE {
            let w: [u32; 8] = load(src, n * stride + at);
            for b in 0..8 {
                tile.words[b][n] = w[b];
            }
        }
    }
}

vectorized! {
    pub(super) fn write4(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for n in 0..TILE {
            let w: [u32; 8] = std::array::from_fn(|b| tile.words[b][n]);
            store(dst, n * stride + at, &w);
        }
    }
}

vectorized! {
    /// 8 bits; `stride` is the bytes of a column.
    pub(super) fn read8(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for n in 0..TILE {
            let w: [u32; 16] = load(src, n * stride + at);
            for b in 0..16 {
                tile.words[b][n] = w[b];
            }
        }
    }
}

vectorized! {
    pub(super) fn write8(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for n in 0..TILE {
            let w: [u32; 16] = std::array::from_fn(|b| tile.words[b][n]);
            store(dst, n * stride + at, &w);
        }
    }
}

//! AutoAWQ `version: gemm`: qweight I32 \[K, N/P\], qzeros I32 \[G, N/P\], scales \[G, N\].
//!
//! The fields of a word are columns in the order 0 2 4 6 1 3 5 7 (4 bits) or 0 2 1 3 (8 bits).

use super::address::{Address, Plane};
use super::packing::{Axis, Packing, need_multiple, unpadded};
use super::tile::{AHEAD, Tile, from_slots, load, prefetch, store, to_slots, transpose8, vectorized};
use super::{LayerDesc, Padded};
use crate::error::Result;
use crate::types::Bits;

/// Column of each nibble of a 4-bit word.
pub(super) const ORDER4: [usize; 8] = [0, 2, 4, 6, 1, 3, 5, 7];
/// Column of each byte of an 8-bit word.
pub(super) const ORDER8: [usize; 4] = [0, 2, 1, 3];

/// Field of a word that holds column `n` modulo the columns of a word; the inverse of the orders above.
pub(super) fn field(bits: Bits, n: usize) -> usize {
    match bits {
        Bits::Four => n / 2 + 4 * (n % 2),
        Bits::Eight => n / 2 + 2 * (n % 2),
    }
}

pub(super) struct Gemm;

/// Rows of words whose fields are columns.
fn address(rows: usize, cols: usize, bits: Bits) -> Address {
    let p = bits.per_word();
    Address::new((rows, cols), |r| r * cols, |c| c / p * p + field(bits, c % p))
}

impl Packing for Gemm {
    fn padded(&self, desc: &LayerDesc) -> Result<Padded> {
        need_multiple(desc, "N", desc.n, desc.spec.bits.per_word())?;
        Ok(unpadded(desc))
    }

    fn outer(&self) -> Axis {
        Axis::K
    }

    fn codes(&self, p: &Padded, bits: Bits) -> Address {
        address(p.k, p.n, bits)
    }

    fn zeros(&self, p: &Padded, bits: Bits) -> Plane {
        Plane::new(bits.get(), address(p.groups, p.n, bits))
    }

    fn alignment(&self, bits: Bits) -> (usize, usize) {
        (1, bits.per_word())
    }

    fn read(&self, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        match bits {
            Bits::Four => read4(src, p.n / 2, k0, n0 / 2, tile),
            Bits::Eight => read8(src, p.n, k0, n0, tile),
        }
    }

    fn write(&self, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        match bits {
            Bits::Four => write4(dst, p.n / 2, k0, n0 / 2, tile),
            Bits::Eight => write8(dst, p.n, k0, n0, tile),
        }
    }
}

// In the functions below `stride` is the bytes of a row, `at` those before the first word; word c of a tile's row holds
// columns 8c.. (8 bits: 4c..).

/// Rows of a column word in the order of its nibbles.
const ROWS: [usize; 8] = [0, 2, 4, 6, 1, 3, 5, 7];

vectorized! {
    /// Eight rows of eight words are sixty-four columns of eight rows, transposed.
    fn read4(src: &[u8], stride: usize, k0: usize, at: usize, tile: &mut Tile) {
        for b in 0..8 {
            let mut w = [[0; 8]; 8];
            for j in 0..8 {
                let at = (k0 + 8 * b + ROWS[j]) * stride + at;
                prefetch(src, at + AHEAD);
                w[j] = load(src, at);
            }
            transpose8(&mut w);
            for i in 0..8 {
                for c in 0..8 {
                    tile.words[b][8 * ORDER4[i] + c % 2 * 4 + c / 2] = w[i][c];
                }
            }
        }
    }
}

vectorized! {
    fn write4(dst: &mut [u8], stride: usize, k0: usize, at: usize, tile: &Tile) {
        for b in 0..8 {
            let mut w = [[0; 8]; 8];
            for i in 0..8 {
                for c in 0..8 {
                    w[i][c] = tile.words[b][8 * ORDER4[i] + c % 2 * 4 + c / 2];
                }
            }
            transpose8(&mut w);
            for j in 0..8 {
                store(dst, (k0 + 8 * b + ROWS[j]) * stride + at, &w[j]);
            }
        }
    }
}

vectorized! {
    fn read8(src: &[u8], stride: usize, k0: usize, at: usize, tile: &mut Tile) {
        for b in 0..16 {
            let mut out = [0; 64];
            for r in 0..4 {
                let w: [u32; 16] = load(src, (k0 + 4 * b + r) * stride + at);
                for c in 0..16 {
                    for i in 0..4 {
                        out[4 * c + ORDER8[i]] |= ((w[c] >> (8 * i)) & 255) << (8 * r);
                    }
                }
            }
            tile.words[b] = to_slots(&out);
        }
    }
}

vectorized! {
    fn write8(dst: &mut [u8], stride: usize, k0: usize, at: usize, tile: &Tile) {
        for b in 0..16 {
            let words = from_slots(&tile.words[b]);
            for r in 0..4 {
                let mut w = [0u32; 16];
                for c in 0..16 {
                    for i in 0..4 {
                        w[c] |= ((words[4 * c + ORDER8[i]] >> (8 * r)) & 255) << (8 * i);
                    }
                }
                store(dst, (k0 + 4 * b + r) * stride + at, &w);
            }
        }
    }
}

//! This library's CPU layout: the dword of a tile is one column, so a vector of 16 dwords is 16 columns.
//!
//! N is padded to 16 and each group to 8 rows. 4 bits: tiles of 8 rows x 16 columns, nibble p of a dword is row
//! 2·(p mod 4) + p/4, so that `dword >> 4p` and a mask give pairs of rows. 8 bits: tiles of 4 rows x 16 columns, byte i
//! is row i. Tiles lie \[N/16\]\[K/8\] (K/4); scales \[N/16\]\[G\]\[16\]; zero points U8 \[N/16\]\[G\]\[16\].

use super::address::{Address, Plane};
use super::packing::{Axis, Packing, ZeroTensor, add};
use super::tile::{TILE, Tile, from_slots, load, store, to_slots, vectorized};
use super::{LayerDesc, Padded};
use crate::error::Result;
use crate::types::{Bits, mul, round_up};

/// Columns of a tile.
const COLS: usize = 16;

pub(super) struct Cpu;

/// \[N/16\]\[G\]\[16\].
fn per_group(p: &Padded) -> Address {
    Address::new((p.groups, p.n), |g| g * COLS, |n| n / COLS * p.groups * COLS + n % COLS)
}

impl Packing for Cpu {
    fn padded(&self, desc: &LayerDesc) -> Result<Padded> {
        let (g, groups) = (desc.spec.group.effective(desc.k), desc.spec.group.count(desc.k));
        let n = round_up(desc.n, COLS)?;
        if groups == 1 {
            let k = round_up(desc.k, 8)?;
            return Ok(Padded { k, n, group: k, groups });
        }
        let group = round_up(g, 8)?;
        let last = round_up(desc.k - (groups - 1) * g, 8)?;
        let k = add(mul(groups - 1, group, "padded K")?, last, "padded K")?;
        Ok(Padded { k, n, group, groups })
    }

    fn zero_tensor(&self) -> ZeroTensor {
        ZeroTensor::Optional
    }

    fn outer(&self) -> Axis {
        Axis::N
    }

    fn codes(&self, p: &Padded, bits: Bits) -> Address {
        match bits {
            Bits::Four => Address::new(
                (p.k, p.n),
                |k| k / 8 * 128 + k % 8 / 2 + k % 2 * 4,
                |n| n / COLS * p.k * COLS + n % COLS * 8,
            ),
            Bits::Eight => {
                Address::new((p.k, p.n), |k| k / 4 * 64 + k % 4, |n| n / COLS * p.k * COLS + n % COLS * 4)
            }
        }
    }

    fn scales(&self, p: &Padded) -> Address {
        per_group(p)
    }

    fn zeros(&self, p: &Padded, _: Bits) -> Plane {
        Plane::new(8, per_group(p))
    }

    fn zero_bytes(&self, p: &Padded, _: &LayerDesc) -> Result<usize> {
        mul(p.groups, p.n, "zero points")
    }

    fn alignment(&self, bits: Bits) -> (usize, usize) {
        (bits.per_word(), COLS)
    }

    fn read(&self, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        match bits {
            Bits::Four => read_words(src, p.k * 8, n0 * (p.k / 2) + k0 * 8, 8, tile),
            Bits::Eight => read_words(src, p.k * 16, n0 * p.k + k0 * 16, 16, tile),
        }
    }

    fn write(&self, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        match bits {
            Bits::Four => write_words(dst, p.k * 8, n0 * (p.k / 2) + k0 * 8, 8, tile),
            Bits::Eight => write_words(dst, p.k * 16, n0 * p.k + k0 * 16, 16, tile),
        }
    }
}

// `stride` is the bytes of 16 columns. The dwords are column words already; only their order differs.

vectorized! {
    /// `blocks` rows of words: 8 at 4 bits, 16 at 8 bits.
    fn read_words(src: &[u8], stride: usize, at: usize, blocks: usize, tile: &mut Tile) {
        for b in 0..blocks {
            let mut words = [0; TILE];
            for t in 0..TILE / COLS {
                let w: [u32; COLS] = load(src, t * stride + at + b * 64);
                words[COLS * t..COLS * (t + 1)].copy_from_slice(&w);
            }
            tile.words[b] = to_slots(&words);
        }
    }
}

vectorized! {
    /// The inverse of [`read_words`].
    fn write_words(dst: &mut [u8], stride: usize, at: usize, blocks: usize, tile: &Tile) {
        for b in 0..blocks {
            let words = from_slots(&tile.words[b]);
            for t in 0..TILE / COLS {
                let mut w = [0; COLS];
                w.copy_from_slice(&words[COLS * t..COLS * (t + 1)]);
                store(dst, t * stride + at + b * 64, &w);
            }
        }
    }
}

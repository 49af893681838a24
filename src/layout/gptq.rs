//! GPTQ without act-order: qweight I32 \[K/P, N\] with the fields of a word along K, qzeros I32 \[G, N/P\] along N,
//! scales \[G, N\]. Version 1 stores z − 1 (modulo the number of codes), version 2 stores z.

use super::address::{Address, Plane};
use super::packing::{Axis, Packing, need_multiple, unpadded};
use super::tile::{TILE, Tile, from_slots, load, store, to_slots, unzip, vectorized, zip};
use super::{LayerDesc, Padded};
use crate::error::Result;
use crate::types::Bits;

pub(super) struct Gptq {
    /// What is subtracted from a stored zero point: 1 in version 1, 0 in version 2.
    pub minus: u32,
}

impl Packing for Gptq {
    fn padded(&self, desc: &LayerDesc) -> Result<Padded> {
        let p = desc.spec.bits.per_word();
        need_multiple(desc, "K", desc.k, p)?;
        need_multiple(desc, "N", desc.n, p)?;
        Ok(unpadded(desc))
    }

    fn outer(&self) -> Axis {
        Axis::K
    }

    fn codes(&self, p: &Padded, bits: Bits) -> Address {
        let w = bits.per_word();
        Address::new((p.k, p.n), |k| k / w * p.n * w + k % w, |n| n * w)
    }

    fn zeros(&self, p: &Padded, bits: Bits) -> Plane {
        Plane { width: bits.get(), address: Address::row_major(p.groups, p.n), minus: self.minus }
    }

    fn alignment(&self, bits: Bits) -> (usize, usize) {
        (bits.per_word(), 1)
    }

    fn read(&self, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        let at = (k0 / bits.per_word() * p.n + n0) * 4;
        match bits {
            Bits::Four => read4(src, 4 * p.n, at, tile),
            Bits::Eight => read8(src, 4 * p.n, at, tile),
        }
    }

    fn write(&self, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        let at = (k0 / bits.per_word() * p.n + n0) * 4;
        match bits {
            Bits::Four => write4(dst, 4 * p.n, at, tile),
            Bits::Eight => write8(dst, 4 * p.n, at, tile),
        }
    }
}

// A word is a column word but for the order of its nibbles. `stride` is the bytes of a row of words.

vectorized! {
    fn read4(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for b in 0..8 {
            let mut w: [u32; TILE] = load(src, b * stride + at);
            for n in 0..TILE {
                w[n] = unzip(w[n]);
            }
            tile.words[b] = to_slots(&w);
        }
    }
}

vectorized! {
    fn write4(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for b in 0..8 {
            let mut w = from_slots(&tile.words[b]);
            for n in 0..TILE {
                w[n] = zip(w[n]);
            }
            store(dst, b * stride + at, &w);
        }
    }
}

vectorized! {
    fn read8(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for b in 0..16 {
            tile.words[b] = to_slots(&load(src, b * stride + at));
        }
    }
}

vectorized! {
    fn write8(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for b in 0..16 {
            store(dst, b * stride + at, &from_slots(&tile.words[b]));
        }
    }
}

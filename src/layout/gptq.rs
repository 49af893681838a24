//! GPTQ without act-order: qweight I32 \[K/P, N\] with the fields of a word along K, qzeros I32 \[G, N/P\] along N,
//! scales \[G, N\]. Version 1 stores z − 1 (modulo the number of codes), version 2 stores z.

use super::address::{Address, Plane};
use super::packing::{Axis, Packing, need_multiple, unpadded};
use super::tile::{TILE, Tile, load, store};
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
        let w = bits.per_word();
        for (b, words) in tile.words.iter_mut().take(TILE / w).enumerate() {
            *words = load(src, ((k0 / w + b) * p.n + n0) * 4);
        }
    }

    fn write(&self, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        let w = bits.per_word();
        for (b, words) in tile.words.iter().take(TILE / w).enumerate() {
            store(dst, ((k0 / w + b) * p.n + n0) * 4, words);
        }
    }
}

//! GPTQ without act-order: qweight I32 \[K/P, N\] with the fields of a word along K, qzeros I32 \[G, N/P\] along N,
//! scales \[G, N\]. Version 1 stores z − 1 (modulo the number of codes), version 2 stores z.

use super::address::{Address, Plane};
use super::forms::ZeroForm;
use super::lanes::for_lanes;
use super::packing::{Axis, How, Packing, need_multiple, unpadded};
use super::tile::{TILE, Tile, load, store, vectorized};
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

    fn zero_form(&self, p: &Padded, bits: Bits) -> Option<ZeroForm> {
        let form = ZeroForm::Words { gemm: false, next: 1, group: p.n / 8, minus: self.minus as u8 };
        (bits == Bits::Four).then_some(form)
    }

    fn alignment(&self, bits: Bits) -> (usize, usize) {
        (bits.per_word(), 1)
    }

    fn read(&self, how: How, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        let at = (k0 / bits.per_word() * p.n + n0) * 4;
        match bits {
            Bits::Four => {
                let src = &src[at..at + 7 * 4 * p.n + 4 * TILE];
                // SAFETY: 8 rows of 64 words, 4·N bytes apart, lie in `src`.
                unsafe { read4(how.width, src.as_ptr(), 4 * p.n, tile) }
            }
            Bits::Eight => read8(src, 4 * p.n, at, tile),
        }
    }

    fn write(&self, how: How, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        let at = (k0 / bits.per_word() * p.n + n0) * 4;
        match bits {
            Bits::Four => {
                let dst = &mut dst[at..at + 7 * 4 * p.n + 4 * TILE];
                // SAFETY: 8 rows of 64 words, 4·N bytes apart, lie in `dst`.
                unsafe { write4(how.width, dst.as_mut_ptr(), 4 * p.n, tile) }
            }
            Bits::Eight => write8(dst, 4 * p.n, at, tile),
        }
    }
}

// A word is a column word but for the order of its nibbles. `stride` is the bytes of a row of words.

for_lanes! {
    fn read4<V>(src: *const u8, stride: usize, tile: &mut Tile) {
        for lane in (0..4).step_by(V::COUNT) {
            for (h, q) in (0..2).flat_map(|h| (0..4).map(move |q| (h, q))) {
                let v = V::load4(src.add((2 * lane + h) * stride + 64 * q), 2 * stride);
                for i in 0..4 {
                    v[i].unzip().store(tile.line_mut(16 * h + 4 * q + i, lane));
                }
            }
        }
    }
}

for_lanes! {
    fn write4<V>(dst: *mut u8, stride: usize, tile: &Tile) {
        for lane in (0..4).step_by(V::COUNT) {
            for (h, q) in (0..2).flat_map(|h| (0..4).map(move |q| (h, q))) {
                let mut v = [V::zero(); 4];
                for i in 0..4 {
                    v[i] = V::load(tile.line(16 * h + 4 * q + i, lane)).zip();
                }
                V::store4(v, dst.add((2 * lane + h) * stride + 64 * q), 2 * stride);
            }
        }
    }
}

vectorized! {
    fn read8(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for b in 0..16 {
            tile.set_words(Bits::Eight, b, &load(src, b * stride + at));
        }
    }
}

vectorized! {
    fn write8(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for b in 0..16 {
            store(dst, b * stride + at, &tile.words(Bits::Eight, b));
        }
    }
}

//! AutoAWQ `version: gemv_fast` and llm-awq v2: qweight I16 \[N/4, K\], scales \[8·zw, N\], and as zero points the
//! floats −z·s (`qzeros`, llm-awq: `scaled_zeros`) in the dtype of the scales. 4 bits.
//!
//! Four columns share a row; their 64-row blocks follow one another, 16 words each. In a block, the word j of a
//! 32-row half holds rows j, j+8, j+16, j+24.

use super::address::{Address, Plane};
use super::gemv::stored_groups;
use super::packing::{Axis, How, Packing, need_four_bits, need_multiple, unpadded};
use super::tile::{TILE, Tile, load, store, transpose4, vectorized};
use super::{LayerDesc, Padded};
use crate::error::Result;
use crate::types::{Bits, mul};

pub(super) struct GemvFast;

impl Packing for GemvFast {
    fn padded(&self, desc: &LayerDesc) -> Result<Padded> {
        need_four_bits(desc)?;
        need_multiple(desc, "K", desc.k, 64)?;
        need_multiple(desc, "N", desc.n, 4)?;
        Ok(Padded { groups: stored_groups(desc)?, ..unpadded(desc) })
    }

    fn scaled_zeros(&self) -> bool {
        true
    }

    fn outer(&self) -> Axis {
        Axis::N
    }

    fn codes(&self, p: &Padded, _: Bits) -> Address {
        Address::new(
            (p.k, p.n),
            |k| k / 64 * 256 + k % 64 / 32 * 32 + k % 8 * 4 + k % 32 / 8,
            |n| n / 4 * p.k * 4 + n % 4 * 64,
        )
    }

    fn zeros(&self, p: &Padded, _: Bits) -> Plane {
        Plane::new(16, Address::row_major(p.groups, p.n))
    }

    fn zero_bytes(&self, p: &Padded, desc: &LayerDesc) -> Result<usize> {
        mul(mul(p.groups, p.n, "scaled zeros")?, desc.scale_dtype.bytes(), "scaled zeros")
    }

    fn alignment(&self, _: Bits) -> (usize, usize) {
        (64, 4)
    }

    fn read(&self, _: How, _: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        read4(src, 2 * p.k, n0 / 4 * 2 * p.k + k0 * 2, tile);
    }

    fn write(&self, _: How, _: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        write4(dst, 2 * p.k, n0 / 4 * 2 * p.k + k0 * 2, tile);
    }
}

// `stride` is the bytes of a row, that is of four columns. Two 16-bit words side by side are the halves of a column
// word's nibbles: even rows below, odd rows above.

vectorized! {
    fn read4(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        let mut words = [[0; TILE]; 8];
        for n in 0..TILE {
            // Words (half of the block, pair of 16-bit words).
            let v: [u32; 8] = load(src, n / 4 * stride + at + n % 4 * 32);
            let mut t = [[0; 2]; 4];
            for half in 0..2 {
                for j in 0..4 {
                    t[j][half] = v[4 * half + j];
                }
            }
            transpose4(&mut t);
            for half in 0..2 {
                for b in 0..4 {
                    words[4 * half + b][n] = t[b][half];
                }
            }
        }
        for b in 0..8 {
            tile.set_words(Bits::Four, b, &words[b]);
        }
    }
}

vectorized! {
    fn write4(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        let mut words = [[0; TILE]; 8];
        for b in 0..8 {
            words[b] = tile.words(Bits::Four, b);
        }
        for n in 0..TILE {
            let mut t = [[0; 2]; 4];
            for half in 0..2 {
                for b in 0..4 {
                    t[b][half] = words[4 * half + b][n];
                }
            }
            transpose4(&mut t);
            let mut v = [0; 8];
            for half in 0..2 {
                for j in 0..4 {
                    v[4 * half + j] = t[j][half];
                }
            }
            store(dst, n / 4 * stride + at + n % 4 * 32, &v);
        }
    }
}

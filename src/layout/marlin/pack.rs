//! Marlin's layout, and AutoAWQ `version: marlin`, which is the same for symmetric 4-bit layers.
//!
//! Tiles of 16 rows x 64 columns. Lane l of a warp finds in its words what one m16n8k16 tensor-core instruction wants
//! from it: rows 2·(l mod 4) + {0, 1, 8, 9}, columns l/4 + {0, 8} of four blocks of 16 columns. Within a word the
//! fields are in the order 0 2 4 6 1 3 5 7 (8 bits: 0 2 1 3), so that a mask and a shift give pairs.

use super::permute::{permuted_grouped, permuted_single};
use super::steps::marlin_place;
use crate::error::Result;
use crate::layout::address::{Address, Plane};
use crate::layout::packing::{Axis, Packing, ZeroTensor, add, need_four_bits, need_multiple, unpadded};
use crate::layout::tile::{TILE, Tile, load, store, transpose4, vectorized};
use crate::layout::{LayerDesc, Padded};
use crate::types::{Bits, mul, round_up};

/// The two layouts with Marlin's tiles.
pub(in crate::layout) enum Marlin {
    /// As this library stores it: groups grown to 16 rows, K to 128, N to 64.
    Grown,
    /// AutoAWQ's files: nothing grown, never zero points.
    Awq,
}

fn codes(p: &Padded, bits: Bits) -> Address {
    match bits {
        Bits::Four => Address::new(
            (p.k, p.n),
            |k| k / 16 * 16 * p.n + k % 8 / 2 * 32 + k % 2 * 4 + k % 16 / 8,
            |n| n / 64 * 1024 + n % 8 * 128 + n % 64 / 16 * 8 + n % 16 / 8 * 2,
        ),
        Bits::Eight => Address::new(
            (p.k, p.n),
            |k| k / 16 * 16 * p.n + k % 8 / 2 * 32 + k % 2 * 2 + k % 16 / 8,
            |n| n / 64 * 1024 + n % 8 * 128 + n % 64 / 16 * 8 + n % 16 / 8 * 4,
        ),
    }
}

/// A layer of one group has its scales in the order of the accumulators, any other in the order of the weights.
fn scales(p: &Padded) -> Address {
    let place = if p.groups == 1 { permuted_single } else { permuted_grouped };
    Address::new((p.groups, p.n), |g| g * p.n, place)
}

fn zeros(p: &Padded, bits: Bits) -> Plane {
    Plane::new(bits.get(), Address::new((p.groups, p.n), |g| g * p.n, |n| marlin_place(n, bits)))
}

impl Packing for Marlin {
    fn padded(&self, desc: &LayerDesc) -> Result<Padded> {
        if let Marlin::Awq = self {
            need_four_bits(desc)?;
            need_multiple(desc, "K", desc.k, 16)?;
            need_multiple(desc, "N", desc.n, 64)?;
            return Ok(unpadded(desc));
        }
        let (g, groups) = (desc.spec.group.effective(desc.k), desc.spec.group.count(desc.k));
        let n = round_up(desc.n, 64)?;
        if groups == 1 {
            let k = round_up(desc.k, 128)?;
            return Ok(Padded { k, n, group: k, groups });
        }
        let group = round_up(g, 16)?;
        let last = desc.k - (groups - 1) * g;
        let k = round_up(add(mul(groups - 1, group, "padded K")?, last, "padded K")?, 128)?;
        Ok(Padded { k, n, group, groups: k.div_ceil(group) })
    }

    fn zero_tensor(&self) -> ZeroTensor {
        match self {
            Marlin::Grown => ZeroTensor::Optional,
            Marlin::Awq => ZeroTensor::Never,
        }
    }

    fn outer(&self) -> Axis {
        Axis::K
    }

    fn codes(&self, p: &Padded, bits: Bits) -> Address {
        codes(p, bits)
    }

    fn scales(&self, p: &Padded) -> Address {
        scales(p)
    }

    fn zeros(&self, p: &Padded, bits: Bits) -> Plane {
        zeros(p, bits)
    }

    fn alignment(&self, _: Bits) -> (usize, usize) {
        (16, 64)
    }

    fn read(&self, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        read(bits, src, p, k0, n0, tile);
    }

    fn write(&self, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        write(bits, dst, p, k0, n0, tile);
    }
}

fn read(bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
    let stride = 2 * p.n * bits.get();
    let at = k0 / 16 * stride + n0 * 2 * bits.get();
    match bits {
        Bits::Four => read4(src, stride, at, tile),
        Bits::Eight => read8(src, stride, at, tile),
    }
}

fn write(bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
    let stride = 2 * p.n * bits.get();
    let at = k0 / 16 * stride + n0 * 2 * bits.get();
    match bits {
        Bits::Four => write4(dst, stride, at, tile),
        Bits::Eight => write8(dst, stride, at, tile),
    }
}

// In the functions below `stride` is the bytes of 16 rows. Sixteen words of Marlin (8 bits: 32) are lanes 4i .. 4i+4 of
// the four blocks w of 16 columns; they hold columns 16w + 8h + i, which is one eighth of a tile's slots.

vectorized! {
    fn read4(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for t in 0..TILE / 16 {
            for i in 0..8 {
                let at = t * stride + at + i * 64;
                let mut v = [load::<4>(src, at), load(src, at + 16), load(src, at + 32), load(src, at + 48)];
                transpose4(&mut v);
                for w in 0..4 {
                    tile.words[2 * t][8 * i + w] = v[0][w];
                    tile.words[2 * t + 1][8 * i + w] = v[1][w];
                    tile.words[2 * t][8 * i + 4 + w] = v[2][w];
                    tile.words[2 * t + 1][8 * i + 4 + w] = v[3][w];
                }
            }
        }
    }
}

vectorized! {
    fn write4(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for t in 0..TILE / 16 {
            for i in 0..8 {
                let mut v = [[0; 4]; 4];
                for w in 0..4 {
                    v[0][w] = tile.words[2 * t][8 * i + w];
                    v[1][w] = tile.words[2 * t + 1][8 * i + w];
                    v[2][w] = tile.words[2 * t][8 * i + 4 + w];
                    v[3][w] = tile.words[2 * t + 1][8 * i + 4 + w];
                }
                transpose4(&mut v);
                let at = t * stride + at + i * 64;
                for m in 0..4 {
                    store(dst, at + 16 * m, &v[m]);
                }
            }
        }
    }
}

vectorized! {
    fn read8(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for t in 0..TILE / 16 {
            for i in 0..8 {
                let v: [u32; 32] = load(src, t * stride + at + i * 128);
                for w in 0..4 {
                    for h in 0..2 {
                        // Lane m holds rows 2m, 2m+8, 2m+1, 2m+9: bytes 0 and 2 are of the upper eight rows.
                        let (c, s) = (2 * w + h, 8 * i + 4 * h + w);
                        let (a, b, c, d) = (v[c], v[8 + c], v[16 + c], v[24 + c]);
                        tile.words[4 * t][s] = gather(a) | gather(b) << 16;
                        tile.words[4 * t + 1][s] = gather(c) | gather(d) << 16;
                        tile.words[4 * t + 2][s] = gather(a >> 8) | gather(b >> 8) << 16;
                        tile.words[4 * t + 3][s] = gather(c >> 8) | gather(d >> 8) << 16;
                    }
                }
            }
        }
    }
}

vectorized! {
    fn write8(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for t in 0..TILE / 16 {
            for i in 0..8 {
                let mut v = [0; 32];
                for w in 0..4 {
                    for h in 0..2 {
                        let (c, s) = (2 * w + h, 8 * i + 4 * h + w);
                        for m in 0..4 {
                            let low = tile.words[4 * t + m / 2][s] >> (16 * (m % 2));
                            let high = tile.words[4 * t + 2 + m / 2][s] >> (16 * (m % 2));
                            v[8 * m + c] = spread(low) | spread(high) << 8;
                        }
                    }
                }
                store(dst, t * stride + at + i * 128, &v);
            }
        }
    }
}

/// Bytes 0 and 2 next to each other.
#[inline(always)]
fn gather(w: u32) -> u32 {
    (w & 0xff) | ((w >> 8) & 0xff00)
}

/// Bytes 0 and 1 to bytes 0 and 2.
#[inline(always)]
fn spread(w: u32) -> u32 {
    (w & 0xff) | ((w & 0xff00) << 8)
}

//! This library's CPU layout: the dword of a tile is one column, so a vector of 16 dwords is 16 columns.
//!
//! N is padded to 16 and each group to 8 rows. 4 bits: tiles of 8 rows x 16 columns, nibble p of a dword is row
//! 2·(p mod 4) + p/4, so that `dword >> 4p` and a mask give pairs of rows. 8 bits: tiles of 4 rows x 16 columns, byte i
//! is row i. Tiles lie \[N/16\]\[K/8\] (K/4); scales \[N/16\]\[G\]\[16\]; zero points U8 \[N/16\]\[G\]\[16\].

use super::address::{Address, Plane};
use super::forms::{ScaleForm, ZeroForm};
use super::lanes::for_lanes;
use super::packing::{Axis, How, Packing, ZeroTensor, add};
use super::tile::{TILE, Tile, load, store, vectorized};
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

    fn scale_form(&self, _: &Padded) -> Option<ScaleForm> {
        Some(ScaleForm::Strips)
    }

    fn zero_form(&self, _: &Padded, _: Bits) -> Option<ZeroForm> {
        Some(ZeroForm::Strips)
    }

    fn zero_bytes(&self, p: &Padded, _: &LayerDesc) -> Result<usize> {
        mul(p.groups, p.n, "zero points")
    }

    fn alignment(&self, bits: Bits) -> (usize, usize) {
        (bits.per_word(), COLS)
    }

    fn read(&self, how: How, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        match bits {
            Bits::Four => {
                let at = n0 * (p.k / 2) + k0 * 8;
                let src = &src[at..at + 3 * p.k * 8 + 512];
                // SAFETY: 4 times 8 tiles of 64 bytes, 8·K bytes apart, lie in `src`.
                unsafe { read4(how.width, src.as_ptr(), p.k * 8, tile) }
            }
            Bits::Eight => read8(src, p.k * 16, n0 * p.k + k0 * 16, tile),
        }
    }

    fn write(&self, how: How, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        match bits {
            Bits::Four => {
                let at = n0 * (p.k / 2) + k0 * 8;
                let dst = &mut dst[at..at + 3 * p.k * 8 + 512];
                let stream = how.stream && (dst.as_ptr() as usize | (p.k * 8)).is_multiple_of(64);
                // SAFETY: 4 times 8 tiles of 64 bytes, 8·K bytes apart, lie in `dst`; they are streamed only if each
                // of them lies on a multiple of 64.
                unsafe { write4(how.width, dst.as_mut_ptr(), p.k * 8, stream, tile) }
            }
            Bits::Eight => write8(dst, p.k * 16, n0 * p.k + k0 * 16, tile),
        }
    }
}

// `stride` is the bytes of 16 columns. The dwords are column words already; only their order differs.

for_lanes! {
    fn read4<V>(src: *const u8, stride: usize, tile: &mut Tile) {
        for (q, h) in (0..4).flat_map(|q| (0..2).map(move |h| (q, h))) {
            for lane in (0..4).step_by(V::COUNT) {
                let v = V::load4(src.add(q * stride + (2 * lane + h) * 64), 128);
                for i in 0..4 {
                    v[i].store(tile.line_mut(16 * h + 4 * q + i, lane));
                }
            }
        }
    }
}

for_lanes! {
    fn write4<V>(dst: *mut u8, stride: usize, stream: bool, tile: &Tile) {
        for (q, h) in (0..4).flat_map(|q| (0..2).map(move |h| (q, h))) {
            for lane in (0..4).step_by(V::COUNT) {
                let mut v = [V::zero(); 4];
                for i in 0..4 {
                    v[i] = V::load(tile.line(16 * h + 4 * q + i, lane));
                }
                let to = dst.add(q * stride + (2 * lane + h) * 64);
                if stream { V::stream4(v, to, 128) } else { V::store4(v, to, 128) }
            }
        }
    }
}

vectorized! {
    fn read8(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for b in 0..16 {
            let mut words = [0; TILE];
            for t in 0..TILE / COLS {
                let w: [u32; COLS] = load(src, t * stride + at + b * 64);
                words[COLS * t..COLS * (t + 1)].copy_from_slice(&w);
            }
            tile.set_words(Bits::Eight, b, &words);
        }
    }
}

vectorized! {
    /// The inverse of [`read8`].
    fn write8(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for b in 0..16 {
            let words = tile.words(Bits::Eight, b);
            for t in 0..TILE / COLS {
                let mut w = [0; COLS];
                w.copy_from_slice(&words[COLS * t..COLS * (t + 1)]);
                store(dst, t * stride + at + b * 64, &w);
            }
        }
    }
}

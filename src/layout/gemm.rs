//! AutoAWQ `version: gemm`: qweight I32 \[K, N/P\], qzeros I32 \[G, N/P\], scales \[G, N\].
//!
//! The fields of a word are columns in the order 0 2 4 6 1 3 5 7 (4 bits) or 0 2 1 3 (8 bits).

use super::address::{Address, Plane};
use super::forms::ZeroForm;
use super::lanes::for_lanes;
use super::packing::{Axis, How, Packing, need_multiple, unpadded};
use super::tile::{TILE, Tile, load, store, vectorized};
use super::{LayerDesc, Padded};
use crate::error::Result;
use crate::types::Bits;

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

    fn zero_form(&self, p: &Padded, bits: Bits) -> Option<ZeroForm> {
        let form = ZeroForm::Words { gemm: true, next: 1, group: p.n / 8, minus: 0 };
        (bits == Bits::Four).then_some(form)
    }

    fn alignment(&self, bits: Bits) -> (usize, usize) {
        (1, bits.per_word())
    }

    fn read(&self, how: How, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        match bits {
            Bits::Four => {
                let (stride, at) = (p.n / 2, k0 * (p.n / 2) + n0 / 2);
                let src = &src[at..at + (TILE - 1) * stride + TILE / 2];
                // SAFETY: 64 rows of 32 bytes, `stride` apart, lie in `src`.
                unsafe { read4(how.width, src.as_ptr(), stride, tile) }
            }
            Bits::Eight => read8(src, p.n, k0, n0, tile),
        }
    }

    fn write(&self, how: How, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        match bits {
            Bits::Four => {
                let (stride, at) = (p.n / 2, k0 * (p.n / 2) + n0 / 2);
                let dst = &mut dst[at..at + (TILE - 1) * stride + TILE / 2];
                // SAFETY: 64 rows of 32 bytes, `stride` apart, lie in `dst`.
                unsafe { write4(how.width, dst.as_mut_ptr(), stride, tile) }
            }
            Bits::Eight => write8(dst, p.n, k0, n0, tile),
        }
    }
}

// In the functions below `stride` is the bytes of a row. Digits of indices are written with the highest first: k3 k2 k1
// k0 of a row within 16, n5 … n0 of a column within 64. A lane holds 32 columns of one row: its bytes are n4 n3 n0 n2,
// the nibbles in a byte n1. In a column word the bytes are k0 k2, the nibbles k1.

for_lanes! {
    fn read4<V>(src: *const u8, stride: usize, tile: &mut Tile) {
        for lane in (0..4).step_by(V::COUNT) {
            for (k3, n5) in (0..2).flat_map(|k3| (0..2).map(move |n5| (k3, n5))) {
                let from = src.add((16 * lane + 8 * k3) * stride + 16 * n5);
                // n1 against k1: [k0][k2][n1], bytes n4 n3 n0 n2.
                let mut rows = [[[V::zero(); 2]; 2]; 2];
                for k0 in 0..2 {
                    for k2 in 0..2 {
                        let row = from.add((4 * k2 + k0) * stride);
                        let (a, b) = (V::gather(row, 16 * stride), V::gather(row.add(2 * stride), 16 * stride));
                        rows[k0][k2] = V::nibbles(a, b);
                    }
                }
                // n4 against k2, n3 against k0: [n1][n4][n3], bytes n0 n2 k0 k2.
                let mut words = [[[V::zero(); 2]; 2]; 2];
                for n1 in 0..2 {
                    let even = V::zip8(rows[0][0][n1], rows[0][1][n1]);
                    let odd = V::zip8(rows[1][0][n1], rows[1][1][n1]);
                    for n4 in 0..2 {
                        words[n1][n4] = V::zip16(even[n4], odd[n4]);
                    }
                }
                // Words in order: n0 n2 to n2 n1 to n1 n0.
                for n4 in 0..2 {
                    for n3 in 0..2 {
                        let [a, b] = V::zip32(words[0][n4][n3], words[1][n4][n3]);
                        let [a, b] = V::zip32(a, b);
                        let line = 16 * k3 + 8 * n5 + 4 * n4 + 2 * n3;
                        a.store(tile.line_mut(line, lane));
                        b.store(tile.line_mut(line + 1, lane));
                    }
                }
            }
        }
    }
}

for_lanes! {
    /// The inverse of [`read4`].
    fn write4<V>(dst: *mut u8, stride: usize, tile: &Tile) {
        for lane in (0..4).step_by(V::COUNT) {
            for (k3, n5) in (0..2).flat_map(|k3| (0..2).map(move |n5| (k3, n5))) {
                // Words n1 n0 to n0 n2, then n1 against k1: [k1][n4][n3], bytes n0 n2 k0 k2.
                let mut words = [[[V::zero(); 2]; 2]; 2];
                for n4 in 0..2 {
                    for n3 in 0..2 {
                        let line = 16 * k3 + 8 * n5 + 4 * n4 + 2 * n3;
                        let [a, b] =
                            V::zip32(V::load(tile.line(line, lane)), V::load(tile.line(line + 1, lane)));
                        [words[0][n4][n3], words[1][n4][n3]] = V::nibbles(a, b);
                    }
                }
                for k1 in 0..2 {
                    // Bytes n0 n2 k0 k2, n2 k0 k2 n4, k0 k2 n4 n3, k2 n4 n3 n0, n4 n3 n0 n2.
                    let (a, b) = (words[k1][0], words[k1][1]);
                    let (a, b) = (V::zip8(a[0], b[0]), V::zip8(a[1], b[1]));
                    let (a, b) = (V::zip8(a[0], b[0]), V::zip8(a[1], b[1]));
                    let (a, b) = (V::zip8(a[0], b[0]), V::zip8(a[1], b[1]));
                    let rows = [V::zip8(a[0], b[0]), V::zip8(a[1], b[1])];
                    for k0 in 0..2 {
                        for k2 in 0..2 {
                            let row = 16 * lane + 8 * k3 + 4 * k2 + 2 * k1 + k0;
                            rows[k0][k2].scatter(dst.add(row * stride + 16 * n5), 16 * stride);
                        }
                    }
                }
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
            tile.set_words(Bits::Eight, b, &out);
        }
    }
}

vectorized! {
    fn write8(dst: &mut [u8], stride: usize, k0: usize, at: usize, tile: &Tile) {
        for b in 0..16 {
            let words = tile.words(Bits::Eight, b);
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

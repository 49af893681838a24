//! Marlin's layout, and AutoAWQ `version: marlin`, which is the same for symmetric 4-bit layers.
//!
//! Tiles of 16 rows x 64 columns. Lane l of a warp finds in its words what one m16n8k16 tensor-core instruction wants
//! from it: rows 2·(l mod 4) + {0, 1, 8, 9}, columns l/4 + {0, 8} of four blocks of 16 columns. Within a word the
//! fields are in the order 0 2 4 6 1 3 5 7 (8 bits: 0 2 1 3), so that a mask and a shift give pairs.

use super::permute::{permuted_grouped, permuted_single};
use super::steps::marlin_place;
use crate::error::Result;
use crate::layout::address::{Address, Plane};
use crate::layout::forms::{ScaleForm, ZeroForm};
use crate::layout::lanes::for_lanes;
use crate::layout::packing::{Axis, How, Packing, ZeroTensor, add, need_four_bits, need_multiple, unpadded};
use crate::layout::tile::{TILE, Tile, load, store, vectorized};
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

    fn scale_form(&self, p: &Padded) -> Option<ScaleForm> {
        (p.groups > 1).then_some(ScaleForm::Turned)
    }

    fn zero_form(&self, _: &Padded, bits: Bits) -> Option<ZeroForm> {
        (bits == Bits::Four).then_some(ZeroForm::Marlin)
    }

    fn alignment(&self, _: Bits) -> (usize, usize) {
        (16, 64)
    }

    fn read(&self, how: How, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        let stride = 2 * p.n * bits.get();
        let at = k0 / 16 * stride + n0 * 2 * bits.get();
        match bits {
            Bits::Four => {
                let src = &src[at..at + 3 * stride + 512];
                // SAFETY: 4 tiles of 512 bytes, `stride` apart, lie in `src`.
                unsafe { read4(how.width, src.as_ptr(), stride, tile) }
            }
            Bits::Eight => read8(src, stride, at, tile),
        }
    }

    fn write(&self, how: How, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        let stride = 2 * p.n * bits.get();
        let at = k0 / 16 * stride + n0 * 2 * bits.get();
        match bits {
            Bits::Four => {
                let dst = &mut dst[at..at + 3 * stride + 512];
                let stream = how.stream && (dst.as_ptr() as usize | stride).is_multiple_of(64);
                // SAFETY: 4 tiles of 512 bytes, `stride` apart, lie in `dst`; they are streamed only if each of them
                // lies on a multiple of 64.
                unsafe { write4(how.width, dst.as_mut_ptr(), stride, stream, tile) }
            }
            Bits::Eight => write8(dst, stride, at, tile),
        }
    }
}

// In the functions below `stride` is the bytes of 16 rows. At 4 bits, digits of indices are written with the highest
// first: k3 k2 k1 k0 of a row within 16, n5 … n0 of a column within 64. A tile of Marlin has its nibbles in the order
// n2 n1 n0 k2 k1 n5 n4 k0 n3 k3: 16 bytes are n5 n4 k0 n3, with k3 for the nibbles in a byte. In four column words the
// bytes are n1 n0 k0 k2, the nibbles k1. At 8 bits, 32 words are lanes 4i .. 4i+4 of the four blocks w of 16 columns;
// they hold columns 16w + 8h + i.

for_lanes! {
    fn read4<V>(src: *const u8, stride: usize, tile: &mut Tile) {
        for lane in (0..4).step_by(V::COUNT) {
            for n2 in 0..2 {
                // n5 against n1, n4 against n0: [n5][n4][k2][k1], bytes n1 n0 k0 n3.
                let mut words = [[[[V::zero(); 2]; 2]; 2]; 2];
                // [n0][n1][k2 k1], bytes n5 n4 k0 n3.
                let mut v = [[[V::zero(); 4]; 2]; 2];
                for n0 in 0..2 {
                    for n1 in 0..2 {
                        v[n0][n1] = V::load4(src.add(lane * stride + (4 * n2 + 2 * n1 + n0) * 64), stride);
                    }
                }
                for k in 0..4 {
                    let even = V::zip32(v[0][0][k], v[0][1][k]);
                    let odd = V::zip32(v[1][0][k], v[1][1][k]);
                    for n5 in 0..2 {
                        let [a, b] = V::zip32(even[n5], odd[n5]);
                        words[n5][0][k / 2][k % 2] = a;
                        words[n5][1][k / 2][k % 2] = b;
                    }
                }
                // n3 against k2, k3 against k1.
                for n5 in 0..2 {
                    for n4 in 0..2 {
                        let w = &words[n5][n4];
                        let (a, b) = (V::bytes(w[0][0], w[1][0]), V::bytes(w[0][1], w[1][1]));
                        for n3 in 0..2 {
                            let line = 8 * n5 + 4 * n4 + 2 * n3 + n2;
                            let [upper, lower] = V::nibbles(a[n3], b[n3]);
                            upper.store(tile.line_mut(line, lane));
                            lower.store(tile.line_mut(16 + line, lane));
                        }
                    }
                }
            }
        }
    }
}

for_lanes! {
    /// The inverse of [`read4`].
    fn write4<V>(dst: *mut u8, stride: usize, stream: bool, tile: &Tile) {
        for lane in (0..4).step_by(V::COUNT) {
            for n2 in 0..2 {
                // k1 against k3, k2 against n3: [n5][n4][k2][k1], bytes n1 n0 k0 n3.
                let mut words = [[[[V::zero(); 2]; 2]; 2]; 2];
                for n5 in 0..2 {
                    for n4 in 0..2 {
                        let line = 8 * n5 + 4 * n4 + n2;
                        let mut v = [[V::zero(); 2]; 2];
                        for n3 in 0..2 {
                            let upper = V::load(tile.line(line + 2 * n3, lane));
                            let lower = V::load(tile.line(16 + line + 2 * n3, lane));
                            v[n3] = V::nibbles(upper, lower);
                        }
                        for k1 in 0..2 {
                            let [a, b] = V::bytes(v[0][k1], v[1][k1]);
                            words[n5][n4][0][k1] = a;
                            words[n5][n4][1][k1] = b;
                        }
                    }
                }
                // n1 against n5, n0 against n4: [n0][n1][k2 k1], bytes n5 n4 k0 n3.
                let mut v = [[[V::zero(); 4]; 2]; 2];
                for k in 0..4 {
                    let even = V::zip32(words[0][0][k / 2][k % 2], words[1][0][k / 2][k % 2]);
                    let odd = V::zip32(words[0][1][k / 2][k % 2], words[1][1][k / 2][k % 2]);
                    for n1 in 0..2 {
                        let [a, b] = V::zip32(even[n1], odd[n1]);
                        v[0][n1][k] = a;
                        v[1][n1][k] = b;
                    }
                }
                for n1 in 0..2 {
                    for n0 in 0..2 {
                        let to = dst.add(lane * stride + (4 * n2 + 2 * n1 + n0) * 64);
                        if stream { V::stream4(v[n0][n1], to, stride) } else { V::store4(v[n0][n1], to, stride) }
                    }
                }
            }
        }
    }
}

vectorized! {
    fn read8(src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for t in 0..TILE / 16 {
            let mut words = [[0; TILE]; 4];
            for i in 0..8 {
                let v: [u32; 32] = load(src, t * stride + at + i * 128);
                for w in 0..4 {
                    for h in 0..2 {
                        // Lane m holds rows 2m, 2m+8, 2m+1, 2m+9: bytes 0 and 2 are of the upper eight rows.
                        let (c, n) = (2 * w + h, 16 * w + 8 * h + i);
                        let (a, b, c, d) = (v[c], v[8 + c], v[16 + c], v[24 + c]);
                        words[0][n] = gather(a) | gather(b) << 16;
                        words[1][n] = gather(c) | gather(d) << 16;
                        words[2][n] = gather(a >> 8) | gather(b >> 8) << 16;
                        words[3][n] = gather(c >> 8) | gather(d >> 8) << 16;
                    }
                }
            }
            for r in 0..4 {
                tile.set_words(Bits::Eight, 4 * t + r, &words[r]);
            }
        }
    }
}

vectorized! {
    fn write8(dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for t in 0..TILE / 16 {
            let mut words = [[0; TILE]; 4];
            for r in 0..4 {
                words[r] = tile.words(Bits::Eight, 4 * t + r);
            }
            for i in 0..8 {
                let mut v = [0; 32];
                for w in 0..4 {
                    for h in 0..2 {
                        let (c, n) = (2 * w + h, 16 * w + 8 * h + i);
                        for m in 0..4 {
                            let low = words[m / 2][n] >> (16 * (m % 2));
                            let high = words[2 + m / 2][n] >> (16 * (m % 2));
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

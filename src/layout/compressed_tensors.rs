//! compressed-tensors pack-quantized: weight_packed I32 \[N, ⌈K/P⌉\], weight_scale \[N, G\], weight_zero_point I32
//! \[⌈N/P⌉, G\] with the fields of a word along N. Codes and zero points are stored unsigned.

use super::address::{Address, Plane};
use super::forms::{ScaleForm, ZeroForm};
use super::packing::{Axis, How, Packing, ZeroTensor, unpadded};
use super::tile::Tile;
use super::{LayerDesc, Padded, columns};
use crate::error::Result;
use crate::types::{Bits, mul, round_up};

pub(super) struct CompressedTensors;

impl Packing for CompressedTensors {
    fn padded(&self, desc: &LayerDesc) -> Result<Padded> {
        let p = unpadded(desc);
        let k = round_up(p.k, desc.spec.bits.per_word())?;
        Ok(Padded { k, group: if p.groups == 1 { k } else { p.group }, ..p })
    }

    fn zero_tensor(&self) -> ZeroTensor {
        ZeroTensor::Optional
    }

    fn outer(&self) -> Axis {
        Axis::N
    }

    fn codes(&self, p: &Padded, _: Bits) -> Address {
        Address::column_major(p.k, p.n)
    }

    fn scales(&self, p: &Padded) -> Address {
        Address::column_major(p.groups, p.n)
    }

    fn zeros(&self, p: &Padded, bits: Bits) -> Plane {
        let w = bits.per_word();
        Plane::new(bits.get(), Address::new((p.groups, p.n), |g| g * w, |n| n / w * p.groups * w + n % w))
    }

    fn scale_form(&self, _: &Padded) -> Option<ScaleForm> {
        Some(ScaleForm::Columns)
    }

    fn zero_form(&self, p: &Padded, bits: Bits) -> Option<ZeroForm> {
        let form = ZeroForm::Words { gemm: false, next: p.groups, group: 1, minus: 0 };
        (bits == Bits::Four).then_some(form)
    }

    fn zero_bytes(&self, p: &Padded, desc: &LayerDesc) -> Result<usize> {
        let words = mul(p.n.div_ceil(desc.spec.bits.per_word()), p.groups, "zero points")?;
        mul(words, 4, "zero points")
    }

    fn alignment(&self, bits: Bits) -> (usize, usize) {
        (bits.per_word(), 1)
    }

    fn read(&self, how: How, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        match bits {
            Bits::Four => columns::read4(how.width, src, p.k / 2, n0 * (p.k / 2) + k0 / 2, tile),
            Bits::Eight => columns::read8(src, p.k, n0 * p.k + k0, tile),
        }
    }

    fn write(&self, _: How, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        match bits {
            Bits::Four => columns::write4(dst, p.k / 2, n0 * (p.k / 2) + k0 / 2, tile),
            Bits::Eight => columns::write8(dst, p.k, n0 * p.k + k0, tile),
        }
    }
}

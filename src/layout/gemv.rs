//! AutoAWQ `version: gemv`: qweight I32 \[N, K/8\], qzeros I32 \[N, zw\], scales \[N, 8·zw\], 4 bits.
//!
//! Everything is in C order of the transpose; groups are padded with zeros to 8·zw.

use super::address::{Address, Plane};
use super::forms::ScaleForm;
use super::packing::{Axis, How, Packing, need_four_bits, need_multiple, unpadded};
use super::tile::Tile;
use super::{LayerDesc, Padded, columns};
use crate::error::{Error, Result};
use crate::types::{Bits, round_up};

/// Stored groups: a multiple of 8 nibbles and of what AutoAWQ's kernels load at once.
pub(super) fn stored_groups(desc: &LayerDesc) -> Result<usize> {
    let step = match desc.spec.group.effective(desc.k) {
        128.. => 8,
        64 => 16,
        32 => 32,
        g => {
            return Err(Error::unsupported(format!(
                "the {} layout has no form for this group size",
                desc.layout
            ))
            .found(g)
            .needed("32, 64, or at least 128"));
        }
    };
    round_up(desc.spec.group.count(desc.k), step)
}

pub(super) struct Gemv;

impl Packing for Gemv {
    fn padded(&self, desc: &LayerDesc) -> Result<Padded> {
        need_four_bits(desc)?;
        need_multiple(desc, "K", desc.k, 8)?;
        Ok(Padded { groups: stored_groups(desc)?, ..unpadded(desc) })
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
        Plane::new(bits.get(), Address::column_major(p.groups, p.n))
    }

    fn scale_form(&self, _: &Padded) -> Option<ScaleForm> {
        Some(ScaleForm::Columns)
    }

    fn alignment(&self, bits: Bits) -> (usize, usize) {
        (bits.per_word(), 1)
    }

    fn read(&self, how: How, _: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        columns::read4(how.width, src, p.k / 2, n0 * (p.k / 2) + k0 / 2, tile);
    }

    fn write(&self, _: How, _: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        columns::write4(dst, p.k / 2, n0 * (p.k / 2) + k0 / 2, tile);
    }
}

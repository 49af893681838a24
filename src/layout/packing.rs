//! What a layout must say about itself. One file per layout implements it.

use super::address::{Address, Plane};
use super::forms::{ScaleForm, ZeroForm};
use super::lanes::Width;
use super::tile::Tile;
use super::{LayerDesc, Layout, Padded, TensorSizes};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Bits, Dtype, mul};

/// The index that varies slowest in the codes: cutting along it gives contiguous pieces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    K,
    N,
}

/// Whether a layout has a tensor of zero points.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ZeroTensor {
    /// Present unless the layer is symmetric.
    Optional,
    /// Readers of this layout expect one always; a symmetric layer has its middle code there.
    Always,
    /// The layout is for symmetric layers only.
    Never,
}

/// By which instructions tiles are read and written. Every way gives the same bytes.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// Vectors.
    pub width: Width,
    /// Whole cache lines may be written past the caches; [`super::lanes::fence`] follows.
    pub stream: bool,
}

impl How {
    /// As fast as this processor can.
    pub fn best() -> Self {
        How { width: Width::widest(), stream: true }
    }
}

/// A layout: how sizes grow, where elements lie, and how a tile of codes is read and written.
///
/// The addresses are the definition; `read`, `write` and the forms are the same thing at speed for whole tiles and for
/// 64 columns, and tests compare the two.
pub(super) trait Packing: Sync {
    /// Stored sizes, or why the layout has no form for such a layer.
    fn padded(&self, desc: &LayerDesc) -> Result<Padded>;

    /// Whether zero points are stored.
    fn zero_tensor(&self) -> ZeroTensor {
        ZeroTensor::Always
    }

    /// Zero points are stored as the float −z·s in the dtype of the scales; [`Packing::zeros`] is their place.
    fn scaled_zeros(&self) -> bool {
        false
    }

    /// Slowest index of the codes.
    fn outer(&self) -> Axis;

    /// Bits of a stored code.
    fn code_width(&self, bits: Bits) -> usize {
        bits.get()
    }

    /// Places of the codes, \[p.k, p.n\].
    fn codes(&self, p: &Padded, bits: Bits) -> Address;

    /// Places of the scales, \[p.groups, p.n\].
    fn scales(&self, p: &Padded) -> Address {
        Address::row_major(p.groups, p.n)
    }

    /// Places of the zero points, \[p.groups, p.n\].
    fn zeros(&self, p: &Padded, bits: Bits) -> Plane;

    /// The form of scales of 16 bits, if it is one of the usual ones.
    fn scale_form(&self, _: &Padded) -> Option<ScaleForm> {
        Some(ScaleForm::Rows)
    }

    /// The form of the zero points, if it is one of the usual ones.
    fn zero_form(&self, _: &Padded, _: Bits) -> Option<ZeroForm> {
        None
    }

    /// Bytes of the zero points when there are any.
    fn zero_bytes(&self, p: &Padded, desc: &LayerDesc) -> Result<usize> {
        Ok(mul(mul(p.groups, p.n, "zero points")?, desc.spec.bits.get(), "zero points")? / 8)
    }

    /// Multiples of K and N at which [`Packing::read`] can start.
    fn alignment(&self, bits: Bits) -> (usize, usize);

    /// Reads the 64 x 64 codes whose first is stored at (k0, n0).
    #[allow(clippy::too_many_arguments)]
    fn read(&self, how: How, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile);

    /// The inverse of [`Packing::read`]; k0 and n0 are multiples of 64.
    #[allow(clippy::too_many_arguments)]
    fn write(&self, how: How, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile);
}

/// The packing of a quantized layout; dense weights have none.
pub(super) fn of(layout: Layout) -> Result<&'static dyn Packing> {
    Ok(match layout {
        Layout::AwqGemm => &super::gemm::Gemm,
        Layout::AwqGemv => &super::gemv::Gemv,
        Layout::AwqGemvFast => &super::gemv_fast::GemvFast,
        Layout::CompressedTensors => &super::compressed_tensors::CompressedTensors,
        Layout::Gptq => &super::gptq::Gptq { minus: 1 },
        Layout::GptqV2 => &super::gptq::Gptq { minus: 0 },
        Layout::AwqMarlin => &super::marlin::pack::Marlin::Awq,
        Layout::Marlin => &super::marlin::pack::Marlin::Grown,
        Layout::Cpu => &super::cpu::Cpu,
        Layout::Dense => {
            return Err(Error::invalid("a dense weight has no codes").needed("a quantized layout"));
        }
    })
}

/// Sizes of a layout that grows nothing.
pub(super) fn unpadded(desc: &LayerDesc) -> Padded {
    let group = desc.spec.group;
    Padded { k: desc.k, n: desc.n, group: group.effective(desc.k), groups: group.count(desc.k) }
}

/// Refuses a size that is no multiple of what a word or tile of the layout holds.
pub(super) fn need_multiple(desc: &LayerDesc, what: &str, size: usize, of: usize) -> Result<()> {
    if size.is_multiple_of(of) {
        return Ok(());
    }
    Err(Error::unsupported(format!("the {} layout cannot hold this {what}", desc.layout))
        .found(size)
        .needed(format!("a multiple of {of}")))
}

/// Refuses 8-bit codes in a layout that is defined for 4 bits only.
pub(super) fn need_four_bits(desc: &LayerDesc) -> Result<()> {
    match desc.spec.bits {
        Bits::Four => Ok(()),
        Bits::Eight => {
            Err(Error::unsupported(format!("the {} layout is defined for 4 bits only", desc.layout))
                .found("8 bits")
                .needed("4 bits"))
        }
    }
}

/// The sizes that `desc.layout` really stores for the layer.
///
/// Errors: [`ErrorKind::InvalidArgument`] when K or N is 0, [`ErrorKind::Unsupported`] when the layout has no form
/// for these bits, sizes or groups, [`ErrorKind::SizeOverflow`].
pub fn padded(desc: &LayerDesc) -> Result<Padded> {
    if desc.k == 0 || desc.n == 0 {
        return Err(Error::invalid("a layer needs at least one input and one output feature")
            .found(format!("K = {}, N = {}", desc.k, desc.n)));
    }
    if desc.layout == Layout::Dense {
        return Ok(Padded { k: desc.k, n: desc.n, group: desc.k, groups: 0 });
    }
    if !matches!(desc.scale_dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32) {
        return Err(Error::new(ErrorKind::Tensor, "scales have a dtype that no layout uses")
            .found(desc.scale_dtype)
            .needed("F16, BF16 or F32"));
    }
    let packing = of(desc.layout)?;
    if desc.spec.zero_point && packing.zero_tensor() == ZeroTensor::Never {
        return Err(Error::unsupported(format!("the {} layout is symmetric only", desc.layout))
            .found("zero points")
            .needed("none"));
    }
    packing.padded(desc)
}

/// Bytes of the tensors of a layer in `desc.layout`.
///
/// Errors: those of [`padded`].
pub fn sizes(desc: &LayerDesc) -> Result<TensorSizes> {
    let p = padded(desc)?;
    let elements = mul(p.k, p.n, "codes")?;
    if desc.layout == Layout::Dense {
        let qweight = mul(elements, desc.scale_dtype.bytes(), "dense weight")?;
        return Ok(TensorSizes { qweight, scales: 0, qzeros: 0 });
    }
    let qzeros = if desc.spec.zero_point { of(desc.layout)?.zero_bytes(&p, desc)? } else { 0 };
    Ok(TensorSizes {
        qweight: mul(elements, desc.spec.bits.get(), "codes")? / 8,
        scales: mul(mul(p.groups, p.n, "scales")?, desc.scale_dtype.bytes(), "scales")?,
        qzeros,
    })
}

/// `a + b`, or a size overflow that names `what`.
pub(super) fn add(a: usize, b: usize, what: &str) -> Result<usize> {
    a.checked_add(b)
        .ok_or_else(|| Error::new(ErrorKind::SizeOverflow, format!("{what}: {a} + {b} does not fit")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::address::{get, put};
    use crate::layout::tile::TILE;
    use crate::types::{GroupSize, QuantSpec};

    fn mixed(len: usize) -> Vec<u8> {
        (0..len).map(|i| ((i as u32).wrapping_mul(0x9e37_79b9) >> 20) as u8).collect()
    }

    /// Layouts with a form for a layer of these sizes.
    fn packings(
        k: usize,
        n: usize,
        group: u32,
    ) -> impl Iterator<Item = (&'static dyn Packing, Layout, Bits, Padded)> {
        let all = Layout::ALL.into_iter().flat_map(|layout| [(layout, Bits::Four), (layout, Bits::Eight)]);
        all.filter_map(move |(layout, bits)| {
            let spec = QuantSpec { bits, group: GroupSize::Of(group), zero_point: false };
            let desc = LayerDesc { k, n, spec, layout, scale_dtype: Dtype::F16 };
            Some((of(layout).ok()?, layout, bits, padded(&desc).ok()?))
        })
    }

    /// Reading and writing whole tiles is what the addresses say, everywhere in a layer of 2 x 3 tiles, by vectors of every
    /// width, past the caches and not, on a cache line and beside one.
    #[test]
    fn tiles_agree_with_addresses() {
        #[repr(align(64))]
        struct Aligned([u8; 128 * 192 + 64]);
        let mut compared = 0;
        for (packing, layout, bits, p) in packings(2 * TILE, 3 * TILE, 64) {
            let (places, code) = (packing.codes(&p, bits), packing.code_width(bits));
            let bytes = mixed(p.k * p.n * code / 8);
            for width in Width::ALL.into_iter().filter(|width| width.available()) {
                for (stream, start) in [(false, 0), (false, 3), (true, 0), (true, 32)] {
                    let how = How { width, stream };
                    let mut memory = Aligned([0; 128 * 192 + 64]);
                    let copy = &mut memory.0[start..start + bytes.len()];
                    let mut slow = vec![0; bytes.len()];
                    for (k0, n0) in [(0, 0), (0, 64), (0, 128), (64, 0), (64, 64), (64, 128)] {
                        let mut tile = Tile::new();
                        packing.read(how, bits, &bytes, &p, k0, n0, &mut tile);
                        for k in 0..TILE {
                            for n in 0..TILE {
                                let e = places.rows[k0 + k] + places.cols[n0 + n];
                                let found = tile.get(bits, k, n);
                                assert_eq!(
                                    found,
                                    get(&bytes, code, e),
                                    "{layout} {bits:?} {width:?} {k} {n}"
                                );
                                put(&mut slow, code, e, found);
                            }
                        }
                        packing.write(how, bits, copy, &p, k0, n0, &tile);
                    }
                    crate::layout::lanes::fence();
                    assert!(copy == bytes && slow == bytes, "{layout} {bits:?} {width:?} {stream} {start}");
                    assert!(memory.0[start + bytes.len()..].iter().all(|&b| b == 0));
                    compared += 1;
                }
            }
        }
        let widths = Width::ALL.into_iter().filter(|width| width.available()).count();
        assert_eq!(compared, (9 + 6) * 4 * widths);
    }

    /// Scales and zero points by 64 columns are what the addresses say.
    #[test]
    fn forms_agree_with_addresses() {
        let (mut scales, mut zeros) = (0, 0);
        for (group, n) in [(32, 192), (128, 64)] {
            for (packing, layout, bits, p) in packings(128, n, group) {
                if let Some(form) = packing.scale_form(&p) {
                    let (plane, bytes) = (Plane::new(16, packing.scales(&p)), mixed(2 * p.groups * p.n));
                    let mut copy = vec![0; bytes.len()];
                    for (g, n) in (0..p.groups).flat_map(|g| (0..p.n).step_by(64).map(move |n| (g, n))) {
                        let found = form.read(&bytes, &p, g, n);
                        let mut expected = [0; 64];
                        plane.get_run(&bytes, g, n, &mut expected);
                        assert_eq!(
                            found.map(|s| u16::from_le_bytes(s) as u32),
                            expected,
                            "{layout} {bits:?}"
                        );
                        form.write(&mut copy, &p, g, n, &found);
                    }
                    assert!(copy == bytes, "{layout} {bits:?}");
                    scales += 1;
                }
                if let Some(form) = packing.zero_form(&p, bits) {
                    let plane = packing.zeros(&p, bits);
                    let bytes = mixed(p.groups * p.n * plane.width / 8);
                    let mut copy = vec![0; bytes.len()];
                    for (g, n) in (0..p.groups).flat_map(|g| (0..p.n).step_by(64).map(move |n| (g, n))) {
                        let found = form.read(&bytes, &p, g, n);
                        let mut expected = [0; 64];
                        plane.get_run(&bytes, g, n, &mut expected);
                        assert_eq!(found.map(u32::from), expected, "{layout} {bits:?}");
                        form.write(&mut copy, &p, g, n, &found);
                    }
                    assert!(copy == bytes, "{layout} {bits:?}");
                    zeros += 1;
                }
            }
        }
        // Marlin has no form for the scales of one group.
        assert_eq!((scales, zeros), (2 * (9 + 6) - 3, 2 * 8));
    }
}

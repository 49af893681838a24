//! Codes, zero points and scales in the open: one byte for a code, C order. What the quantizer makes and tests read.

use super::address::{Address, Plane};
use super::join;
use super::packing::{self, Axis, How, Packing, ZeroTensor, unpadded};
use super::source::{Source, Sources};
use super::tile::{TILE, Tile, shift, vectorized};
use super::{LayerDesc, Layout, Packed, Padded, Part, TensorsMut, repack};
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::{Parallel, Serial};
use crate::types::{Bits, Dtype, QuantSpec, mul};

/// A layer whose codes are not packed.
#[derive(Debug, Clone)]
pub struct Plain {
    /// Input features.
    pub k: usize,
    /// Output features.
    pub n: usize,
    /// Bits, group size, zero points or not.
    pub spec: QuantSpec,
    /// F16, BF16 or F32.
    pub scale_dtype: Dtype,
    /// Codes \[K, N\].
    pub q: Vec<u8>,
    /// Zero points \[G, N\]; empty when symmetric.
    pub z: Vec<u8>,
    /// Scales \[G, N\] in `scale_dtype`, little-endian.
    pub scales: Vec<u8>,
    /// Bias \[N\] in `bias_dtype`.
    pub bias: Option<Vec<u8>>,
    /// F16, BF16 or F32.
    pub bias_dtype: Dtype,
}

impl Plain {
    /// Unpacks parts, joined along N.
    ///
    /// Errors: those of [`super::joined_desc`] and [`super::check`].
    pub fn from_parts(parts: &[Part]) -> Result<Plain> {
        let desc = join::logical(parts)?;
        let p = unpadded(&desc);
        let mut plain = Plain {
            k: desc.k,
            n: desc.n,
            spec: desc.spec,
            scale_dtype: desc.scale_dtype,
            q: zeroed(mul(desc.k, desc.n, "codes")?)?,
            z: zeroed(if desc.spec.zero_point { mul(p.groups, p.n, "zero points")? } else { 0 })?,
            scales: zeroed(mul(mul(p.groups, p.n, "scales")?, desc.scale_dtype.bytes(), "scales")?)?,
            bias: None,
            bias_dtype: Dtype::F16,
        };
        if let Some((bias, dtype)) = join::bias(parts)? {
            (plain.bias, plain.bias_dtype) = (Some(bias), dtype);
        }
        let sources = Sources::new(parts, &desc, &p)?;
        let out = TensorsMut { qweight: &mut plain.q, scales: &mut plain.scales, qzeros: &mut plain.z };
        repack::write(&sources, &PlainPacking, &desc, &p, out, &Serial);
        Ok(plain)
    }

    /// Packs the layer.
    ///
    /// Errors: [`ErrorKind::Unsupported`] when `to` has no form for it, [`ErrorKind::Tensor`] when a vector has the
    /// wrong length or a code does not fit its bits.
    pub fn pack(&self, to: Layout, par: &dyn Parallel) -> Result<Packed> {
        let from = self.desc(Layout::CompressedTensors);
        let p = unpadded(&from);
        self.check(&p)?;
        let desc = join::target(from, to)?;
        let source = Source::plain(self, &p, &desc)?;
        let mut packed = repack::fill(&Sources::one(source, desc.spec.bits), desc, par)?;
        packed.bias = self.bias.as_deref().map(Buffer::copy_of).transpose()?;
        packed.bias_dtype = self.bias_dtype;
        Ok(packed)
    }

    /// The layer as `layout` would describe it.
    fn desc(&self, layout: Layout) -> LayerDesc {
        LayerDesc { k: self.k, n: self.n, spec: self.spec, layout, scale_dtype: self.scale_dtype }
    }

    fn check(&self, p: &Padded) -> Result<()> {
        // The sizes of compressed-tensors are defined for every shape, so this validates K, N and the dtype.
        packing::sizes(&self.desc(Layout::CompressedTensors))?;
        let groups = mul(p.groups, p.n, "scales")?;
        let zeros = if self.spec.zero_point { groups } else { 0 };
        let bias = self.bias.as_ref().map_or(0, |_| self.n * self.bias_dtype.bytes());
        for (name, found, needed) in [
            ("codes", self.q.len(), mul(p.k, p.n, "codes")?),
            ("zero points", self.z.len(), zeros),
            ("scales", self.scales.len(), mul(groups, self.scale_dtype.bytes(), "scales")?),
            ("bias", self.bias.as_ref().map_or(0, Vec::len), bias),
        ] {
            if found != needed {
                return Err(Error::new(ErrorKind::Tensor, "has the wrong length")
                    .subject(name)
                    .found(format!("{found} bytes"))
                    .needed(format!("{needed} bytes")));
            }
        }
        let max = self.spec.bits.max_code();
        match self.q.iter().chain(&self.z).max() {
            Some(&code) if code > max => Err(Error::new(ErrorKind::Tensor, "a code does not fit its bits")
                .found(code)
                .needed(format!("0 to {max}"))),
            _ => Ok(()),
        }
    }
}

/// `len` zero bytes, or [`ErrorKind::OutOfMemory`].
pub(super) fn zeroed(len: usize) -> Result<Vec<u8>> {
    let mut v = Vec::new();
    v.try_reserve_exact(len)
        .map_err(|_| Error::new(ErrorKind::OutOfMemory, format!("no memory for {len} bytes")))?;
    v.resize(len, 0);
    Ok(v)
}

/// Bytes \[K, N\], \[G, N\].
pub(super) struct PlainPacking;

impl Packing for PlainPacking {
    fn padded(&self, desc: &LayerDesc) -> Result<Padded> {
        Ok(unpadded(desc))
    }

    fn zero_tensor(&self) -> ZeroTensor {
        ZeroTensor::Optional
    }

    fn outer(&self) -> Axis {
        Axis::K
    }

    fn code_width(&self, _: Bits) -> usize {
        8
    }

    fn codes(&self, p: &Padded, _: Bits) -> Address {
        Address::row_major(p.k, p.n)
    }

    fn zeros(&self, p: &Padded, _: Bits) -> Plane {
        Plane::new(8, Address::row_major(p.groups, p.n))
    }

    fn alignment(&self, _: Bits) -> (usize, usize) {
        (1, 1)
    }

    fn read(&self, _: How, bits: Bits, src: &[u8], p: &Padded, k0: usize, n0: usize, tile: &mut Tile) {
        read(bits, src, p.n, k0 * p.n + n0, tile);
    }

    fn write(&self, _: How, bits: Bits, dst: &mut [u8], p: &Padded, k0: usize, n0: usize, tile: &Tile) {
        write(bits, dst, p.n, k0 * p.n + n0, tile);
    }
}

vectorized! {
    fn read(bits: Bits, src: &[u8], stride: usize, at: usize, tile: &mut Tile) {
        for b in 0..TILE / bits.per_word() {
            let mut words = [0; TILE];
            for k in b * bits.per_word()..(b + 1) * bits.per_word() {
                let codes = &src[k * stride + at..][..TILE];
                for n in 0..TILE {
                    words[n] |= (codes[n] as u32) << shift(bits, k);
                }
            }
            tile.set_words(bits, b, &words);
        }
    }
}

vectorized! {
    fn write(bits: Bits, dst: &mut [u8], stride: usize, at: usize, tile: &Tile) {
        for k in 0..TILE {
            dst[k * stride + at..][..TILE].copy_from_slice(&tile.row(bits, k));
        }
    }
}

//! The numbers that a plan is a function of.

use super::capability;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{LayerDesc, Layout, padded};
use crate::types::{Bits, Dtype, GroupSize, QuantSpec};

/// Columns of a tile of the weights.
pub(super) const TILE_COLUMNS: usize = 64;

/// Rows of a tile of the weights.
pub(super) const TILE_ROWS: usize = 16;

/// Numbers of a GPU that plans depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gpu {
    /// Compute capability, major and minor.
    pub capability: (u32, u32),
    /// Streaming multiprocessors.
    pub multiprocessors: u32,
    /// Bandwidth of the memory in GB/s (10^9 bytes); 0: unknown.
    pub bandwidth_gbps: f64,
}

impl Gpu {
    /// More multiprocessors than any GPU will have.
    pub(super) const MOST_MULTIPROCESSORS: u32 = 1 << 16;

    /// The bandwidth, or what is usual for so many multiprocessors of this capability. In GB/s, that is bytes/ns.
    pub(super) fn bandwidth(&self) -> f64 {
        if self.bandwidth_gbps > 0.0 {
            return self.bandwidth_gbps;
        }
        let typical = capability::nearest(self.capability).and_then(|a| a.typical);
        let each = typical.map_or(10.0, |p| p.bandwidth_gbps / f64::from(p.multiprocessors));
        each * f64::from(self.multiprocessors)
    }

    /// Refuses numbers that no GPU has.
    pub(super) fn check(&self) -> Result<()> {
        if !(1..=Gpu::MOST_MULTIPROCESSORS).contains(&self.multiprocessors) {
            return Err(Error::invalid("no GPU has so many")
                .subject("multiprocessors")
                .found(self.multiprocessors)
                .needed(format!("1 to {}", Gpu::MOST_MULTIPROCESSORS)));
        }
        if !(self.bandwidth_gbps == 0.0 || (1.0..=1e6).contains(&self.bandwidth_gbps)) {
            return Err(Error::invalid("no GPU has such a memory")
                .subject("bandwidth_gbps")
                .found(self.bandwidth_gbps)
                .needed("GB/s from 1 to 1000000, or 0 for unknown"));
        }
        Ok(())
    }
}

/// A product y\[m, n\] = x\[m, k\] · W with the weights in layout Marlin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// Most rows of x.
    pub m: usize,
    /// Input features.
    pub k: usize,
    /// Output features.
    pub n: usize,
    /// Input features as stored, a multiple of 16.
    pub stored_k: usize,
    /// Output features as stored, a multiple of 64.
    pub stored_n: usize,
    /// Bits of a code.
    pub bits: Bits,
    /// Group size along K.
    pub group: GroupSize,
    /// True: zero points are stored.
    pub zero_point: bool,
    /// Element type of the scales.
    pub scale_dtype: Dtype,
    /// Element type of x.
    pub dtype: Dtype,
}

impl Problem {
    /// The problem of `m` rows of `dtype` on a layer; its layout may be any, what counts is what Marlin's would store.
    ///
    /// Errors: those of [`padded`], [`ErrorKind::Unsupported`] for a dense layer.
    pub fn new(desc: &LayerDesc, m: usize, dtype: Dtype) -> Result<Self> {
        if desc.layout == Layout::Dense {
            return Err(Error::unsupported("GPU kernels run quantized layers")
                .found("a dense weight")
                .needed("4-bit or 8-bit weights"));
        }
        let stored = padded(&LayerDesc { layout: Layout::Marlin, ..*desc })?;
        let QuantSpec { bits, group, zero_point } = desc.spec;
        Ok(Problem {
            m,
            k: desc.k,
            n: desc.n,
            stored_k: stored.k,
            stored_n: stored.n,
            bits,
            group,
            zero_point,
            scale_dtype: desc.scale_dtype,
            dtype,
        })
    }

    /// The layer of the problem.
    pub(super) fn layer(&self) -> LayerDesc {
        let Problem { k, n, bits, group, zero_point, scale_dtype, .. } = *self;
        LayerDesc { k, n, spec: QuantSpec { bits, group, zero_point }, layout: Layout::Marlin, scale_dtype }
    }

    /// Tiles along K.
    pub fn k_tiles(&self) -> usize {
        self.stored_k / TILE_ROWS
    }

    /// Tiles along N.
    pub fn n_tiles(&self) -> usize {
        self.stored_n / TILE_COLUMNS
    }

    /// Bytes of a tile of codes: 512 or 1024.
    pub fn tile_bytes(&self) -> usize {
        TILE_ROWS * TILE_COLUMNS * self.bits.get() / 8
    }

    /// Bytes of the layer in memory: codes, scales and zero points.
    pub fn weight_bytes(&self) -> u64 {
        let groups = match self.group.count(self.k) {
            1 => 1,
            _ => self.stored_k.div_ceil(self.group.effective(self.k).next_multiple_of(TILE_ROWS)),
        };
        let codes = (self.stored_k as u128) * (self.stored_n as u128) * (self.bits.get() as u128) / 8;
        let zero_bits = if self.zero_point { self.bits.get() } else { 0 };
        let column_bits = 8 * self.scale_dtype.bytes() + zero_bits;
        let per_group = (groups as u128) * (self.stored_n as u128) * (column_bits as u128) / 8;
        (codes + per_group).try_into().unwrap_or(u64::MAX)
    }

    /// Bytes that must cross the memory bus once: the layer, x and y.
    pub fn bytes_moved(&self) -> u64 {
        let elements = (self.m as u128) * (self.k as u128 + self.n as u128);
        let activations = elements.saturating_mul(self.dtype.bytes() as u128);
        self.weight_bytes().saturating_add(activations.try_into().unwrap_or(u64::MAX))
    }

    /// Multiplications and additions: 2·M·N·K.
    pub fn operations(&self) -> u64 {
        [self.m, self.n, self.k].iter().fold(2u64, |product, size| product.saturating_mul(*size as u64))
    }

    /// Refuses sizes that contradict each other or that the kernels' 32-bit integers cannot hold.
    pub(super) fn check(&self) -> Result<()> {
        if self.m == 0 {
            return Err(Error::invalid("must be positive").subject("m").found(0).needed("1 or more"));
        }
        for (what, size, stored, multiple) in
            [("k", self.k, self.stored_k, TILE_ROWS), ("n", self.n, self.stored_n, TILE_COLUMNS)]
        {
            if size == 0 || stored < size || !stored.is_multiple_of(multiple) {
                return Err(Error::invalid("no layout Marlin stores this size so")
                    .subject(what)
                    .found(format!("{size} stored as {stored}"))
                    .needed(format!("1 or more, stored as a multiple of {multiple}")));
            }
        }
        for (what, size) in [("m", self.m), ("stored k", self.stored_k), ("stored n", self.stored_n)] {
            if size > i32::MAX as usize {
                return Err(Error::new(ErrorKind::SizeOverflow, "does not fit the kernels' 32-bit integers")
                    .subject(what)
                    .found(size)
                    .needed(format!("at most {}", i32::MAX)));
            }
        }
        Ok(())
    }
}

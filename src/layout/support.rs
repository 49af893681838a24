//! What can be run, answered before any tensor is touched.

use super::packing::{of, padded};
use super::{LayerDesc, Layout, Padded};
use crate::types::{Bits, Dtype, GroupSize, QuantSpec};

/// An answer with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// As it is.
    Yes,
    /// With the layer grown to these sizes when it is repacked; callers never see the padding.
    Padded(Padded),
    /// Not at all; the text says why and what would do.
    No(String),
}

/// The kernel families of AWQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelFamily {
    /// Few rows of activations.
    Gemv,
    /// Many rows, on any tensor core.
    Gemm,
    /// Many rows, with asynchronous copies.
    Marlin,
}

/// Group sizes that Marlin kernels everywhere take as they are; −1 is one group per output channel.
pub const MARLIN_GROUP_SIZES: [i64; 4] = [-1, 32, 64, 128];

/// Whether weights of these bits, this group size and with or without zero points can be held in `layout`. The numbers
/// are those of a config, so any may be wrong.
pub fn quantization(bits: u32, group_size: i64, zero_point: bool, layout: Layout) -> Support {
    let spec = match (Bits::new(bits), GroupSize::new(group_size)) {
        (Ok(bits), Ok(group)) => QuantSpec { bits, group, zero_point },
        (Err(e), _) | (_, Err(e)) => return Support::No(e.to_string()),
    };
    if let Err(e) = of(layout) {
        return Support::No(e.to_string());
    }
    // Two groups of a size that fits every tile, so that only the quantization is judged.
    let group = if group_size == -1 { 1024 } else { group_size as usize };
    let k = group.saturating_mul(2).next_multiple_of(128);
    match shape(&LayerDesc { k, n: 128, spec, layout, scale_dtype: Dtype::F16 }) {
        Support::Padded(p) if p.group == group || p.groups == 1 => Support::Yes,
        answer => answer,
    }
}

/// Whether a layer can be held in `desc.layout`, and how large it gets.
pub fn shape(desc: &LayerDesc) -> Support {
    match padded(desc) {
        Err(e) => Support::No(e.to_string()),
        Ok(p) if (p.k, p.n) == (desc.k, desc.n) => Support::Yes,
        Ok(p) => Support::Padded(p),
    }
}

/// The least compute capability of an NVIDIA GPU that runs a kernel family, as (major, minor).
pub const fn min_capability(kernel: KernelFamily) -> (u32, u32) {
    match kernel {
        // Turing: the first with the packed integer and half instructions that the decoders use.
        KernelFamily::Gemv | KernelFamily::Gemm => (7, 5),
        // Ampere: cp.async and m16n8k16.
        KernelFamily::Marlin => (8, 0),
    }
}

/// Dtypes of activations that a kernel family takes on a GPU of capability (major, minor); empty when it runs none.
pub fn activation_dtypes(kernel: KernelFamily, capability: (u32, u32)) -> &'static [Dtype] {
    if capability < min_capability(kernel) {
        &[]
    } else if capability < (8, 0) {
        &[Dtype::F16]
    } else {
        &[Dtype::F16, Dtype::BF16]
    }
}

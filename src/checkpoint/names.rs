//! What the tensors of a layer are called in a checkpoint, and what type and shape each has: the one table
//! that the reader and the writer share.

use std::borrow::Cow;

use super::TensorPlan;
use crate::error::Result;
use crate::layout::{LayerDesc, Layout, Packed, Role, padded, sizes};
use crate::types::Dtype;

/// The parts of the names that follow the layer's own, such as `qweight` in `model.layers.0.mlp.up_proj.qweight`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suffixes {
    /// Codes, or the dense weight.
    pub qweight: &'static str,
    /// Scales; none for a dense weight.
    pub scales: Option<&'static str>,
    /// Zero points; none where the layout never has them. Absent from symmetric layers of the others.
    pub qzeros: Option<&'static str>,
    /// The logical shape as I64 \[2\], where the layout stores it because its own shapes are padded:
    /// compressed-tensors writes \[N, K\], ours is \[K, N\].
    pub shape: Option<&'static str>,
    /// Bias \[N\].
    pub bias: &'static str,
}

/// The names of a layout's tensors.
pub const fn suffixes(layout: Layout) -> Suffixes {
    let usual = Suffixes {
        qweight: "qweight",
        scales: Some("scales"),
        qzeros: Some("qzeros"),
        shape: None,
        bias: "bias",
    };
    match layout {
        Layout::Dense => Suffixes { qweight: "weight", scales: None, qzeros: None, ..usual },
        Layout::AwqGemm | Layout::AwqGemv | Layout::AwqGemvFast | Layout::Gptq | Layout::GptqV2 => usual,
        Layout::AwqMarlin => Suffixes { qzeros: None, ..usual },
        Layout::CompressedTensors => Suffixes {
            qweight: "weight_packed",
            scales: Some("weight_scale"),
            qzeros: Some("weight_zero_point"),
            shape: Some("weight_shape"),
            bias: "bias",
        },
        Layout::Marlin | Layout::Cpu => Suffixes { shape: Some("shape"), ..usual },
    }
}

/// One tensor of a stored layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What it holds; None for the logical shape.
    pub role: Option<Role>,
    /// The end of its name.
    pub suffix: &'static str,
    /// Element type.
    pub dtype: Dtype,
    /// Shape, padding included.
    pub shape: Vec<usize>,
}

/// The tensors of a layer in `desc.layout`, without the bias (its type is its own).
pub fn stored(desc: &LayerDesc) -> Result<Vec<Stored>> {
    let (p, bytes) = (padded(desc)?, sizes(desc)?);
    let (scale, bits) = (desc.scale_dtype, desc.spec.bits);
    // Rows of codes, scales and zero points; the columns follow from the sizes.
    let (qweight, scales, qzeros) = match desc.layout {
        Layout::Dense => ((scale, p.n), p.n, (scale, p.n)),
        Layout::AwqGemm => ((Dtype::I32, p.k), p.groups, (Dtype::I32, p.groups)),
        Layout::AwqGemv => ((Dtype::I32, p.n), p.n, (Dtype::I32, p.n)),
        Layout::AwqGemvFast => {
            let groups = bytes.scales / scale.bytes() / p.n.max(1);
            ((Dtype::I16, p.n / 4), groups, (scale, groups))
        }
        Layout::CompressedTensors => ((Dtype::I32, p.n), p.n, (Dtype::I32, p.n.div_ceil(bits.per_word()))),
        Layout::Gptq | Layout::GptqV2 => {
            ((Dtype::I32, p.k / bits.per_word()), p.groups, (Dtype::I32, p.groups))
        }
        Layout::AwqMarlin | Layout::Marlin => ((Dtype::I32, p.k / 16), p.groups, (Dtype::I32, p.groups)),
        // Tiles have no rows: one line of bytes.
        Layout::Cpu => ((Dtype::U8, 1), 1, (Dtype::U8, 1)),
    };
    let names = suffixes(desc.layout);
    let tensor = |role, suffix: Option<&'static str>, (dtype, rows): (Dtype, usize), bytes: usize| {
        let suffix = suffix.filter(|_| bytes > 0)?;
        let shape = vec![rows, bytes / dtype.bytes() / rows.max(1)];
        Some(Stored { role: Some(role), suffix, dtype, shape })
    };
    let shape = |suffix| Stored { role: None, suffix, dtype: Dtype::I64, shape: vec![2] };
    Ok([
        tensor(Role::Qweight, Some(names.qweight), qweight, bytes.qweight),
        tensor(Role::Scales, names.scales, (scale, scales), bytes.scales),
        tensor(Role::Qzeros, names.qzeros, qzeros, bytes.qzeros),
        names.shape.map(shape),
    ]
    .into_iter()
    .flatten()
    .collect())
}

/// The name of a layer's tensor; the tensors of a layer without a name have bare names.
pub fn full_name(layer: &str, suffix: &str) -> String {
    if layer.is_empty() { suffix.to_owned() } else { format!("{layer}.{suffix}") }
}

/// The tensors of a layer under their full names, as [`stored`].
pub fn plan(desc: &LayerDesc, prefix: &str) -> Result<Vec<TensorPlan>> {
    let full = |t: Stored| TensorPlan::new(full_name(prefix, t.suffix), t.dtype, t.shape);
    Ok(stored(desc)?.into_iter().map(full).collect())
}

/// Every tensor of a packed layer under its full name, with its bytes: what a checkpoint stores.
pub fn tensors<'a>(packed: &'a Packed, prefix: &str) -> Result<Vec<(TensorPlan, Cow<'a, [u8]>)>> {
    let named = |suffix: &str, dtype, shape| TensorPlan::new(full_name(prefix, suffix), dtype, shape);
    let mut tensors = vec![];
    for Stored { role, suffix, dtype, shape } in stored(&packed.desc)? {
        let data: Cow<[u8]> = match role {
            Some(Role::Qweight) => (&*packed.qweight).into(),
            Some(Role::Scales) => (&*packed.scales).into(),
            Some(Role::Qzeros) => (&*packed.qzeros).into(),
            Some(Role::Bias) => unreachable!("`stored` leaves the bias out"),
            None => shape_bytes(&packed.desc).into(),
        };
        tensors.push((named(suffix, dtype, shape), data));
    }
    if let Some(bias) = &packed.bias {
        let suffix = suffixes(packed.desc.layout).bias;
        tensors.push((named(suffix, packed.bias_dtype, vec![packed.desc.n]), (&**bias).into()));
    }
    Ok(tensors)
}

/// The contents of the tensor that holds the logical shape: compressed-tensors writes \[N, K\], ours is \[K, N\].
fn shape_bytes(desc: &LayerDesc) -> Vec<u8> {
    let shape = match desc.layout {
        Layout::CompressedTensors => [desc.n, desc.k],
        _ => [desc.k, desc.n],
    };
    shape.iter().flat_map(|&d| (d as i64).to_le_bytes()).collect()
}

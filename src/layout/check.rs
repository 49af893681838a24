//! Whether the tensors of a layer have the lengths that its description asks for.

use super::{LayerDesc, LayerView, packing};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Dtype, mul};

/// Compares the lengths of the tensors with [`super::sizes`]; everything else here relies on it.
///
/// Errors: those of [`super::padded`], and [`ErrorKind::Tensor`] with the tensor, the bytes found and needed.
pub fn check(view: &LayerView) -> Result<()> {
    let bias = view.bias.map(|bias| (bias.len(), view.bias_dtype));
    check_lengths(&view.desc, [view.qweight.len(), view.scales.len(), view.qzeros.len()], bias)
}

/// As [`check`], for tensors that cannot be looked at from here: the bytes of qweight, scales and zero points, and the
/// bytes and dtype of the bias.
pub fn check_lengths(desc: &LayerDesc, tensors: [usize; 3], bias: Option<(usize, Dtype)>) -> Result<()> {
    let sizes = packing::sizes(desc)?;
    let mut lengths = vec![
        ("qweight", tensors[0], sizes.qweight),
        ("scales", tensors[1], sizes.scales),
        ("qzeros", tensors[2], sizes.qzeros),
    ];
    if let Some((bytes, dtype)) = bias {
        if !matches!(dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32) {
            return Err(Error::new(ErrorKind::Tensor, "has a dtype that no layer uses")
                .subject("bias")
                .found(dtype)
                .needed("F16, BF16 or F32"));
        }
        lengths.push(("bias", bytes, mul(desc.n, dtype.bytes(), "bias")?));
    }
    for (name, found, needed) in lengths {
        if found != needed {
            return Err(Error::new(
                ErrorKind::Tensor,
                format!(
                    "has the wrong length for K = {}, N = {}, {} bits, group {} in the {} layout",
                    desc.k,
                    desc.n,
                    desc.spec.bits.get(),
                    desc.spec.group,
                    desc.layout
                ),
            )
            .subject(name)
            .found(format!("{found} bytes"))
            .needed(format!("{needed} bytes")));
        }
    }
    Ok(())
}

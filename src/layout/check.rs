//! Whether the tensors of a layer have the lengths that its description asks for.

use super::{LayerView, packing};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Dtype, mul};

/// Compares the lengths of the tensors with [`super::sizes`]; everything else here relies on it.
///
/// Errors: those of [`super::padded`], and [`ErrorKind::Tensor`] with the tensor, the bytes found and needed.
pub fn check(view: &LayerView) -> Result<()> {
    let sizes = packing::sizes(&view.desc)?;
    let mut lengths = vec![
        ("qweight", view.qweight.len(), sizes.qweight),
        ("scales", view.scales.len(), sizes.scales),
        ("qzeros", view.qzeros.len(), sizes.qzeros),
    ];
    if let Some(bias) = view.bias {
        if !matches!(view.bias_dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32) {
            return Err(Error::new(ErrorKind::Tensor, "has a dtype that no layer uses")
                .subject("bias")
                .found(view.bias_dtype)
                .needed("F16, BF16 or F32"));
        }
        lengths.push(("bias", bias.len(), mul(view.desc.n, view.bias_dtype.bytes(), "bias")?));
    }
    for (name, found, needed) in lengths {
        if found != needed {
            let d = &view.desc;
            return Err(Error::new(
                ErrorKind::Tensor,
                format!(
                    "has the wrong length for K = {}, N = {}, {} bits, group {} in the {} layout",
                    d.k,
                    d.n,
                    d.spec.bits.get(),
                    d.spec.group,
                    d.layout
                ),
            )
            .subject(name)
            .found(format!("{found} bytes"))
            .needed(format!("{needed} bytes")));
        }
    }
    Ok(())
}

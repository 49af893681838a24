//! A layer in memory of our own.

use super::{LayerDesc, LayerView, Layout, Padded, check, padded};
use crate::buffer::{ALIGN, Buffer};
use crate::error::{Error, Result};
use crate::types::Dtype;

/// One layer, packed, in host memory that it owns. The tensors have the padded sizes.
#[derive(Debug)]
pub struct Packed {
    /// Logical shape, quantization, layout.
    pub desc: LayerDesc,
    /// Stored shape.
    pub padded: Padded,
    /// Codes, or the dense weight.
    pub qweight: Buffer,
    /// Scales (empty for dense).
    pub scales: Buffer,
    /// Zero points (empty when symmetric or dense).
    pub qzeros: Buffer,
    /// Bias \[N logical\], unpermuted, in `bias_dtype`.
    pub bias: Option<Buffer>,
    /// F16, BF16 or F32.
    pub bias_dtype: Dtype,
}

impl Packed {
    /// A copy of somebody else's tensors, in the layout that they are in.
    ///
    /// Errors: those of [`check`], and [`crate::ErrorKind::OutOfMemory`].
    pub fn copy_of(view: &LayerView) -> Result<Self> {
        check(view)?;
        Ok(Packed {
            desc: view.desc,
            padded: padded(&view.desc)?,
            qweight: Buffer::copy_of(view.qweight)?,
            scales: Buffer::copy_of(view.scales)?,
            qzeros: Buffer::copy_of(view.qzeros)?,
            bias: view.bias.map(Buffer::copy_of).transpose()?,
            bias_dtype: view.bias_dtype,
        })
    }

    /// Somebody else's tensors where they are, in the layout that they are in.
    ///
    /// Errors: those of [`check`], and [`crate::ErrorKind::InvalidArgument`] for tensors that layers would run from and
    /// that do not lie on the boundary of a [`Buffer`].
    ///
    /// # Safety
    /// The tensors stay readable, and nobody writes them, until this and all that shares it is dropped.
    pub unsafe fn lent(view: &LayerView) -> Result<Self> {
        check(view)?;
        let parts = [("qweight", view.qweight), ("scales", view.scales), ("qzeros", view.qzeros)];
        if matches!(view.desc.layout, Layout::Cpu | Layout::Dense) {
            for (name, bytes) in parts {
                if !bytes.is_empty() && !(bytes.as_ptr() as usize).is_multiple_of(ALIGN) {
                    return Err(Error::invalid("lies on no boundary that a layer can run from")
                        .subject(name)
                        .found(format!("{:p}", bytes.as_ptr()))
                        .needed(format!("a multiple of {ALIGN}")));
                }
            }
        }
        // SAFETY: the caller's promise.
        let [qweight, scales, qzeros] = parts.map(|(_, bytes)| unsafe { Buffer::lent(bytes) });
        Ok(Packed {
            desc: view.desc,
            padded: padded(&view.desc)?,
            qweight,
            scales,
            qzeros,
            // SAFETY: the caller's promise.
            bias: view.bias.map(|bytes| unsafe { Buffer::lent(bytes) }),
            bias_dtype: view.bias_dtype,
        })
    }

    /// Bytes of all tensors.
    pub fn bytes(&self) -> usize {
        self.qweight.len() + self.scales.len() + self.qzeros.len() + self.bias.as_ref().map_or(0, |b| b.len())
    }

    /// Borrowed view. Its tensors are `padded` in size.
    pub fn view(&self) -> LayerView<'_> {
        LayerView {
            desc: self.desc,
            qweight: &self.qweight,
            scales: &self.scales,
            qzeros: &self.qzeros,
            bias: self.bias.as_deref(),
            bias_dtype: self.bias_dtype,
        }
    }
}

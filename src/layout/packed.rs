//! A layer in memory of our own.

use super::{LayerDesc, LayerView, Padded};
use crate::buffer::Buffer;
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

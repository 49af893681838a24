//! What a layer is: its shape, its quantization, its layout, and borrowed views of its tensors.

use std::ops::Range;

use crate::types::{Dtype, QuantSpec};

/// Where the codes, zero points and scales of a layer lie. The numbers are those of `awqm_layout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Layout {
    /// Not quantized: weight \[N, K\] in F16, BF16 or F32 (torch `Linear`).
    Dense = 1,
    /// AutoAWQ `version: gemm`: qweight I32 \[K, N/P\], qzeros I32 \[G, N/P\], scales \[G, N\], interleaved nibbles.
    AwqGemm = 2,
    /// AutoAWQ `version: gemv`: qweight I32 \[N, K/8\], qzeros I32 \[N, zw\], scales F16 \[N, 8·zw\].
    AwqGemv = 3,
    /// AutoAWQ `version: gemv_fast` and llm-awq v2: qweight I16 \[N/4, K\], scales \[8·zw, N\], qzeros as −z·s.
    AwqGemvFast = 4,
    /// AutoAWQ `version: marlin`: symmetric, qweight I32 \[K/16, 2N\], scales F16 \[G, N\] permuted.
    AwqMarlin = 5,
    /// compressed-tensors pack-quantized: weight_packed I32 \[N, K·b/32\], weight_scale \[N, G\], weight_zero_point I32 \[N·b/32, G\].
    CompressedTensors = 6,
    /// GPTQ v1: qweight I32 \[K/P, N\], qzeros I32 \[G, N/P\] holding z − 1, scales F16 \[G, N\].
    Gptq = 7,
    /// GPTQ v2: as [`Layout::Gptq`], with qzeros holding z.
    GptqV2 = 8,
    /// Marlin: qweight I32 \[K/16, N·16/P\] in tensor-core order, scales and qzeros permuted. See `marlin.rs`.
    Marlin = 9,
    /// This library's CPU layout. See `cpu.rs`.
    Cpu = 10,
}

impl Layout {
    /// Every value, in the order of its number.
    pub const ALL: [Layout; 10] = [
        Layout::Dense,
        Layout::AwqGemm,
        Layout::AwqGemv,
        Layout::AwqGemvFast,
        Layout::AwqMarlin,
        Layout::CompressedTensors,
        Layout::Gptq,
        Layout::GptqV2,
        Layout::Marlin,
        Layout::Cpu,
    ];

    /// The number of the C interface.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// From the number of the C interface.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.code() == code)
    }

    /// The name that the command line, JSON and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Layout::Dense => "dense",
            Layout::AwqGemm => "gemm",
            Layout::AwqGemv => "gemv",
            Layout::AwqGemvFast => "gemv_fast",
            Layout::AwqMarlin => "awq_marlin",
            Layout::CompressedTensors => "compressed-tensors",
            Layout::Gptq => "gptq",
            Layout::GptqV2 => "gptq_v2",
            Layout::Marlin => "marlin",
            Layout::Cpu => "cpu",
        }
    }

    /// From [`Layout::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.name() == name)
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Everything about a layer but its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerDesc {
    /// Input features, logical (before any padding).
    pub k: usize,
    /// Output features, logical (before any padding).
    pub n: usize,
    /// Quantization; meaningless for [`Layout::Dense`].
    pub spec: QuantSpec,
    /// Where things lie.
    pub layout: Layout,
    /// Element type of the scales (F16, BF16 or F32), or of the weight for [`Layout::Dense`].
    pub scale_dtype: Dtype,
}

/// The sizes that a layout really stores: K, N and the group are grown to what its tiles need.
/// Logical row k lies at k' = (k / g) · group + k % g; rows, columns and groups beyond the logical ones
/// have code 0, zero point 0 and scale 0, so they add nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padded {
    /// Stored input features.
    pub k: usize,
    /// Stored output features.
    pub n: usize,
    /// Stored rows of one group (k when there is one group).
    pub group: usize,
    /// Stored groups.
    pub groups: usize,
}

/// One tensor of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Codes, or the dense weight.
    Qweight,
    /// Scales.
    Scales,
    /// Zero points.
    Qzeros,
    /// Bias \[N\].
    Bias,
}

/// Bytes of each tensor of a layer in a layout. 0 = the layout has no such tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TensorSizes {
    /// Bytes of the codes.
    pub qweight: usize,
    /// Bytes of the scales.
    pub scales: usize,
    /// Bytes of the zero points.
    pub qzeros: usize,
}

/// A layer whose tensors somebody else owns: a mapped file, the caller's memory, a [`super::Packed`].
#[derive(Debug, Clone, Copy)]
pub struct LayerView<'a> {
    /// What it is.
    pub desc: LayerDesc,
    /// Codes (or dense weight).
    pub qweight: &'a [u8],
    /// Scales; empty for [`Layout::Dense`].
    pub scales: &'a [u8],
    /// Zero points; empty when symmetric or dense.
    pub qzeros: &'a [u8],
    /// Bias \[N\], in `bias_dtype`.
    pub bias: Option<&'a [u8]>,
    /// F16, BF16 or F32.
    pub bias_dtype: Dtype,
}

/// A rectangle of a layer: the unit of fused layers (parts joined along N) and of tensor parallelism.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The whole layer.
    pub view: LayerView<'a>,
    /// Rows taken.
    pub k: Range<usize>,
    /// Columns taken.
    pub n: Range<usize>,
    /// Whether the bias is taken (in a row-parallel layer only rank 0 adds it).
    pub with_bias: bool,
}

impl<'a> Part<'a> {
    /// All of a layer.
    pub fn whole(view: LayerView<'a>) -> Self {
        Part { k: 0..view.desc.k, n: 0..view.desc.n, with_bias: true, view }
    }
}

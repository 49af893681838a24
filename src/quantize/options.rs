//! What is asked of a whole-checkpoint job, what it tells on the way, and what it reports.

use super::rule::RangeRule;
use crate::checkpoint::WriterOptions;
use crate::layout::Layout;
use crate::types::QuantSpec;

/// How codes are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Round to nearest: from the weights alone. See [`super::rtn`].
    Rtn,
}

/// Layers that stay as they are unless a caller says otherwise: the output projection, and the routers of
/// mixtures of experts, which are too small to gain anything and decide too much. No engine reads them quantized.
pub const DEFAULT_SKIP: [&str; 5] =
    ["lm_head", "mlp.gate", "block_sparse_moe.gate", "mlp.router", "shared_expert_gate"];

/// How [`super::quantize_checkpoint`] works.
#[derive(Debug, Clone)]
pub struct CheckpointOptions {
    /// How codes are chosen.
    pub method: Method,
    /// Bits, group size, zero points. The gemm, gemv and gemv_fast layouts always store zero points; symmetric
    /// layers get the middle code there.
    pub spec: QuantSpec,
    /// What is written: [`Layout::AwqGemm`], [`Layout::AwqGemv`], [`Layout::AwqGemvFast`], [`Layout::AwqMarlin`],
    /// [`Layout::CompressedTensors`] or [`Layout::Marlin`].
    pub layout: Layout,
    /// Whose formula gives scales and zero points. None: compressed-tensors' for its own layout, else AutoAWQ's.
    pub rule: Option<RangeRule>,
    /// Layers that are left as they are: a pattern is one or more whole components of the dotted name, such as
    /// `lm_head`, `self_attn.o_proj` or `model.layers.0`.
    pub skip: Vec<String>,
    /// Shard size, and whether a checkpoint in the destination is replaced.
    pub writer: WriterOptions,
}

impl CheckpointOptions {
    /// Round to nearest to these bits and this layout, without the layers of [`DEFAULT_SKIP`].
    pub fn new(spec: QuantSpec, layout: Layout) -> Self {
        CheckpointOptions {
            method: Method::Rtn,
            spec,
            layout,
            rule: None,
            skip: DEFAULT_SKIP.map(String::from).to_vec(),
            writer: WriterOptions::default(),
        }
    }
}

/// Whether `pattern` stands in `name` as whole components.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    format!(".{name}.").contains(&format!(".{pattern}."))
}

/// What a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Stage {
    /// Quantizes or repacks linear layers.
    Layers = 1,
    /// Copies the other tensors.
    Copy = 2,
    /// Writes the small files and gives everything its final name. The last call.
    Finish = 3,
    /// Searches the scales of a group of layers and rounds them.
    Search = 4,
}

/// Where a job stands; told before each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done.
    pub stage: Stage,
    /// The layer or tensor that is next; empty in [`Stage::Finish`].
    pub layer: &'a str,
    /// Its number in this stage, from 0.
    pub index: usize,
    /// How many this stage has.
    pub count: usize,
    /// Bytes of source tensors that are done.
    pub bytes_done: u64,
    /// Bytes of source tensors altogether.
    pub bytes_total: u64,
}

/// What a job did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Linear layers quantized or repacked.
    pub layers: usize,
    /// Linear layers left as they are.
    pub skipped: Vec<String>,
    /// Bytes of tensors read.
    pub bytes_in: u64,
    /// Bytes of tensors written.
    pub bytes_out: u64,
    /// Names of the files written, shards first.
    pub files: Vec<String>,
    /// What is odd but harmless, one sentence each.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_components() {
        let name = "model.layers.1.mlp.gate_proj";
        for hit in ["gate_proj", "mlp", "layers.1", "model", "mlp.gate_proj", name] {
            assert!(matches(hit, name), "{hit}");
        }
        for miss in ["gate", "lm_head", "layers.1.mlp.gate", "layer", "layers.10", "proj"] {
            assert!(!matches(miss, name), "{miss}");
        }
    }
}

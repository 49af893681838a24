//! Quantization configs: every dialect that writes AWQ checkpoints, normalized to one [`QuantConfig`].
//!
//! # Where a config is looked for
//!
//! [`QuantConfig::find`] takes the first of these that is there, and says in [`QuantConfig::source`] which it was:
//!
//! 1. `config.json`, in `quantization_config`, `compression_config`, `text_config.quantization_config`,
//!    `llm_config.quantization_config`, in that order;
//! 2. `quantize_config.json`, `quant_config.json`, `quantization_config.json`, whose whole content is the section;
//! 3. `hf_quant_config.json` (ModelOpt), which is refused by name.
//!
//! This is what vLLM and transformers do: config.json wins. When a later place disagrees with the one taken, a warning
//! names both, the field and both values. When several side files (2.) disagree and config.json holds no section,
//! nothing tells which is right: that is an error. A section that is null counts as absent.
//!
//! # How fields are read
//!
//! * `bits` = `w_bit` = `wbits`, `group_size` = `q_group_size`, `quant_method` = `method`, `version` = `format` =
//!   `checkpoint_format`, and `zero_point` = not `sym`. Synonyms that disagree are an error.
//! * Bits and group size must be there and be numbers: 4, 4.0 and 0.4e1 are the same number, "4" and null are none.
//!   Booleans are `true` and `false`, not 0, 1 or strings.
//! * Absent `zero_point`: true, with a warning (false for the symmetric version `marlin`). Absent `version`: gemm.
//!   Absent `quant_method`: an error inside config.json; in a side file gptq when there is `desc_act` and nothing of
//!   AWQ's, compressed-tensors when there is `config_groups`, else awq.
//! * compressed-tensors has defaults of its own format: 8 bits, integers, symmetric, strategy from the group size.
//! * A field that no writer is known to use is ignored with a warning; so is nothing else.
//! * A key that stands twice in one object is an error, and so is any text that is not UTF-8 JSON.
//!
//! Well-formed configs of methods that this library does not run are refused with [`crate::ErrorKind::Unsupported`] and their
//! name: other `quant_method`s, ModelOpt, activation quantization, act-order GPTQ, other compressed-tensors formats.
//!
//! # Which modules are quantized
//!
//! See [`QuantConfig::module`]. `lm_head` of awq and gptq is unquantized unless the section says `"lm_head": true`.
//! An absent or empty skip list does not promise that every layer is quantized: AutoAWQ leaves out what it skipped by
//! itself, so a loader has to look at the tensors as well.

mod awq;
mod compressed_tensors;
mod find;
mod gptq;
pub mod json;
mod keys;
mod modules;
mod parse;
mod rules;
mod section;
mod write;

pub use find::{FILE_NAMES, replace_section};
pub use modules::{FUSED, ModuleDecision};
pub(crate) use write::section;
pub use write::write_section;

use crate::layout::Layout;
use crate::types::QuantSpec;

/// The family of a quantized checkpoint, as `quant_method` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuantMethod {
    /// AutoAWQ and everything that writes its tensors.
    Awq,
    /// compressed-tensors, pack-quantized.
    CompressedTensors,
    /// GPTQ without act-order.
    Gptq,
}

impl QuantMethod {
    /// The value of `quant_method`.
    pub const fn name(self) -> &'static str {
        match self {
            QuantMethod::Awq => "awq",
            QuantMethod::CompressedTensors => "compressed-tensors",
            QuantMethod::Gptq => "gptq",
        }
    }
}

impl std::fmt::Display for QuantMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A quantization config of any dialect, normalized. Immutable once parsed.
#[derive(Debug, Clone)]
pub struct QuantConfig {
    /// The family.
    pub method: QuantMethod,
    /// How modules are quantized where no rule says otherwise (compressed-tensors: the first group that quantizes).
    pub spec: QuantSpec,
    /// Where the tensors' codes lie.
    pub layout: Layout,
    /// What the file calls the layout, in lower case: `gemm`, `gemv_fast`, `pack-quantized`, `gptq_v2`, ...
    pub version: String,
    /// Whether rows were quantized in the order of their activations. Where that would change the stored order the
    /// config is refused, so nothing has to be undone.
    pub act_order: bool,
    /// Whether `lm_head` is quantized like the rest (awq, gptq).
    pub lm_head: bool,
    /// The entries of the skip list as the file has them (`modules_to_not_convert`, `ignore`).
    pub skip: Vec<String>,
    /// File and key path, such as `config.json: quantization_config`.
    pub source: String,
    /// What was ignored, assumed or contradicted, one sentence each.
    pub warnings: Vec<String>,
    /// Who is quantized how; see [`QuantConfig::module`].
    rules: rules::Rules,
}

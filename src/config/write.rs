//! The sections that this library writes, and the normalized form that it shows.

use serde_json::{Map, Value, json};

use super::compressed_tensors::FORMAT;
use super::{ModuleDecision, QuantConfig, QuantMethod};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::types::{GroupSize, QuantSpec};

/// The `version` of awq sections over [`Layout::Marlin`] tensors. AutoAWQ's own `marlin` is another layout:
/// symmetric, never padded, without zero points.
pub(super) const MARLIN_VERSION: &str = "awqm_marlin";

/// The `quantization_config` of a checkpoint whose linear layers are all stored in `layout` but for `skip`, the full
/// dotted names of the linear layers left unquantized.
///
/// * The AWQ layouts get AutoAWQ's six fields and no other; the version of [`Layout::Marlin`] is `awqm_marlin`,
///   which only this library reads.
/// * [`Layout::CompressedTensors`] gets the structure that compressed-tensors 0.12 and later reads. `lm_head` is added
///   to its `ignore` list, because it is unquantized in the AWQ layouts without being listed.
/// * [`Layout::Gptq`] and [`Layout::GptqV2`] get AutoGPTQ's fields.
///
/// Errors: [`crate::ErrorKind::InvalidArgument`] for [`Layout::Dense`] and [`Layout::Cpu`], which no config describes.
pub fn write_section(spec: QuantSpec, layout: Layout, skip: &[String]) -> Result<Value> {
    section(spec, layout, skip, false)
}

/// [`write_section`] of a checkpoint whose `lm_head` is quantized or not.
pub(crate) fn section(spec: QuantSpec, layout: Layout, skip: &[String], lm_head: bool) -> Result<Value> {
    let mut section = match layout {
        Layout::AwqGemm => awq(spec, "gemm", skip),
        Layout::AwqGemv => awq(spec, "gemv", skip),
        Layout::AwqGemvFast => awq(spec, "gemv_fast", skip),
        Layout::AwqMarlin => awq(spec, "marlin", skip),
        Layout::Marlin => awq(spec, MARLIN_VERSION, skip),
        Layout::CompressedTensors => return Ok(compressed_tensors(spec, skip, lm_head)),
        Layout::Gptq => gptq(spec, "gptq", skip),
        Layout::GptqV2 => gptq(spec, "gptq_v2", skip),
        Layout::Dense | Layout::Cpu => {
            return Err(Error::invalid("no quantization config describes this layout").found(layout));
        }
    };
    if lm_head {
        section.insert("lm_head".into(), true.into());
    }
    Ok(Value::Object(section))
}

fn awq(spec: QuantSpec, version: &str, skip: &[String]) -> Map<String, Value> {
    object([
        ("bits", spec.bits.get().into()),
        ("group_size", spec.group.get().into()),
        ("modules_to_not_convert", if skip.is_empty() { Value::Null } else { skip.into() }),
        ("quant_method", QuantMethod::Awq.name().into()),
        ("version", version.into()),
        ("zero_point", spec.zero_point.into()),
    ])
}

fn gptq(spec: QuantSpec, format: &str, skip: &[String]) -> Map<String, Value> {
    let mut section = object([
        ("bits", spec.bits.get().into()),
        ("checkpoint_format", format.into()),
        ("desc_act", false.into()),
        ("group_size", spec.group.get().into()),
        ("quant_method", QuantMethod::Gptq.name().into()),
        ("sym", (!spec.zero_point).into()),
    ]);
    if !skip.is_empty() {
        section.insert("modules_to_not_convert".into(), skip.into());
    }
    section
}

fn compressed_tensors(spec: QuantSpec, skip: &[String], lm_head: bool) -> Value {
    let (strategy, group_size) = match spec.group {
        GroupSize::PerChannel => ("channel", Value::Null),
        GroupSize::Of(g) => ("group", g.into()),
    };
    let mut ignore = skip.to_vec();
    if !lm_head && !ignore.iter().any(|name| name.rsplit('.').next() == Some("lm_head")) {
        ignore.push("lm_head".into());
    }
    json!({
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": {
                    "num_bits": spec.bits.get(),
                    "type": "int",
                    "symmetric": !spec.zero_point,
                    "group_size": group_size,
                    "strategy": strategy,
                    "dynamic": false,
                },
                "input_activations": null,
                "output_activations": null,
                "format": FORMAT,
            },
        },
        "quant_method": QuantMethod::CompressedTensors.name(),
        "kv_cache_scheme": null,
        "format": FORMAT,
        "quantization_status": "compressed",
        "global_compression_ratio": null,
        "ignore": ignore,
    })
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

impl QuantConfig {
    /// The section of the same checkpoint converted to `layout`; `skip` as in [`write_section`].
    ///
    /// Errors: [`crate::ErrorKind::Unsupported`] when modules are quantized in several ways, which one section of the
    /// written dialects does not say; and those of [`write_section`].
    pub fn section(&self, layout: Layout, skip: &[String]) -> Result<Value> {
        if let Some(other) = self.rules.specs().find(|s| *s != self.spec) {
            return Err(Error::unsupported("modules are quantized in several ways")
                .subject(&*self.source)
                .found(format!("{:?} and {other:?}", self.spec))
                .needed("one way for all"));
        }
        let lm_head = matches!(self.stored_module("lm_head")?, ModuleDecision::Quantized { .. });
        section(self.spec, layout, skip, lm_head)
    }

    /// The normalized config: `quant_method`, `bits`, `group_size` (−1 = per channel), `zero_point`, `version`,
    /// `layout`, `act_order`, `lm_head`, `skip`, `source`, `warnings`.
    pub fn to_json(&self) -> Value {
        json!({
            "quant_method": self.method.name(),
            "bits": self.spec.bits.get(),
            "group_size": self.spec.group.get(),
            "zero_point": self.spec.zero_point,
            "version": self.version,
            "layout": self.layout.name(),
            "act_order": self.act_order,
            "lm_head": self.lm_head,
            "skip": self.skip,
            "source": self.source,
            "warnings": self.warnings,
        })
    }
}

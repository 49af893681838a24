//! GPTQ sections (AutoGPTQ, GPTQModel, transformers) without act-order.

use serde_json::Value;

use super::awq::{BITS, GROUP, VERSION, has_version};
use super::parse::{dynamic, lm_head, lm_head_rule, refuse_foreign, substrings};
use super::rules::Rules;
use super::section::Section;
use super::{QuantConfig, QuantMethod, json, keys};
use crate::error::{ErrorKind, Result};
use crate::layout::Layout;
use crate::types::QuantSpec;

pub(super) fn parse(s: &Section) -> Result<QuantConfig> {
    refuse_awq(s)?;
    let mut warnings = s.unknown(&[keys::FLAT, keys::TRANSFORMERS, keys::GPTQMODEL, keys::AUTOROUND]);
    let (version, layout) = version(s)?;
    let bits = s.bits(BITS)?.ok_or_else(|| s.missing("bits", "4 or 8"))?;
    let group = s.group_size(GROUP)?.ok_or_else(|| s.missing("group_size", "-1 or a positive integer"))?;
    if s.boolean(&["desc_act"])?.is_none() {
        return Err(s.missing("desc_act", "false; without it the order of the rows is unknown"));
    }
    refuse_foreign(s)?;
    let zero_point = s.zero_point()?.unwrap_or_else(|| {
        warnings.push(format!("{}: sym is missing; true is assumed", s.source()));
        false
    });

    let spec = QuantSpec { bits, group, zero_point };
    let skip = s.names("modules_to_not_convert")?;
    let lm_head = lm_head(s)?;
    let mut list: Vec<_> = lm_head_rule(s, lm_head).into_iter().collect();
    list.extend(substrings(s, "modules_to_not_convert", &skip, None));
    list.extend(dynamic(s, spec, &mut warnings)?);
    let only = only(s)?;
    list.extend(substrings(s, "modules_in_block_to_quantize", &only, Some(spec)));
    let (otherwise, otherwise_entry) = if only.is_empty() {
        (Some(spec), s.source())
    } else {
        (None, format!("{}, which does not list it", s.key("modules_in_block_to_quantize")))
    };
    Ok(QuantConfig {
        method: QuantMethod::Gptq,
        spec,
        layout,
        version,
        act_order: false,
        lm_head,
        skip: skip.into_iter().map(str::to_owned).collect(),
        source: s.source(),
        warnings,
        rules: Rules::new(list, otherwise, otherwise_entry),
    })
}

/// A section that says gptq over AWQ's fields is one or the other; the tensors of the two do not look alike.
fn refuse_awq(s: &Section) -> Result<()> {
    if !has_version(s) {
        return Ok(());
    }
    let found: Vec<String> = VERSION
        .iter()
        .chain(&["zero_point"])
        .filter_map(|key| Some(format!("{key} {}", json::brief(s.get(key)?))))
        .collect();
    Err(s
        .error(ErrorKind::Config, "quant_method", "says gptq, but the section carries AWQ's fields")
        .found(found.join(", "))
        .needed("quant_method awq, or checkpoint_format gptq or gptq_v2"))
}

fn version(s: &Section) -> Result<(String, Layout)> {
    if s.boolean(&["is_marlin_format"])?.is_some_and(|f| f.value) {
        return Err(s.unsupported("is_marlin_format", "AutoGPTQ's Marlin files are not supported", "false"));
    }
    let Some(field) = s.name(VERSION)? else { return Ok(("gptq".into(), Layout::Gptq)) };
    match field.value.as_str() {
        "gptq" => Ok((field.value, Layout::Gptq)),
        "gptq_v2" => Ok((field.value, Layout::GptqV2)),
        _ => Err(s.unsupported(field.key, "is a GPTQ layout that is not supported", "gptq or gptq_v2")),
    }
}

/// `modules_in_block_to_quantize`: a list of names, or of lists of names; empty when all are quantized.
fn only<'a>(s: &Section<'a>) -> Result<Vec<&'a str>> {
    const KEY: &str = "modules_in_block_to_quantize";
    let wrong = || s.wrong(KEY, "a list of non-empty strings, or of such lists");
    let Some(value) = s.get(KEY) else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for item in value.as_array().ok_or_else(wrong)? {
        let items = match item {
            Value::Array(items) => items.as_slice(),
            single => std::slice::from_ref(single),
        };
        for name in items {
            names.push(name.as_str().filter(|n| !n.is_empty()).ok_or_else(wrong)?);
        }
    }
    Ok(names)
}

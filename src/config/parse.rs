//! Which dialect a section is written in, and what awq and gptq sections share.

use serde_json::Value;

use super::rules::{Matcher, Rule};
use super::section::Section;
use super::{QuantConfig, QuantMethod, awq, compressed_tensors, gptq};
use crate::error::{Error, Result};
use crate::types::QuantSpec;

const METHODS: &str = "awq, compressed-tensors or gptq";

/// Parses a section of any dialect. `inside` says that it was found inside a config.json, where `quant_method` is
/// required: side files of early writers lack it.
pub(super) fn section(section: &Section, inside: bool) -> Result<QuantConfig> {
    match method(section, inside)? {
        QuantMethod::Awq => awq::parse(section),
        QuantMethod::Gptq => gptq::parse(section),
        QuantMethod::CompressedTensors => compressed_tensors::parse(section),
    }
}

fn method(s: &Section, inside: bool) -> Result<QuantMethod> {
    // ModelOpt names the method in `quant_algo`; in its own file that stands under `quantization`.
    for holder in [Some(s.clone()), s.object("quantization")?].into_iter().flatten() {
        if holder.get("quant_algo").is_some() {
            let what = "is a ModelOpt checkpoint, another tensor format";
            return Err(holder.unsupported("quant_algo", what, METHODS));
        }
    }
    match s.name(&["quant_method", "method"])? {
        Some(field) => match field.value.as_str() {
            "awq" => Ok(QuantMethod::Awq),
            "gptq" => Ok(QuantMethod::Gptq),
            "compressed-tensors" | "compressed_tensors" => Ok(QuantMethod::CompressedTensors),
            _ => Err(s.unsupported(field.key, "is a quantization method that is not supported", METHODS)),
        },
        None if s.get("config_groups").is_some() => Ok(QuantMethod::CompressedTensors),
        None if inside => Err(s.missing("quant_method", METHODS)),
        None if s.get("desc_act").is_some() && !awq::is_marked(s) => Ok(QuantMethod::Gptq),
        None => Ok(QuantMethod::Awq),
    }
}

/// Refuses what awq and gptq sections may say but this library does not run.
pub(super) fn refuse_foreign(s: &Section) -> Result<()> {
    if s.boolean(&["desc_act"])?.is_some_and(|f| f.value) {
        return Err(s.unsupported("desc_act", "act-order checkpoints (desc_act) are not supported", "false"));
    }
    if s.name(&["pack_dtype"])?.is_some_and(|f| f.value != "int32") {
        return Err(s.unsupported("pack_dtype", "codes are not packed in 32-bit words", "int32"));
    }
    if s.name(&["data_type"])?.is_some_and(|f| !f.value.starts_with("int")) {
        return Err(s.unsupported("data_type", "codes are not integers", "int"));
    }
    if s.integer(&["act_bits"], "an integer")?.is_some_and(|f| f.value < 16) {
        return Err(s.unsupported("act_bits", "activations are quantized as well", "16"));
    }
    s.refuse("rotation", "weights are rotated; activations would have to be rotated too")
}

/// `lm_head`: true when the output layer is quantized too.
pub(super) fn lm_head(s: &Section) -> Result<bool> {
    Ok(s.boolean(&["lm_head"])?.is_some_and(|f| f.value))
}

/// The rule that keeps `lm_head` unquantized, unless the section quantizes it.
pub(super) fn lm_head_rule(s: &Section, quantized: bool) -> Option<Rule> {
    (!quantized).then(|| Rule {
        matcher: Matcher::LastComponent("lm_head"),
        entry: format!("{}: lm_head is quantized only where the section says \"lm_head\": true", s.source()),
        spec: None,
    })
}

/// The rules of a list of substrings.
pub(super) fn substrings(s: &Section, key: &str, entries: &[&str], spec: Option<QuantSpec>) -> Vec<Rule> {
    let rule =
        |e: &&str| Rule { matcher: Matcher::Substring((*e).to_owned()), entry: entry(s, key, e), spec };
    entries.iter().map(rule).collect()
}

/// How the reason of a decision names an entry.
pub(super) fn entry(s: &Section, key: &str, text: &str) -> String {
    format!("{} entry {}", s.key(key), Value::from(text))
}

/// GPTQModel's `dynamic`: patterns of full names, each a skip (`-:`) or an override of bits, group size and symmetry
/// (`+:` or no prefix). The first that matches decides.
pub(super) fn dynamic(s: &Section, base: QuantSpec, warnings: &mut Vec<String>) -> Result<Vec<Rule>> {
    let Some(entries) = s.object("dynamic")? else { return Ok(Vec::new()) };
    let (mut rules, mut compiled) = (Vec::new(), 0);
    for key in entries.map.keys() {
        let (pattern, skip) = match key.strip_prefix("-:") {
            Some(pattern) => (pattern, true),
            None => (key.strip_prefix("+:").unwrap_or(key), false),
        };
        let at = |e: Error| e.subject(entries.key(key)).file(std::path::Path::new(s.file));
        let matcher = Matcher::pattern(pattern, &mut compiled).map_err(at)?;
        let spec = if skip { None } else { Some(overridden(&entries, key, base, warnings)?) };
        rules.push(Rule { matcher, entry: entry(s, "dynamic", key), spec });
    }
    Ok(rules)
}

fn overridden(
    entries: &Section,
    key: &str,
    base: QuantSpec,
    warnings: &mut Vec<String>,
) -> Result<QuantSpec> {
    let Some(s) = entries.object(key)? else { return Ok(base) };
    refuse_foreign(&s)?;
    warnings.extend(s.unknown(&[super::keys::DYNAMIC, super::keys::GPTQMODEL]));
    Ok(QuantSpec {
        bits: s.bits(super::awq::BITS)?.unwrap_or(base.bits),
        group: s.group_size(super::awq::GROUP)?.unwrap_or(base.group),
        zero_point: s.zero_point()?.unwrap_or(base.zero_point),
    })
}

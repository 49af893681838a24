//! compressed-tensors sections (llm-compressor), format pack-quantized with integer weights.
//!
//! AWQ leaves no trace there: llm-compressor's modifier rescales weights, and what is stored is plain W4A16.

use std::path::Path;

use serde_json::Value;

use super::parse::entry;
use super::rules::{Matcher, Rule, Rules};
use super::section::Section;
use super::{QuantConfig, QuantMethod, keys};
use crate::error::{ErrorKind, Result};
use crate::layout::Layout;
use crate::types::{Bits, GroupSize, QuantSpec};

/// The one storage format that is supported.
pub(super) const FORMAT: &str = "pack-quantized";

/// The sparsity format of weights that are not sparse.
const FORMAT_DENSE: &str = "dense";

/// The one class of modules that is quantized.
const CLASS: &str = "Linear";

/// Names that may stand for a whole config group: bits, group size, zero points.
const PRESETS: [(&str, QuantSpec); 3] = [
    ("W4A16", QuantSpec { bits: Bits::Four, group: GroupSize::Of(128), zero_point: false }),
    ("W4A16_ASYM", QuantSpec { bits: Bits::Four, group: GroupSize::Of(128), zero_point: true }),
    ("W8A16", QuantSpec { bits: Bits::Eight, group: GroupSize::PerChannel, zero_point: false }),
];

/// The preset that leaves its targets as they are.
const UNQUANTIZED: &str = "UNQUANTIZED";

pub(super) fn parse(s: &Section) -> Result<QuantConfig> {
    let mut warnings = s.unknown(&[keys::COMPRESSED_TENSORS]);
    // {"format": "dense"} says that there is no sparsity.
    if s.object("sparsity_config")?.is_none_or(|c| c.get("format") != Some(&FORMAT_DENSE.into())) {
        s.refuse("sparsity_config", "sparse weights are not supported")?;
    }
    s.refuse("moe_sparsity_config", "sparse weights are not supported")?;
    s.refuse("transform_config", "activations would have to be transformed at run time")?;
    if s.get("kv_cache_scheme").is_some() {
        warnings.push(format!("{}: kv_cache_scheme is the engine's matter and was ignored", s.source()));
    }
    let status = s.name(&["quantization_status"])?;
    if let Some(status) = status.filter(|f| f.value != "compressed") {
        warnings.push(format!(
            "{}: quantization_status is {:?}, not \"compressed\"",
            s.source(),
            status.value
        ));
    }

    let skip = s.names("ignore")?;
    let (mut list, mut compiled) = (Vec::new(), 0);
    for text in &skip {
        list.push(Rule {
            matcher: matcher(s, "ignore", text, &mut compiled)?,
            entry: entry(s, "ignore", text),
            spec: None,
        });
    }
    let targets = targets(s, &mut warnings)?;
    let Some(spec) = targets.iter().find_map(|rule| rule.spec) else {
        return Err(s
            .error(ErrorKind::Config, "config_groups", "has no group that quantizes weights")
            .found(s.map.get("config_groups").map_or("nothing".into(), super::json::brief))
            .needed("at least one group with targets and weights"));
    };
    list.extend(targets);
    Ok(QuantConfig {
        method: QuantMethod::CompressedTensors,
        spec,
        layout: Layout::CompressedTensors,
        version: FORMAT.into(),
        act_order: act_order(s),
        lm_head: false,
        skip: skip.into_iter().map(str::to_owned).collect(),
        source: s.source(),
        warnings,
        rules: Rules::new(list, None, format!("{}, which does not target it", s.key("config_groups"))),
    })
}

/// Rules of all groups: exact names first, then patterns, then the class, each in the order of the file.
fn targets(s: &Section, warnings: &mut Vec<String>) -> Result<Vec<Rule>> {
    let groups = s.object("config_groups")?.ok_or_else(|| s.missing("config_groups", "an object"))?;
    let (mut rules, mut compiled) = (Vec::new(), 0);
    for (name, value) in groups.map {
        let (holder, key, spec) = match value {
            Value::Array(_) => (groups.clone(), name.as_str(), preset(s, &groups, name)?),
            _ => {
                let group = groups.object(name)?.ok_or_else(|| groups.wrong(name, "an object"))?;
                let spec = scheme(s, &group, warnings)?;
                (group, "targets", spec)
            }
        };
        if holder.get(key).is_none() {
            return Err(holder.missing(key, "a list of module names, \"re:\" patterns or class names"));
        }
        for text in holder.names(key)? {
            if is_class(text) && text != CLASS {
                warnings.push(format!(
                    "{}: target {text:?} is taken for a module's name; of classes only {CLASS} is known",
                    holder.source()
                ));
            }
            rules.push(Rule {
                matcher: target(&holder, key, text, &mut compiled)?,
                entry: entry(&holder, key, text),
                spec,
            });
        }
    }
    rules.sort_by_key(|rule| match rule.matcher {
        Matcher::Exact(_) => 0,
        Matcher::Pattern(_) => 1,
        _ => 2,
    });
    Ok(rules)
}

/// A group that is only a preset's name.
fn preset(s: &Section, groups: &Section, name: &str) -> Result<Option<QuantSpec>> {
    let upper = name.to_ascii_uppercase();
    if upper == UNQUANTIZED {
        return Ok(None);
    }
    match PRESETS.iter().find(|(preset, _)| *preset == upper) {
        Some((_, spec)) => format(s, None).map(|()| Some(*spec)),
        None => {
            Err(groups.unsupported(name, "is a scheme that is not supported", "W4A16, W4A16_ASYM or W8A16"))
        }
    }
}

/// A group in full; `None` when it leaves the weights as they are.
fn scheme(s: &Section, group: &Section, warnings: &mut Vec<String>) -> Result<Option<QuantSpec>> {
    warnings.extend(group.unknown(&[keys::GROUP]));
    group.refuse("input_activations", "activations are quantized as well")?;
    group.refuse("output_activations", "activations are quantized as well")?;
    let Some(weights) = group.object("weights")? else { return Ok(None) };
    format(s, Some(group))?;
    self::weights(&weights, warnings).map(Some)
}

/// The group's own format, else the section's, must be pack-quantized.
fn format(s: &Section, group: Option<&Section>) -> Result<()> {
    let own = match group {
        Some(group) => group.name(&["format"])?.map(|f| (group, f.value)),
        None => None,
    };
    let whole = s.name(&["format"])?.map(|f| (s, f.value));
    match own.or(whole) {
        Some((_, format)) if format == FORMAT => Ok(()),
        Some((holder, _)) => {
            Err(holder.unsupported("format", "is a storage format that is not supported", FORMAT))
        }
        None => Err(s.missing("format", FORMAT)),
    }
}

fn weights(w: &Section, warnings: &mut Vec<String>) -> Result<QuantSpec> {
    warnings.extend(w.unknown(&[keys::WEIGHTS]));
    if w.name(&["type"])?.is_some_and(|f| f.value != "int") {
        return Err(w.unsupported("type", "codes are not integers", "int"));
    }
    if w.get("dynamic").is_some_and(|v| v != &Value::Bool(false)) {
        return Err(w.unsupported("dynamic", "weights are quantized at run time", "false"));
    }
    match w.get("actorder") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::String(order)) if is_plain_order(order) => {}
        Some(_) => {
            return Err(w.unsupported(
                "actorder",
                "act-order checkpoints are not supported",
                "null or \"weight\"",
            ));
        }
    }
    let bits = w.bits(&["num_bits"])?.unwrap_or_else(|| {
        warnings.push(format!("{}: num_bits is missing; the format's default of 8 is assumed", w.source()));
        Bits::Eight
    });
    let symmetric = w.boolean(&["symmetric"])?.is_none_or(|f| f.value);
    Ok(QuantSpec { bits, group: group(w)?, zero_point: !symmetric })
}

/// The group size that strategy and `group_size` say together; an absent strategy follows from the group size.
fn group(w: &Section) -> Result<GroupSize> {
    let size = match w.get("group_size") {
        None => None,
        Some(_) => w.group_size(&["group_size"])?,
    };
    let strategy = w.name(&["strategy"])?.map(|f| f.value);
    match (strategy.as_deref(), size) {
        (Some("group") | None, Some(size @ GroupSize::Of(_))) => Ok(size),
        (Some("channel"), None) | (Some("channel") | None, Some(GroupSize::PerChannel)) => {
            Ok(GroupSize::PerChannel)
        }
        (Some("group"), _) => {
            Err(w.wrong("group_size", "a positive integer, as strategy \"group\" asks for"))
        }
        (Some("channel"), Some(_)) => {
            Err(w.wrong("group_size", "null or -1, as strategy \"channel\" asks for"))
        }
        (Some(_), _) => Err(w.unsupported("strategy", "is not supported for weights", "group or channel")),
        (None, None) => Err(w
            .error(ErrorKind::Unsupported, "strategy", "one scale for a whole tensor is not supported")
            .found("neither strategy nor group_size")
            .needed("group or channel")),
    }
}

/// Orders in which only the quantizer went through the columns: groups are stored in the plain order.
fn is_plain_order(actorder: &str) -> bool {
    actorder.eq_ignore_ascii_case("weight") || actorder.eq_ignore_ascii_case("static")
}

fn act_order(s: &Section) -> bool {
    let groups = s.get("config_groups").and_then(Value::as_object);
    groups.into_iter().flat_map(|g| g.values()).any(|group| group["weights"]["actorder"].is_string())
}

fn matcher(holder: &Section, key: &str, text: &str, compiled: &mut usize) -> Result<Matcher> {
    match text.strip_prefix("re:") {
        Some(pattern) => Matcher::pattern(pattern, compiled)
            .map_err(|e| e.subject(holder.key(key)).file(Path::new(holder.file))),
        None => Ok(Matcher::Exact(text.to_owned())),
    }
}

/// Whether a target looks like the name of a Python class.
fn is_class(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && !text.contains('.')
}

fn target(holder: &Section, key: &str, text: &str, compiled: &mut usize) -> Result<Matcher> {
    if text == CLASS { Ok(Matcher::Linear) } else { matcher(holder, key, text, compiled) }
}

//! Sections of AutoAWQ and of everything that writes its tensors: transformers, GPTQModel, AutoRound, lmdeploy,
//! llm-awq's converter, and the side files of early AutoAWQ.

use super::parse::{dynamic, lm_head, lm_head_rule, refuse_foreign, substrings};
use super::rules::Rules;
use super::section::Section;
use super::{QuantConfig, QuantMethod, keys, write};
use crate::error::{ErrorKind, Result};
use crate::layout::Layout;
use crate::types::{Bits, QuantSpec};

/// The names of the number of bits.
pub(super) const BITS: &[&str] = &["bits", "w_bit", "wbits"];

/// The names of the group size.
pub(super) const GROUP: &[&str] = &["group_size", "q_group_size"];

/// The names of the layout.
pub(super) const VERSION: &[&str] = &["version", "format", "checkpoint_format"];

/// Names of layouts. exllama and ipex are engines that load GEMM tensors.
const VERSIONS: [(&str, Layout); 8] = [
    ("gemm", Layout::AwqGemm),
    ("exllama", Layout::AwqGemm),
    ("ipex", Layout::AwqGemm),
    ("gemv", Layout::AwqGemv),
    ("gemv_fast", Layout::AwqGemvFast),
    ("llm-awq", Layout::AwqGemvFast),
    ("marlin", Layout::AwqMarlin),
    (write::MARLIN_VERSION, Layout::Marlin),
];

/// Whether the section has a field that only AWQ's writers use.
pub(super) fn is_marked(s: &Section) -> bool {
    ["zero_point", "w_bit", "q_group_size"].iter().any(|key| s.get(key).is_some()) || has_version(s)
}

/// Whether the layout is called by one of AWQ's names.
pub(super) fn has_version(s: &Section) -> bool {
    VERSION.iter().filter_map(|key| s.get(key)?.as_str()).any(|name| {
        VERSIONS
            .iter()
            .any(|(version, layout)| *layout != Layout::AwqMarlin && name.eq_ignore_ascii_case(version))
    })
}

pub(super) fn parse(s: &Section) -> Result<QuantConfig> {
    let mut warnings = s.unknown(&[keys::FLAT, keys::TRANSFORMERS, keys::GPTQMODEL, keys::AUTOROUND]);
    let (version, layout) = version(s)?;
    let bits = s.bits(BITS)?.ok_or_else(|| s.missing("bits", "4 or 8"))?;
    let group = s.group_size(GROUP)?.ok_or_else(|| s.missing("group_size", "-1 or a positive integer"))?;
    let zero_point = zero_point(s, layout, &mut warnings)?;
    refuse_foreign(s)?;

    let spec = QuantSpec { bits, group, zero_point };
    let skip = s.names("modules_to_not_convert")?;
    let lm_head = lm_head(s)?;
    let mut list: Vec<_> = lm_head_rule(s, lm_head).into_iter().collect();
    list.extend(substrings(s, "modules_to_not_convert", &skip, None));
    list.extend(dynamic(s, spec, &mut warnings)?);
    let rules = Rules::new(list, Some(spec), s.source());
    let eight_bits = matches!(layout, Layout::AwqGemm | Layout::Marlin);
    if !eight_bits && rules.specs().any(|spec| spec.bits == Bits::Eight) {
        return Err(s
            .error(ErrorKind::Unsupported, "bits", &format!("the layout {version} exists for 4 bits only"))
            .found(8)
            .needed(4));
    }
    Ok(QuantConfig {
        method: QuantMethod::Awq,
        spec,
        layout,
        version,
        act_order: false,
        lm_head,
        skip: skip.into_iter().map(str::to_owned).collect(),
        source: s.source(),
        warnings,
        rules,
    })
}

/// The layout and its name. `backend: llm-awq` overrides the version: its converter writes `gemv` over other tensors.
fn version(s: &Section) -> Result<(String, Layout)> {
    if s.name(&["backend"])?.is_some_and(|f| f.value == "llm-awq") {
        return Ok(("llm-awq".into(), Layout::AwqGemvFast));
    }
    let Some(field) = s.name(VERSION)? else { return Ok(("gemm".into(), Layout::AwqGemm)) };
    match VERSIONS.iter().find(|(name, _)| *name == field.value) {
        Some((_, layout)) => Ok((field.value, *layout)),
        None => {
            let names: Vec<&str> = VERSIONS.iter().map(|(name, _)| *name).collect();
            Err(s.unsupported(field.key, "is a layout that is not known", &names.join(", ")))
        }
    }
}

fn zero_point(s: &Section, layout: Layout, warnings: &mut Vec<String>) -> Result<bool> {
    let symmetric_layout = layout == Layout::AwqMarlin;
    let Some(zero_point) = s.zero_point()? else {
        let assumed = !symmetric_layout;
        warnings.push(format!("{}: zero_point is missing; {assumed} is assumed", s.source()));
        return Ok(assumed);
    };
    if zero_point && symmetric_layout {
        return Err(s
            .error(ErrorKind::Config, "zero_point", "the layout marlin has no zero points")
            .found(true)
            .needed(false));
    }
    if !zero_point && !symmetric_layout && layout != Layout::Marlin {
        warnings.push(format!(
            "{}: zero_point is false, which no AWQ writer produces for this layout; codes are read as symmetric",
            s.source()
        ));
    }
    Ok(zero_point)
}

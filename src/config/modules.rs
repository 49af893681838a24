//! The decision for one module: quantized how and by which entry, or skipped because of which entry.

use super::QuantConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::types::QuantSpec;

/// Names under which engines join linear layers along N, and the layers that a checkpoint stores for each.
pub const FUSED: [(&str, &[&str]); 2] =
    [("qkv_proj", &["q_proj", "k_proj", "v_proj"]), ("gate_up_proj", &["gate_proj", "up_proj"])];

/// What a config says about one linear layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleDecision {
    /// It is quantized.
    Quantized {
        /// How.
        spec: QuantSpec,
        /// In which layout its tensors are stored.
        layout: Layout,
        /// The place and entry of the config that says so.
        by: String,
    },
    /// It is stored unquantized.
    Skipped {
        /// The place and entry of the config that says so.
        reason: String,
    },
}

impl QuantConfig {
    /// The decision for a linear layer by its full dotted name, without `.weight`. A name whose last component is in
    /// [`FUSED`] is answered from its members, as in [`QuantConfig::fused`]; for a checkpoint that stores a tensor
    /// under such a name itself (Phi-3's `qkv_proj`) ask [`QuantConfig::stored_module`].
    ///
    /// The config does not know which modules are linear layers; the caller asks about those only.
    ///
    /// Errors: [`ErrorKind::MixedFused`]; [`ErrorKind::Config`] when a pattern cannot be matched in bounded time.
    pub fn module(&self, name: &str) -> Result<ModuleDecision> {
        let (prefix, last) = match name.rsplit_once('.') {
            Some((prefix, last)) => (Some(prefix), last),
            None => (None, name),
        };
        let Some((_, members)) = FUSED.iter().find(|(fused, _)| *fused == last) else {
            return self.stored_module(name);
        };
        let members: Vec<String> =
            members.iter().map(|m| prefix.map_or((*m).to_owned(), |p| format!("{p}.{m}"))).collect();
        self.fused(name, &members.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The decision for a linear layer that the checkpoint stores under exactly this name.
    ///
    /// Errors: [`ErrorKind::Config`] when a pattern cannot be matched in bounded time.
    pub fn stored_module(&self, name: &str) -> Result<ModuleDecision> {
        let (spec, entry) = self.rules.decide(name)?;
        Ok(match spec {
            Some(spec) => ModuleDecision::Quantized { spec, layout: self.layout, by: entry.to_owned() },
            None => ModuleDecision::Skipped { reason: entry.to_owned() },
        })
    }

    /// The decision for a layer that joins `members` (full dotted names) along N: theirs, when they agree.
    ///
    /// Errors: [`ErrorKind::MixedFused`] names every member with its decision; [`ErrorKind::InvalidArgument`] when
    /// there are no members.
    pub fn fused(&self, name: &str, members: &[&str]) -> Result<ModuleDecision> {
        let decisions = members.iter().map(|m| self.stored_module(m)).collect::<Result<Vec<_>>>()?;
        let first = decisions
            .first()
            .ok_or_else(|| Error::invalid("a fused layer needs at least one member").subject(name))?;
        if decisions.iter().all(|d| quantization(d) == quantization(first)) {
            return Ok(first.clone());
        }
        let found: Vec<String> =
            members.iter().zip(&decisions).map(|(m, d)| format!("{m} {}", describe(d))).collect();
        Err(Error::new(ErrorKind::MixedFused, "members of a fused layer are quantized differently")
            .subject(name)
            .found(found.join("; "))
            .needed("the same for all of them"))
    }
}

fn quantization(decision: &ModuleDecision) -> Option<QuantSpec> {
    match decision {
        ModuleDecision::Quantized { spec, .. } => Some(*spec),
        ModuleDecision::Skipped { .. } => None,
    }
}

fn describe(decision: &ModuleDecision) -> String {
    match decision {
        ModuleDecision::Quantized { spec, by, .. } => format!(
            "is quantized to {} bits, group size {}, {} by {by}",
            spec.bits.get(),
            spec.group,
            if spec.zero_point { "with zero points" } else { "symmetric" }
        ),
        ModuleDecision::Skipped { reason } => format!("is skipped by {reason}"),
    }
}

//! The inventory: which modules are linear layers, and whether each is quantized or why not.
//!
//! Config and tensors can disagree. The tensors are the truth, because they are all that there is to run:
//! a module with packed codes is quantized even where the config skips it, and a module with nothing but a
//! weight is not, even where the config quantizes it. Both are warned about, except that a config without any
//! skip list leaves it to the tensors to say what is skipped.

use std::collections::BTreeMap;

use super::describe::describe;
use super::module::Module;
use super::notes::Notes;
use super::table::Table;
use crate::config::{ModuleDecision, QuantConfig};
use crate::error::{Error, Result};
use crate::layout::{LayerDesc, Layout};
use crate::types::{Bits, GroupSize, QuantSpec};

/// A linear layer of a checkpoint.
#[derive(Debug, Clone)]
pub struct LayerEntry {
    /// Module name, such as `model.layers.0.mlp.down_proj`.
    pub name: String,
    /// Whether the weight is packed codes.
    pub quantized: bool,
    /// Input features; 0 if the tensors are damaged.
    pub k: usize,
    /// Output features; 0 if the tensors are damaged.
    pub n: usize,
    /// How it is quantized; `None` if it is not, or if the config has no answer (see [`LayerEntry::error`]).
    pub spec: Option<QuantSpec>,
    /// How the tensors lie; [`Layout::Dense`] if not quantized.
    pub layout: Layout,
    /// What decided that it is quantized, or why it is not; for a damaged layer, what is wrong.
    pub reason: String,
    pub(super) desc: Result<LayerDesc>,
}

impl LayerEntry {
    /// What is wrong with the tensors, as far as their headers tell.
    pub fn error(&self) -> Option<&Error> {
        self.desc.as_ref().err()
    }
}

/// What the names of a module's tensors say.
#[derive(Debug, Default)]
struct Signs {
    /// Packed codes, or tensors that only exist beside packed codes.
    packed: bool,
    /// A two-dimensional `weight`.
    weight: bool,
}

/// A decision of config and tensors together.
struct Verdict {
    spec: Option<QuantSpec>,
    layout: Layout,
    reason: String,
}

/// All linear layers, in the order of their numbers (`layers.2` before `layers.10`).
pub(super) fn inventory(table: &Table, config: Option<&QuantConfig>, notes: &mut Notes) -> Vec<LayerEntry> {
    let mut layers: Vec<_> = candidates(table)
        .into_iter()
        .map(|(name, signs)| entry(table, config, name, &signs, notes))
        .collect();
    layers.sort_by_cached_key(|layer| natural_order(&layer.name));
    layers
}

/// The first tensor that only a quantized layer has.
pub(super) fn first_packed(table: &Table) -> Option<&str> {
    table.names().find(|name| matches!(split(name).1, "qweight" | "weight_packed"))
}

fn candidates(table: &Table) -> BTreeMap<&str, Signs> {
    let mut modules: BTreeMap<&str, Signs> = BTreeMap::new();
    for (name, rank) in table.ranks() {
        let (module, suffix) = split(name);
        match suffix {
            "qweight" | "weight_packed" | "qzeros" | "scaled_zeros" | "weight_shape" => {
                modules.entry(module).or_default().packed = true;
            }
            "weight" if rank == 2 && !is_embedding(module) => {
                modules.entry(module).or_default().weight = true;
            }
            _ => {}
        }
    }
    modules
}

/// Module and suffix of a tensor name.
fn split(tensor: &str) -> (&str, &str) {
    tensor.rsplit_once('.').unwrap_or(("", tensor))
}

/// Lookup tables are two-dimensional too, but not multiplied by. Only the name tells:
/// `embed_tokens`, `word_embeddings`, GPT-2's `wte` and `wpe`, T5's `shared` and `relative_attention_bias`.
/// GPT-NeoX's `embed_out` is its output projection.
fn is_embedding(module: &str) -> bool {
    let last = split(module).1;
    let table = last.contains("embed") && last != "embed_out";
    table || matches!(last, "wte" | "wpe" | "shared" | "relative_attention_bias")
}

fn entry(
    table: &Table,
    config: Option<&QuantConfig>,
    name: &str,
    signs: &Signs,
    notes: &mut Notes,
) -> LayerEntry {
    if signs.packed && signs.weight {
        notes.add("modules with packed codes and a plain weight (the codes are used)", name);
    }
    let verdict = verdict(config, name, signs.packed, notes);
    let (quantized, spec, layout, reason, desc) = match verdict {
        Ok(Verdict { spec, layout, reason }) => {
            let desc = describe(&Module::new(table, name), spec.unwrap_or(UNQUANTIZED), layout);
            (spec.is_some(), spec, layout, reason, desc)
        }
        Err(e) => (signs.packed, None, Layout::Dense, String::new(), Err(e.subject(name))),
    };
    let (k, n) = desc.as_ref().map_or((0, 0), |d| (d.k, d.n));
    let reason = desc.as_ref().err().map_or(reason, |e| e.to_string());
    LayerEntry { name: name.to_string(), quantized, k, n, spec, layout, reason, desc }
}

/// Stands where a description asks for a spec and there is none.
const UNQUANTIZED: QuantSpec =
    QuantSpec { bits: Bits::Eight, group: GroupSize::PerChannel, zero_point: false };

fn verdict(config: Option<&QuantConfig>, name: &str, packed: bool, notes: &mut Notes) -> Result<Verdict> {
    let dense = |reason: String| Verdict { spec: None, layout: Layout::Dense, reason };
    let Some(config) = config else {
        return Ok(dense("the model is not quantized".to_string()));
    };
    Ok(match (config.stored_module(name)?, packed) {
        (ModuleDecision::Quantized { spec, layout, by }, true) => {
            Verdict { spec: Some(spec), layout, reason: by }
        }
        (ModuleDecision::Quantized { .. }, false) if config.skip.is_empty() => {
            dense("no skip list, and the tensors are not quantized".to_string())
        }
        (ModuleDecision::Quantized { .. }, false) => {
            notes.add("modules that the config quantizes, but whose tensors are not quantized", name);
            dense("the config says quantized, but the tensors are not".to_string())
        }
        (ModuleDecision::Skipped { reason }, false) => dense(reason),
        (ModuleDecision::Skipped { reason }, true) => {
            notes.add(
                "modules that the config skips, but whose tensors are quantized (the tensors count)",
                name,
            );
            let reason = format!("the tensors are quantized, although the config says: {reason}");
            Verdict { spec: Some(config.spec), layout: config.layout, reason }
        }
    })
}

/// Numbers in a name compare as numbers.
fn natural_order(name: &str) -> Vec<(u64, String)> {
    name.split('.')
        .map(|part| part.parse().map_or((u64::MAX, part.to_string()), |number| (number, String::new())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_come_in_the_order_of_their_numbers() {
        let mut names = ["m.layers.10.q", "lm_head", "m.layers.2.q", "m.layers.2.k"];
        names.sort_by_cached_key(|n| natural_order(n));
        assert_eq!(names, ["lm_head", "m.layers.2.k", "m.layers.2.q", "m.layers.10.q"]);
    }

    #[test]
    fn embeddings_are_known_by_name() {
        for table in ["model.embed_tokens", "transformer.wte", "bert.embeddings.word_embeddings", "shared"] {
            assert!(is_embedding(table), "{table}");
        }
        for layer in ["lm_head", "embed_out", "embeddings.projection", "mlp.shared_expert", ""] {
            assert!(!is_embedding(layer), "{layer}");
        }
    }
}

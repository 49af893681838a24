//! The JSON of an architecture, and those that are known.

use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};

/// An architecture as described.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// What it is called in reports.
    pub name: String,
    /// Values of `model_type` in config.json that it is for.
    #[serde(default)]
    pub(super) model_types: Vec<String>,
    pub(super) blocks: Vec<String>,
    pub(super) groups: Vec<GroupDescription>,
    /// Layers whose weights are not clipped: whole components of their names.
    #[serde(default)]
    pub(super) unclipped: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupDescription {
    pub layers: Vec<String>,
    pub fold_into: Option<FoldInto>,
    pub loss_of: Option<LossOf>,
}

/// Where the inverse of the scales goes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FoldInto {
    /// A norm: its weight (and bias) is divided.
    pub norm: Option<String>,
    /// Gemma's norms multiply by 1 + weight: what is added to the weight.
    #[serde(default)]
    pub offset: f32,
    /// A linear layer: rows of its weight (and bias) are divided.
    pub linear: Option<String>,
    #[serde(default)]
    pub rows: Rows,
}

/// Which rows of a linear layer make the channels of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Rows {
    /// Row k makes channel k.
    #[default]
    All,
    /// The last K rows, in order: the up half of a fused gate and up.
    Last,
    /// The rows of a value projection; with grouped queries several heads of the input come from one of its heads.
    Heads,
    /// As `Heads`, at the end of a fused projection.
    LastHeads,
    /// Each head has the rows of its query, key and value one after the other: the last third of each.
    LastThirdOfHeads,
}

/// A group whose loss AutoAWQ takes behind the whole MLP: down(activation(first) · second).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LossOf {
    pub down: String,
    pub activation: Activation,
}

/// The function between gate and up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Activation {
    Silu,
    GeluTanh,
}

/// The descriptions that come with the library.
const KNOWN: [&str; 5] = [
    include_str!("llama.json"),
    include_str!("gemma.json"),
    include_str!("phi3.json"),
    include_str!("gpt_neox.json"),
    include_str!("bert.json"),
];

impl Architecture {
    /// Reads a user's description.
    ///
    /// # Errors
    /// [`ErrorKind::Json`] for text that is no description; [`ErrorKind::Config`] for one that contradicts itself;
    /// [`ErrorKind::Io`], [`ErrorKind::Missing`].
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, &e))?;
        Self::parse(&text).map_err(|e| e.file(path))
    }

    /// As [`Architecture::load`], from text.
    ///
    /// # Errors
    /// As [`Architecture::load`].
    pub fn parse(text: &str) -> Result<Self> {
        let architecture: Architecture = serde_json::from_str(text)
            .map_err(|e| Error::new(ErrorKind::Json, format!("is no description of an architecture: {e}")))?;
        architecture.check()?;
        Ok(architecture)
    }

    /// The one that comes with the library for this `model_type`.
    pub fn known(model_type: &str) -> Option<Self> {
        let all = KNOWN.iter().map(|text| Self::parse(text).expect("the unit test parses them all"));
        all.into_iter().find(|a| a.model_types.iter().any(|t| t == model_type))
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::new(ErrorKind::Config, what).subject(&self.name));
        if self.blocks.is_empty() || self.groups.is_empty() {
            return wrong("blocks and groups must not be empty".into());
        }
        let mut layers: Vec<&str> = vec![];
        for group in &self.groups {
            if group.layers.is_empty() {
                return wrong("a group has no layers".into());
            }
            if let Some(fold) = &group.fold_into
                && fold.norm.is_some() == fold.linear.is_some()
            {
                return wrong(format!("{}: fold_into needs norm or linear, and not both", group.layers[0]));
            }
            if group.loss_of.is_some() && group.layers.len() != 2 {
                return wrong(format!("{}: loss_of needs two layers, gate and up", group.layers[0]));
            }
            for layer in &group.layers {
                if layers.contains(&layer.as_str()) {
                    return wrong(format!("{layer} is in two groups"));
                }
                layers.push(layer);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_description_that_comes_along_parses() {
        for text in KNOWN {
            let architecture = Architecture::parse(text).unwrap();
            for model_type in &architecture.model_types {
                assert_eq!(
                    Architecture::known(model_type).unwrap(),
                    architecture,
                    "{model_type} stands twice"
                );
            }
        }
        assert!(Architecture::known("gpt2").is_none());
    }

    #[test]
    fn descriptions_that_contradict_themselves_are_refused() {
        let with = |groups: &str| {
            Architecture::parse(&format!(r#"{{"name":"x","blocks":["b"],"groups":[{groups}]}}"#))
        };
        let says = |groups: &str, kind, part: &str| {
            let e = with(groups).unwrap_err();
            assert!(e.kind() == kind && e.to_string().contains(part), "{groups}: {e}");
        };
        with(r#"{"layers":["a"]}"#).unwrap();
        says("", ErrorKind::Config, "must not be empty");
        says(r#"{"layers":[]}"#, ErrorKind::Config, "no layers");
        says(r#"{"layers":["a"]},{"layers":["a"]}"#, ErrorKind::Config, "two groups");
        says(r#"{"layers":["a"],"fold_into":{}}"#, ErrorKind::Config, "norm or linear");
        says(r#"{"layers":["a"],"fold_into":{"norm":"n","linear":"l"}}"#, ErrorKind::Config, "not both");
        says(r#"{"layers":["a"],"folds":{}}"#, ErrorKind::Json, "unknown field");
        says(r#"{"layers":["a"],"fold_into":{"linear":"l","rows":"some"}}"#, ErrorKind::Json, "some");
    }
}

//! The small files of a model directory: config.json with another section, and what is copied.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::{self, ModuleDecision, QuantConfig};
use crate::error::{Error, Result};

/// Files beside the tensors that belong to a model, by their extension.
const COMPANIONS: [&str; 8] = ["json", "txt", "model", "jinja", "md", "py", "tiktoken", "spm"];

/// The text of the new config.json: that of `dir` with another section, everything else in its place.
pub(super) fn model_config(dir: &Path, section: Value) -> Result<Vec<u8>> {
    let path = dir.join("config.json");
    let mut value = if path.exists() { config::json::read(&path)? } else { serde_json::json!({}) };
    config::replace_section(&mut value, Some(section));
    let mut text = serde_json::to_vec_pretty(&value).map_err(|e| Error::internal(e.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

/// Reads a new config.json as any reader would and warns of quantized layers that it takes for unquantized. Skip
/// lists match parts of names in some dialects, so that an entry can hit more than it is meant to.
pub(super) fn check_config<'a>(text: &[u8], layers: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
    let config = QuantConfig::from_json(text, "config.json")?;
    let mut warnings = vec![];
    for layer in layers {
        if let ModuleDecision::Skipped { reason } = config.stored_module(layer)? {
            warnings.push(format!(
                "{layer} is quantized, but engines that go by the skip list will take it for unquantized: {reason}"
            ));
        }
    }
    Ok(warnings)
}

/// Tokenizer, generation config, license and the like, in order of name.
pub(super) fn companions(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = vec![];
    for entry in fs::read_dir(dir).map_err(|e| Error::io(dir, &e))? {
        let path = entry.map_err(|e| Error::io(dir, &e))?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let known =
            COMPANIONS.contains(&extension) || name.starts_with("LICENSE") || name.starts_with("NOTICE");
        let replaced = config::FILE_NAMES.contains(&name) || name.ends_with(".index.json");
        // Follows links: model caches are made of them.
        if known && !replaced && !name.starts_with('.') && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

//! What an engine reads from a Hugging Face model directory besides weights: the tokenizer, the chat
//! template, the tokens that end a text, and the numbers of `config.json`.
//!
//! The `awqm` tool is written in C; this crate is its door to the `tokenizers` and `minijinja` crates.
//! `awqm_tokenizer.h` declares the functions of [`ffi`]. The library itself does not use this crate.

pub mod chat;
pub mod config;
pub mod ffi;
pub mod text;

use std::path::Path;

/// A message for the person at the terminal: what is wrong, and in which file.
pub type Result<T> = std::result::Result<T, String>;

/// The JSON of `dir/name`; `None` when there is no such file.
fn read_json(dir: &Path, name: &str) -> Result<Option<serde_json::Value>> {
    let path = dir.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| format!("{}: {e}", path.display())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("{}: {e}", path.display())),
    }
}

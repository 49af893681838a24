//! Text to token ids and back.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tokenizers::Tokenizer;

use crate::chat::{ChatTemplate, token_text};
use crate::{Result, read_json};

/// The tokenizer of a model directory, with its chat template and its end tokens.
pub struct ModelText {
    tokenizer: Tokenizer,
    chat: Option<ChatTemplate>,
    eos: Vec<u32>,
}

impl ModelText {
    /// Reads `tokenizer.json` (needed) and, where they exist, `tokenizer_config.json`, `chat_template.jinja`,
    /// `generation_config.json` and `config.json`.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("tokenizer.json");
        let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        // A file may carry the truncation and padding of its training; a prompt must come through whole.
        tokenizer.with_truncation(None).map_err(|e| format!("{}: {e}", path.display()))?;
        tokenizer.with_padding(None);
        let config = read_json(dir, "tokenizer_config.json")?.unwrap_or(Value::Null);
        let chat = ChatTemplate::find(dir, &config)?;
        let eos = end_tokens(dir, &config, &tokenizer)?;
        Ok(ModelText { tokenizer, chat, eos })
    }

    /// The ids of `text`. `add_special` adds what the model expects around plain text, such as a
    /// beginning-of-text token; a rendered chat has those already.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>> {
        let encoding = self.tokenizer.encode_fast(text, add_special).map_err(|e| e.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The prompt that the model was trained to answer for these messages; `None` when it has no template.
    pub fn chat(&self, system: Option<&str>, user: &str) -> Result<Option<String>> {
        self.chat.as_ref().map(|template| template.render(system, user)).transpose()
    }

    /// The tokens that end a text, in ascending order.
    pub fn eos(&self) -> &[u32] {
        &self.eos
    }
}

/// `eos_token_id` of the generation and model configs (a number or a list), and the tokenizer's own end token.
fn end_tokens(dir: &Path, config: &Value, tokenizer: &Tokenizer) -> Result<Vec<u32>> {
    let mut ids = BTreeSet::new();
    for name in ["generation_config.json", "config.json"] {
        let file = read_json(dir, name)?.unwrap_or(Value::Null);
        let listed = match &file["eos_token_id"] {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        ids.extend(listed.iter().filter_map(Value::as_u64).filter_map(|id| u32::try_from(id).ok()));
    }
    ids.extend(token_text(&config["eos_token"]).and_then(|text| tokenizer.token_to_id(text)));
    Ok(ids.into_iter().collect())
}

/// Turns a stream of ids into text, holding back bytes that do not yet make a whole character.
#[derive(Default)]
pub struct Stream {
    ids: Vec<u32>,
    prefix: String,
    prefix_index: usize,
}

impl Stream {
    /// The text that `id` completes; empty while a character is unfinished, and for special tokens.
    pub fn next(&mut self, model: &ModelText, id: u32) -> Result<String> {
        let Stream { ids, prefix, prefix_index } = self;
        tokenizers::tokenizer::step_decode_stream(&model.tokenizer, vec![id], true, ids, prefix, prefix_index)
            .map(Option::unwrap_or_default)
            .map_err(|e| e.to_string())
    }

    /// What is still held back at the end, with U+FFFD for bytes that never became a character.
    pub fn finish(&mut self, model: &ModelText) -> Result<String> {
        let whole = model.tokenizer.decode(&self.ids, true).map_err(|e| e.to_string())?;
        let rest = whole.strip_prefix(self.prefix.as_str()).unwrap_or_default().to_owned();
        *self = Stream::default();
        Ok(rest)
    }
}

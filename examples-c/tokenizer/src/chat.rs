//! Chat templates: Jinja programs that turn messages into the text a model was trained on.

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, context};
use serde_json::Value;

use crate::Result;

/// How many steps a template may take; a template is a program out of a downloaded file.
const FUEL: u64 = 10_000_000;

/// The chat template of a model, ready to render.
pub struct ChatTemplate {
    env: Environment<'static>,
    origin: String,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// `chat_template.jinja` if there is one, else `chat_template` of `tokenizer_config.json` (a text, or a
    /// list of named templates of which `default` counts). `None` when the model has neither.
    pub fn find(dir: &Path, config: &Value) -> Result<Option<Self>> {
        let path = dir.join("chat_template.jinja");
        let (source, origin) = match std::fs::read_to_string(&path) {
            Ok(text) => (text, path.display().to_string()),
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("{}: {e}", path.display()));
            }
            Err(_) => match in_config(config) {
                Some(text) => (
                    text.to_owned(),
                    format!("{}: chat_template", dir.join("tokenizer_config.json").display()),
                ),
                None => return Ok(None),
            },
        };
        let mut env = Environment::new();
        // What Hugging Face's renderer sets, so that line breaks fall as in training.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        env.set_syntax(syntax.map_err(|e| e.to_string())?);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        env.add_function("raise_exception", |text: String| -> std::result::Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, text))
        });
        env.set_fuel(Some(FUEL));
        env.add_template_owned("chat", source).map_err(|e| format!("{origin}: {e}"))?;
        let text = |key: &str| token_text(&config[key]).unwrap_or_default().to_owned();
        Ok(Some(ChatTemplate { env, origin, bos: text("bos_token"), eos: text("eos_token") }))
    }

    /// The text for one user message, after an optional system message, up to where the answer begins.
    pub fn render(&self, system: Option<&str>, user: &str) -> Result<String> {
        let mut messages = Vec::new();
        if let Some(system) = system {
            messages.push(context! { role => "system", content => system });
        }
        messages.push(context! { role => "user", content => user });
        let values = context! {
            messages,
            add_generation_prompt => true,
            bos_token => self.bos.as_str(),
            eos_token => self.eos.as_str(),
        };
        let fail = |e: Error| format!("{}: {e}", self.origin);
        self.env.get_template("chat").map_err(fail)?.render(values).map_err(fail)
    }
}

fn in_config(config: &Value) -> Option<&str> {
    match &config["chat_template"] {
        Value::String(text) => Some(text),
        Value::Array(list) => list.iter().find(|t| t["name"] == "default")?["template"].as_str(),
        _ => None,
    }
}

/// A token in `tokenizer_config.json`: its text, or an object that holds it as `content`.
pub(crate) fn token_text(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token["content"].as_str())
}

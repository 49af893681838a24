//! The numbers of `config.json` that shape a Llama-family network.

use std::ffi::c_char;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::{Result, read_json};

/// How the rotary frequencies are stretched for long contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum RopeScaling {
    /// As trained.
    #[default]
    None = 0,
    /// Every frequency is divided by the factor.
    Linear = 1,
    /// Llama 3: low frequencies are divided, high ones kept, those between blended.
    Llama3 = 2,
}

/// `hf_config` of the C header: the shape of the network.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
#[allow(missing_docs)]
pub struct NetworkConfig {
    pub model_type: [c_char; 32],
    pub vocab_size: u32,
    pub hidden_size: u32,
    pub intermediate_size: u32,
    pub layers: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    pub max_positions: u32,
    pub sliding_window: u32,
    pub tied_embeddings: u32,
    pub rms_norm_eps: f32,
    pub rope_scaling: u32,
    pub rope_theta: f64,
    pub rope_factor: f64,
    pub rope_low_freq_factor: f64,
    pub rope_high_freq_factor: f64,
    pub rope_original_positions: u32,
}

/// The families whose blocks are all of one kind: RMS norm, rotary attention, SwiGLU.
const FAMILIES: [&str; 4] = ["llama", "mistral", "qwen2", "qwen3"];

/// No real network comes near these; a damaged file might.
const MAX_WIDTH: u32 = 1 << 20;
const MAX_VOCAB: u32 = 1 << 24;
const MAX_LAYERS: u32 = 1 << 12;

#[derive(Deserialize)]
struct Raw {
    model_type: String,
    vocab_size: u32,
    hidden_size: u32,
    intermediate_size: u32,
    num_hidden_layers: u32,
    num_attention_heads: u32,
    num_key_value_heads: Option<u32>,
    head_dim: Option<u32>,
    #[serde(default = "default_positions")]
    max_position_embeddings: u32,
    sliding_window: Option<u32>,
    use_sliding_window: Option<bool>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default = "default_eps")]
    rms_norm_eps: f32,
    hidden_act: Option<String>,
    rope_theta: Option<f64>,
    #[serde(alias = "rope_parameters")]
    rope_scaling: Option<Rope>,
}

#[derive(Deserialize, Default)]
struct Rope {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<u32>,
}

fn default_positions() -> u32 {
    2048
}

fn default_eps() -> f32 {
    1e-6
}

impl NetworkConfig {
    /// Reads `dir/config.json`; an error names the field, or the family or feature that is not supported.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("config.json");
        let json =
            read_json(dir, "config.json")?.ok_or_else(|| format!("{}: no such file", path.display()))?;
        Self::from_json(json).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn from_json(json: Value) -> Result<Self> {
        // Before anything else, so that a model of another kind is told so, not that a field is missing.
        match json["model_type"].as_str() {
            Some(family) if FAMILIES.contains(&family) => {}
            Some(other) => {
                return Err(format!(
                    "model_type {other} is not supported (needed one of {})",
                    FAMILIES.join(", ")
                ));
            }
            None => return Err("model_type is missing".into()),
        }
        let raw: Raw = serde_json::from_value(json).map_err(|e| e.to_string())?;
        if let Some(act) = raw.hidden_act.as_deref().filter(|act| *act != "silu") {
            return Err(format!("hidden_act {act} is not supported (needed silu)"));
        }
        let rope = raw.rope_scaling.unwrap_or_default();
        let scaling = match rope.rope_type.as_deref() {
            None | Some("default") => RopeScaling::None,
            Some("linear") => RopeScaling::Linear,
            Some("llama3") => RopeScaling::Llama3,
            Some(other) => {
                return Err(format!("rope type {other} is not supported (needed linear or llama3)"));
            }
        };
        let within = |name: &str, value: u32, max: u32| match value {
            1.. if value <= max => Ok(value),
            _ => Err(format!("{name} is out of range (found {value}, needed 1 to {max})")),
        };
        let hidden_size = within("hidden_size", raw.hidden_size, MAX_WIDTH)?;
        let heads = within("num_attention_heads", raw.num_attention_heads, MAX_WIDTH)?;
        let kv_heads = within("num_key_value_heads", raw.num_key_value_heads.unwrap_or(heads), heads)?;
        let head_dim = within("head_dim", raw.head_dim.unwrap_or(hidden_size / heads), 1 << 12)?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(format!(
                "num_attention_heads {heads} is not a multiple of num_key_value_heads {kv_heads}"
            ));
        }
        if !head_dim.is_multiple_of(2) {
            return Err(format!("head_dim {head_dim} is odd"));
        }
        // Qwen2 names a window and switches it off; Mistral only names it.
        let windowed = raw.use_sliding_window.unwrap_or(raw.model_type == "mistral");
        let original = rope.original_max_position_embeddings.unwrap_or(raw.max_position_embeddings);
        Ok(NetworkConfig {
            model_type: c_name(&raw.model_type),
            vocab_size: within("vocab_size", raw.vocab_size, MAX_VOCAB)?,
            hidden_size,
            intermediate_size: within("intermediate_size", raw.intermediate_size, MAX_WIDTH)?,
            layers: within("num_hidden_layers", raw.num_hidden_layers, MAX_LAYERS)?,
            heads,
            kv_heads,
            head_dim,
            max_positions: within("max_position_embeddings", raw.max_position_embeddings, u32::MAX)?,
            sliding_window: raw.sliding_window.filter(|_| windowed).unwrap_or(0),
            tied_embeddings: raw.tie_word_embeddings.into(),
            rms_norm_eps: raw.rms_norm_eps,
            rope_scaling: scaling as u32,
            rope_theta: raw.rope_theta.or(rope.rope_theta).unwrap_or(10000.0),
            rope_factor: rope.factor.unwrap_or(1.0),
            rope_low_freq_factor: rope.low_freq_factor.unwrap_or(1.0),
            rope_high_freq_factor: rope.high_freq_factor.unwrap_or(4.0),
            rope_original_positions: original,
        })
    }
}

fn c_name(name: &str) -> [c_char; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(name.bytes().take(31)) {
        *to = from as c_char;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn llama() -> Value {
        json!({"model_type": "llama", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 128,
               "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2})
    }

    fn with(key: &str, value: Value) -> Result<NetworkConfig> {
        let mut json = llama();
        json[key] = value;
        NetworkConfig::from_json(json)
    }

    #[test]
    fn defaults_follow_hugging_face() {
        let c = NetworkConfig::from_json(llama()).unwrap();
        assert_eq!((c.head_dim, c.kv_heads, c.rope_theta, c.rms_norm_eps), (16, 2, 10000.0, 1e-6));
        assert_eq!((c.rope_scaling, c.sliding_window, c.tied_embeddings), (0, 0, 0));
        assert_eq!(with("num_key_value_heads", Value::Null).unwrap().kv_heads, 4);
    }

    #[test]
    fn rope_in_both_spellings() {
        let old = with("rope_scaling", json!({"type": "linear", "factor": 2.0})).unwrap();
        assert_eq!((old.rope_scaling, old.rope_factor), (RopeScaling::Linear as u32, 2.0));
        let new = with("rope_parameters", json!({"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0}))
            .unwrap();
        assert_eq!((new.rope_scaling, new.rope_theta), (RopeScaling::Llama3 as u32, 5e5));
        assert!(with("rope_scaling", json!({"type": "yarn"})).unwrap_err().contains("yarn"));
    }

    #[test]
    fn refuses_by_name() {
        for (key, value, word) in [
            ("model_type", json!("gemma"), "gemma"),
            ("hidden_act", json!("gelu"), "gelu"),
            ("num_key_value_heads", json!(3), "multiple"),
            ("head_dim", json!(7), "odd"),
            ("vocab_size", json!(0), "vocab_size"),
            ("num_hidden_layers", json!(-1), "integer"),
        ] {
            let message = with(key, value).unwrap_err();
            assert!(message.contains(word), "{key}: {message}");
        }
    }

    #[test]
    fn window_counts_only_when_in_use() {
        assert_eq!(with("sliding_window", json!(128)).unwrap().sliding_window, 0);
        let mut mistral = llama();
        mistral["model_type"] = json!("mistral");
        mistral["sliding_window"] = json!(128);
        assert_eq!(NetworkConfig::from_json(mistral).unwrap().sliding_window, 128);
    }
}

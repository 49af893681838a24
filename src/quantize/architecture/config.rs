//! What a model's config.json says of its attention heads.

use serde_json::Value;

/// Counts of heads; None where the config does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Heads {
    pub count: Option<usize>,
    pub key_value: Option<usize>,
}

impl Heads {
    pub fn of(config: &Value) -> Self {
        let number = |key: &str| {
            let nested = config.get("text_config").and_then(|c| c.get(key));
            nested.or_else(|| config.get(key)).and_then(Value::as_u64).and_then(|v| usize::try_from(v).ok())
        };
        let count = number("num_attention_heads").filter(|n| *n > 0);
        let key_value = number("num_key_value_heads").filter(|n| *n > 0).or(count);
        Heads { count, key_value }
    }
}

/// The `model_type` values of a config: that of the text model first.
pub(super) fn model_types(config: &Value) -> impl Iterator<Item = &str> {
    let nested = config.get("text_config").and_then(|c| c.get("model_type"));
    [nested, config.get("model_type")].into_iter().flatten().filter_map(Value::as_str)
}

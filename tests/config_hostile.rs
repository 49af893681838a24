//! Nothing that stands in a config makes the parser panic, and what it accepts is within its documented bounds.

use awq_marlin::config::QuantConfig;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn seeds() -> Vec<Value> {
    vec![
        json!({"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true,
            "version": "gemm", "modules_to_not_convert": ["o_proj"], "lm_head": false}}),
        json!({"w_bit": 4, "q_group_size": 64, "zero_point": true, "version": "GEMM"}),
        json!({"quant_method": "awq", "bits": 4, "group_size": 128, "sym": false, "dynamic": {"-:a.*": {}, "+:b": {"bits": 8}}}),
        json!({"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": false, "sym": true,
            "modules_in_block_to_quantize": [["q_proj"]]}),
        json!({"text_config": {"quantization_config": {"quant_method": "compressed-tensors", "format": "pack-quantized",
            "ignore": ["re:.*lm_head"], "config_groups": {"group_0": {"targets": ["Linear", "re:.*x"], "weights":
            {"num_bits": 4, "type": "int", "symmetric": false, "strategy": "group", "group_size": 128}}}}}}),
    ]
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-3i64..300).prop_map(Value::from),
        Just(json!(-0.0)),
        "[a-z:.*+()\\[\\]?\u{0}-\u{ff}]{0,12}".prop_map(Value::from),
        Just(json!("re:(")),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[["x"]]])),
        Just(json!({"quantization_config": {}})),
    ]
}

/// Replaces the `at`-th value of a tree, counted depth first.
fn replace(value: &mut Value, at: &mut usize, with: &Value) {
    if *at == 0 {
        *value = with.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|v| replace(v, at, with)),
        Value::Object(map) => map.values_mut().for_each(|v| replace(v, at, with)),
        _ => {}
    }
}

/// Renames the `at`-th key of a tree.
fn rename(value: &mut Value, at: &mut usize, name: &str) {
    let Value::Object(map) = value else { return };
    let old = std::mem::take(map);
    let mut new = Map::new();
    for (key, mut v) in old {
        let key = if *at == 0 { name.to_owned() } else { key };
        *at = at.wrapping_sub(1);
        rename(&mut v, at, name);
        new.insert(key, v);
    }
    *map = new;
}

fn check(bytes: &[u8]) {
    let Ok(config) = QuantConfig::from_json(bytes, "config.json") else { return };
    assert!(matches!(config.spec.bits.get(), 4 | 8));
    assert!(config.spec.group.get() == -1 || (1..=1 << 24).contains(&config.spec.group.get()));
    assert!(config.source.starts_with("config.json"));
    assert_eq!(config.to_json()["bits"], config.spec.bits.get());
    for name in ["", ".", "lm_head", "model.layers.0.self_attn.qkv_proj", "gate_up_proj", "\u{0}é"] {
        let _ = config.module(name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_may_stand_anywhere(seed in 0usize..5, at in 0usize..24, with in odd_value()) {
        let mut config = seeds().swap_remove(seed);
        replace(&mut config, &mut { at }, &with);
        check(config.to_string().as_bytes());
    }

    #[test]
    fn any_key_may_be_called_anything(seed in 0usize..5, at in 0usize..20, name in "[a-z_]{0,6}|bits|sym|format|weights|re:") {
        let mut config = seeds().swap_remove(seed);
        rename(&mut config, &mut { at }, &name);
        check(config.to_string().as_bytes());
    }

    #[test]
    fn any_byte_may_be_changed(seed in 0usize..5, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = seeds()[seed].to_string().into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check(&bytes);
    }

    #[test]
    fn any_part_may_be_missing(seed in 0usize..5, from in any::<prop::sample::Index>(), length in 0usize..40) {
        let mut bytes = seeds()[seed].to_string().into_bytes();
        let from = from.index(bytes.len());
        let to = (from + length).min(bytes.len());
        bytes.drain(from..to);
        check(&bytes);
    }
}

//! Which modules a config quantizes: `fixtures/skip`, made by vLLM's and compressed-tensors' own functions, and the
//! rules that those do not cover.

use std::collections::BTreeSet;
use std::path::PathBuf;

use awq_marlin::ErrorKind;
use awq_marlin::config::{ModuleDecision, QuantConfig};
use serde_json::{Value, json};

fn table(file: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/skip").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn strings(value: &Value) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

fn parse(section: &Value) -> QuantConfig {
    QuantConfig::from_json(section.to_string().as_bytes(), "quant_config.json").unwrap()
}

/// A compressed-tensors section; `groups` maps group names to (targets, bits, group size).
fn compressed_tensors(ignore: &Value, groups: &[(&str, Value, u32, i64)]) -> Value {
    let groups: serde_json::Map<String, Value> = groups
        .iter()
        .map(|(name, targets, bits, group)| {
            let weights =
                json!({"num_bits": bits, "symmetric": false, "strategy": "group", "group_size": group});
            ((*name).to_owned(), json!({"targets": targets, "weights": weights}))
        })
        .collect();
    json!({"quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ignore, "config_groups": groups})
}

fn is_skipped(config: &QuantConfig, name: &str) -> bool {
    matches!(config.module(name).unwrap(), ModuleDecision::Skipped { .. })
}

/// Compares every module and fused name with what `key` of a case lists; returns how many fused names were mixed.
fn compare(config: &QuantConfig, table: &Value, skipped: &Value, fused: &Value) -> usize {
    let skipped = strings(skipped);
    for name in strings(&table["modules"]) {
        assert_eq!(is_skipped(config, name), skipped.contains(name), "{name} with {:?}", config.skip);
    }
    let mut mixed = 0;
    for name in strings(&table["fused_modules"]) {
        let decision = config.module(name);
        match fused.get(name) {
            None => assert!(matches!(decision, Ok(ModuleDecision::Quantized { .. })), "{name}: {decision:?}"),
            Some(f) if f.get("ok").is_some() => {
                assert!(matches!(decision, Ok(ModuleDecision::Skipped { .. })), "{name}")
            }
            Some(_) => {
                let error = decision.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::MixedFused);
                let members: &[&str] =
                    if name.ends_with("qkv_proj") { &["q_proj", "k_proj"] } else { &["up_proj"] };
                for member in members {
                    assert!(error.to_string().contains(member), "{error}");
                }
                mixed += 1;
            }
        }
    }
    mixed
}

#[test]
fn awq_skip_lists_match_as_in_vllm() {
    let table = table("awq_skip_lists.json");
    let mut mixed = 0;
    for case in table["cases"].as_array().unwrap() {
        // The table is about the list alone, so lm_head is not left out by the rule of its own.
        let config = parse(&json!({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true,
            "lm_head": true, "modules_to_not_convert": case["modules_to_not_convert"]}));
        mixed += compare(&config, &table, &case["skipped_by"]["vllm"], &case["vllm_fused"]);
    }
    assert_eq!(mixed, 8, "q_proj and gate, in four layers each");
}

#[test]
fn compressed_tensors_ignore_lists_match_as_in_vllm() {
    let table = table("compressed_tensors_ignore.json");
    let mut mixed = 0;
    for case in table["cases"].as_array().unwrap() {
        let config = parse(&compressed_tensors(&case["ignore"], &[("group_0", json!(["Linear"]), 4, 128)]));
        assert_eq!(case["ignored_by"]["vllm"], case["ignored_by"]["compressed_tensors"]);
        mixed += compare(&config, &table, &case["ignored_by"]["vllm"], &case["vllm_fused"]);
    }
    assert_eq!(mixed, 4);
}

#[test]
fn decisions_name_the_entry() {
    let config = parse(
        &json!({"bits": 4, "group_size": 64, "zero_point": true, "modules_to_not_convert": ["o_proj"]}),
    );
    let ModuleDecision::Skipped { reason } = config.module("model.layers.0.self_attn.o_proj").unwrap() else {
        panic!("o_proj is skipped");
    };
    assert_eq!(reason, "modules_to_not_convert entry \"o_proj\"");
    let ModuleDecision::Quantized { spec, by, .. } =
        config.module("model.layers.0.self_attn.q_proj").unwrap()
    else {
        panic!("q_proj is quantized");
    };
    assert_eq!((spec, by.as_str()), (config.spec, "quant_config.json"));
}

#[test]
fn lm_head_is_quantized_on_request_only() {
    for method in ["awq", "gptq"] {
        let section = |lm_head: Value| {
            parse(
                &json!({"quant_method": method, "bits": 4, "group_size": 64, "desc_act": false, "lm_head": lm_head}),
            )
        };
        for lm_head in [Value::Null, json!(false)] {
            assert!(is_skipped(&section(lm_head.clone()), "lm_head"));
            assert!(is_skipped(&section(lm_head), "language_model.lm_head"));
        }
        assert!(!is_skipped(&section(json!(true)), "lm_head"));
    }
    let listed =
        parse(&json!({"bits": 4, "group_size": 64, "lm_head": true, "modules_to_not_convert": ["lm_head"]}));
    assert!(is_skipped(&listed, "lm_head"), "the skip list has the last word");
    assert!(!is_skipped(
        &parse(&compressed_tensors(&json!([]), &[("g", json!(["Linear"]), 4, 64)])),
        "lm_head"
    ));
}

#[test]
fn gptqmodels_dynamic_skips_and_overrides_in_order() {
    let config =
        parse(&json!({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true, "dynamic": {
            r"-:model\.layers\.3\.": {},
            r"+:.*\.3\..*": {"bits": 8},
            r".*\.down_proj$": {"bits": 8, "group_size": 32, "sym": true},
            r"+:\bmlp": {"bits": 8},
        }}));
    let spec = |name: &str| match config.module(name).unwrap() {
        ModuleDecision::Quantized { spec, .. } => Some((spec.bits.get(), spec.group.get(), spec.zero_point)),
        ModuleDecision::Skipped { .. } => None,
    };
    assert_eq!(spec("model.layers.3.mlp.down_proj"), None, "the first that matches decides");
    assert_eq!(spec("model.layers.0.mlp.down_proj"), Some((8, 32, false)));
    assert_eq!(
        spec("model.layers.0.mlp.up_proj"),
        Some((4, 128, true)),
        "patterns match from the start of the name"
    );
    assert_eq!(spec("x.3.mlp.up_proj"), Some((8, 128, true)));
    // An override of one member only leaves the fused layer without one answer.
    let mixed = parse(
        &json!({"bits": 4, "group_size": 128, "zero_point": true, "dynamic": {".*q_proj": {"bits": 8}}}),
    );
    let error = mixed.module("a.qkv_proj").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MixedFused);
    assert!(error.to_string().contains("a.q_proj is quantized to 8 bits"), "{error}");
}

/// GPTQModel writes a rule for each expert of a mixture; they are looked up, in their place among the others.
#[test]
fn many_names_written_as_patterns_are_no_burden() {
    let mut dynamic: serde_json::Map<String, Value> = (0..60_000)
        .map(|i| (format!(r"-:^model\.layers\.{}\.experts\.{}\.up_proj$", i / 256, i % 256), json!({})))
        .collect();
    dynamic.insert(r"+:.*\.up_proj".into(), json!({"bits": 8}));
    dynamic.insert(r"-:^late\.up_proj$".into(), json!({}));
    let config = parse(&json!({"bits": 4, "group_size": 128, "zero_point": true, "dynamic": dynamic}));
    for i in 0..60_000 {
        assert!(is_skipped(&config, &format!("model.layers.{}.experts.{}.up_proj", i / 256, i % 256)));
    }
    let ModuleDecision::Quantized { spec, .. } = config.module("late.up_proj").unwrap() else {
        panic!("the earlier rule decides");
    };
    assert_eq!(spec.bits.get(), 8);
}

#[test]
fn dynamic_errors_name_the_entry() {
    for (dynamic, word) in [
        (json!({"-:(": {}}), "dynamic.-:("),
        (json!({"+:a": {"bits": 5}}), "dynamic.+:a.bits"),
        (json!({"+:a": {"desc_act": true}}), "act-order"),
        (json!({"+:a": 4}), "dynamic.+:a"),
        (json!([]), "dynamic"),
    ] {
        let section = json!({"bits": 4, "group_size": 128, "zero_point": true, "dynamic": dynamic});
        let error = QuantConfig::from_json(section.to_string().as_bytes(), "f.json").unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn several_groups_of_compressed_tensors() {
    let config = parse(&compressed_tensors(
        &json!(["lm_head"]),
        &[
            ("group_0", json!(["Linear"]), 4, 128),
            ("group_1", json!(["re:.*down_proj"]), 8, 64),
            ("group_10", json!(["re:.*layers.1.mlp.*"]), 4, 32),
            ("group_2", json!(["model.layers.1.mlp.down_proj"]), 8, 32),
        ],
    ));
    let spec = |name: &str| match config.module(name).unwrap() {
        ModuleDecision::Quantized { spec, .. } => Some((spec.bits.get(), spec.group.get())),
        ModuleDecision::Skipped { .. } => None,
    };
    assert_eq!(spec("model.layers.0.mlp.up_proj"), Some((4, 128)), "the class is the last resort");
    assert_eq!(spec("model.layers.0.mlp.down_proj"), Some((8, 64)), "a pattern goes before the class");
    assert_eq!(spec("model.layers.1.mlp.up_proj"), Some((4, 32)));
    assert_eq!(spec("model.layers.1.mlp.down_proj"), Some((8, 32)), "a name goes before patterns");
    assert_eq!(spec("model.layers.1.mlp.gate_up_proj"), Some((4, 32)));
    assert_eq!(spec("lm_head"), None, "ignore goes before targets");
    let narrow = parse(&compressed_tensors(&json!([]), &[("g", json!(["re:.*mlp.*"]), 4, 128)]));
    let ModuleDecision::Skipped { reason } = narrow.module("a.self_attn.q_proj").unwrap() else {
        panic!("no group targets attention");
    };
    assert_eq!(reason, "config_groups, which does not target it");
}

#[test]
fn targets_that_look_like_unknown_classes_are_reported() {
    let config =
        parse(&compressed_tensors(&json!([]), &[("g", json!(["Linear", "Embedding", "re:X"]), 4, 128)]));
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].contains("\"Embedding\""), "{:?}", config.warnings);
}

#[test]
fn presets_of_compressed_tensors() {
    let config = |groups: Value| {
        let section = json!({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": groups});
        QuantConfig::from_json(section.to_string().as_bytes(), "f.json")
    };
    let parsed = config(json!({"W4A16_ASYM": ["Linear"], "UNQUANTIZED": ["re:.*gate$"]})).unwrap();
    assert_eq!((parsed.spec.group.get(), parsed.spec.zero_point), (128, true));
    assert!(is_skipped(&parsed, "mlp.gate") && !is_skipped(&parsed, "mlp.up_proj"));
    assert_eq!(config(json!({"w8a16": ["Linear"]})).unwrap().spec.group.get(), -1);
    let error = config(json!({"FP8": ["Linear"]})).unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("FP8"), "{error}");
}

#[test]
fn a_stored_name_is_not_taken_apart() {
    let config = parse(&json!({"bits": 4, "group_size": 64, "modules_to_not_convert": ["qkv_proj"]}));
    let name = "model.layers.0.self_attn.qkv_proj";
    assert!(!is_skipped(&config, name), "its members are quantized");
    assert!(matches!(config.stored_module(name).unwrap(), ModuleDecision::Skipped { .. }));
    assert!(!is_skipped(&config, "qkv_proj"), "without a prefix as well");
}

#[test]
fn members_can_be_named() {
    let config = parse(&json!({"bits": 4, "group_size": 64, "modules_to_not_convert": ["w2"]}));
    assert!(matches!(
        config.fused("mlp.w13", &["mlp.w1", "mlp.w3"]).unwrap(),
        ModuleDecision::Quantized { .. }
    ));
    assert_eq!(config.fused("mlp.w12", &["mlp.w1", "mlp.w2"]).unwrap_err().kind(), ErrorKind::MixedFused);
    assert_eq!(config.fused("none", &[]).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn gptq_may_name_what_it_quantizes() {
    let config =
        parse(&json!({"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": false, "sym": true,
        "modules_in_block_to_quantize": [["self_attn.q_proj", "self_attn.k_proj"], ["self_attn.v_proj"]]}));
    assert!(!is_skipped(&config, "model.layers.0.self_attn.qkv_proj"));
    assert!(is_skipped(&config, "model.layers.0.mlp.down_proj"));
}

#[test]
fn patterns_cannot_hang_or_swell() {
    let ignore = json!(["re:(x+x+)+(?=y)z"]);
    let config = parse(&compressed_tensors(&ignore, &[("g", json!(["Linear"]), 4, 128)]));
    let error = config.module(&"x".repeat(2000)).unwrap_err();
    assert!(error.to_string().contains("cannot be matched"), "{error}");
    for (ignore, word) in [
        (json!([format!("re:{}", "a".repeat(1 << 17))]), "longer than"),
        (json!(["re:((a{1000}){1000}){1000}"]), "does not compile"),
        (json!(vec!["re:a"; 5000]), "more than 4096 regular expressions"),
        (json!([format!("re:{}a{}", "(".repeat(10_000), ")".repeat(10_000))]), "does not compile"),
    ] {
        let section = compressed_tensors(&ignore, &[("g", json!(["Linear"]), 4, 128)]);
        let error = QuantConfig::from_json(section.to_string().as_bytes(), "f.json").unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(word), "{error}");
    }
}

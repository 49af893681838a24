//! Sections that are written read back as what was meant, and are what the tools write themselves.

use awq_marlin::ErrorKind;
use awq_marlin::config::{ModuleDecision, QuantConfig, json, replace_section, write_section};
use awq_marlin::layout::Layout;
use awq_marlin::types::{Bits, GroupSize, QuantSpec};
use serde_json::{Value, json};

fn spec(bits: Bits, group: i64, zero_point: bool) -> QuantSpec {
    QuantSpec { bits, group: GroupSize::new(group).unwrap(), zero_point }
}

fn read(section: Value) -> QuantConfig {
    let file = json!({"quantization_config": section});
    QuantConfig::from_json(file.to_string().as_bytes(), "config.json").unwrap()
}

#[test]
fn every_written_section_reads_back() {
    let skip = ["model.layers.0.self_attn.o_proj".to_owned(), "lm_head".to_owned()];
    for layout in Layout::ALL {
        for bits in [Bits::Four, Bits::Eight] {
            for group in [-1, 32, 128] {
                for zero_point in [true, false] {
                    let four_bits_only =
                        matches!(layout, Layout::AwqGemv | Layout::AwqGemvFast | Layout::AwqMarlin);
                    let impossible = (four_bits_only && bits == Bits::Eight)
                        || (layout == Layout::AwqMarlin && zero_point);
                    if impossible || matches!(layout, Layout::Dense | Layout::Cpu) {
                        continue;
                    }
                    let spec = spec(bits, group, zero_point);
                    let config = read(write_section(spec, layout, &skip).unwrap());
                    assert_eq!((config.spec, config.layout, &config.skip[..]), (spec, layout, &skip[..]));
                    assert!(!config.lm_head && !config.act_order);
                    let decision = config.module("model.layers.0.self_attn.o_proj").unwrap();
                    assert!(matches!(decision, ModuleDecision::Skipped { .. }));
                    let up_proj = config.module("model.layers.0.mlp.up_proj").unwrap();
                    assert!(
                        matches!(up_proj, ModuleDecision::Quantized { spec: s, layout: l, .. } if (s, l) == (spec, layout)),
                        "{up_proj:?}"
                    );
                }
            }
        }
    }
    for layout in [Layout::Dense, Layout::Cpu] {
        let error = write_section(spec(Bits::Four, 128, true), layout, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn awq_sections_are_autoawqs_six_fields() {
    let text = write_section(spec(Bits::Four, 128, true), Layout::AwqGemm, &[]).unwrap().to_string();
    assert_eq!(
        text,
        r#"{"bits":4,"group_size":128,"modules_to_not_convert":null,"quant_method":"awq","version":"gemm","zero_point":true}"#
    );
    let own = write_section(spec(Bits::Eight, -1, true), Layout::Marlin, &[]).unwrap();
    assert_eq!((&own["version"], &own["group_size"]), (&json!("awqm_marlin"), &json!(-1)));
}

/// compressed-tensors' own writer made the fixture; key order apart, ours is the same but for the fields of its newest
/// version that are null.
#[test]
fn compressed_tensors_sections_are_its_own() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compressed_tensors");
    for (case, spec) in [
        ("asym_g128_k256_n128", spec(Bits::Four, 128, true)),
        ("sym8_g64_k128_n64", spec(Bits::Eight, 64, false)),
        ("sym_channel_k512_n64", spec(Bits::Four, -1, false)),
    ] {
        let mut theirs = json::read(&root.join(case).join("quantization_config.json")).unwrap();
        theirs.as_object_mut().unwrap().retain(|key, _| key != "moe_sparsity_config");
        assert_eq!(write_section(spec, Layout::CompressedTensors, &[]).unwrap(), theirs, "{case}");
    }
}

#[test]
fn a_conversion_keeps_lm_head_and_refuses_mixed_precision() {
    let awq = read(
        json!({"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": true, "lm_head": true}),
    );
    let to = |config: &QuantConfig, layout| read(config.section(layout, &[]).unwrap());
    assert!(to(&awq, Layout::Marlin).lm_head);
    let ct = to(&awq, Layout::CompressedTensors);
    assert!(matches!(ct.module("lm_head").unwrap(), ModuleDecision::Quantized { .. }));
    assert!(to(&ct, Layout::AwqGemm).lm_head);
    let plain = read(write_section(spec(Bits::Four, 64, true), Layout::CompressedTensors, &[]).unwrap());
    assert_eq!(plain.skip, ["lm_head"]);
    assert!(!to(&plain, Layout::AwqGemm).lm_head);

    let mixed = read(json!({"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": true,
        "dynamic": {".*down_proj": {"bits": 8}}}));
    assert_eq!(mixed.section(Layout::AwqGemm, &[]).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_new_section_replaces_old_ones_wherever_they_are() {
    let old = json!({"quant_method": "awq"});
    let mut config = json!({"model_type": "x", "compression_config": old, "quantization_config": old, "vocab_size": 8,
        "text_config": {"quantization_config": old, "hidden_size": 4}, "llm_config": null});
    replace_section(&mut config, Some(json!({"bits": 4})));
    let expected = r#"{"model_type":"x","vocab_size":8,"text_config":{"hidden_size":4},"llm_config":null,"quantization_config":{"bits":4}}"#;
    assert_eq!(config.to_string(), expected);
    replace_section(&mut config, None);
    assert!(config.get("quantization_config").is_none());
}

#[test]
fn the_normalized_form() {
    let config =
        read(json!({"quant_method": "AWQ", "w_bit": 4, "q_group_size": 64, "zero_point": true, "x": 1}));
    let shown = config.to_json();
    for (field, value) in [
        ("quant_method", json!("awq")),
        ("bits", json!(4)),
        ("group_size", json!(64)),
        ("zero_point", json!(true)),
        ("version", json!("gemm")),
        ("source", json!("config.json: quantization_config")),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(shown["warnings"].as_array().unwrap().len(), 1);
}

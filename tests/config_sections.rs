//! `fixtures/configs`: one field varied at a time. `expect` there is a recommendation; where it says `either`, the
//! decision of this library is in [`EITHER`].

use std::path::PathBuf;

use awq_marlin::ErrorKind;
use awq_marlin::config::{QuantConfig, QuantMethod};
use awq_marlin::layout::Layout;
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/configs")
}

fn parse(json: &str) -> awq_marlin::Result<QuantConfig> {
    QuantConfig::from_json(json.as_bytes(), "quant_config.json")
}

/// Cases on which peers disagree: accepted with this (version, bits, group size, zero points), or refused.
const EITHER: [(&str, Option<(Layout, usize, i64, bool)>); 11] = [
    ("backend_llm_awq.json", Some((Layout::AwqGemvFast, 4, 128, true))),
    ("bits_8.json", Some((Layout::AwqGemm, 8, 128, true))),
    ("bits_float.json", Some((Layout::AwqGemm, 4, 128, true))),
    ("bits_missing.json", None),
    ("group_16.json", Some((Layout::AwqGemm, 4, 16, true))),
    ("group_float.json", Some((Layout::AwqGemm, 4, 128, true))),
    ("group_missing.json", None),
    ("version_ipex.json", Some((Layout::AwqGemm, 4, 128, true))),
    ("version_marlin.json", Some((Layout::AwqMarlin, 4, 128, false))),
    ("zp_int.json", None),
    ("zp_missing.json", Some((Layout::AwqGemm, 4, 128, true))),
];

#[test]
fn every_case_is_decided_as_documented() {
    let table: Value =
        serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap();
    let mut either = 0;
    for case in table["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let parsed = QuantConfig::from_file(&folder().join(file));
        match case["expect"].as_str().unwrap() {
            "error" => assert!(parsed.is_err(), "{file} must be refused: {parsed:?}"),
            "ok" => {
                let config = parsed.unwrap_or_else(|e| panic!("{file}: {e}"));
                let section: Value =
                    serde_json::from_slice(&std::fs::read(folder().join(file)).unwrap()).unwrap();
                let group = section.get("group_size").or(section.get("q_group_size")).unwrap();
                assert_eq!(config.method, QuantMethod::Awq, "{file}");
                assert_eq!(config.spec.bits.get(), 4, "{file}");
                assert_eq!(Some(config.spec.group.get()), group.as_i64(), "{file}");
                assert!(config.spec.zero_point, "{file}");
                let gemv = file == "version_gemv.json";
                assert_eq!(config.layout, if gemv { Layout::AwqGemv } else { Layout::AwqGemm }, "{file}");
            }
            _ => {
                either += 1;
                let (_, decision) = EITHER
                    .iter()
                    .find(|(name, _)| *name == file)
                    .unwrap_or_else(|| panic!("{file} is undecided"));
                let found = parsed
                    .as_ref()
                    .ok()
                    .map(|c| (c.layout, c.spec.bits.get(), c.spec.group.get(), c.spec.zero_point));
                assert_eq!(found, *decision, "{file}: {parsed:?}");
            }
        }
    }
    assert_eq!(either, EITHER.len());
}

#[test]
fn errors_name_file_field_value_and_need() {
    for (file, kind, words) in [
        ("bits_3.json", ErrorKind::Unsupported, ["bits", "found 3", "needed 4 or 8"]),
        ("bits_huge.json", ErrorKind::Unsupported, ["bits", "9007199254740993", "needed 4 or 8"]),
        ("bits_null.json", ErrorKind::Config, ["bits", "found null", "needed 4 or 8"]),
        ("bits_missing.json", ErrorKind::Config, ["bits", "is missing", "needed 4 or 8"]),
        (
            "empty_object.json",
            ErrorKind::NotFound,
            ["no quantization config", "needed", "quantization_config"],
        ),
        ("group_0.json", ErrorKind::Config, ["group_size", "found 0", "needed -1"]),
        ("group_huge.json", ErrorKind::Config, ["group_size", "1099511627776", "needed -1"]),
        ("group_string.json", ErrorKind::Config, ["group_size", "found \"128\"", "needed -1"]),
        (
            "method_gptq.json",
            ErrorKind::Config,
            ["quant_method", "zero_point true", "needed quant_method awq"],
        ),
        ("method_number.json", ErrorKind::Config, ["quant_method", "found 1", "needed a string"]),
        ("skip_string.json", ErrorKind::Config, ["modules_to_not_convert", "\"lm_head\"", "a list of"]),
        ("skip_empty_string.json", ErrorKind::Config, ["modules_to_not_convert", "[\"\"]", "non-empty"]),
        ("skip_non_string.json", ErrorKind::Config, ["modules_to_not_convert", "[1,null]", "strings"]),
        ("synonyms_conflict.json", ErrorKind::Config, ["bits", "bits 8, w_bit 4", "agree"]),
        ("version_unknown.json", ErrorKind::Unsupported, ["version", "\"gemmx\"", "gemm, "]),
        ("zp_string.json", ErrorKind::Config, ["zero_point", "\"false\"", "true or false"]),
    ] {
        let error = QuantConfig::from_file(&folder().join(file)).unwrap_err();
        assert_eq!(error.kind(), kind, "{file}: {error}");
        for word in words.iter().chain(&[file]) {
            assert!(error.to_string().contains(word), "{file}: {error} does not say {word}");
        }
    }
}

#[test]
fn what_is_ignored_or_assumed_is_reported() {
    let warnings = |file| QuantConfig::from_file(&folder().join(file)).unwrap().warnings;
    assert!(warnings("ok_plain.json").is_empty());
    assert!(warnings("ok_version_missing.json").is_empty());
    let unknown = warnings("ok_extra_fields.json");
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0].contains("future_field") && unknown[0].contains("[1,2]"), "{unknown:?}");
    assert!(warnings("zp_missing.json")[0].contains("zero_point is missing; true is assumed"));
    let symmetric = parse(r#"{"bits": 4, "group_size": 128, "zero_point": false}"#).unwrap();
    assert!(!symmetric.spec.zero_point && symmetric.layout == Layout::AwqGemm);
    assert!(symmetric.warnings[0].contains("zero_point is false"), "{:?}", symmetric.warnings);
}

#[test]
fn synonyms_that_disagree_are_refused_whichever_they_are() {
    for (json, words) in [
        (r#"{"bits": 4, "group_size": 128, "q_group_size": 64}"#, "group_size 128, q_group_size 64"),
        (r#"{"bits": 4, "wbits": 8, "group_size": 128}"#, "bits 4, wbits 8"),
        (
            r#"{"bits": 4, "group_size": 128, "version": "gemm", "format": "gemv"}"#,
            "version \"gemm\", format \"gemv\"",
        ),
        (r#"{"bits": 4, "group_size": 128, "quant_method": "awq", "method": "gptq"}"#, "method \"gptq\""),
        (r#"{"bits": 4, "group_size": 128, "zero_point": true, "sym": true}"#, "zero_point true, sym true"),
    ] {
        let error = parse(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{json}");
        assert!(error.to_string().contains(words), "{json}: {error}");
    }
    // Different spellings of the same value are no contradiction.
    let json = r#"{"w_bit": 4, "bits": 4.0, "group_size": 64, "q_group_size": 6.4e1, "version": "GEMM", "format": "gemm",
                   "quant_method": "AWQ", "method": "awq", "zero_point": true, "sym": false}"#;
    assert_eq!(parse(json).unwrap().spec.group.get(), 64);
}

#[test]
fn side_files_without_a_method_are_told_apart() {
    let awq = parse(r#"{"zero_point": true, "q_group_size": 128, "w_bit": 4, "version": "GEMM"}"#).unwrap();
    assert_eq!((awq.method, awq.layout), (QuantMethod::Awq, Layout::AwqGemm));
    let gptq =
        parse(r#"{"bits": 4, "group_size": 128, "damp_percent": 0.01, "desc_act": false, "sym": true}"#)
            .unwrap();
    assert_eq!((gptq.method, gptq.layout), (QuantMethod::Gptq, Layout::Gptq));
    assert!(!gptq.spec.zero_point);
    let inside = br#"{"quantization_config": {"bits": 4, "group_size": 128, "zero_point": true}}"#;
    let error = QuantConfig::from_json(inside, "config.json").unwrap_err();
    assert!(
        error.to_string().contains("config.json: quantization_config.quant_method: is missing"),
        "{error}"
    );
}

#[test]
fn gptq_is_taken_without_act_order_only() {
    let gptq = |more: &str| {
        parse(&format!(r#"{{"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": false{more}}}"#))
    };
    let v2 = gptq(r#", "desc_act": false, "checkpoint_format": "gptq_v2", "format": "gptq_v2""#).unwrap();
    assert_eq!((v2.layout, v2.spec.zero_point, v2.version.as_str()), (Layout::GptqV2, true, "gptq_v2"));
    for (more, kind, word) in [
        (r#", "desc_act": true"#, ErrorKind::Unsupported, "act-order"),
        ("", ErrorKind::Config, "desc_act"),
        (r#", "desc_act": false, "checkpoint_format": "marlin""#, ErrorKind::Unsupported, "\"marlin\""),
        (r#", "desc_act": false, "is_marlin_format": true"#, ErrorKind::Unsupported, "is_marlin_format"),
        (r#", "desc_act": false, "pack_dtype": "int16""#, ErrorKind::Unsupported, "pack_dtype"),
        (r#", "desc_act": false, "rotation": "hadamard""#, ErrorKind::Unsupported, "rotation"),
    ] {
        let error = gptq(more).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(word), "{more}: {error}");
    }
}

#[test]
fn other_methods_are_refused_by_name() {
    for (json, word) in [
        (r#"{"quant_method": "bitsandbytes", "load_in_4bit": true}"#, "bitsandbytes"),
        (r#"{"quant_method": "fp8", "activation_scheme": "static"}"#, "fp8"),
        (r#"{"quant_method": "modelopt", "quant_algo": "W4A16_AWQ", "ignore": []}"#, "W4A16_AWQ"),
        (
            r#"{"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "W4A16_AWQ"}}"#,
            "quantization.quant_algo",
        ),
        (r#"{"quant_method": "awq", "bits": 4, "group_size": 128, "desc_act": true}"#, "desc_act"),
        (
            r#"{"quant_method": "awq", "bits": 8, "group_size": 128, "version": "gemv"}"#,
            "gemv exists for 4 bits",
        ),
        (r#"{"quant_method": "awq", "bits": 4, "group_size": 128, "data_type": "fp"}"#, "data_type"),
        (r#"{"quant_method": "awq", "bits": 4, "group_size": 128, "act_bits": 8}"#, "act_bits"),
    ] {
        let error = parse(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{json}: {error}");
        assert!(error.to_string().contains(word), "{json}: {error}");
    }
}

#[test]
fn autoawqs_own_marlin_is_symmetric() {
    let marlin =
        |more: &str| parse(&format!(r#"{{"bits": 4, "group_size": 128, "version": "marlin"{more}}}"#));
    assert!(!marlin("").unwrap().spec.zero_point);
    let error = marlin(r#", "zero_point": true"#).unwrap_err();
    assert!(error.to_string().contains("no zero points"), "{error}");
}

//! `fixtures/bad/config_raw`: config.json files that are broken as text, as JSON or as configs.

use std::path::PathBuf;

use awq_marlin::ErrorKind;
use awq_marlin::config::{QuantConfig, QuantMethod, json};
use serde_json::Value;

fn bad() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad")
}

/// Cases on which peers disagree: whether this library accepts them.
const EITHER: [(&str, bool); 6] = [
    ("config_raw/number_exponent.json", true),
    ("config_raw/lone_surrogate.json", false),
    ("config_raw/section_null.json", false),
    ("config_raw/ct_bits_string.json", false),
    ("config_raw/ct_format_missing.json", false),
    ("config_raw/ct_method_underscore.json", true),
];

#[test]
fn every_case_is_decided_as_documented() {
    let table: Value = serde_json::from_slice(&std::fs::read(bad().join("expected.json")).unwrap()).unwrap();
    let cases = table["cases"].as_array().unwrap();
    let cases: Vec<_> =
        cases.iter().filter(|c| c["file"].as_str().unwrap().starts_with("config_raw/")).collect();
    assert_eq!(cases.len(), 35);
    for case in cases {
        let file = case["file"].as_str().unwrap();
        let ok = match case["expect"].as_str().unwrap() {
            "ok" => true,
            "error" => false,
            _ => {
                EITHER
                    .iter()
                    .find(|(name, _)| *name == file)
                    .unwrap_or_else(|| panic!("{file} is undecided"))
                    .1
            }
        };
        match QuantConfig::from_file(&bad().join(file)) {
            Ok(config) => {
                assert!(ok, "{file} must be refused: {config:?}");
                assert_eq!((config.spec.bits.get(), config.spec.group.get()), (4, 128), "{file}");
                let ct = file.contains("/ct_");
                let method = if ct { QuantMethod::CompressedTensors } else { QuantMethod::Awq };
                assert_eq!((config.method, config.spec.zero_point), (method, true), "{file}");
            }
            Err(e) => {
                assert!(!ok, "{e}");
                assert!(e.to_string().contains(file), "{e} does not name {file}");
            }
        }
    }
}

#[test]
fn errors_name_field_value_and_need() {
    use ErrorKind::{Config, Json, NotFound, Unsupported};
    for (file, kind, words) in [
        ("array.json", Json, ["found []", "needed an object"]),
        ("null.json", Json, ["found null", "needed an object"]),
        ("truncated.json", Json, ["not valid JSON", "EOF"]),
        ("nan_literal.json", Json, ["not valid JSON", "column"]),
        ("number_1e400.json", Json, ["out of range", "column"]),
        ("duplicate_differs.json", Json, ["quantization_config.bits", "found 4 and 8"]),
        ("non_utf8.json", Json, ["offset 18", "needed UTF-8"]),
        ("utf16.json", Json, ["UTF-16", "needed UTF-8"]),
        ("deep_array.json", Json, ["recursion limit", "column"]),
        ("deep_unclosed.json", Json, ["recursion limit", "column"]),
        ("section_list.json", Config, ["quantization_config", "needed an object"]),
        ("section_null.json", NotFound, ["no quantization config", "text_config.quantization_config"]),
        ("number_minus_zero.json", Config, ["quantization_config.group_size", "needed -1"]),
        ("ct_bits_string.json", Config, ["config_groups.group_0.weights.num_bits", "found \"4\""]),
        ("ct_group_missing.json", Config, ["weights.group_size", "strategy \"group\""]),
        ("ct_group_but_channel.json", Config, ["weights.group_size", "found 128"]),
        ("ct_strategy_tensor.json", Unsupported, ["weights.strategy", "found \"tensor\""]),
        ("ct_actorder_group.json", Unsupported, ["weights.actorder", "found \"group\""]),
        ("ct_format_naive.json", Unsupported, ["format", "found \"naive-quantized\""]),
        ("ct_format_missing.json", Config, ["quantization_config.format", "needed pack-quantized"]),
        ("ct_bad_regex.json", Config, ["quantization_config.ignore", "found ("]),
        ("ct_no_groups.json", Config, ["config_groups", "found {}"]),
        ("ct_targets_missing.json", Config, ["group_0.targets", "is missing"]),
    ] {
        let error = QuantConfig::from_file(&bad().join("config_raw").join(file)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "{error} does not say {word}");
        }
    }
}

#[test]
fn a_null_section_is_an_unquantized_model() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(bad().join("config_raw/section_null.json"), dir.path().join("config.json")).unwrap();
    assert!(QuantConfig::find(dir.path()).unwrap().is_none());
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let good = std::fs::read(bad().join("config_raw/good.json")).unwrap();
    let marked = [b"\xef\xbb\xbf".as_slice(), &good].concat();
    assert!(QuantConfig::from_json(&marked, "config.json").is_ok());
    assert!(json::parse(&[b"\xef\xbb\xbf".as_slice(), &marked].concat()).is_err(), "only one mark is a mark");
}

#[test]
fn duplicates_are_found_at_any_depth_and_order_is_kept() {
    let error = json::parse(br#"{"a": [{"b": 1}, {"c": {"d": 1, "e": 2, "d": 1}}]}"#).unwrap_err();
    assert!(error.to_string().starts_with("a[1].c.d: "), "{error}");
    assert_eq!(json::parse(br#"{"z": 1, "a": 2, "m": 3}"#).unwrap().to_string(), r#"{"z":1,"a":2,"m":3}"#);
}

#[test]
fn size_is_bounded() {
    let error = json::parse(&vec![b' '; json::MAX_BYTES as usize + 1]).unwrap_err();
    assert!(error.kind() == ErrorKind::Json && error.to_string().contains("too large"), "{error}");
    let error = json::parse(format!("[{}0]", "0,".repeat(json::MAX_VALUES)).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("more than 4194304 values"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    std::fs::File::create(&path).unwrap().set_len(json::MAX_BYTES + 1).unwrap();
    let error = QuantConfig::from_file(&path).unwrap_err();
    assert!(error.to_string().contains("67108865 bytes"), "{error}");
    assert_eq!(
        QuantConfig::from_file(dir.path()).unwrap_err().kind(),
        ErrorKind::Io,
        "a directory is no file"
    );
}

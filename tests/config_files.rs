//! Directories: the dialects of `fixtures/checkpoint`, the places where a section hides, and precedence.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use awq_marlin::ErrorKind;
use awq_marlin::config::{FILE_NAMES, ModuleDecision, QuantConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

fn checkpoint() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoint")
}

fn directory(files: &[(&str, Value)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(dir.path().join(name), content.to_string()).unwrap();
    }
    dir
}

fn awq(group: i64) -> Value {
    json!({"quant_method": "awq", "bits": 4, "group_size": group, "zero_point": true, "version": "gemm"})
}

/// The linear layers of the fixtures' two-layer Llama.
fn linear_layers() -> Vec<String> {
    let mut names = vec!["lm_head".to_owned()];
    for layer in 0..2 {
        for part in [
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.o_proj",
            "mlp.gate_proj",
            "mlp.up_proj",
            "mlp.down_proj",
        ] {
            names.push(format!("model.layers.{layer}.{part}"));
        }
    }
    names
}

fn skipped(config: &QuantConfig) -> BTreeSet<String> {
    let skipped = |name: &String| matches!(config.module(name).unwrap(), ModuleDecision::Skipped { .. });
    linear_layers().into_iter().filter(skipped).collect()
}

#[test]
fn every_dialect_is_understood() {
    let mut seen = 0;
    for entry in std::fs::read_dir(checkpoint().join("dialects")).unwrap() {
        let dir = entry.unwrap().path();
        let dialect = dir.file_name().unwrap().to_str().unwrap();
        let expect: Value = serde_json::from_slice(&std::fs::read(dir.join("expect.json")).unwrap()).unwrap();
        let expect = &expect["expect"];
        seen += 1;
        if expect.get("either").is_some() {
            let error = QuantConfig::find(&dir).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            for word in ["quant_config.json", "quantize_config.json", "group_size", "64", "128"] {
                assert!(error.to_string().contains(word), "{error} does not say {word}");
            }
            continue;
        }
        let config = QuantConfig::find(&dir).unwrap().unwrap_or_else(|| panic!("{dialect}: nothing found"));
        let shown = config.to_json();
        for field in ["quant_method", "bits", "group_size", "zero_point"] {
            assert_eq!(shown[field], expect[field], "{dialect}: {field}");
        }
        if dialect != "conflict_config_vs_quantize_config" {
            assert!(config.warnings.is_empty(), "{dialect}: {:?}", config.warnings);
        }
        let mut expected: BTreeSet<String> =
            expect["skipped"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
        expected.insert("lm_head".into());
        if dialect.ends_with("_skip_list") {
            // What such a config leaves out shows in the tensors only.
            expected.retain(|name| name == "lm_head");
        }
        assert_eq!(skipped(&config), expected, "{dialect}");
    }
    assert_eq!(seen, 16);
}

#[test]
fn the_fixtures_checkpoints_are_understood() {
    for (name, version, group) in [
        ("llama2l_gemm", "gemm", 64),
        ("llama1l_gemv", "gemv", 64),
        ("llama2l_compressed_tensors", "pack-quantized", 64),
    ] {
        let config = QuantConfig::find(&checkpoint().join(name)).unwrap().unwrap();
        assert_eq!((config.version.as_str(), config.spec.group.get()), (version, group), "{name}");
        assert!(config.warnings.is_empty(), "{name}: {:?}", config.warnings);
    }
}

#[test]
fn the_source_says_file_and_key_path() {
    let section = awq(64);
    for (file, content, source) in [
        ("config.json", json!({"quantization_config": section}), "config.json: quantization_config"),
        ("config.json", json!({"compression_config": section}), "config.json: compression_config"),
        (
            "config.json",
            json!({"text_config": {"quantization_config": section}}),
            "config.json: text_config.quantization_config",
        ),
        (
            "config.json",
            json!({"llm_config": {"quantization_config": section}}),
            "config.json: llm_config.quantization_config",
        ),
        ("quantize_config.json", section.clone(), "quantize_config.json"),
        ("quant_config.json", section.clone(), "quant_config.json"),
        ("quantization_config.json", section.clone(), "quantization_config.json"),
    ] {
        let dir = directory(&[(file, content)]);
        assert_eq!(QuantConfig::find(dir.path()).unwrap().unwrap().source, source);
        assert_eq!(QuantConfig::from_file(&dir.path().join(file)).unwrap().source, source);
    }
}

#[test]
fn config_json_wins_and_says_so() {
    let dir = checkpoint().join("dialects/conflict_config_vs_quantize_config");
    let config = QuantConfig::find(&dir).unwrap().unwrap();
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    for word in ["config.json: quantization_config", "quantize_config.json", "group_size", "64", "128"] {
        assert!(config.warnings[0].contains(word), "{:?} do not say {word}", config.warnings);
    }
    // A side file that cannot be read is no reason to fail either.
    let dir = directory(&[
        ("config.json", json!({"quantization_config": awq(64)})),
        ("quant_config.json", json!([])),
    ]);
    let config = QuantConfig::find(dir.path()).unwrap().unwrap();
    assert!(config.warnings[0].contains("quant_config.json: is not a config"), "{:?}", config.warnings);
    // Nor is ModelOpt's file.
    let modelopt = json!({"quantization": {"quant_algo": "W4A16_AWQ"}});
    let dir = directory(&[
        ("config.json", json!({"quantization_config": awq(64)})),
        ("hf_quant_config.json", modelopt),
    ]);
    assert!(QuantConfig::find(dir.path()).unwrap().unwrap().warnings[0].contains("hf_quant_config.json"));
}

#[test]
fn two_places_of_one_file_are_compared() {
    let root = json!({"text_config": {"quantization_config": awq(128)}, "quantization_config": awq(64)});
    let dir = directory(&[("config.json", root)]);
    let config = QuantConfig::find(dir.path()).unwrap().unwrap();
    assert_eq!(config.spec.group.get(), 64);
    assert_eq!(
        config.warnings,
        ["config.json: quantization_config: group_size 64 is used; \
          config.json: text_config.quantization_config says 128"]
    );
}

#[test]
fn side_files_that_agree_are_taken() {
    let early = json!({"w_bit": 4, "q_group_size": 64, "zero_point": true, "version": "GEMM"});
    let dir = directory(&[
        ("quant_config.json", early),
        ("quantize_config.json", awq(64)),
        ("config.json", json!({})),
    ]);
    let config = QuantConfig::find(dir.path()).unwrap().unwrap();
    assert_eq!(config.source, "quantize_config.json");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn an_unquantized_model_is_none_and_an_empty_directory_an_error() {
    let dir = directory(&[("config.json", json!({"model_type": "llama", "text_config": null}))]);
    assert!(QuantConfig::find(dir.path()).unwrap().is_none());
    let empty = directory(&[]);
    let error = QuantConfig::find(empty.path()).unwrap_err();
    assert!(error.kind() == ErrorKind::Missing && error.to_string().contains("config.json"), "{error}");
    assert_eq!(QuantConfig::find(&empty.path().join("nowhere")).unwrap_err().kind(), ErrorKind::Missing);
    let broken = directory(&[("quantize_config.json", awq(64))]);
    std::fs::write(broken.path().join("config.json"), "{").unwrap();
    assert_eq!(
        QuantConfig::find(broken.path()).unwrap_err().kind(),
        ErrorKind::Json,
        "a broken config.json hides nothing"
    );
}

#[test]
fn a_section_in_an_unknown_place_is_not_overlooked() {
    let dir = directory(&[("config.json", json!({"vision_config": {"quantization_config": awq(64)}}))]);
    let error = QuantConfig::find(dir.path()).unwrap_err();
    assert!(error.to_string().contains("vision_config.quantization_config"), "{error}");
    // Beside a section that is where it belongs, it is somebody else's.
    let both = json!({"quantization_config": awq(64), "vision_config": {"quantization_config": awq(32)}});
    assert!(QuantConfig::find(directory(&[("config.json", both)]).path()).unwrap().is_some());
}

#[test]
fn modelopt_and_llm_awq_are_refused_by_name() {
    let modelopt = json!({"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "W4A16_AWQ", "group_size": 128}});
    let dir =
        directory(&[("config.json", json!({"model_type": "llama"})), ("hf_quant_config.json", modelopt)]);
    let error = QuantConfig::find(dir.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("ModelOpt") && error.to_string().contains("W4A16_AWQ"), "{error}");

    let dir = directory(&[("config.json", json!({"model_type": "llama"}))]);
    let dump = dir.path().join("llama-w4-g128-awq-v2.pt");
    std::fs::write(&dump, "zip").unwrap();
    for error in [QuantConfig::find(dir.path()).unwrap_err(), QuantConfig::from_file(&dump).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("llm-awq") && error.to_string().contains("w4-g128"), "{error}");
    }
}

#[test]
fn modelopts_file_without_weight_quantization_changes_nothing() {
    let cache_only = json!({"quantization": {"quant_algo": null, "kv_cache_quant_algo": "FP8"}});
    let dir = directory(&[("config.json", json!({})), ("hf_quant_config.json", cache_only)]);
    assert!(QuantConfig::find(dir.path()).unwrap().is_none());
}

#[test]
fn every_config_file_is_named() {
    for name in FILE_NAMES {
        let content = if name == "config.json" { json!({"quantization_config": awq(0)}) } else { awq(0) };
        let dir = directory(&[(name, content)]);
        let error = QuantConfig::find(dir.path()).unwrap_err();
        assert!(error.to_string().contains(Path::new(name).to_str().unwrap()), "{error}");
    }
}

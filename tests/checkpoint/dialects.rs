//! Every dialect of the same checkpoint's config leads to the same decision for every layer.

use std::collections::BTreeSet;
use std::path::Path;

use awq_marlin::checkpoint::Checkpoint;
use serde_json::Value;

use super::support::{assert_says, fixture, json};

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(to.join(path.file_name().unwrap()), bytes).unwrap();
    }
}

fn check(name: &str) {
    let expect = json(&format!("checkpoint/dialects/{name}/expect.json"))["expect"].clone();
    let base =
        if name.starts_with("compressed_tensors") { "llama2l_compressed_tensors" } else { "llama2l_gemm" };
    let dir = tempfile::tempdir().unwrap();
    copy_files(&fixture("checkpoint").join(base), dir.path());
    copy_files(&fixture("checkpoint/dialects").join(name), dir.path());
    let opened = Checkpoint::open(dir.path());
    if expect.get("either").is_some() {
        assert_says(&opened.unwrap_err().to_string(), &["quant_config.json", "quantize_config.json"]);
        return;
    }
    let checkpoint = opened.unwrap();
    let config = checkpoint.config().unwrap();
    assert_eq!(config.method.name(), expect["quant_method"], "{name}");
    assert_eq!(config.spec.bits.get() as u64, expect["bits"], "{name}");
    assert_eq!(config.spec.group.get(), expect["group_size"], "{name}");
    assert_eq!(config.spec.zero_point, expect["zero_point"], "{name}");

    let skipped: BTreeSet<_> = expect["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .chain(["lm_head"])
        .collect();
    let unquantized: BTreeSet<_> =
        checkpoint.layers().iter().filter(|l| !l.quantized).map(|l| l.name.as_str()).collect();
    assert_eq!(unquantized, skipped, "{name}");
    for layer in checkpoint.layers() {
        assert!(!layer.reason.is_empty(), "{name}: {}", layer.name);
        assert_eq!(layer.spec.is_some(), layer.quantized, "{name}: {}", layer.name);
        checkpoint.layer(&layer.name).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let layers = if base.contains("compressed") { 1 } else { 2 };
    assert_eq!(checkpoint.layers().len(), 7 * layers + 1, "{name}");
    let odd: Vec<_> = checkpoint.warnings().iter().filter(|w| w.contains("but whose tensors")).collect();
    assert!(odd.is_empty(), "{name}: {odd:?}");
}

#[test]
fn every_dialect_gives_the_expected_decision_for_each_layer() {
    let mut names: Vec<_> = std::fs::read_dir(fixture("checkpoint/dialects"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 16);
    names.iter().for_each(|name| check(name));
}

#[test]
fn layers_skipped_without_a_skip_list_say_that_the_tensors_decided() {
    for name in ["hf_config_no_skip_list", "hf_config_null_skip_list"] {
        let dir = tempfile::tempdir().unwrap();
        copy_files(&fixture("checkpoint/llama2l_gemm"), dir.path());
        copy_files(&fixture("checkpoint/dialects").join(name), dir.path());
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let o_proj = checkpoint.entry("model.layers.0.self_attn.o_proj").unwrap();
        assert_says(&o_proj.reason, &["no skip list", "tensors are not quantized"]);
    }
}

#[test]
fn the_golden_list_is_of_this_checkpoint() {
    // Guards the other tests against a fixture whose layers are named otherwise.
    let expected = json("checkpoint/llama2l_gemm.expected.json");
    let checkpoint = Checkpoint::open(&fixture("checkpoint/llama2l_gemm")).unwrap();
    let quantized: BTreeSet<_> =
        checkpoint.layers().iter().filter(|l| l.quantized).map(|l| l.name.clone()).collect();
    let listed: BTreeSet<_> = expected["modules"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(quantized, listed);
    assert_eq!(expected["modules"]["model.layers.0.mlp.down_proj"]["K"], Value::from(512));
}

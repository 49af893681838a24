//! A dense model directory to a quantized one, in every layout that is written.

mod quantize_support;

use std::fs;
use std::path::Path;

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::{Checkpoint, WriterOptions};
use awq_marlin::layout::{Layout, Part, Plain};
use awq_marlin::parallel::{Pool, Serial};
use awq_marlin::quantize::{
    CheckpointOptions, Progress, RangeRule, Report, RtnOptions, Stage, quantize_checkpoint, rtn,
};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use quantize_support::{LAYERS, config, encode, listing, model, noise, save, tensors};

fn spec(group: i64, zero_point: bool) -> QuantSpec {
    QuantSpec { bits: Bits::Four, group: GroupSize::new(group).unwrap(), zero_point }
}

fn quantize(src: &Path, dst: &Path, options: &CheckpointOptions) -> awq_marlin::Result<Report> {
    quantize_checkpoint(src, dst, options, &mut |_| true, &Pool::new(2).unwrap())
}

/// What the layer should hold: its weight quantized directly.
fn direct(weight: &[u8], dtype: Dtype, n: usize, k: usize, options: &CheckpointOptions) -> Plain {
    let compressed = options.layout == Layout::CompressedTensors;
    let rule = if compressed { RangeRule::CompressedTensors } else { RangeRule::AutoAwq };
    let arithmetic = if dtype == Dtype::BF16 && !compressed { Dtype::F16 } else { dtype };
    let rtn_options =
        RtnOptions { spec: options.spec, rule, arithmetic: Some(arithmetic), scale_dtype: None };
    rtn(weight, dtype, n, k, &rtn_options, &Serial).unwrap()
}

#[test]
fn every_layout_reads_back_as_the_codes_of_round_to_nearest() {
    let symmetric = [false, true];
    for (layout, group) in [
        (Layout::AwqGemm, 32),
        (Layout::AwqGemm, -1),
        (Layout::AwqGemv, 64),
        (Layout::AwqGemvFast, 64),
        (Layout::CompressedTensors, 32),
        (Layout::CompressedTensors, -1),
        (Layout::Marlin, 64),
        // No multiple of 16 and no divisor of K: only our own padded layout can hold it.
        (Layout::Marlin, 40),
        (Layout::AwqMarlin, 64),
    ] {
        for (dtype, symmetric) in
            [Dtype::F16, Dtype::BF16, Dtype::F32].into_iter().flat_map(|d| symmetric.map(|s| (d, s)))
        {
            if layout == Layout::AwqMarlin && !symmetric {
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
            let source = model(&src, dtype);
            let options = CheckpointOptions::new(spec(group, !symmetric), layout);
            let report = quantize(&src, &dst, &options).unwrap();
            assert_eq!((report.layers, &*report.skipped), (3, &["lm_head".to_owned()][..]));
            assert_eq!(report.warnings, [""; 0], "{layout} {group} {dtype} {symmetric}");

            let written = Checkpoint::open(&dst).unwrap();
            assert_eq!(written.warnings(), [""; 0], "{layout}");
            for (name, n, k) in LAYERS {
                let entry = written.entry(name).unwrap();
                assert_eq!(
                    (entry.k, entry.n, entry.quantized),
                    (k, n, name != "lm_head"),
                    "{}",
                    entry.reason
                );
                if !entry.quantized {
                    continue;
                }
                assert_eq!(entry.layout, layout);
                let expected = direct(&source[&format!("{name}.weight")].2, dtype, n, k, &options);
                let found = Plain::from_parts(&[Part::whole(written.layer(name).unwrap())]).unwrap();
                assert_eq!(found.q, expected.q, "{layout} {name}");
                assert_eq!(found.scale_dtype, expected.scale_dtype);
                assert_eq!(found.scales, expected.scales);
                let z = if symmetric && !found.z.is_empty() { vec![8; found.z.len()] } else { expected.z };
                assert_eq!(found.z, z);
            }
            let bias = written.layer("model.layers.0.self_attn.q_proj").unwrap();
            assert_eq!(bias.bias.unwrap(), source["model.layers.0.self_attn.q_proj.bias"].2);
        }
    }
}

#[test]
fn everything_else_is_kept_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    let source = model(&src, Dtype::F16);
    let options = CheckpointOptions::new(spec(64, true), Layout::AwqGemm);
    let report = quantize(&src, &dst, &options).unwrap();

    let written = tensors(&dst);
    for (name, tensor) in &source {
        let quantized = name.starts_with("model.layers.0") && name.ends_with("_proj.weight");
        assert_eq!(written.get(name), (!quantized).then_some(tensor), "{name}");
    }
    assert_eq!(written.len(), source.len() - 3 + 3 * 3);
    let bytes = |all: &std::collections::BTreeMap<String, quantize_support::Tensor>| {
        all.values().map(|t| t.2.len() as u64).sum::<u64>()
    };
    assert_eq!((report.bytes_in, report.bytes_out), (bytes(&source), bytes(&written)));

    let files = ["LICENSE", "chat_template.jinja", "config.json", "generation_config.json", "merges.txt"];
    let files = [&files[..], &["model.safetensors", "tokenizer.json"]].concat();
    assert_eq!(listing(&dst), files);
    for name in files.iter().filter(|n| !["config.json", "model.safetensors"].contains(n)) {
        assert_eq!(fs::read(src.join(name)).unwrap(), fs::read(dst.join(name)).unwrap(), "{name}");
    }
    let config = config(&dst);
    let keys: Vec<_> = config.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["model_type", "zeta", "alpha", "vocab_size", "quantization_config"]);
    assert_eq!(config["zeta"], 1e-6);
    assert_eq!(config["quantization_config"]["group_size"], 64);
    assert_eq!(config["quantization_config"]["modules_to_not_convert"], serde_json::json!(["lm_head"]));
}

#[test]
fn patterns_choose_the_layers_and_lm_head_is_one_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let src = dir.path().join("src");
    model(&src, Dtype::F16);
    for layout in [Layout::AwqGemm, Layout::CompressedTensors] {
        let mut options = CheckpointOptions::new(spec(64, true), layout);
        options.skip = vec!["mlp".into(), "no_such_layer".into()];
        let dst = dir.path().join(layout.name());
        let report = quantize(&src, &dst, &options).unwrap();
        let skipped = ["model.layers.0.mlp.down_proj", "model.layers.0.mlp.up_proj"];
        assert_eq!(report.skipped, skipped);
        assert_eq!(report.warnings.len(), 1);
        assert!(report.warnings[0].contains("no_such_layer"));
        let written = Checkpoint::open(&dst).unwrap();
        assert_eq!(written.warnings(), [""; 0], "{layout}");
        for layer in written.layers() {
            assert_eq!(layer.quantized, !skipped.contains(&layer.name.as_str()), "{layer:?}");
        }
    }
    let mut options = CheckpointOptions::new(spec(64, true), Layout::AwqGemm);
    options.skip.push(String::new());
    let e = quantize(&src, &dir.path().join("x"), &options).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    options.skip = vec!["model".into(), "lm_head".into()];
    let e = quantize(&src, &dir.path().join("x"), &options).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    assert!(e.to_string().contains("no linear layer"), "{e}");
}

#[test]
fn a_layer_that_the_layout_cannot_hold_is_named_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    model(&src, Dtype::F16);
    let says = |options: &CheckpointOptions, kind, parts: &[&str]| {
        let e = quantize(&src, &dst, options).unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        for part in parts {
            assert!(e.to_string().contains(part), "{part:?} in {e}");
        }
        assert_eq!(listing(dir.path()), ["src"]);
    };
    // K of down_proj is 192.
    let options = CheckpointOptions::new(spec(128, true), Layout::AwqGemm);
    says(&options, ErrorKind::Unsupported, &["down_proj", "K = 192", "group size 128", "16, 32, 64 or -1"]);
    let eight = CheckpointOptions::new(
        QuantSpec { bits: Bits::Eight, group: GroupSize::Of(64), zero_point: true },
        Layout::AwqGemvFast,
    );
    says(&eight, ErrorKind::Unsupported, &["model.layers.0", "4 bits"]);
    let zero_points = CheckpointOptions::new(spec(64, true), Layout::AwqMarlin);
    says(&zero_points, ErrorKind::Unsupported, &["symmetric"]);
    for layout in [Layout::Dense, Layout::Cpu, Layout::Gptq] {
        says(&CheckpointOptions::new(spec(64, true), layout), ErrorKind::Unsupported, &[layout.name()]);
    }

    // Once the layer is skipped, the rest is quantized.
    let mut options = CheckpointOptions::new(spec(128, true), Layout::AwqGemm);
    options.skip.push("down_proj".into());
    assert_eq!(quantize(&src, &dst, &options).unwrap().layers, 2);
}

#[test]
fn a_weight_that_is_not_finite_names_layer_row_and_column_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    let mut source = model(&src, Dtype::F16);
    let mut bad = noise(192 * 128, 5);
    bad[17 * 128 + 3] = f32::NAN;
    source.get_mut("model.layers.0.mlp.up_proj.weight").unwrap().2 = encode(&bad, Dtype::F16);
    save(&source, &src.join("model.safetensors"));
    let e = quantize(&src, &dst, &CheckpointOptions::new(spec(64, true), Layout::AwqGemm)).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Tensor);
    for part in ["model.layers.0.mlp.up_proj", "row 17", "column 3"] {
        assert!(e.to_string().contains(part), "{part} in {e}");
    }
    assert_eq!(listing(dir.path()), ["src"]);
}

#[test]
fn progress_tells_every_step_and_can_cancel_at_each() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    model(&src, Dtype::F16);
    let options = CheckpointOptions::new(spec(64, true), Layout::AwqGemm);
    let mut steps = vec![];
    let mut record = |p: &Progress| {
        assert!(p.index < p.count && p.bytes_done <= p.bytes_total);
        steps.push((p.stage, p.layer.to_owned(), p.bytes_done));
        true
    };
    let report = quantize_checkpoint(&src, &dst, &options, &mut record, &Serial).unwrap();
    let count = |stage| steps.iter().filter(|s| s.0 == stage).count();
    assert_eq!((count(Stage::Layers), count(Stage::Copy), count(Stage::Finish)), (3, 4, 1));
    assert_eq!(steps.last().unwrap(), &(Stage::Finish, String::new(), report.bytes_in));
    assert!(steps.is_sorted_by_key(|s| s.2));

    for stop in 0..steps.len() {
        let cancelled = dir.path().join("cancelled");
        let mut calls = 0;
        let mut cancel = |_: &Progress| {
            calls += 1;
            calls <= stop
        };
        let e = quantize_checkpoint(&src, &cancelled, &options, &mut cancel, &Serial).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Cancelled);
        assert_eq!(calls, stop + 1, "it is not asked again");
        assert_eq!(listing(dir.path()), ["dst", "src"]);
    }
}

#[test]
fn sources_and_destinations_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    model(&src, Dtype::F16);
    let mut options = CheckpointOptions::new(spec(64, true), Layout::AwqGemm);
    quantize(&src, &dst, &options).unwrap();
    let before = tensors(&dst);

    let kind =
        |from: &Path, to: &Path, options: &CheckpointOptions| quantize(from, to, options).unwrap_err().kind();
    assert_eq!(kind(&src, &dst, &options), ErrorKind::Io, "exists");
    assert_eq!(kind(&dst, &dir.path().join("x"), &options), ErrorKind::InvalidArgument, "quantized already");
    assert_eq!(kind(&src.join("model.safetensors"), &dst, &options), ErrorKind::InvalidArgument, "a file");
    assert_eq!(kind(&dir.path().join("none"), &dst, &options), ErrorKind::Missing);
    options.writer = WriterOptions { max_shard_bytes: 10_000, overwrite: true };
    assert_eq!(kind(&src, &src, &options), ErrorKind::InvalidArgument, "the source itself");
    assert_eq!(kind(&src, &src.join("../src/."), &options), ErrorKind::InvalidArgument, "by another name");
    assert_eq!(tensors(&dst), before);

    // Replaced, and in shards.
    quantize(&src, &dst, &options).unwrap();
    assert_eq!(tensors(&dst), before);
    assert!(!listing(&dst).contains(&"model.safetensors".to_owned()));
    assert!(Checkpoint::open(&dst).unwrap().warnings().is_empty());
}

//! Quantized checkpoints from layout to layout: nothing is lost on the way.

mod quantize_support;

use std::path::{Path, PathBuf};

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::{Checkpoint, WriterOptions};
use awq_marlin::layout::{Layout, dequantize};
use awq_marlin::parallel::{Pool, Serial};
use awq_marlin::quantize::{CheckpointOptions, Progress, Report, convert_checkpoint, quantize_checkpoint};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use quantize_support::{config, listing, model, tensors};

fn convert(src: &Path, dst: &Path, to: Layout) -> awq_marlin::Result<Report> {
    convert_checkpoint(src, dst, to, &WriterOptions::default(), &mut |_| true, &Pool::new(2).unwrap())
}

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// Every quantized layer's weight, exact.
fn weights(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let checkpoint = Checkpoint::open(dir).unwrap();
    let layers = checkpoint.layers().iter().filter(|l| l.quantized);
    layers
        .map(|l| {
            let mut out = vec![0; l.k * l.n * 8];
            dequantize(&checkpoint.layer(&l.name).unwrap(), Dtype::F64, &mut out, &Serial).unwrap();
            (l.name.clone(), out)
        })
        .collect()
}

#[test]
fn there_and_back_again_is_the_same_checkpoint() {
    let src = fixture("checkpoint/llama2l_gemm");
    let (original, exact) = (tensors(&src), weights(&src));
    assert!(exact.len() >= 10);
    for layout in [Layout::Marlin, Layout::CompressedTensors, Layout::AwqGemv, Layout::AwqGemvFast] {
        let dir = tempfile::tempdir().unwrap();
        let (there, back) = (dir.path().join("there"), dir.path().join("back"));
        let report = convert(&src, &there, layout).unwrap();
        assert_eq!(report.layers, exact.len());
        let written = Checkpoint::open(&there).unwrap();
        assert_eq!(written.warnings(), [""; 0], "{layout}");
        assert!(written.layers().iter().filter(|l| l.quantized).all(|l| l.layout == layout));
        assert!(weights(&there) == exact, "{layout}");

        convert(&there, &back, Layout::AwqGemm).unwrap();
        let returned = tensors(&back);
        assert_eq!(returned.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
        for (name, tensor) in &original {
            assert!(returned[name] == *tensor, "{name} through {layout}");
        }
    }
}

#[test]
fn the_section_is_replaced_and_names_the_layers_that_stay_dense() {
    let src = fixture("checkpoint/llama2l_gemm");
    let dir = tempfile::tempdir().unwrap();
    let dst = dir.path().join("dst");
    let report = convert(&src, &dst, Layout::CompressedTensors).unwrap();
    let (before, after) = (config(&src), config(&dst));
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let others = |v| keys(v).into_iter().filter(|k| k != "quantization_config").collect::<Vec<_>>();
    assert_eq!(others(&before), others(&after));
    let section = &after["quantization_config"];
    assert_eq!(section["quant_method"], "compressed-tensors");
    let ignored: Vec<_> = section["ignore"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    assert!(report.skipped.iter().any(|s| s.ends_with("o_proj")));
    for name in &report.skipped {
        assert!(ignored.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn layouts_of_other_tools_are_read_too() {
    let gemm = weights(&fixture("checkpoint/llama2l_gemm"));
    for (name, to) in [("llama2l_compressed_tensors", Layout::AwqGemm), ("llama1l_gemv", Layout::Marlin)] {
        let dir = tempfile::tempdir().unwrap();
        let src = fixture("checkpoint").join(name);
        convert(&src, &dir.path().join("dst"), to).unwrap();
        let found = weights(&dir.path().join("dst"));
        assert!(!found.is_empty() && found == weights(&src), "{name}");
        if name == "llama2l_compressed_tensors" {
            assert!(found.iter().all(|layer| gemm.contains(layer)));
        }
    }
}

#[test]
fn symmetric_layers_get_the_middle_code_where_zero_points_are_a_must() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    model(&at("src"), Dtype::F16);
    for bits in [Bits::Four, Bits::Eight] {
        let spec = QuantSpec { bits, group: GroupSize::Of(64), zero_point: false };
        let options = CheckpointOptions::new(spec, Layout::CompressedTensors);
        let name = |what: &str| at(&format!("{what}{}", bits.get()));
        quantize_checkpoint(&at("src"), &name("ct"), &options, &mut |_| true, &Serial).unwrap();
        convert(&name("ct"), &name("gemm"), Layout::AwqGemm).unwrap();
        assert_eq!(config(&name("gemm"))["quantization_config"]["zero_point"], true);
        assert!(weights(&name("gemm")) == weights(&name("ct")));
        convert(&name("ct"), &name("marlin"), Layout::Marlin).unwrap();
        assert!(!tensors(&name("marlin")).keys().any(|t| t.ends_with("qzeros")));
        assert!(weights(&name("marlin")) == weights(&name("ct")));
    }
}

#[test]
fn what_cannot_be_converted_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (src, dst) = (dir.path().join("src"), dir.path().join("dst"));
    model(&src, Dtype::F16);
    let e = convert(&src, &dst, Layout::Marlin).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{e}");
    // Groups of 40 fit our own layout only.
    let spec = QuantSpec { bits: Bits::Four, group: GroupSize::Of(40), zero_point: true };
    let options = CheckpointOptions::new(spec, Layout::Marlin);
    let odd = dir.path().join("odd");
    quantize_checkpoint(&src, &odd, &options, &mut |_| true, &Serial).unwrap();
    let e = convert(&odd, &dst, Layout::AwqGemm).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert!(e.to_string().contains("model.layers.0") && e.to_string().contains("group size 40"), "{e}");

    let gemm = fixture("checkpoint/llama2l_gemm");
    let e = convert(&gemm, &gemm, Layout::Marlin).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    let mut calls = 0;
    let mut cancel = |_: &Progress| {
        calls += 1;
        calls < 3
    };
    let writer = WriterOptions::default();
    let e = convert_checkpoint(&gemm, &dst, Layout::Marlin, &writer, &mut cancel, &Serial).unwrap_err();
    assert_eq!((e.kind(), calls), (ErrorKind::Cancelled, 3));
    assert_eq!(listing(dir.path()), ["odd", "src"]);
}

//! Layers and results that other projects' own code wrote, run from every layout on every instruction set.

mod common;
mod cpu_common;

use std::path::Path;

use awq_marlin::cpu::{CpuLinear, Kernel};
use awq_marlin::layout::Layout;
use awq_marlin::types::Dtype;
use common::{StoredLayer, Tensor, cases, fixture, read_safetensors};
use cpu_common::{assert_close, isas, run, serial};

/// Runs x against a fixture's y on every instruction set with both kernels.
fn matches(layer: &StoredLayer, what: &str, x: &Tensor, y: &Tensor, with_bias: bool, relative: f64) {
    let (view, m) = (layer.view(with_bias), x.shape[0]);
    let wanted = layer.expected(x, y, with_bias);
    for isa in isas() {
        let linear = CpuLinear::new(&view, &serial(isa)).unwrap();
        for kernel in [Kernel::Gemv, Kernel::Gemm] {
            let got = run(&linear, m, &x.bytes, x.element(), Dtype::F32, kernel);
            assert_close(&got, Dtype::F32, &wanted, relative, &format!("{what} {isa} {kernel} m {m}"));
        }
    }
}

fn check(layer: &StoredLayer, dir: &Path, what: &str) {
    let io = read_safetensors(&dir.join("io.safetensors"));
    let mut compared = 0;
    for m in [1, 3, 17] {
        let Some(x) = io.get(&format!("x_m{m}")) else { continue };
        matches(layer, what, x, &io[&format!("y_m{m}")], false, layer.rounding());
        compared += 1;
        if let (Some(y), true) = (io.get(&format!("y_bias_m{m}")), layer.tensors.contains_key("bias")) {
            matches(layer, what, x, y, true, layer.rounding());
        }
        if let Some(y) = io.get(&format!("y_exact_m{m}")) {
            matches(layer, what, x, y, false, 2e-6);
        }
    }
    assert!(compared >= 2, "{what}: no results to compare with");
}

fn check_all(group: &str, files: &[(&str, Layout)]) {
    for dir in cases(group) {
        let mut found = 0;
        for (file, layout) in files {
            if dir.join(file).exists() {
                let layer = StoredLayer::open(&dir, file, *layout);
                check(&layer, &dir, &format!("{} {file}", dir.display()));
                found += 1;
            }
        }
        assert!(found > 0, "{}: no layer", dir.display());
    }
}

#[test]
fn awq_layers_in_every_packing() {
    check_all(
        "linear",
        &[
            ("awq_gemm.safetensors", Layout::AwqGemm),
            ("awq_gemv.safetensors", Layout::AwqGemv),
            ("awq_gemv_fast.safetensors", Layout::AwqGemvFast),
            ("marlin.safetensors", Layout::Marlin),
        ],
    );
}

#[test]
fn eight_bit_layers() {
    check_all(
        "linear8",
        &[("awq_gemm.safetensors", Layout::AwqGemm), ("marlin.safetensors", Layout::Marlin)],
    );
}

#[test]
fn checkpoints_that_store_marlin() {
    check_all("marlin_v1", &[("awq_marlin_v1.safetensors", Layout::AwqMarlin)]);
}

#[test]
fn compressed_tensors_layers() {
    check_all("compressed_tensors", &[("layer.safetensors", Layout::CompressedTensors)]);
}

#[test]
fn bf16_activations_and_scales() {
    let dir = fixture("linear/k512_n192_g64");
    let io = read_safetensors(&dir.join("io_bf16.safetensors"));
    let mut layer = StoredLayer::open(&dir, "awq_gemm.safetensors", Layout::AwqGemm);
    layer.desc.scale_dtype = Dtype::BF16;
    layer.tensors.insert("scales".into(), io["scales_bf16"].clone());
    matches(&layer, "bf16", &io["x_bf16_m3"], &io["y_m3"], false, 2f64.powi(-9) * 1.01);
}

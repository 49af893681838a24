//! The golden models: weights and repacked tensors bit for bit, outputs in float64.

use awq_marlin::checkpoint::Checkpoint;
use awq_marlin::layout::{self, Layout};
use awq_marlin::parallel::Serial;
use awq_marlin::types::Dtype;
use half::f16;
use serde_json::Value;

use super::support::{fixture, json, sha256, weight};

fn f64s(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
}

fn f16s(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f64()).collect()
}

fn modules(expected: &Value) -> impl Iterator<Item = (&str, &Value)> {
    expected["modules"].as_object().unwrap().iter().map(|(name, v)| (name.as_str(), v))
}

/// Checks shape, weight, Marlin tensors and output of every listed module that the checkpoint has.
fn check_model(dir: &str, expected: &str) -> usize {
    let checkpoint = Checkpoint::open(&fixture("checkpoint").join(dir)).unwrap();
    let expected = json(&format!("checkpoint/{expected}"));
    let mut checked = 0;
    for (name, module) in modules(&expected) {
        let Ok(entry) = checkpoint.entry(name) else { continue };
        checked += 1;
        assert_eq!(
            (entry.k as u64, entry.n as u64),
            (module["K"].as_u64().unwrap(), module["N"].as_u64().unwrap()),
            "{name}"
        );
        let view = checkpoint.layer(name).unwrap();
        let w = weight(&view);
        assert_eq!(sha256(&w), module["w_deq_sha256"], "{name}: dequantized");
        let marlin = checkpoint.load(&[name], None, Layout::Marlin, &Serial).unwrap();
        assert_eq!(weight(&marlin.view()), w, "{name}: dequantized from Marlin");
        if let Some(digests) = module.get("marlin_sha256") {
            assert_eq!(sha256(&marlin.qweight), digests["qweight"], "{name}: Marlin qweight");
            assert_eq!(sha256(&marlin.scales), digests["scales"], "{name}: Marlin scales");
            assert_eq!(sha256(&marlin.qzeros), digests["qzeros"], "{name}: Marlin qzeros");
        }
        if let Some(output) = module.get("output") {
            check_output(
                &w,
                view.desc.k,
                view.desc.n,
                module["input"].as_str().unwrap(),
                output.as_str().unwrap(),
            );
        }
    }
    checked
}

/// y = x · W in float64. The sums may be in another order, so the last bits may differ.
fn check_output(w: &[u8], k: usize, n: usize, input: &str, output: &str) {
    let golden =
        Checkpoint::open_files(&[fixture("checkpoint/llama2l_gemm.expected.safetensors")], None).unwrap();
    let (x, y) = (golden.tensor(input).unwrap(), golden.tensor(output).unwrap());
    assert_eq!((x.shape, y.shape), (&[2, k][..], &[2, n][..]));
    let (x, y, w) = (f16s(x.data), f64s(y.data), f16s(w));
    for m in 0..2 {
        for c in 0..n {
            let sum: f64 = (0..k).map(|i| x[m * k + i] * w[i * n + c]).sum();
            assert!((sum - y[m * n + c]).abs() < 1e-10, "{output}[{m}, {c}]: {sum} and {}", y[m * n + c]);
        }
    }
}

#[test]
fn awq_gemm() {
    assert_eq!(check_model("llama2l_gemm", "llama2l_gemm.expected.json"), 12);
}

#[test]
fn awq_gemv() {
    assert_eq!(check_model("llama1l_gemv", "llama1l_gemv.expected.json"), 7);
}

#[test]
fn compressed_tensors() {
    // The same weights as the gemm checkpoint's first layer.
    assert_eq!(check_model("llama2l_compressed_tensors", "llama2l_gemm.expected.json"), 6);
}

#[test]
fn unquantized_tensors_come_through_as_they_are() {
    let checkpoint = Checkpoint::open(&fixture("checkpoint/llama2l_gemm")).unwrap();
    let expected = json("checkpoint/llama2l_gemm.expected.json");
    for (name, tensor) in expected["unquantized"].as_object().unwrap() {
        let view = checkpoint.tensor(name).unwrap();
        assert_eq!(view.dtype, Dtype::F16);
        assert_eq!(sha256(view.data), tensor["sha256"], "{name}");
    }
    let o_proj = checkpoint.layer("model.layers.0.self_attn.o_proj").unwrap();
    assert_eq!(o_proj.desc.layout, Layout::Dense);
    let packed =
        checkpoint.load(&["model.layers.0.self_attn.o_proj"], None, Layout::Marlin, &Serial).unwrap();
    assert_eq!((packed.desc.layout, &packed.qweight[..]), (Layout::Dense, o_proj.qweight));
}

#[test]
fn layers_of_every_layout_are_recognized_by_their_tensors() {
    // The same weights, as AutoAWQ and others pack them, in files whose tensors have bare names.
    let awq = |version| {
        format!(
            r#"{{"quant_method":"awq","bits":4,"group_size":128,"zero_point":true,"version":"{version}"}}"#
        )
    };
    let digest = json("linear/k128_n64_g128/meta.json")["w_deq_sha256"].clone();
    for (file, version) in
        [("awq_gemm", "gemm"), ("awq_gemv", "gemv"), ("awq_gemv_fast", "gemv_fast"), ("llm_awq", "gemv_fast")]
    {
        let path = fixture(&format!("linear/k128_n64_g128/{file}.safetensors"));
        let checkpoint =
            Checkpoint::open_files(&[path], Some(super::support::config(&awq(version)))).unwrap();
        let view = checkpoint.layer("").unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(sha256(&weight(&view)), digest, "{file}");
        assert_eq!(view.bias.unwrap().len(), 128, "{file}");
    }
}

#[test]
fn symmetric_marlin_and_gptq_checkpoints() {
    let golden = |dir: &str| {
        let file = Checkpoint::open_files(&[fixture(dir).join("dequant.safetensors")], None).unwrap();
        sha256(file.tensor("w_deq").unwrap().data)
    };
    let marlin = r#"{"quant_method":"awq","bits":4,"group_size":128,"zero_point":false,"version":"marlin"}"#;
    let gptq = r#"{"quant_method":"gptq","bits":4,"group_size":32,"sym":false,"desc_act":false,"checkpoint_format":"FORMAT"}"#;
    let (v1, v2) = (gptq.replace("FORMAT", "gptq"), gptq.replace("FORMAT", "gptq_v2"));
    for (dir, file, section) in [
        ("marlin_v1/k256_n64_g128", "awq_marlin_v1", marlin),
        ("gptq/gptq_k128_n64_g32", "gptq_v1", v1.as_str()),
        ("gptq/gptq_k128_n64_g32", "gptq_v2", v2.as_str()),
    ] {
        let path = fixture(dir).join(file).with_extension("safetensors");
        let checkpoint = Checkpoint::open_files(&[path], Some(super::support::config(section))).unwrap();
        let view = checkpoint.layer("").unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(sha256(&weight(&view)), golden(dir), "{file}");
    }
}

#[test]
fn compressed_tensors_of_odd_sizes_and_other_dtypes() {
    for case in
        ["asym_channel_k100_n60_odd", "asym_g64_k256_n64_bf16", "sym8_g64_k128_n64", "sym_g128_k256_n64"]
    {
        let dir = fixture("compressed_tensors").join(case);
        let section = std::fs::read(dir.join("quantization_config.json")).unwrap();
        let config = awq_marlin::config::QuantConfig::from_json(&section, case).unwrap();
        let checkpoint = Checkpoint::open_files(&[dir.join("layer.safetensors")], Some(config)).unwrap();
        let view = checkpoint.layer("").unwrap_or_else(|e| panic!("{case}: {e}"));
        let (k, n, dtype) = (view.desc.k, view.desc.n, view.desc.scale_dtype);
        let mut w = vec![0; k * n * 2];
        layout::dequantize(&view, dtype, &mut w, &Serial).unwrap();
        let transposed: Vec<u8> = (0..n)
            .flat_map(|c| (0..k).flat_map(move |r| [2 * (r * n + c), 2 * (r * n + c) + 1]))
            .map(|i| w[i])
            .collect();
        let meta = json(&format!("compressed_tensors/{case}/meta.json"));
        assert_eq!(sha256(&transposed), meta["w_deq_nk_sha256"], "{case}");
    }
}

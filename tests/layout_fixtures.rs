//! Every packing against tensors that other projects' own code wrote, in both directions.

mod common;

use std::path::Path;

use awq_marlin::layout::{self, Layout, Packed, Part, Plain};
use awq_marlin::parallel::{Pool, Serial};
use awq_marlin::types::Dtype;
use common::{StoredLayer, Tensor, cases, fixture, matmul, read_json, read_safetensors, sha256};

/// What these tests ask of a layer.
trait Checks {
    fn repack(&self, to: Layout) -> Packed;
    fn assert_same(&self, packed: &Packed, what: &str);
    fn dequantize(&self, dtype: Dtype) -> Vec<u8>;
    fn dequantize_nk(&self, dtype: Dtype) -> Vec<u8>;
}

impl Checks for StoredLayer {
    fn repack(&self, to: Layout) -> Packed {
        layout::repack(&[Part::whole(self.view(true))], to, &Serial).unwrap()
    }

    fn assert_same(&self, packed: &Packed, what: &str) {
        assert!(*packed.qweight == *self.bytes(0), "{what}: qweight differs");
        assert!(*packed.scales == *self.bytes(1), "{what}: scales differ");
        assert!(*packed.qzeros == *self.bytes(2), "{what}: qzeros differ");
    }

    fn dequantize(&self, dtype: Dtype) -> Vec<u8> {
        let mut out = vec![0; self.desc.k * self.desc.n * dtype.bytes()];
        layout::dequantize(&self.view(true), dtype, &mut out, &Pool::new(2).unwrap()).unwrap();
        out
    }

    /// The weight transposed, \[N, K\].
    fn dequantize_nk(&self, dtype: Dtype) -> Vec<u8> {
        let (w, size) = (self.dequantize(dtype), dtype.bytes());
        let (k, n) = (self.desc.k, self.desc.n);
        (0..n)
            .flat_map(|c| (0..k).map(move |r| (r * n + c) * size))
            .flat_map(|at| w[at..at + size].to_vec())
            .collect()
    }
}

/// The layouts in which a directory of `linear` holds its layer, of those files that exist.
fn awq_files(dir: &Path) -> Vec<StoredLayer> {
    [
        ("awq_gemm", Layout::AwqGemm),
        ("awq_gemv", Layout::AwqGemv),
        ("awq_gemv_fast", Layout::AwqGemvFast),
        ("llm_awq", Layout::AwqGemvFast),
        ("marlin", Layout::Marlin),
    ]
    .into_iter()
    .map(|(name, layout)| (format!("{name}.safetensors"), layout))
    .filter(|(file, _)| dir.join(file).exists())
    .map(|(file, layout)| StoredLayer::open(dir, &file, layout))
    .collect()
}

/// Every y of an io file from the given weight.
fn assert_io(dir: &Path, w: &[f64], k: usize, n: usize, bias: Option<Vec<f64>>) {
    let io = read_safetensors(&dir.join("io.safetensors"));
    let mut compared = 0;
    for (name, x) in io.iter().filter(|(name, _)| name.starts_with("x_m")) {
        let m = x.shape[0];
        let y = matmul(&x.f64s(), w, m, k, n);
        let close = |found: &[f64], name: &str| {
            let Some(expected) = io.get(name) else { return 0 };
            let expected = expected.f64s();
            let largest = expected.iter().fold(1.0f64, |a, v| a.max(v.abs()));
            for (a, b) in found.iter().zip(&expected) {
                assert!((a - b).abs() <= 1e-9 * largest, "{}: {name}: {a} {b}", dir.display());
            }
            1
        };
        compared += close(&y, &name.replace("x_", "y_"));
        if let Some(bias) = &bias {
            let y: Vec<f64> = y.iter().zip(bias.iter().cycle()).map(|(y, b)| y + b).collect();
            compared += close(&y, &name.replace("x_", "y_bias_"));
        }
    }
    assert!(compared > 0);
}

#[test]
fn awq_layouts_turn_into_one_another() {
    let mut pairs = 0;
    for dir in cases("linear").into_iter().chain(cases("linear8")) {
        let meta = read_json(&dir.join("meta.json"));
        let files = awq_files(&dir);
        for from in &files {
            for to in &files {
                let what = format!("{}: {} to {}", dir.display(), from.desc.layout, to.desc.layout);
                to.assert_same(&from.repack(to.desc.layout), &what);
                pairs += 1;
            }
            let w16 = from.dequantize(Dtype::F16);
            assert_eq!(sha256(&w16), meta["w_deq_sha256"].as_str().unwrap(), "{}", dir.display());
        }
    }
    assert!(pairs >= 90, "{pairs}");
}

#[test]
fn marlin_digests() {
    for dir in cases("linear") {
        let meta = read_json(&dir.join("meta.json"));
        let Some(digests) = meta["marlin_sha256"].as_object() else { continue };
        let gemm = StoredLayer::open(&dir, "awq_gemm.safetensors", Layout::AwqGemm);
        let marlin = gemm.repack(Layout::Marlin);
        for (name, bytes) in
            [("qweight", &*marlin.qweight), ("scales", &*marlin.scales), ("qzeros", &*marlin.qzeros)]
        {
            assert_eq!(sha256(bytes), digests[name].as_str().unwrap(), "{} {name}", dir.display());
        }
        let bias = &gemm.tensors["bias"].bytes;
        let mut permuted = vec![0; bias.len()];
        layout::marlin::permute_bias(bias, Dtype::F16, gemm.desc.n, &mut permuted).unwrap();
        assert_eq!(sha256(&permuted), digests["bias_permuted"].as_str().unwrap());
    }
}

#[test]
fn codes_and_zero_points() {
    for dir in cases("linear").into_iter().chain(cases("linear8")) {
        let Ok(true) = dir.join("ints.safetensors").try_exists() else { continue };
        let ints = read_safetensors(&dir.join("ints.safetensors"));
        for layer in awq_files(&dir) {
            let plain = Plain::from_parts(&[Part::whole(layer.view(true))]).unwrap();
            assert!(plain.q == ints["q"].bytes, "{}: {}", dir.display(), layer.desc.layout);
            assert!(plain.z == ints["z"].bytes, "{}: {}", dir.display(), layer.desc.layout);
            assert_eq!(plain.bias.is_some(), layer.tensors.contains_key("bias"));
            layer.assert_same(&plain.pack(layer.desc.layout, &Serial).unwrap(), "from plain");
        }
    }
}

#[test]
fn products_match() {
    for dir in cases("linear").into_iter().chain(cases("linear8")) {
        let gemm = StoredLayer::open(&dir, "awq_gemm.safetensors", Layout::AwqGemm);
        let w = Tensor { dtype: "F16".into(), shape: vec![], bytes: gemm.dequantize(Dtype::F16) }.f64s();
        assert_io(&dir, &w, gemm.desc.k, gemm.desc.n, Some(gemm.tensors["bias"].f64s()));
        // The unrounded product.
        let io = read_safetensors(&dir.join("io.safetensors"));
        if let Some(exact) = io.get("y_exact_m3") {
            let w = Tensor { dtype: "F64".into(), shape: vec![], bytes: gemm.dequantize(Dtype::F64) }.f64s();
            let y = matmul(&io["x_m3"].f64s(), &w, 3, gemm.desc.k, gemm.desc.n);
            let expected = exact.f64s();
            let largest = expected.iter().fold(1.0f64, |a, v| a.max(v.abs()));
            assert!(y.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-9 * largest));
        }
    }
}

#[test]
fn bf16_scales() {
    let dir = fixture("linear/k512_n192_g64");
    let meta = read_json(&dir.join("meta.json"));
    let mut layer = StoredLayer::open(&dir, "awq_gemm.safetensors", Layout::AwqGemm);
    let io = read_safetensors(&dir.join("io_bf16.safetensors"));
    layer.tensors.insert("scales".into(), io["scales_bf16"].clone());
    layer.desc.scale_dtype = Dtype::BF16;
    assert_eq!(sha256(&layer.dequantize(Dtype::BF16)), meta["w_deq_bf16_sha256"].as_str().unwrap());
    // gemv_fast keeps z only as a float; 8 bits of it are enough.
    let fast = layer.repack(Layout::AwqGemvFast);
    let back = layout::repack(&[Part::whole(fast.view())], Layout::AwqGemm, &Serial).unwrap();
    layer.assert_same(&back, "bf16 gemv_fast and back");
}

#[test]
fn awq_marlin_is_marlin() {
    for dir in cases("marlin_v1") {
        let meta = read_json(&dir.join("meta.json"));
        let layer = StoredLayer::open(&dir, "awq_marlin_v1.safetensors", Layout::AwqMarlin);
        assert!(!layer.desc.spec.zero_point);
        assert_eq!(sha256(&layer.dequantize(Dtype::F16)), meta["w_deq_sha256"].as_str().unwrap());
        for to in [Layout::Marlin, Layout::AwqGemm, Layout::CompressedTensors, Layout::Cpu] {
            let there = layer.repack(to);
            assert_eq!(there.desc.spec.zero_point, to == Layout::AwqGemm, "{to}");
            if to != Layout::AwqGemm {
                let back = layout::repack(&[Part::whole(there.view())], Layout::AwqMarlin, &Serial).unwrap();
                layer.assert_same(&back, to.name());
            }
        }
        let w = Tensor { dtype: "F16".into(), shape: vec![], bytes: layer.dequantize(Dtype::F16) }.f64s();
        assert_io(&dir, &w, layer.desc.k, layer.desc.n, None);
    }
}

#[test]
fn gptq() {
    for dir in cases("gptq") {
        let files = [("gptq_v1", Layout::Gptq), ("gptq_v2", Layout::GptqV2)]
            .map(|(name, layout)| StoredLayer::open(&dir, &format!("{name}.safetensors"), layout));
        let expected = &read_safetensors(&dir.join("dequant.safetensors"))["w_deq"].bytes;
        for from in &files {
            assert!(from.dequantize(Dtype::F16) == *expected);
            for to in &files {
                to.assert_same(&from.repack(to.desc.layout), "gptq");
                let marlin = from.repack(Layout::Marlin);
                let back = layout::repack(&[Part::whole(marlin.view())], to.desc.layout, &Serial).unwrap();
                to.assert_same(&back, "gptq through marlin");
            }
        }
    }
}

#[test]
fn compressed_tensors() {
    for dir in cases("compressed_tensors") {
        let meta = read_json(&dir.join("meta.json"));
        let layer = StoredLayer::open(&dir, "layer.safetensors", Layout::CompressedTensors);
        assert_eq!(layer.desc.spec.zero_point, !meta["symmetric"].as_bool().unwrap());
        let dtype = layer.desc.scale_dtype;
        let digest = sha256(&layer.dequantize_nk(dtype));
        assert_eq!(digest, meta["w_deq_nk_sha256"].as_str().unwrap(), "{}", dir.display());
        let w = Tensor { dtype: dtype.name().into(), shape: vec![], bytes: layer.dequantize(dtype) }.f64s();
        assert_io(&dir, &w, layer.desc.k, layer.desc.n, Some(layer.tensors["bias"].f64s()));

        layer.assert_same(&layer.repack(Layout::CompressedTensors), "to itself");
        let path = dir.join("marlin.safetensors");
        for via in [Layout::Marlin, Layout::Cpu] {
            let there = layer.repack(via);
            let back =
                layout::repack(&[Part::whole(there.view())], Layout::CompressedTensors, &Serial).unwrap();
            layer.assert_same(&back, &format!("{} through {via}", dir.display()));
            if path.exists() && via == Layout::Marlin {
                StoredLayer::open(&dir, "marlin.safetensors", Layout::Marlin)
                    .assert_same(&there, &dir.display().to_string());
            }
        }
    }
}

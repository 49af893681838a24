//! Layers and results that other projects' own code wrote, run from every layout on every instruction set.

mod common;
mod cpu_common;

use std::path::Path;

use awq_marlin::cpu::{CpuLinear, Kernel, reference};
use awq_marlin::layout::{LayerDesc, LayerView, Layout};
use awq_marlin::parallel::Serial;
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use common::{Tensor, Tensors, cases, fixture, read_json, read_safetensors};
use cpu_common::{assert_close, isas, run, serial};

fn dtype(t: &Tensor) -> Dtype {
    Dtype::ALL.into_iter().find(|d| d.name() == t.dtype).unwrap()
}

struct Layer {
    desc: LayerDesc,
    tensors: Tensors,
    names: [&'static str; 3],
}

impl Layer {
    fn open(dir: &Path, file: &str, layout: Layout) -> Layer {
        let meta = read_json(&dir.join("meta.json"));
        let tensors = read_safetensors(&dir.join(file));
        let names = match layout {
            Layout::CompressedTensors => ["weight_packed", "weight_scale", "weight_zero_point"],
            _ => ["qweight", "scales", "qzeros"],
        };
        let spec = QuantSpec {
            bits: Bits::new(meta["bits"].as_u64().unwrap_or(4) as u32).unwrap(),
            group: GroupSize::new(meta["group_size"].as_i64().unwrap_or(-1)).unwrap(),
            zero_point: tensors.contains_key(names[2]),
        };
        let size = |key: &str| meta[key].as_u64().unwrap() as usize;
        let scale_dtype = dtype(&tensors[names[1]]);
        Layer { desc: LayerDesc { k: size("K"), n: size("N"), spec, layout, scale_dtype }, tensors, names }
    }

    fn view(&self, with_bias: bool) -> LayerView<'_> {
        let bytes = |name: &str| self.tensors.get(name).map_or(&[][..], |t| &t.bytes);
        let bias = self.tensors.get("bias").filter(|_| with_bias);
        LayerView {
            desc: self.desc,
            qweight: bytes(self.names[0]),
            scales: bytes(self.names[1]),
            qzeros: bytes(self.names[2]),
            bias: bias.map(|b| &b.bytes[..]),
            bias_dtype: bias.map_or(Dtype::F16, dtype),
        }
    }

    /// Runs x against a fixture's y, which was computed from weights rounded to the scales' dtype.
    fn matches(&self, what: &str, x: &Tensor, y: &Tensor, with_bias: bool, relative: f64) {
        let view = self.view(with_bias);
        let (m, x_dtype) = (x.shape[0], dtype(x));
        let absolute: Vec<f64> = x.f64s().iter().map(|v| v.abs()).collect();
        let size = reference::abs_linear(&view, &absolute, m, &Serial).unwrap();
        let wanted = (y.f64s(), size);
        for isa in isas() {
            let linear = CpuLinear::new(&view, &serial(isa)).unwrap();
            for kernel in [Kernel::Gemv, Kernel::Gemm] {
                let got = run(&linear, m, &x.bytes, x_dtype, Dtype::F32, kernel);
                assert_close(&got, Dtype::F32, &wanted, relative, &format!("{what} {isa} {kernel} m {m}"));
            }
        }
    }

    fn check(&self, dir: &Path, what: &str) {
        let io = read_safetensors(&dir.join("io.safetensors"));
        let weight_rounding =
            if self.desc.scale_dtype == Dtype::BF16 { 2f64.powi(-9) } else { 2f64.powi(-11) };
        let mut compared = 0;
        for m in [1, 3, 17] {
            let Some(x) = io.get(&format!("x_m{m}")) else { continue };
            // 2^-25: half of the smallest f16, the rounding of weights that are that small.
            self.matches(what, x, &io[&format!("y_m{m}")], false, weight_rounding * 1.01 + 2f64.powi(-25));
            compared += 1;
            if let (Some(y), true) = (io.get(&format!("y_bias_m{m}")), self.tensors.contains_key("bias")) {
                self.matches(what, x, y, true, weight_rounding * 1.01 + 2f64.powi(-25));
            }
            if let Some(y) = io.get(&format!("y_exact_m{m}")) {
                self.matches(what, x, y, false, 2e-6);
            }
        }
        assert!(compared >= 2, "{what}: no results to compare with");
    }
}

fn check_all(group: &str, files: &[(&str, Layout)]) {
    for dir in cases(group) {
        let mut found = 0;
        for (file, layout) in files {
            if dir.join(file).exists() {
                Layer::open(&dir, file, *layout).check(&dir, &format!("{} {file}", dir.display()));
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
    let mut layer = Layer::open(&dir, "awq_gemm.safetensors", Layout::AwqGemm);
    layer.desc.scale_dtype = Dtype::BF16;
    layer.tensors.insert("scales".into(), io["scales_bf16"].clone());
    layer.matches("bf16", &io["x_bf16_m3"], &io["y_m3"], false, 2f64.powi(-9) * 1.01);
}

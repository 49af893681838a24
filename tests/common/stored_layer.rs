//! A layer of the fixtures, from the tensors of one file.

use std::path::Path;

use awq_marlin::cpu::reference;
use awq_marlin::layout::{LayerDesc, LayerView, Layout};
use awq_marlin::parallel::Serial;
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};

use super::{Tensor, Tensors, read_json, read_safetensors};

impl Tensor {
    /// Its element type.
    pub fn element(&self) -> Dtype {
        Dtype::ALL.into_iter().find(|d| d.name() == self.dtype).unwrap()
    }
}

/// A layer under the names that its layout uses.
pub struct StoredLayer {
    pub desc: LayerDesc,
    pub tensors: Tensors,
    names: [&'static str; 3],
}

impl StoredLayer {
    /// The layer in `dir/file`, with the sizes of `dir/meta.json`.
    pub fn open(dir: &Path, file: &str, layout: Layout) -> Self {
        let meta = read_json(&dir.join("meta.json"));
        let names = match layout {
            Layout::CompressedTensors => ["weight_packed", "weight_scale", "weight_zero_point"],
            _ if file == "llm_awq.safetensors" => ["qweight", "scales", "scaled_zeros"],
            _ => ["qweight", "scales", "qzeros"],
        };
        let tensors = read_safetensors(&dir.join(file));
        let spec = QuantSpec {
            bits: Bits::new(meta["bits"].as_u64().unwrap_or(4) as u32).unwrap(),
            group: GroupSize::new(meta["group_size"].as_i64().unwrap_or(-1)).unwrap(),
            zero_point: tensors.contains_key(names[2]),
        };
        let size = |key: &str| meta[key].as_u64().unwrap() as usize;
        let scale_dtype = tensors[names[1]].element();
        StoredLayer {
            desc: LayerDesc { k: size("K"), n: size("N"), spec, layout, scale_dtype },
            tensors,
            names,
        }
    }

    /// The bytes of qweight, scales or qzeros.
    pub fn bytes(&self, i: usize) -> &[u8] {
        self.tensors.get(self.names[i]).map_or(&[], |t| &t.bytes)
    }

    /// The layer, with its bias if it has one and it is wanted.
    pub fn view(&self, with_bias: bool) -> LayerView<'_> {
        let bias = self.tensors.get("bias").filter(|_| with_bias);
        LayerView {
            desc: self.desc,
            qweight: self.bytes(0),
            scales: self.bytes(1),
            qzeros: self.bytes(2),
            bias: bias.map(|b| &b.bytes[..]),
            bias_dtype: bias.map_or(Dtype::F16, Tensor::element),
        }
    }

    /// A fixture's y for its x, and the sizes that bound the rounding of any order of additions.
    pub fn expected(&self, x: &Tensor, y: &Tensor, with_bias: bool) -> (Vec<f64>, Vec<f64>) {
        let absolute: Vec<f64> = x.f64s().iter().map(|v| v.abs()).collect();
        let size = reference::abs_linear(&self.view(with_bias), &absolute, x.shape[0], &Serial).unwrap();
        (y.f64s(), size)
    }

    /// What the fixtures' weights, which are rounded to the scales' dtype, may differ from exact ones; and 2^-25, half of
    /// the smallest F16, for weights that are that small.
    pub fn rounding(&self) -> f64 {
        let weights = if self.desc.scale_dtype == Dtype::BF16 { 2f64.powi(-9) } else { 2f64.powi(-11) };
        weights * 1.01 + 2f64.powi(-25)
    }
}

//! Small made-up models of each architecture, and a check that quantizing kept what they compute.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use awq_marlin::checkpoint::Checkpoint;
use awq_marlin::layout::{Layout, Part, Plain};
use awq_marlin::matrix::Matrix;
use awq_marlin::parallel::Serial;
use awq_marlin::quantize::Calibrator;
use awq_marlin::types::Dtype;
use half::f16;

use crate::quantize_support::{Tensor, encode, noise, save, tensors};

/// How loud a channel is.
fn loud(c: usize) -> f32 {
    if c % 13 == 4 { 12.0 } else { 0.2 + (c % 5) as f32 / 4.0 }
}

/// Rows of K, with some channels louder than others.
pub fn activations(m: usize, k: usize, seed: u64) -> Vec<f32> {
    noise(m * k, seed + 99).iter().enumerate().map(|(i, v)| v * loud(i % k)).collect()
}

pub fn try_observe(to: &mut Calibrator, layer: &str, x: &[f32], k: usize) -> awq_marlin::Result<()> {
    let shape = Matrix::new("x", Dtype::F32, x.len() / k, k, k).unwrap();
    to.observe(layer, &encode(x, Dtype::F32), &shape, &Serial)
}

pub fn observe(to: &mut Calibrator, layer: &str, x: &[f32], k: usize) {
    try_observe(to, layer, x, k).unwrap();
}

/// A norm or the rows of a linear layer, and the layers that read what it makes.
pub struct Fold {
    pub consumers: Vec<String>,
    pub norm: Option<(String, f32)>,
    /// Name, and for each channel the row that makes it.
    pub linear: Option<(String, Vec<usize>)>,
}

pub struct Model {
    pub tensors: BTreeMap<String, Tensor>,
    pub folds: Vec<Fold>,
}

struct Maker {
    tensors: BTreeMap<String, Tensor>,
    folds: Vec<Fold>,
    dtype: Dtype,
}

impl Maker {
    fn new(dtype: Dtype) -> Self {
        Maker { tensors: BTreeMap::new(), folds: vec![], dtype }
    }

    fn add(&mut self, name: String, shape: &[usize]) {
        let seed = self.tensors.len() as u64 + 1;
        let mut values = noise(shape.iter().product(), seed);
        if name.contains("norm") {
            values.iter_mut().for_each(|v| *v = 1.0 + *v / 4.0);
        }
        let data = encode(&values, self.dtype);
        self.tensors.insert(name, (self.dtype, shape.to_vec(), data));
    }

    fn linear(&mut self, name: String, n: usize, k: usize) {
        self.add(format!("{name}.weight"), &[n, k]);
    }

    fn norm(&mut self, block: &str, norm: &str, offset: f32, consumers: &[&str]) {
        self.add(format!("{block}.{norm}.weight"), &[64]);
        let consumers = consumers.iter().map(|c| format!("{block}.{c}")).collect();
        self.folds.push(Fold { consumers, norm: Some((format!("{block}.{norm}"), offset)), linear: None });
    }

    fn rows(&mut self, block: &str, producer: &str, rows: Vec<usize>, consumer: &str) {
        let linear = Some((format!("{block}.{producer}"), rows));
        self.folds.push(Fold { consumers: vec![format!("{block}.{consumer}")], norm: None, linear });
    }

    fn write(self, dir: &Path, config: &str) -> Model {
        fs::create_dir_all(dir).unwrap();
        save(&self.tensors, &dir.join("model.safetensors"));
        fs::write(dir.join("config.json"), config).unwrap();
        Model { tensors: self.tensors, folds: self.folds }
    }
}

/// Channels of an input of 64 that come from two of four heads of 16.
fn grouped(first: usize) -> Vec<usize> {
    (0..64).map(|c| first + c / 32 * 16 + c % 16).collect()
}

fn llama_like(dir: &Path, dtype: Dtype, config: &str, norms: (&str, &str), offset: f32) -> Model {
    let mut m = Maker::new(dtype);
    for b in 0..2 {
        let block = format!("model.layers.{b}");
        for (name, n, k) in [("q", 64, 64), ("k", 32, 64), ("v", 32, 64), ("o", 64, 64)] {
            m.linear(format!("{block}.self_attn.{name}_proj"), n, k);
        }
        m.add(format!("{block}.self_attn.v_proj.bias"), &[32]);
        for (name, n, k) in [("gate", 128, 64), ("up", 128, 64), ("down", 64, 128)] {
            m.linear(format!("{block}.mlp.{name}_proj"), n, k);
        }
        m.norm(&block, norms.0, offset, &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]);
        m.rows(&block, "self_attn.v_proj", grouped(0), "self_attn.o_proj");
        m.norm(&block, norms.1, offset, &["mlp.gate_proj", "mlp.up_proj"]);
        m.rows(&block, "mlp.up_proj", (0..128).collect(), "mlp.down_proj");
    }
    m.add("model.embed_tokens.weight".into(), &[96, 64]);
    m.write(dir, config)
}

pub fn llama_of(dir: &Path, dtype: Dtype) -> Model {
    let config = r#"{"model_type": "llama", "num_attention_heads": 4, "num_key_value_heads": 2}"#;
    llama_like(dir, dtype, config, ("input_layernorm", "post_attention_layernorm"), 0.0)
}

pub fn llama(dir: &Path) -> Model {
    llama_of(dir, Dtype::F16)
}

pub fn gemma(dir: &Path) -> Model {
    let config = r#"{"model_type": "gemma3", "text_config": {"model_type": "gemma3_text",
        "num_attention_heads": 4, "num_key_value_heads": 2}}"#;
    llama_like(dir, Dtype::F16, config, ("input_layernorm", "pre_feedforward_layernorm"), 1.0)
}

pub fn phi3(dir: &Path) -> Model {
    let mut m = Maker::new(Dtype::F16);
    let block = "model.layers.0";
    for (name, n, k) in [
        ("self_attn.qkv_proj", 128, 64),
        ("self_attn.o_proj", 64, 64),
        ("mlp.gate_up_proj", 256, 64),
        ("mlp.down_proj", 64, 128),
    ] {
        m.linear(format!("{block}.{name}"), n, k);
    }
    m.norm(block, "input_layernorm", 0.0, &["self_attn.qkv_proj"]);
    m.rows(block, "self_attn.qkv_proj", grouped(96), "self_attn.o_proj");
    m.norm(block, "post_attention_layernorm", 0.0, &["mlp.gate_up_proj"]);
    m.rows(block, "mlp.gate_up_proj", (128..256).collect(), "mlp.down_proj");
    m.write(dir, r#"{"model_type": "phi3", "num_attention_heads": 4, "num_key_value_heads": 2}"#)
}

pub fn gpt_neox(dir: &Path) -> Model {
    let mut m = Maker::new(Dtype::F16);
    let block = "gpt_neox.layers.0";
    for (name, n, k) in [
        ("attention.query_key_value", 192, 64),
        ("attention.dense", 64, 64),
        ("mlp.dense_h_to_4h", 256, 64),
        ("mlp.dense_4h_to_h", 64, 256),
    ] {
        m.linear(format!("{block}.{name}"), n, k);
        m.add(format!("{block}.{name}.bias"), &[n]);
    }
    m.norm(block, "input_layernorm", 0.0, &["attention.query_key_value"]);
    m.add(format!("{block}.input_layernorm.bias"), &[64]);
    // Four heads of 16: query, key and value of each stand together.
    let values = (0..64).map(|c| c / 16 * 48 + 32 + c % 16).collect();
    m.rows(block, "attention.query_key_value", values, "attention.dense");
    m.norm(block, "post_attention_layernorm", 0.0, &["mlp.dense_h_to_4h"]);
    m.write(dir, r#"{"model_type": "gpt_neox", "num_attention_heads": 4}"#)
}

pub fn bert(dir: &Path) -> Model {
    let mut m = Maker::new(Dtype::F32);
    let block = "encoder.layer.0";
    for name in ["query", "key", "value"] {
        m.linear(format!("{block}.attention.self.{name}"), 64, 64);
        m.add(format!("{block}.attention.self.{name}.bias"), &[64]);
    }
    for (name, n, k) in [("attention.output", 64, 64), ("intermediate", 128, 64), ("output", 64, 128)] {
        m.linear(format!("{block}.{name}.dense"), n, k);
    }
    m.rows(block, "attention.self.value", (0..64).collect(), "attention.output.dense");
    m.write(dir, r#"{"model_type": "bert", "num_attention_heads": 4}"#)
}

impl Model {
    /// Names of the groups that are scaled, in order; AutoAWQ leaves those alone whose channels share rows.
    pub fn scaled(&self, faithful: bool) -> Vec<&str> {
        let tied = |f: &Fold| {
            f.linear.as_ref().is_some_and(|(_, rows)| {
                rows.len() > rows.iter().collect::<std::collections::HashSet<_>>().len()
            })
        };
        self.folds.iter().filter(|f| !(faithful && tied(f))).map(|f| f.consumers[0].as_str()).collect()
    }

    fn values(&self, name: &str) -> Vec<f32> {
        decode(&self.tensors[name])
    }

    /// What each pair of producer and consumer computes together is nearly what it was: scales cancel out. Quiet
    /// channels count less, because quantization protects the loud ones at their cost.
    pub fn check_function(&self, quantized: &Path) {
        let opened = Checkpoint::open(quantized).unwrap();
        let written = tensors(quantized);
        // What the norm before a layer multiplies its columns by, before and after.
        let through_norm = |w: Vec<f32>, layer: &str, tensors: &BTreeMap<String, Tensor>| -> Vec<f32> {
            let norm = self.folds.iter().find(|f| f.norm.is_some() && f.consumers.iter().any(|c| c == layer));
            let Some((norm, offset)) = norm.and_then(|f| f.norm.as_ref()) else { return w };
            let norm = decode(&tensors[&format!("{norm}.weight")]);
            w.iter().enumerate().map(|(i, w)| w * (norm[i % 64] + offset)).collect()
        };
        let before =
            |layer: &str| through_norm(self.values(&format!("{layer}.weight")), layer, &self.tensors);
        let after = |layer: &str| through_norm(dequantized(&opened, layer), layer, &written);
        for fold in &self.folds {
            for consumer in &fold.consumers {
                let (was, is) = (before(consumer), after(consumer));
                let makes_input =
                    |f: &Fold| f.linear.as_ref().is_some_and(|(producer, _)| producer == consumer);
                let Some((producer, rows)) = &fold.linear else {
                    if self.folds.iter().any(makes_input) {
                        continue; // its rows are divided too; looked at with the layer that reads them
                    }
                    let weighed = |w: &[f32]| -> Vec<f32> {
                        w.iter().enumerate().map(|(i, w)| loud(i % 64) * w).collect()
                    };
                    close(&weighed(&was), &weighed(&is), consumer);
                    continue;
                };
                let bias = format!("{producer}.bias");
                if self.tensors.contains_key(&bias) {
                    let (b, a) = (self.values(&bias), decode(&written[&bias]));
                    close(&through(&was, &b, rows), &through(&is, &a, rows), &bias);
                }
                close(
                    &through(&was, &before(producer), rows),
                    &through(&is, &after(producer), rows),
                    consumer,
                );
            }
        }
    }
}

/// w · (the rows of p that make each channel).
fn through(w: &[f32], p: &[f32], rows: &[usize]) -> Vec<f32> {
    let k = rows.len();
    let width = if p.len().is_multiple_of(64) && p.len() / 64 > *rows.iter().max().unwrap() { 64 } else { 1 };
    let mut out = vec![];
    for row in w.chunks(k) {
        for c in 0..width {
            out.push(row.iter().zip(rows).map(|(w, r)| loud(c) * w * p[r * width + c]).sum());
        }
    }
    out
}

fn close(before: &[f32], after: &[f32], what: &str) {
    let square = |v: &[f32]| v.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    let difference: Vec<f32> = before.iter().zip(after).map(|(a, b)| a - b).collect();
    let off = (square(&difference) / square(before)).sqrt();
    assert!(off < 0.3, "{what}: off by {off:.3}");
}

fn decode((dtype, _, data): &Tensor) -> Vec<f32> {
    match dtype {
        Dtype::F16 => data.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::F32 => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        other => panic!("not used here: {other}"),
    }
}

/// \[N, K\].
fn dequantized(opened: &Checkpoint, name: &str) -> Vec<f32> {
    let view = opened.layer(name).unwrap();
    assert_ne!(view.desc.layout, Layout::Dense, "{name}");
    let p = Plain::from_parts(&[Part::whole(view)]).unwrap();
    let g = p.spec.group.effective(p.k);
    let scales = decode(&(p.scale_dtype, vec![], p.scales.clone()));
    let value = |n: usize, k: usize| {
        let at = k / g * p.n + n;
        let z = p.z.get(at).map_or(8, |z| i32::from(*z));
        (i32::from(p.q[k * p.n + n]) - z) as f32 * scales[at]
    };
    (0..p.n * p.k).map(|i| value(i / p.k, i % p.k)).collect()
}

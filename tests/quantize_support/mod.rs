//! A small model directory, made up, and ways to compare directories.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use awq_marlin::types::Dtype;
use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

/// Type, shape, bytes.
pub type Tensor = (Dtype, Vec<usize>, Vec<u8>);

/// Numbers between −1 and 1 that differ from seed to seed.
pub fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

pub fn encode(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|&v| v.to_le_bytes()).collect(),
    }
}

/// Names and \[N, K\] of the linear layers of [`model`].
pub const LAYERS: [(&str, usize, usize); 4] = [
    ("model.layers.0.self_attn.q_proj", 64, 128),
    ("model.layers.0.mlp.up_proj", 192, 128),
    ("model.layers.0.mlp.down_proj", 128, 192),
    ("lm_head", 96, 128),
];

/// Writes a model of a few layers with config, tokenizer and files that do not belong to it.
pub fn model(dir: &Path, dtype: Dtype) -> BTreeMap<String, Tensor> {
    let mut tensors = BTreeMap::new();
    let mut add = |name: &str, shape: &[usize]| {
        let seed = tensors.len() as u64 + 1;
        let data = encode(&noise(shape.iter().product(), seed), dtype);
        tensors.insert(name.to_owned(), (dtype, shape.to_vec(), data));
    };
    for (name, n, k) in LAYERS {
        add(&format!("{name}.weight"), &[n, k]);
    }
    add("model.layers.0.self_attn.q_proj.bias", &[64]);
    add("model.layers.0.input_layernorm.weight", &[128]);
    add("model.embed_tokens.weight", &[96, 128]);
    fs::create_dir_all(dir).unwrap();
    save(&tensors, &dir.join("model.safetensors"));
    for (name, text) in [
        ("config.json", r#"{"model_type": "llama", "zeta": 1e-06, "alpha": [1], "vocab_size": 96}"#),
        ("tokenizer.json", r#"{"version": "1.0"}"#),
        ("generation_config.json", "{}"),
        ("chat_template.jinja", "{{ messages }}"),
        ("merges.txt", "a b"),
        ("LICENSE", "free"),
        ("pytorch_model.bin", "other weights"),
        ("pytorch_model.bin.index.json", "{}"),
        (".hidden.json", "{}"),
    ] {
        fs::write(dir.join(name), text).unwrap();
    }
    tensors
}

pub fn save(tensors: &BTreeMap<String, Tensor>, path: &Path) {
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        let dtype = match dtype {
            Dtype::F16 => safetensors::Dtype::F16,
            Dtype::BF16 => safetensors::Dtype::BF16,
            Dtype::F32 => safetensors::Dtype::F32,
            other => panic!("not used here: {other}"),
        };
        (name, TensorView::new(dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

/// All tensors of all safetensors files of a directory, read by the reference reader.
pub fn tensors(dir: &Path) -> BTreeMap<String, Tensor> {
    let mut all = BTreeMap::new();
    for name in listing(dir).iter().filter(|n| n.ends_with(".safetensors")) {
        let bytes = fs::read(dir.join(name)).unwrap();
        for (name, t) in SafeTensors::deserialize(&bytes).unwrap().iter() {
            let dtype = Dtype::ALL.into_iter().find(|d| d.name() == t.dtype().to_string()).unwrap();
            let before = all.insert(name.to_owned(), (dtype, t.shape().to_vec(), t.data().to_vec()));
            assert!(before.is_none(), "{name} is in two shards");
        }
    }
    all
}

/// Names in the directory, sorted; empty too when there is none.
pub fn listing(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return vec![] };
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn config(dir: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(dir.join("config.json")).unwrap()).unwrap()
}

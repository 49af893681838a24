//! Paths of the fixtures, and small checkpoints made on the spot.

use std::path::{Path, PathBuf};

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::Checkpoint;
use awq_marlin::config::QuantConfig;
use awq_marlin::layout::{self, LayerView};
use awq_marlin::parallel::Serial;
use awq_marlin::types::Dtype;
use safetensors::tensor::TensorView;
use sha2::{Digest, Sha256};

/// A path below `tests/fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// A JSON file below `tests/fixtures`.
pub fn json(path: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(fixture(path)).unwrap()).unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The weight \[K, N\] in F16.
pub fn weight(view: &LayerView) -> Vec<u8> {
    let mut out = vec![0; view.desc.k * view.desc.n * 2];
    layout::dequantize(view, Dtype::F16, &mut out, &Serial).unwrap();
    out
}

/// Name, dtype, shape; the bytes are made up (every 16-bit element is a finite small float).
pub type Tensor<'a> = (&'a str, safetensors::Dtype, &'a [usize]);

/// Writes a safetensors file of such tensors.
pub fn write(path: &Path, tensors: &[Tensor]) {
    let with_bytes: Vec<_> = tensors
        .iter()
        .map(|(name, dtype, shape)| {
            let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            (
                *name,
                *dtype,
                shape.to_vec(),
                (0..bytes).map(|i| if i % 2 == 1 { 0x2c } else { i as u8 }).collect(),
            )
        })
        .collect();
    write_bytes(path, &with_bytes);
}

/// Writes a safetensors file.
pub fn write_bytes(path: &Path, tensors: &[(&str, safetensors::Dtype, Vec<usize>, Vec<u8>)]) {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (*name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// A config.json with this quantization section.
pub fn write_config(dir: &Path, section: &str) {
    std::fs::write(dir.join("config.json"), format!(r#"{{"quantization_config": {section}}}"#)).unwrap();
}

pub fn config(section: &str) -> QuantConfig {
    QuantConfig::from_json(section.as_bytes(), "test").unwrap()
}

/// AWQ gemm, group 64, without a skip list.
pub const AWQ_64: &str =
    r#"{"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": true, "version": "gemm"}"#;

/// The kind and the words of the error of opening a directory.
pub fn open_error(path: &Path) -> (ErrorKind, String) {
    let e = Checkpoint::open(path).unwrap_err();
    (e.kind(), e.to_string())
}

/// Fails unless `message` holds every one of `words`.
#[track_caller]
pub fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

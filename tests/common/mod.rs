//! Reading the golden fixtures. Each test file uses part of it.
#![allow(dead_code, unused_imports)]

mod stored_layer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
pub use stored_layer::StoredLayer;

/// Path of a fixture, relative to `tests/fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// One tensor of a safetensors file.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Dtype as the header names it: "F16", "I32".
    pub dtype: String,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Tensor {
    /// The elements of a float tensor, exactly.
    pub fn f64s(&self) -> Vec<f64> {
        let f16 = |b: &[u8]| half::f16::from_le_bytes([b[0], b[1]]).to_f64();
        let bf16 = |b: &[u8]| half::bf16::from_le_bytes([b[0], b[1]]).to_f64();
        match self.dtype.as_str() {
            "F16" => self.bytes.chunks_exact(2).map(f16).collect(),
            "BF16" => self.bytes.chunks_exact(2).map(bf16).collect(),
            "F32" => {
                self.bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()) as f64).collect()
            }
            "F64" => self.bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
            other => panic!("no float dtype: {other}"),
        }
    }
}

/// The tensors of a safetensors file by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// Reads a safetensors file with that crate's own reader.
pub fn read_safetensors(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |view: safetensors::tensor::TensorView| Tensor {
        dtype: format!("{:?}", view.dtype()),
        shape: view.shape().to_vec(),
        bytes: view.data().to_vec(),
    };
    file.iter().map(|(name, view)| (name.to_string(), tensor(view))).collect()
}

/// A JSON file.
pub fn read_json(path: &Path) -> serde_json::Value {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// Lower-case hex digits of the SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The sub-directories of a fixture directory, sorted.
pub fn cases(dir: &str) -> Vec<PathBuf> {
    let mut dirs: Vec<_> =
        std::fs::read_dir(fixture(dir)).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    dirs.sort();
    assert!(!dirs.is_empty(), "no cases in {dir}");
    dirs
}

/// y\[M, N\] = x\[M, K\] · w\[K, N\] in f64.
pub fn matmul(x: &[f64], w: &[f64], m: usize, k: usize, n: usize) -> Vec<f64> {
    let mut y = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..k {
            let x = x[i * k + j];
            for (y, w) in y[i * n..(i + 1) * n].iter_mut().zip(&w[j * n..(j + 1) * n]) {
                *y += x * w;
            }
        }
    }
    y
}

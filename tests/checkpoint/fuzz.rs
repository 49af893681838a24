//! Damaged copies of good files: any answer will do, a panic or a huge allocation will not.

use awq_marlin::checkpoint::Checkpoint;
use awq_marlin::layout::Layout;
use awq_marlin::parallel::Serial;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::support::{config, fixture};

const SECTION: &str =
    r#"{"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true, "version": "gemm"}"#;

/// Flips, overwrites, cuts, drops or repeats some bytes, most often in the header.
fn damage(file: &mut Vec<u8>, rng: &mut TestRng) {
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    for _ in 0..1 + rng.next_u32() % 3 {
        if file.is_empty() {
            return;
        }
        let span = if rng.next_u32().is_multiple_of(4) { file.len() } else { file.len().min(header) };
        let at = rng.next_u64() as usize % span;
        match rng.next_u32() % 6 {
            0 => file[at] ^= 1 << (rng.next_u32() % 8),
            // Digits and punctuation keep the header JSON more often than random bytes do.
            1 | 2 => file[at] = b"0123456789-.,:[]{}\"eIFU"[rng.next_u32() as usize % 23],
            3 => file.truncate(at),
            4 => {
                let end = (at + rng.next_u32() as usize % 16).min(file.len());
                file.drain(at..end);
            }
            _ => {
                let end = (at + rng.next_u32() as usize % 64).min(file.len());
                let copy = file[at..end].to_vec();
                file.splice(at..at, copy);
            }
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.safetensors");
    let goods: Vec<_> = ["good", "header_order_differs", "zero_size_tensor"]
        .iter()
        .map(|name| std::fs::read(fixture(&format!("bad/container/{name}.safetensors"))).unwrap())
        .collect();
    let (mut opened, mut read) = (0, 0);
    for i in 0..3000 {
        let mut file = goods[i % goods.len()].clone();
        damage(&mut file, &mut rng);
        std::fs::write(&path, &file).unwrap();
        let Ok(checkpoint) = Checkpoint::open_files(std::slice::from_ref(&path), Some(config(SECTION)))
        else {
            continue;
        };
        opened += 1;
        for layer in checkpoint.layers() {
            read += usize::from(checkpoint.load(&[&layer.name], None, Layout::Cpu, &Serial).is_ok());
        }
        assert!(checkpoint.tensors().all(|(name, t)| checkpoint.tensor(name).unwrap() == t));
    }
    // Otherwise the damage is too coarse to reach the checks behind the header.
    assert!(opened > 200 && read > 50, "{opened} opened, {read} read");
}

#[test]
fn damaged_indexes_never_panic() {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture("bad/index/good")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    let index = dir.path().join("model.safetensors.index.json");
    let good = std::fs::read(&index).unwrap();
    std::fs::remove_file(&index).unwrap();
    let mut opened = 0;
    for _ in 0..1000 {
        let mut text = good.clone();
        for _ in 0..1 + rng.next_u32() % 3 {
            let at = rng.next_u64() as usize % text.len();
            match rng.next_u32() % 3 {
                0 => text[at] ^= 1 << (rng.next_u32() % 8),
                1 => text[at] = b"/.\\\":,{}[]"[rng.next_u32() as usize % 10],
                _ => text.truncate(at.max(1)),
            }
        }
        std::fs::write(&index, &text).unwrap();
        opened += usize::from(Checkpoint::open(dir.path()).is_ok());
    }
    assert!(opened > 5, "{opened} opened");
}

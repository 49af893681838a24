//! Which files are read: shards with and without an index, one file, what is refused.

use std::path::Path;

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::Checkpoint;
use awq_marlin::types::Dtype;
use safetensors::Dtype as S;

use super::support::{AWQ_64, assert_says, fixture, open_error, write, write_config};

#[test]
fn shards_without_an_index_are_read_together() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("b.safetensors"), &[("lm_head.weight", S::F16, &[8, 16])]);
    write(&dir.path().join("a.safetensors"), &[("model.norm.weight", S::F16, &[16])]);
    write(&dir.path().join("notes.txt"), &[("other.weight", S::F16, &[8, 16])]);
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let names: Vec<_> = checkpoint.tensors().map(|(name, _)| name).collect();
    assert_eq!(names, ["lm_head.weight", "model.norm.weight"]);
    let norm = checkpoint.tensor("model.norm.weight").unwrap();
    assert_eq!((norm.dtype, norm.shape, norm.data.len()), (Dtype::F16, &[16][..], 32));
    assert!(checkpoint.config().is_none());
    assert_eq!(checkpoint.dir(), Some(dir.path()));
}

#[test]
fn a_tensor_in_two_files_without_an_index_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.safetensors"), &[("w", S::F16, &[4])]);
    write(&dir.path().join("b.safetensors"), &[("w", S::F16, &[4])]);
    let (kind, message) = open_error(dir.path());
    assert_eq!(kind, ErrorKind::Container);
    assert_says(&message, &["b.safetensors: w:", "a.safetensors"]);
}

#[test]
fn a_tensor_that_sits_in_another_shard_than_the_index_says_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.safetensors"), &[("v", S::F16, &[4])]);
    write(&dir.path().join("b.safetensors"), &[("w", S::F16, &[4])]);
    let index = r#"{"weight_map": {"v": "a.safetensors", "w": "a.safetensors"}}"#;
    std::fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
    // b is not even named, so that w is nowhere.
    assert_says(&open_error(dir.path()).1, &["index.json: w:", "no shard with it"]);
    let index = r#"{"weight_map": {"v": "b.safetensors", "w": "a.safetensors"}}"#;
    std::fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
    assert_says(&open_error(dir.path()).1, &["index.json: v:", "a.safetensors", "b.safetensors"]);
}

#[test]
fn an_index_that_leaves_its_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("model");
    std::fs::create_dir(&inner).unwrap();
    write(&dir.path().join("outside.safetensors"), &[("w", S::F16, &[4])]);
    for shard in ["../outside.safetensors", "x/../../outside.safetensors"] {
        let index = format!(r#"{{"weight_map": {{"w": "{shard}"}}}}"#);
        std::fs::write(inner.join("model.safetensors.index.json"), index).unwrap();
        let (kind, message) = open_error(&inner);
        assert_eq!(kind, ErrorKind::Container);
        assert_says(&message, &["index.json: weight_map", shard, "without .."]);
    }
}

#[test]
fn tensors_that_the_index_forgot_are_read_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.safetensors"), &[("v", S::F16, &[4]), ("w", S::F16, &[4])]);
    let index = r#"{"weight_map": {"v": "a.safetensors"}}"#;
    std::fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert!(checkpoint.tensor("w").is_ok());
    assert_eq!(checkpoint.warnings(), ["tensors that the index does not list: w"]);
}

#[test]
fn one_file_finds_the_config_beside_it() {
    let file = fixture("checkpoint/llama1l_gemv/model.safetensors");
    let checkpoint = Checkpoint::open(&file).unwrap();
    assert!(checkpoint.layer("model.layers.0.mlp.down_proj").is_ok());
    assert_eq!(checkpoint.dir(), file.parent());
}

#[test]
fn quantized_tensors_without_a_config_are_refused_with_the_names_of_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("m.safetensors");
    write(&file, &[("a.qweight", S::I32, &[64, 1]), ("a.scales", S::F16, &[1, 8])]);
    for path in [dir.path(), &file] {
        let (kind, message) = open_error(path);
        assert_eq!(kind, ErrorKind::Missing);
        assert_says(&message, &["a.qweight", "config.json", "quantize_config.json", "quant_config.json"]);
    }
    std::fs::write(dir.path().join("config.json"), r#"{"model_type": "llama"}"#).unwrap();
    assert_says(&open_error(dir.path()).1, &["a.qweight", "config.json"]);
    let e = Checkpoint::open_files(&[file], None).unwrap_err();
    assert_says(&e.to_string(), &["a.qweight", "config from the caller"]);
}

#[test]
fn paths_without_a_checkpoint_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (kind, message) = open_error(dir.path());
    assert_eq!(kind, ErrorKind::Missing);
    assert_says(&message, &["model.safetensors.index.json", "*.safetensors"]);
    assert_eq!(open_error(&dir.path().join("nothing")).0, ErrorKind::Missing);
    assert_eq!(Checkpoint::open_files(&[], None).unwrap_err().kind(), ErrorKind::InvalidArgument);
    // A directory by the name of a file.
    std::fs::create_dir(dir.path().join("m.safetensors")).unwrap();
    assert_says(&open_error(dir.path()).1, &["m.safetensors", "not a regular file"]);
    let empty = dir.path().join("empty.safetensors");
    std::fs::write(&empty, []).unwrap();
    assert_eq!(open_error(&empty).0, ErrorKind::Container);
}

#[test]
fn tensors_of_unknown_dtypes_are_named_not_hidden() {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), AWQ_64);
    let tensors: &[(&str, S, &[usize])] =
        &[("kv.weight", S::F8_E4M3, &[8, 16]), ("lm_head.weight", S::F16, &[8, 16])];
    write(&dir.path().join("m.safetensors"), tensors);
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert_eq!(checkpoint.unreadable().collect::<Vec<_>>(), ["kv.weight"]);
    assert_says(&checkpoint.warnings().join("\n"), &["dtype that this library cannot read: kv.weight"]);
    let e = checkpoint.layer("kv").unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert_says(&e.to_string(), &["m.safetensors", "kv.weight", "F8_E4M3"]);
    assert!(checkpoint.layer("lm_head").is_ok());
    assert_eq!(checkpoint.tensor("none").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_hundred_thousand_tensors_open_quickly_and_can_be_shared() {
    fn shared<T: Send + Sync>(_: &T) {}
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<_> =
        (0..25_000).map(|i| format!("model.layers.{}.experts.{}.up_proj", i / 500, i % 500)).collect();
    let names: Vec<_> = names
        .iter()
        .flat_map(|n| {
            [
                ("qweight", S::I32, [64, 1]),
                ("qzeros", S::I32, [1, 1]),
                ("scales", S::F16, [1, 8]),
                ("bias", S::F16, [1, 8]),
            ]
            .map(|(s, d, shape)| (format!("{n}.{s}"), d, shape))
        })
        .collect();
    let tensors: Vec<_> = names
        .iter()
        .map(|(n, d, shape)| (n.as_str(), *d, if n.ends_with("bias") { &shape[1..] } else { &shape[..] }))
        .collect();
    write(&dir.path().join("m.safetensors"), &tensors);
    write_config(dir.path(), AWQ_64);
    let start = std::time::Instant::now();
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    // Generous: it takes about a second on a slow machine without optimization.
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    shared(&checkpoint);
    assert_eq!(checkpoint.tensors().count(), 100_000);
    assert_eq!(checkpoint.layers().len(), 25_000);
    assert!(checkpoint.layers().iter().all(|l| l.error().is_none() && (l.k, l.n) == (64, 8)));
    assert!(checkpoint.layer("model.layers.49.experts.499.up_proj").is_ok());
}

#[test]
fn relative_paths_of_one_file_work() {
    // The parent of a bare file name is "", which no directory listing takes.
    let e = Checkpoint::open(Path::new("surely-not-here.safetensors")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Missing);
}

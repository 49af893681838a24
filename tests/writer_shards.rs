//! The checkpoint writer: files that other readers read, and a directory that holds all of them or none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::{ShardWriter, TensorPlan, WriterOptions, save_packed};
use awq_marlin::layout::{Layout, Plain};
use awq_marlin::parallel::Serial;
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use safetensors::SafeTensors;
use serde_json::Value;

fn plans() -> Vec<TensorPlan> {
    vec![
        TensorPlan::new("b.odd", Dtype::U8, [3]),
        TensorPlan::new("a.words", Dtype::I32, [2, 2]),
        TensorPlan::new("a.halves", Dtype::F16, [5]),
        TensorPlan::new("c.scalar", Dtype::F32, []),
        TensorPlan::new("c.empty", Dtype::F16, [0, 4]),
    ]
}

/// Different bytes for every tensor.
fn data(plan: &TensorPlan) -> Vec<u8> {
    let seed = plan.name.bytes().fold(7u8, |h, b| h.wrapping_mul(31).wrapping_add(b));
    (0..plan.bytes().unwrap()).map(|i| seed.wrapping_add(i as u8)).collect()
}

fn write(dir: &Path, options: &WriterOptions) -> awq_marlin::Result<Vec<String>> {
    let mut writer = ShardWriter::create(dir, &plans(), options)?;
    for plan in plans().iter().rev() {
        writer.write(&plan.name, &data(plan))?;
    }
    writer.add_file("config.json", b"{}")?;
    let written = writer.finish()?;
    assert_eq!(written.tensor_bytes, 3 + 16 + 10 + 4);
    Ok(written.files)
}

/// Names in the directory, sorted; empty too when there is none.
fn listing(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return vec![] };
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The tensors of one file by name, as the reference reader sees them, and checks of the container.
fn read(path: &Path) -> BTreeMap<String, (String, Vec<usize>, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let (header, meta) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header % 8, 0, "the data is aligned");
    assert_eq!(meta.metadata().as_ref().unwrap()["format"], "pt");
    let base = bytes.as_ptr() as usize + 8 + header;
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter()
        .map(|(name, t)| {
            let offset = t.data().as_ptr() as usize - base;
            assert_eq!(offset % (t.dtype().bitsize() / 8).min(8), 0, "{name} is aligned to its type");
            (name.to_owned(), (t.dtype().to_string(), t.shape().to_vec(), t.data().to_vec()))
        })
        .collect()
}

fn check(tensors: &BTreeMap<String, (String, Vec<usize>, Vec<u8>)>) {
    assert_eq!(tensors.len(), plans().len());
    for plan in plans() {
        let (dtype, shape, bytes) = &tensors[&plan.name];
        assert_eq!((dtype.as_str(), shape, bytes), (plan.dtype.name(), &plan.shape, &data(&plan)));
    }
}

#[test]
fn one_shard_has_no_index() {
    let dir = tempfile::tempdir().unwrap();
    let files = write(dir.path(), &WriterOptions::default()).unwrap();
    assert_eq!(files, ["model.safetensors", "config.json"]);
    assert_eq!(listing(dir.path()), ["config.json", "model.safetensors"]);
    check(&read(&dir.path().join("model.safetensors")));
}

#[test]
fn shards_have_an_index_that_names_every_tensor() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("deep/model");
    write(&new, &WriterOptions { max_shard_bytes: 20, overwrite: false }).unwrap();
    let index: Value =
        serde_json::from_slice(&fs::read(new.join("model.safetensors.index.json")).unwrap()).unwrap();
    assert_eq!(index["metadata"]["total_size"], 33);
    let mut all = BTreeMap::new();
    for shard in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
        for (name, tensor) in read(&new.join(shard)) {
            assert_eq!(index["weight_map"][&name], shard);
            all.insert(name, tensor);
        }
    }
    assert_eq!(index["weight_map"].as_object().unwrap().len(), all.len());
    check(&all);
    assert_eq!(listing(&new).len(), 4);
}

#[test]
fn what_is_dropped_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("a/b");
    let mut writer = ShardWriter::create(&new, &plans(), &WriterOptions::default()).unwrap();
    writer.write("a.words", &[0; 16]).unwrap();
    writer.add_file("config.json", b"{}").unwrap();
    assert_eq!(listing(&new).len(), 2);
    assert!(listing(&new).iter().all(|n| n.ends_with(".new")), "nothing under its name yet");
    drop(writer);
    assert_eq!(listing(dir.path()), [""; 0], "directories that were made are gone too");
}

#[test]
fn an_existing_checkpoint_is_refused_and_untouched_or_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &WriterOptions { max_shard_bytes: 20, overwrite: false }).unwrap();
    fs::write(dir.path().join("notes.md"), "mine").unwrap();
    let before = listing(dir.path());
    let e = write(dir.path(), &WriterOptions::default()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Io);
    assert!(e.to_string().contains("exists already"), "{e}");
    assert_eq!(listing(dir.path()), before);

    // A failure while replacing keeps the old one.
    let overwrite = WriterOptions { overwrite: true, ..WriterOptions::default() };
    drop(ShardWriter::create(dir.path(), &plans(), &overwrite).unwrap());
    assert_eq!(listing(dir.path()), before);

    write(dir.path(), &overwrite).unwrap();
    assert_eq!(listing(dir.path()), ["config.json", "model.safetensors", "notes.md"]);
    check(&read(&dir.path().join("model.safetensors")));
}

#[test]
fn a_checkpoint_that_appears_meanwhile_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = ShardWriter::create(dir.path(), &plans(), &WriterOptions::default()).unwrap();
    for plan in plans() {
        writer.write(&plan.name, &data(&plan)).unwrap();
    }
    fs::write(dir.path().join("model.safetensors"), "somebody else's").unwrap();
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(listing(dir.path()), ["model.safetensors"]);
    assert_eq!(fs::read(dir.path().join("model.safetensors")).unwrap(), b"somebody else's");
}

#[test]
fn a_rename_that_fails_puts_everything_back() {
    let dir = tempfile::tempdir().unwrap();
    let overwrite = WriterOptions { overwrite: true, ..WriterOptions::default() };
    fs::write(dir.path().join("config.json"), "old").unwrap();
    let mut writer = ShardWriter::create(dir.path(), &plans(), &overwrite).unwrap();
    for plan in plans() {
        writer.write(&plan.name, &data(&plan)).unwrap();
    }
    writer.add_file("config.json", b"new").unwrap();
    writer.add_file("merges.txt", b"").unwrap();
    // Somebody takes a temporary file away.
    let merges = listing(dir.path()).into_iter().find(|n| n.contains("merges.txt")).unwrap();
    fs::remove_file(dir.path().join(merges)).unwrap();
    writer.finish().unwrap_err();
    assert_eq!(listing(dir.path()), ["config.json"]);
    assert_eq!(fs::read(dir.path().join("config.json")).unwrap(), b"old");
}

#[test]
fn a_file_in_place_of_the_directory_is_an_io_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model");
    fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        assert_eq!(write(&path, &WriterOptions::default()).unwrap_err().kind(), ErrorKind::Io);
    }
    assert_eq!(fs::read(&file).unwrap(), b"x");
    assert_eq!(listing(dir.path()), ["model"]);
}

#[test]
fn tensors_are_written_once_and_in_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = ShardWriter::create(dir.path(), &plans(), &WriterOptions::default()).unwrap();
    let mut refused = |name: &str, bytes: usize, what: &str| {
        let e = writer.write(name, &vec![0; bytes]).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::InvalidArgument);
        assert!(e.to_string().contains(name) && e.to_string().contains(what), "{e}");
    };
    refused("a.words", 15, "16 bytes");
    refused("a.unknown", 15, "not planned");
    writer.write("a.words", &[0; 16]).unwrap();
    assert_eq!(writer.write("a.words", &[0; 16]).unwrap_err().kind(), ErrorKind::InvalidArgument);
    for name in ["../up", "model.safetensors", "a/b", "", ".."] {
        assert_eq!(writer.add_file(name, b"").unwrap_err().kind(), ErrorKind::InvalidArgument, "{name}");
    }
    let e = writer.finish().unwrap_err();
    assert!(e.to_string().contains("a.halves"), "the first in order of name: {e}");
    assert_eq!(listing(dir.path()), [""; 0]);
}

#[test]
fn a_packed_layer_is_saved_under_its_prefix() {
    let spec = QuantSpec { bits: Bits::Four, group: GroupSize::Of(32), zero_point: true };
    let plain = Plain {
        k: 64,
        n: 40,
        spec,
        scale_dtype: Dtype::F16,
        q: (0..64 * 40).map(|i| (i % 15) as u8).collect(),
        z: (0..80).map(|i| (i % 16) as u8).collect(),
        scales: [0x00, 0x3c].repeat(80),
        bias: Some([0x00, 0x38].repeat(40)),
        bias_dtype: Dtype::F16,
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layer.safetensors");
    fs::write(&path, "an older file").unwrap();
    fs::write(dir.path().join("other.safetensors"), "untouched").unwrap();
    let packed = plain.pack(Layout::Marlin, &Serial).unwrap();
    save_packed(&packed, &path, "model.up_proj").unwrap();
    assert_eq!(listing(dir.path()), ["layer.safetensors", "other.safetensors"]);
    fs::create_dir(dir.path().join("folder")).unwrap();
    let e = save_packed(&packed, &dir.path().join("folder/"), "p").unwrap_err();
    assert!(e.kind() == ErrorKind::Io && e.to_string().contains("is a directory"), "{e}");
    let tensors = read(&path);
    let names: Vec<_> = tensors.keys().map(|n| n.strip_prefix("model.up_proj.").unwrap()).collect();
    assert_eq!(names, ["bias", "qweight", "qzeros", "scales", "shape"]);
    let shape = |name: &str| (tensors[name].0.clone(), tensors[name].1.clone());
    // K and N grow to multiples of 128 and 64; the logical shape is kept.
    assert_eq!(shape("model.up_proj.qweight"), ("I32".into(), vec![128 / 16, 2 * 64]));
    assert_eq!(shape("model.up_proj.scales"), ("F16".into(), vec![4, 64]));
    assert_eq!(shape("model.up_proj.qzeros"), ("I32".into(), vec![4, 64 / 8]));
    assert_eq!(shape("model.up_proj.bias"), ("F16".into(), vec![40]));
    assert_eq!(tensors["model.up_proj.shape"].2, [64i64.to_le_bytes(), 40i64.to_le_bytes()].concat());
    assert_eq!(tensors["model.up_proj.qweight"].2, *packed.qweight);
    assert_eq!(tensors["model.up_proj.scales"].2, *packed.scales);
}

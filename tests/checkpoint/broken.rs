//! The hostile files: each is refused with the right kind of error, or read, as their list says.

use awq_marlin::checkpoint::Checkpoint;
use awq_marlin::{Error, ErrorKind};

use super::support::{assert_says, config, fixture, json};

const MODULE: &str = "model.layers.0.mlp.down_proj";
const SECTION: &str =
    r#"{"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true, "version": "gemm"}"#;

/// Opens the file or directory and takes the layer.
fn outcome(file: &str) -> Result<(), Error> {
    let path = fixture("bad").join(file);
    let checkpoint = match path.is_dir() {
        true => Checkpoint::open(&path)?,
        false => Checkpoint::open_files(&[path], Some(config(SECTION)))?,
    };
    // One file of the list is about the container only and holds other tensors.
    if !file.contains("zero_size_tensor") {
        let view = checkpoint.layer(MODULE)?;
        assert_eq!((view.desc.k, view.desc.n), (128, 64), "{file}");
    }
    Ok(())
}

#[test]
fn every_broken_file_is_answered_as_its_list_says() {
    let list = json("bad/expected.json");
    let mut seen = 0;
    for case in list["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let kinds: &[ErrorKind] = match case["kind"].as_str() {
            _ if file.starts_with("config_raw/") => continue,
            Some("container") => &[ErrorKind::Container],
            Some("tensor") => &[ErrorKind::Tensor, ErrorKind::Missing, ErrorKind::Unsupported],
            Some("index") => &[ErrorKind::Container, ErrorKind::Missing, ErrorKind::Json],
            _ => &[],
        };
        seen += 1;
        match (case["expect"].as_str().unwrap(), outcome(file)) {
            ("ok", Err(e)) => panic!("{file} must be read, but: {e}"),
            ("error", Ok(())) => panic!("{file} must be refused: {}", case["why"]),
            ("error" | "either", Err(e)) => {
                assert!(kinds.contains(&e.kind()), "{file}: {:?}: {e}", e.kind());
                let name = file.rsplit('/').next().unwrap();
                assert!(e.to_string().contains(name), "{file}: the message does not name the file: {e}");
            }
            _ => {}
        }
    }
    assert!(seen > 50, "only {seen} cases");
}

#[test]
fn messages_name_what_was_found_and_what_is_needed() {
    let qweight = format!("{MODULE}.qweight");
    let scales = format!("{MODULE}.scales");
    let qzeros = format!("{MODULE}.qzeros");
    let cases: &[(&str, &[&str])] = &[
        ("tensors/qweight_i64", &[&qweight, "I64", "I32"]),
        ("tensors/qweight_1d", &[&qweight, "[1024]", "two dimensions"]),
        ("tensors/qweight_empty", &[&qweight, "[0, 8]"]),
        ("tensors/missing_qzeros", &[&qzeros, "missing"]),
        ("tensors/qzeros_wrong_groups", &[&qzeros, "[2, 8]", "[1, 8]"]),
        ("tensors/scales_f64", &[&scales, "F64", "F16"]),
        ("tensors/scale_nan", &[&scales, "NaN", "row 0", "column"]),
        ("tensors/scale_neg_inf", &[&scales, "-inf", "row 0", "column"]),
        ("tensors/group_contradicts_config", &[&scales, "group size 64", "group size 128"]),
        ("tensors/gptq_layout", &["looks like gptq", "gemm, 4 bits, group size 128"]),
        ("tensors/bias_wrong_len", &["down_proj.bias", "[63]", "[64]"]),
        ("container/offsets_hole", &[&scales, "gap"]),
        ("container/offsets_past_end", &["offsets"]),
        ("container/truncated_data", &[MODULE, "not inside the file's data"]),
        ("container/trailing_garbage", &["bytes after the last tensor"]),
        ("container/header_len_u64_max", &["18446744073709551615", "100000000"]),
    ];
    for (file, words) in cases {
        let e = outcome(&format!("{file}.safetensors")).unwrap_err();
        assert_says(&e.to_string(), words);
    }
    let index: &[(&str, &[&str])] = &[
        ("index/absolute_path", &["/etc/passwd"]),
        ("index/missing_shard", &["model-00002-of-00002.safetensors"]),
        ("index/ghost_tensor", &["model.layers.9.mlp.up_proj.qweight"]),
        ("index/weight_map_list", &["weight_map", "sequence"]),
    ];
    for (dir, words) in index {
        assert_says(&outcome(dir).unwrap_err().to_string(), words);
    }
}

#[test]
fn a_tensor_in_two_shards_is_taken_from_the_one_that_the_index_names() {
    let checkpoint = Checkpoint::open(&fixture("bad/index/duplicate_tensor")).unwrap();
    let qzeros = format!("{MODULE}.qzeros");
    assert!(checkpoint.file_of(&qzeros).unwrap().ends_with("model-00001-of-00002.safetensors"));
    assert_says(&checkpoint.warnings().join("\n"), &[&qzeros, "more than one shard"]);
}

//! What counts as a linear layer, and who decides when config and tensors disagree.

use std::path::Path;

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::{Checkpoint, save_packed};
use awq_marlin::layout::Layout;
use awq_marlin::parallel::Serial;
use safetensors::Dtype as S;

use super::support::{
    AWQ_64, Tensor, assert_says, config, fixture, weight, write, write_bytes, write_config,
};

/// q and k quantized (K 64, N 8, group 64), o not.
const TENSORS: [Tensor; 7] = [
    ("attn.q_proj.qweight", S::I32, &[64, 1]),
    ("attn.q_proj.qzeros", S::I32, &[1, 1]),
    ("attn.q_proj.scales", S::F16, &[1, 8]),
    ("attn.k_proj.qweight", S::I32, &[64, 1]),
    ("attn.k_proj.qzeros", S::I32, &[1, 1]),
    ("attn.k_proj.scales", S::F16, &[1, 8]),
    ("attn.o_proj.weight", S::F16, &[8, 64]),
];

fn with_skip_list(list: &str) -> String {
    AWQ_64.replace('}', &format!(r#", "modules_to_not_convert": {list}}}"#))
}

fn open(dir: &Path, tensors: &[Tensor], section: &str) -> Checkpoint {
    write(&dir.join("m.safetensors"), tensors);
    write_config(dir, section);
    Checkpoint::open(dir).unwrap()
}

#[test]
fn a_quantized_module_without_codes_is_skipped_and_warned_about_if_there_is_a_skip_list() {
    let dir = tempfile::tempdir().unwrap();
    for (section, warned) in
        [(AWQ_64.to_string(), false), (with_skip_list("[]"), false), (with_skip_list(r#"["mlp"]"#), true)]
    {
        let checkpoint = open(dir.path(), &TENSORS, &section);
        let o = checkpoint.entry("attn.o_proj").unwrap();
        assert_eq!((o.quantized, o.layout, o.k, o.n), (false, Layout::Dense, 64, 8), "{section}");
        let warnings = checkpoint.warnings().join("\n");
        assert_eq!(
            warnings.contains("the config quantizes, but whose tensors are not quantized: attn.o_proj"),
            warned,
            "{warnings}"
        );
        assert_eq!(checkpoint.layer("attn.o_proj").unwrap().desc.layout, Layout::Dense);
    }
}

#[test]
fn a_skipped_module_with_codes_is_quantized_and_warned_about() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = open(dir.path(), &TENSORS, &with_skip_list(r#"["k_proj", "o_proj"]"#));
    let k = checkpoint.entry("attn.k_proj").unwrap();
    assert!(k.quantized);
    assert_says(&k.reason, &["tensors are quantized, although"]);
    assert_says(&checkpoint.warnings().join("\n"), &["the config skips", "attn.k_proj"]);
    assert!(!checkpoint.warnings().join("\n").contains("attn.q_proj"));
    assert_eq!(checkpoint.layer("attn.k_proj").unwrap().desc.layout, Layout::AwqGemm);
    assert_says(&checkpoint.entry("attn.o_proj").unwrap().reason, &["o_proj"]);
}

#[test]
fn embeddings_norms_and_convolutions_are_no_linear_layers() {
    let dir = tempfile::tempdir().unwrap();
    write(
        &dir.path().join("m.safetensors"),
        &[
            ("model.embed_tokens.weight", S::F16, &[32, 16]),
            ("transformer.wte.weight", S::F16, &[32, 16]),
            ("transformer.wpe.weight", S::F16, &[32, 16]),
            ("model.norm.weight", S::F16, &[16]),
            ("conv.weight", S::F16, &[4, 4, 3]),
            ("lm_head.weight", S::F16, &[32, 16]),
            ("model.layers.10.fc.weight", S::BF16, &[8, 16]),
            ("model.layers.9.fc.weight", S::BF16, &[8, 16]),
            ("model.layers.9.fc.bias", S::BF16, &[8]),
            ("other", S::F16, &[4, 4]),
        ],
    );
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let names: Vec<_> = checkpoint.layers().iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["lm_head", "model.layers.9.fc", "model.layers.10.fc"]);
    assert!(checkpoint.layers().iter().all(|l| l.reason == "the model is not quantized"));
    assert_eq!(
        checkpoint.layer_tensors("model.layers.9.fc").unwrap(),
        ["model.layers.9.fc.weight", "model.layers.9.fc.bias"]
    );
    assert_eq!(checkpoint.layer("model.norm").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn damage_is_told_at_open_and_does_not_hide_the_other_layers() {
    let dir = tempfile::tempdir().unwrap();
    let mut tensors = TENSORS.to_vec();
    tensors[2].2 = &[2, 8];
    tensors.remove(3);
    let checkpoint = open(dir.path(), &tensors, AWQ_64);
    let q = checkpoint.entry("attn.q_proj").unwrap();
    assert_eq!((q.quantized, q.k, q.n), (true, 0, 0));
    assert_says(&q.reason, &["attn.q_proj.scales", "group size 32", "group size 64"]);
    assert_eq!(q.error().unwrap().kind(), ErrorKind::Tensor);
    // Zero points and scales are there, the codes are not.
    let e = checkpoint.layer("attn.k_proj").unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Missing);
    assert_says(&e.to_string(), &["m.safetensors", "attn.k_proj.qweight"]);
    assert!(checkpoint.layer("attn.o_proj").is_ok());
}

#[test]
fn tensors_of_another_layout_than_the_config_says_are_recognized() {
    let cases = [
        ("linear/k256_n256_g32/awq_gemv", "gemm", "looks like gemv, 4 bits, group size 32, K = 256, N = 256"),
        ("linear/k256_n256_g32/awq_gemm", "gemv", "looks like gemm, 4 bits, group size 32"),
        ("linear/k256_n256_g32/awq_gemv_fast", "gemv", "looks like gemv_fast, 4 bits, group size 32"),
        ("gptq/gptq_k128_n64_g32/gptq_v1", "gemm", "looks like gptq, 4 bits, group size 32, K = 128, N = 64"),
        (
            "compressed_tensors/asym_g32_k128_n192/layer",
            "gemm",
            "looks like compressed-tensors, 4 bits, group size 32",
        ),
    ];
    for (file, version, words) in cases {
        let section = AWQ_64.replace("64", "32").replace("gemm", version);
        let path = fixture(file).with_extension("safetensors");
        let checkpoint = Checkpoint::open_files(&[path], Some(config(&section))).unwrap();
        let e = checkpoint.layer("").unwrap_err();
        assert_says(
            &e.to_string(),
            &[words, &format!("{version}, 4 bits, group size 32"), file.rsplit('/').next().unwrap()],
        );
    }
}

fn gptq(g_idx: impl Fn(u32) -> u32) -> awq_marlin::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let indices = (0..128).flat_map(|k| g_idx(k).to_le_bytes()).collect();
    write_bytes(
        &dir.path().join("m.safetensors"),
        &[
            ("a.qweight", S::I32, vec![16, 8], vec![0x11; 512]),
            ("a.qzeros", S::I32, vec![2, 1], vec![0x77; 8]),
            ("a.scales", S::F16, vec![2, 8], vec![0x22; 32]),
            ("a.g_idx", S::I32, vec![128], indices),
        ],
    );
    let section = r#"{"quant_method": "gptq", "bits": 4, "group_size": 64, "sym": true, "desc_act": false}"#;
    write_config(dir.path(), section);
    Checkpoint::open(dir.path()).unwrap().layer("a").map(|_| ())
}

#[test]
fn a_g_idx_in_order_is_fine_and_activation_order_is_refused_by_name() {
    gptq(|k| k / 64).unwrap();
    let e = gptq(|k| u32::from(k % 2 == 1)).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert_says(&e.to_string(), &["a.g_idx", "desc_act", "group 1 for input feature 1"]);
}

#[test]
fn a_symmetric_config_wants_zero_points_in_the_middle() {
    let section = AWQ_64.replace("true", "false");
    for (byte, ok) in [(0x88, true), (0x78, false)] {
        let dir = tempfile::tempdir().unwrap();
        write_config(dir.path(), &section);
        write_bytes(
            &dir.path().join("m.safetensors"),
            &[
                ("a.qweight", S::I32, vec![64, 1], vec![0x11; 256]),
                ("a.qzeros", S::I32, vec![1, 1], vec![0x88, 0x88, byte, 0x88]),
                ("a.scales", S::F16, vec![1, 8], vec![0x22; 16]),
            ],
        );
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        match checkpoint.layer("a") {
            Ok(view) => assert!(ok && view.qzeros.is_empty()),
            Err(e) => {
                assert!(!ok, "{e}");
                assert_says(&e.to_string(), &["a.qzeros", "symmetric", "found 7", "needed 8"]);
            }
        }
    }
}

#[test]
fn symmetric_layers_may_store_the_middle_in_every_layout() {
    let section = |version: &str, zero_point: bool| {
        format!(
            r#"{{"quant_method":"awq","bits":4,"group_size":128,"zero_point":{zero_point},"version":"{version}"}}"#
        )
    };
    let path = fixture("marlin_v1/k256_n64_g128/awq_marlin_v1.safetensors");
    let source = Checkpoint::open_files(&[path], Some(config(&section("marlin", false)))).unwrap();
    let w = weight(&source.layer("").unwrap());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("m.safetensors");
    for (layout, version) in
        [(Layout::AwqGemm, "gemm"), (Layout::AwqGemv, "gemv"), (Layout::AwqGemvFast, "gemv_fast")]
    {
        let packed = source.load(&[""], None, layout, &Serial).unwrap();
        save_packed(&packed, &file, "a").unwrap();
        write_config(dir.path(), &section(version, false));
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let view = checkpoint.layer("a").unwrap_or_else(|e| panic!("{version}: {e}"));
        assert!(!view.desc.spec.zero_point && view.qzeros.is_empty(), "{version}");
        assert_eq!(weight(&view), w, "{version}");

        // Real zero points are another matter.
        let path = fixture(&format!("linear/k256_n256_g32/awq_{version}.safetensors"));
        let section = section(version, false).replace("128", "32");
        let asymmetric = Checkpoint::open_files(&[path], Some(config(&section))).unwrap();
        let e = asymmetric.layer("").unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Tensor);
        assert_says(&e.to_string(), &["qzeros", "the config says symmetric"]);
    }
}

#[test]
fn the_logical_shape_of_compressed_tensors_must_agree() {
    let section = std::fs::read_to_string(
        fixture("compressed_tensors/asym_g32_k128_n192").join("quantization_config.json"),
    )
    .unwrap();
    let open = |shape: [i64; 2], extra: bool| {
        let dir = tempfile::tempdir().unwrap();
        write_config(dir.path(), &section);
        let mut tensors = vec![
            ("a.weight_packed", S::I32, vec![8, 8], vec![0x11; 256]),
            ("a.weight_scale", S::F16, vec![8, 2], vec![0x22; 32]),
            ("a.weight_zero_point", S::I32, vec![1, 2], vec![0x11; 8]),
            ("a.weight_shape", S::I64, vec![2], shape.iter().flat_map(|v| v.to_le_bytes()).collect()),
        ];
        if extra {
            tensors.push(("a.weight_g_idx", S::I32, vec![64], vec![0; 256]));
        }
        write_bytes(&dir.path().join("m.safetensors"), &tensors);
        Checkpoint::open(dir.path()).unwrap().layer("a").map(|v| (v.desc.n, v.desc.k))
    };
    assert_eq!(open([8, 64], false).unwrap(), (8, 64));
    assert_eq!(open([8, 60], false).unwrap(), (8, 60));
    for shape in [[8, 72], [7, 64], [64, 8], [0, 64], [-8, 64], [8, i64::MAX]] {
        let e = open(shape, false).unwrap_err();
        assert_says(&e.to_string(), &["m.safetensors"]);
        assert!(matches!(e.kind(), ErrorKind::Tensor | ErrorKind::SizeOverflow), "{shape:?}: {e}");
    }
    let e = open([8, 64], true).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert_says(&e.to_string(), &["weight_g_idx", "activation order"]);
}

//! Checkpoints of our own Marlin tensors: padded sizes on disk, the logical shape beside them.

use std::path::Path;

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::Checkpoint;
use awq_marlin::config::write_section;
use awq_marlin::layout::{Layout, Packed};
use awq_marlin::parallel::Serial;
use safetensors::Dtype as S;

use super::support::{AWQ_64, assert_says, config, fixture, weight, write_bytes, write_config};

fn source(case: &str, group: &str) -> (Packed, Vec<u8>) {
    let path = fixture("linear").join(case).join("awq_gemm.safetensors");
    let checkpoint = Checkpoint::open_files(&[path], Some(config(&AWQ_64.replace("64", group)))).unwrap();
    let packed = checkpoint.load(&[""], None, Layout::Marlin, &Serial).unwrap();
    (packed, weight(&checkpoint.layer("").unwrap()))
}

fn save(dir: &Path, packed: &Packed, shape: Option<[i64; 2]>) -> Checkpoint {
    let p = &packed.padded;
    let mut tensors = vec![
        ("a.qweight", S::I32, vec![p.k / 16, 2 * p.n], packed.qweight.to_vec()),
        ("a.scales", S::F16, vec![p.groups, p.n], packed.scales.to_vec()),
        ("a.qzeros", S::I32, vec![p.groups, p.n / 8], packed.qzeros.to_vec()),
        ("a.bias", S::F16, vec![packed.desc.n], packed.bias.as_deref().unwrap().to_vec()),
    ];
    if let Some(shape) = shape {
        tensors.push(("a.shape", S::I64, vec![2], shape.iter().flat_map(|v| v.to_le_bytes()).collect()));
    }
    write_bytes(&dir.join("m.safetensors"), &tensors);
    write_config(dir, &write_section(packed.desc.spec, Layout::Marlin, &[]).unwrap().to_string());
    Checkpoint::open(dir).unwrap()
}

#[test]
fn packed_layers_come_back_even_if_they_were_padded() {
    for (case, group) in [("k256_n256_g32", "32"), ("k288_n96_g32_odd", "32"), ("k512_n192_g64", "64")] {
        let dir = tempfile::tempdir().unwrap();
        let (packed, w) = source(case, group);
        let (k, n) = (packed.desc.k, packed.desc.n);
        let checkpoint = save(dir.path(), &packed, Some([k as i64, n as i64]));
        let view = checkpoint.layer("a").unwrap_or_else(|e| panic!("{case}: {e}"));
        assert_eq!((view.desc.layout, view.desc.k, view.desc.n), (Layout::Marlin, k, n), "{case}");
        assert_eq!(weight(&view), w, "{case}");
        assert_eq!(view.qweight, &packed.qweight[..], "{case}");
        let names = ["a.qweight", "a.scales", "a.qzeros", "a.shape", "a.bias"];
        assert_eq!(checkpoint.layer_tensors("a").unwrap(), names, "{case}");
    }
}

#[test]
fn the_logical_shape_must_be_there_and_fit() {
    let (packed, _) = source("k288_n96_g32_odd", "32");
    let error = |shape| {
        let dir = tempfile::tempdir().unwrap();
        save(dir.path(), &packed, shape).layer("a").unwrap_err()
    };
    let e = error(None);
    assert_eq!(e.kind(), ErrorKind::Missing);
    assert_says(&e.to_string(), &["m.safetensors", "a.shape"]);
    for shape in [[96, 288], [288, 200], [600, 96], [0, 96], [-1, 96], [i64::MAX, i64::MAX]] {
        let e = error(Some(shape));
        assert!(matches!(e.kind(), ErrorKind::Tensor | ErrorKind::SizeOverflow), "{shape:?}: {e}");
        assert_says(&e.to_string(), &["m.safetensors", "a."]);
    }
}

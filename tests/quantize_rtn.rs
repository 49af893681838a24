//! Round to nearest against what AutoAWQ and compressed-tensors made of the same weights, bit for bit.

use std::path::{Path, PathBuf};

use awq_marlin::ErrorKind;
use awq_marlin::layout::Plain;
use awq_marlin::parallel::{Pool, Serial};
use awq_marlin::quantize::{RangeRule, RtnOptions, rtn};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use half::{bf16, f16};
use safetensors::SafeTensors;
use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The cases of one folder with their meta.json.
fn cases(kind: &str) -> Vec<(PathBuf, Value)> {
    let mut dirs: Vec<_> =
        std::fs::read_dir(fixtures().join(kind)).unwrap().map(|d| d.unwrap().path()).collect();
    dirs.sort();
    assert!(!dirs.is_empty());
    dirs.into_iter().map(|d| (d.clone(), json(&d.join("meta.json")))).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

struct File(Vec<u8>);

impl File {
    fn open(path: PathBuf) -> Self {
        File(std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    fn has(&self, name: &str) -> bool {
        SafeTensors::deserialize(&self.0).unwrap().tensor(name).is_ok()
    }

    /// Type, shape and bytes.
    fn tensor(&self, name: &str) -> (Dtype, Vec<usize>, &[u8]) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let t = file.tensor(name).unwrap();
        let dtype = Dtype::ALL.into_iter().find(|d| d.name() == t.dtype().to_string()).unwrap();
        (dtype, t.shape().to_vec(), t.data())
    }
}

fn spec(meta: &Value, symmetric: bool) -> QuantSpec {
    QuantSpec {
        bits: Bits::new(meta["bits"].as_u64().unwrap() as u32).unwrap(),
        group: GroupSize::new(meta["group_size"].as_i64().unwrap_or(-1)).unwrap(),
        zero_point: !symmetric,
    }
}

/// Values of `bits` bits in the order that they have in each row of 32-bit words: field i of a word is column
/// `order[i]` of its columns.
fn unpack(words: &[u8], row_words: usize, bits: usize, order: &[usize]) -> Vec<Vec<u8>> {
    let words: Vec<u32> = words.as_chunks::<4>().0.iter().map(|&b| u32::from_le_bytes(b)).collect();
    let unpack_row = |row: &[u32]| {
        let mut out = vec![0; row.len() * order.len()];
        for (c, word) in row.iter().enumerate() {
            for (i, &column) in order.iter().enumerate() {
                out[c * order.len() + column] = (word >> (bits * i)) as u8 & ((1u16 << bits) - 1) as u8;
            }
        }
        out
    };
    words.chunks(row_words).map(unpack_row).collect()
}

fn quantize(source: &File, options: &RtnOptions) -> Plain {
    let (dtype, shape, weight) = source.tensor("weight");
    let plain = rtn(weight, dtype, shape[0], shape[1], options, &Serial).unwrap();
    let threads = rtn(weight, dtype, shape[0], shape[1], options, &Pool::new(3).unwrap()).unwrap();
    assert_eq!((&plain.q, &plain.z, &plain.scales), (&threads.q, &threads.z, &threads.scales));
    plain
}

#[test]
fn codes_equal_those_of_autoawq() {
    let mut checked = 0;
    for (dir, meta) in cases("linear").into_iter().chain(cases("linear8")) {
        let source = File::open(dir.join("source.safetensors"));
        if !source.has("weight") {
            continue;
        }
        let spec = spec(&meta, false);
        let order: &[usize] = if spec.bits == Bits::Four { &[0, 2, 4, 6, 1, 3, 5, 7] } else { &[0, 2, 1, 3] };
        let expected = File::open(dir.join("awq_gemm.safetensors"));
        let plain = quantize(&source, &RtnOptions::new(spec));
        for (name, ours) in [("qweight", &plain.q), ("qzeros", &plain.z)] {
            let (_, shape, words) = expected.tensor(name);
            assert_eq!(unpack(words, shape[1], spec.bits.get(), order).concat(), *ours, "{dir:?} {name}");
        }
        assert_eq!(expected.tensor("scales").2, plain.scales, "{dir:?}");
        assert_eq!(plain.scale_dtype, Dtype::F16);
        checked += 1;
    }
    assert!(checked >= 7, "{checked}");
}

#[test]
fn codes_equal_those_of_compressed_tensors() {
    for (dir, meta) in cases("compressed_tensors") {
        let symmetric = meta["symmetric"].as_bool().unwrap();
        let spec = spec(&meta, symmetric);
        let (n, k) = (meta["N"].as_u64().unwrap() as usize, meta["K"].as_u64().unwrap() as usize);
        let options = RtnOptions { rule: RangeRule::CompressedTensors, ..RtnOptions::new(spec) };
        let plain = quantize(&File::open(dir.join("source.safetensors")), &options);
        let expected = File::open(dir.join("layer.safetensors"));
        let sequential: Vec<usize> = (0..spec.bits.per_word()).collect();

        let (_, shape, words) = expected.tensor("weight_packed");
        let q = unpack(words, shape[1], spec.bits.get(), &sequential);
        let (scale_dtype, shape, scales) = expected.tensor("weight_scale");
        let groups = shape[1];
        assert_eq!(plain.scale_dtype, scale_dtype);
        for row in 0..n {
            for column in 0..k {
                assert_eq!(q[row][column], plain.q[column * n + row], "{dir:?} row {row} column {column}");
            }
            for group in 0..groups {
                let expected = &scales[2 * (row * groups + group)..][..2];
                assert_eq!(expected, &plain.scales[2 * (group * n + row)..][..2], "{dir:?} {row} {group}");
            }
        }
        assert_eq!(symmetric, !expected.has("weight_zero_point"));
        if symmetric {
            assert!(plain.z.is_empty());
        } else {
            // Packed along N: the words of a column hold the zero points of consecutive rows.
            let (_, shape, words) = expected.tensor("weight_zero_point");
            let z = unpack(words, shape[1], spec.bits.get(), &sequential);
            for (row, group) in (0..n).flat_map(|r| (0..groups).map(move |g| (r, g))) {
                let per_word = spec.bits.per_word();
                let expected = z[row / per_word][group * per_word + row % per_word];
                assert_eq!(expected, plain.z[group * n + row], "{dir:?} row {row} group {group}");
            }
        }
    }
}

#[test]
fn values_equal_those_of_autoawqs_pseudo_quantization_in_every_type() {
    let folder = fixtures().join("algo/pseudo_quantize");
    let meta = json(&folder.join("meta.json"));
    let mut checked = 0;
    for (name, case) in meta["cases"].as_object().unwrap() {
        let Ok(bits) = Bits::new(case["w_bit"].as_u64().unwrap() as u32) else {
            continue;
        };
        let file = File::open(folder.join(format!("{name}.safetensors")));
        let (dtype, shape, weight) = file.tensor("weight");
        let (n, k) = (shape[0], shape[1]);
        let zero_point = case["zero_point"].as_bool().unwrap();
        let group = GroupSize::new(case["q_group_size"].as_i64().unwrap()).unwrap();
        let spec = QuantSpec { bits, group, zero_point };
        let options = RtnOptions { scale_dtype: Some(dtype), ..RtnOptions::new(spec) };
        let plain = rtn(weight, dtype, n, k, &options, &Serial).unwrap();

        let scales = numbers(&plain.scales, dtype);
        let expected_scales = numbers(file.tensor("scales").2, dtype);
        let expected_zeros = file.has("zeros").then(|| numbers(file.tensor("zeros").2, dtype));
        let expected = numbers(file.tensor("weight_pseudo_quantized").2, dtype);
        let (g, groups) = (group.effective(k), group.count(k));
        for (row, column) in (0..n).flat_map(|r| (0..k).map(move |c| (r, c))) {
            let j = column / g;
            let z = if zero_point { plain.z[j * n + row] } else { bits.mid() };
            let s = scales[j * n + row];
            assert_eq!(s, expected_scales[row * groups + j], "{name} row {row} group {j}");
            let expected_zero =
                expected_zeros.as_ref().map_or(f64::from(bits.mid()), |z| z[row * groups + j]);
            assert_eq!(f64::from(z), expected_zero, "{name} row {row} group {j}");
            let w = (f64::from(plain.q[column * n + row]) - f64::from(z)) * s;
            assert_eq!(rounded(w, dtype), expected[row * k + column], "{name} row {row} column {column}");
        }
        checked += 1;
    }
    assert!(checked >= 6, "{checked}");
}

fn numbers(bytes: &[u8], dtype: Dtype) -> Vec<f64> {
    let number = |b: &[u8]| match dtype {
        Dtype::F16 => f16::from_le_bytes(b.try_into().unwrap()).to_f64(),
        Dtype::BF16 => bf16::from_le_bytes(b.try_into().unwrap()).to_f64(),
        _ => f64::from(f32::from_le_bytes(b.try_into().unwrap())),
    };
    bytes.chunks(dtype.bytes()).map(number).collect()
}

fn rounded(w: f64, dtype: Dtype) -> f64 {
    match dtype {
        Dtype::F16 => f16::from_f64(w).to_f64(),
        Dtype::BF16 => bf16::from_f64(w).to_f64(),
        _ => f64::from(w as f32),
    }
}

#[test]
fn symmetric_codes_equal_those_of_autoawqs_marlin_version() {
    for (dir, meta) in cases("marlin_v1") {
        let spec = spec(&meta, true);
        let plain = quantize(&File::open(dir.join("source.safetensors")), &RtnOptions::new(spec));
        assert!(plain.z.is_empty());
        // The dequantized weight fixes the codes: no two codes of a group have the same value.
        let expected = File::open(dir.join("dequant.safetensors"));
        let expected = numbers(expected.tensor("w_deq").2, Dtype::F16);
        let scales = numbers(&plain.scales, Dtype::F16);
        let (k, n) = (plain.k, plain.n);
        let g = spec.group.effective(k);
        for (row, column) in (0..n).flat_map(|r| (0..k).map(move |c| (r, c))) {
            let w = (f64::from(plain.q[column * n + row]) - 8.0) * scales[column / g * n + row];
            assert_eq!(
                rounded(w, Dtype::F16),
                expected[column * n + row],
                "{dir:?} row {row} column {column}"
            );
        }
    }
}

fn f32_bytes(weights: &[f32]) -> Vec<u8> {
    weights.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn options(group: i64) -> RtnOptions {
    RtnOptions::new(QuantSpec { bits: Bits::Four, group: GroupSize::new(group).unwrap(), zero_point: true })
}

#[test]
fn the_last_group_may_be_partial() {
    // Groups of 4: 0..=3 step 0.2, then the last two columns alone.
    let row = [0.0, 1.0, 2.0, 3.0, -1.5, 6.0];
    let plain = rtn(&f32_bytes(&row), Dtype::F32, 1, 6, &options(4), &Serial).unwrap();
    assert_eq!(plain.q, [0, 5, 10, 15, 0, 15]);
    assert_eq!(plain.z, [0, 3]);
    assert_eq!(numbers(&plain.scales, Dtype::F16), [f16::from_f32(0.2).to_f64(), 0.5]);
}

#[test]
fn another_arithmetic_converts_the_weight_first() {
    let weights: Vec<f32> = (0..64).map(|i| ((i * 37 % 64) as f32 - 30.3) * 0.017).collect();
    let halves: Vec<u8> = weights.iter().flat_map(|&w| f16::from_f32(w).to_le_bytes()).collect();
    let through = RtnOptions { arithmetic: Some(Dtype::F16), ..options(32) };
    let a = rtn(&f32_bytes(&weights), Dtype::F32, 2, 32, &through, &Serial).unwrap();
    let b = rtn(&halves, Dtype::F16, 2, 32, &options(32), &Serial).unwrap();
    assert_eq!((a.q, a.z, a.scales), (b.q, b.z, b.scales));
}

#[test]
fn what_is_not_finite_is_named_by_row_and_column() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut weights = vec![0.5f32; 200 * 70];
        weights[130 * 70 + 69] = bad;
        weights[190 * 70] = bad;
        let e =
            rtn(&f32_bytes(&weights), Dtype::F32, 200, 70, &options(32), &Pool::new(2).unwrap()).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Tensor);
        assert!(e.to_string().contains("row 130, column 69"), "{e}");
    }
}

#[test]
fn a_range_that_overflows_the_scale_is_named_by_row_and_group() {
    let mut weights = vec![0.5f32; 64];
    weights[40] = 60000.0;
    weights[41] = -60000.0;
    let bytes: Vec<u8> = weights.iter().flat_map(|&w| f16::from_f32(w).to_le_bytes()).collect();
    let e = rtn(&bytes, Dtype::F16, 2, 32, &options(8), &Serial).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Tensor);
    assert!(e.to_string().contains("row 1, group 1"), "{e}");
    // With f32 arithmetic it fits: the scale is 8000.
    let f32_arithmetic = RtnOptions { arithmetic: Some(Dtype::F32), ..options(8) };
    rtn(&bytes, Dtype::F16, 2, 32, &f32_arithmetic, &Serial).unwrap();
}

#[test]
fn wrong_sizes_and_types_are_refused() {
    let refused = |bytes: usize, dtype, n, k| {
        rtn(&vec![0; bytes], dtype, n, k, &options(32), &Serial).unwrap_err().kind()
    };
    assert_eq!(refused(0, Dtype::F16, 0, 32), ErrorKind::InvalidArgument);
    assert_eq!(refused(0, Dtype::F16, 32, 0), ErrorKind::InvalidArgument);
    assert_eq!(refused(63, Dtype::F16, 1, 32), ErrorKind::InvalidArgument);
    assert_eq!(refused(32, Dtype::I8, 1, 32), ErrorKind::InvalidArgument);
    assert_eq!(refused(64, Dtype::F16, usize::MAX, 32), ErrorKind::SizeOverflow);
}

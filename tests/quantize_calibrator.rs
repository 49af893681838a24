//! Statistics: however rows are cut, shared out, kept and brought back, they are those of the whole stream.

mod quantize_support;

use std::fs;

use awq_marlin::ErrorKind;
use awq_marlin::checkpoint::TensorFile;
use awq_marlin::matrix::Matrix;
use awq_marlin::parallel::{Parallel, Pool, Serial};
use awq_marlin::quantize::{Calibrator, CalibratorOptions};
use awq_marlin::types::Dtype;
use quantize_support::{encode, noise};

const K: usize = 200;
const ROWS: usize = 1300;

fn observe(to: &mut Calibrator, layer: &str, x: &[f32], dtype: Dtype, par: &dyn Parallel) {
    let shape = Matrix::new("x", dtype, x.len() / K, K, K).unwrap();
    to.observe(layer, &encode(x, dtype), &shape, par).unwrap();
}

fn of(rows: usize) -> Calibrator {
    Calibrator::new(CalibratorOptions { rows, ..Default::default() })
}

#[test]
fn calls_threads_and_files_change_no_bit() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let x = noise(ROWS * K, 3);
    for rows in [0, 100] {
        let mut whole = of(rows);
        observe(&mut whole, "a", &x, Dtype::F16, &Serial);
        whole.save(&file("whole")).unwrap();

        let mut cut = of(rows);
        let pool = Pool::new(3).unwrap();
        for (i, piece) in x.chunks(77 * K).enumerate() {
            observe(&mut cut, "a", piece, Dtype::F16, &pool);
            if i == 5 {
                cut.save(&file("half")).unwrap();
                cut = Calibrator::load(&file("half"), &CalibratorOptions::default()).unwrap();
            }
        }
        cut.save(&file("cut")).unwrap();
        assert!(fs::read(file("whole")).unwrap() == fs::read(file("cut")).unwrap(), "{rows}");
    }
}

#[test]
fn shards_merge_to_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let x = noise(ROWS * K, 4);
    let mut whole = of(0);
    observe(&mut whole, "a", &x, Dtype::F32, &Serial);
    let mut merged = of(0);
    for piece in x.chunks(600 * K) {
        let mut shard = of(0);
        observe(&mut shard, "a", piece, Dtype::F32, &Serial);
        observe(&mut shard, "b", &piece[..K], Dtype::BF16, &Serial);
        merged.merge(&shard, &Serial).unwrap();
    }
    let (a, b) = (whole.layer("a").unwrap().unwrap(), merged.layer("a").unwrap().unwrap());
    assert_eq!((a.rows(), b.rows()), (ROWS as u64, ROWS as u64));
    assert_eq!(merged.layer("b").unwrap().unwrap().rows(), 3);
    for ((c, a), b) in a.mean_abs().iter().enumerate().zip(b.mean_abs()) {
        let exact = x.iter().skip(c).step_by(K).map(|v| f64::from(v.abs())).sum::<f64>() / ROWS as f64;
        assert!((a - exact).abs() < 1e-12 && (b - exact).abs() < 1e-12, "{c}: {a} {b} {exact}");
    }
    // The first tile and the rows that are not multiplied yet make up XᵀX.
    merged.save(&dir.path().join("merged")).unwrap();
    let file = TensorFile::open(&dir.path().join("merged")).unwrap();
    let (gram, staged) = (file.tensor("a.gram").unwrap(), file.tensor("a.staged").unwrap());
    assert_eq!((gram.shape, staged.shape[1]), (&[3, 192, 192][..], K));
    let tile: Vec<f64> = gram.data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    let staged: Vec<f32> = staged.data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    for (r, c) in [(0, 0), (5, 3), (191, 7), (100, 191)] {
        let sum = |x: &[f32]| x.chunks(K).map(|row| f64::from(row[r]) * f64::from(row[c])).sum::<f64>();
        let found = tile[r * 192 + c] + sum(&staged);
        assert!((found - sum(&x)).abs() < 1e-3, "({r}, {c}): {found} {}", sum(&x));
    }
}

#[test]
fn damaged_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let mut calibrator = of(0);
    observe(&mut calibrator, "a", &noise(3 * K, 5), Dtype::F32, &Serial);
    calibrator.save(&path).unwrap();
    let good = fs::read(&path).unwrap();
    let load = |bytes: &[u8], options: &CalibratorOptions| {
        fs::write(&path, bytes).unwrap();
        Calibrator::load(&path, options).map(|_| ()).map_err(|e| e.kind())
    };
    let none = CalibratorOptions::default();
    assert_eq!(load(&good, &none), Ok(()));
    for cut in [0, 7, 100, good.len() - 1] {
        assert_eq!(load(&good[..cut], &none), Err(ErrorKind::Container), "{cut} bytes");
    }
    // A NaN among the sums, which no activations give.
    let mut nan = good.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(load(&nan, &none), Err(ErrorKind::Container));
    let text = |from: &str, to: &str| {
        let at = good.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut bytes = good.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    assert_eq!(load(&text(r#"\"version\":1"#, r#"\"version\":2"#), &none), Err(ErrorKind::Unsupported));
    assert_eq!(load(&text(r#"\"k\":200"#, r#"\"k\":201"#), &none), Err(ErrorKind::Container));
    let small = CalibratorOptions { max_bytes: 1000, ..none };
    assert_eq!(load(&good, &small), Err(ErrorKind::OutOfMemory));
}

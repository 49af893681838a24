//! AutoAWQ's own intermediate results (tests/fixtures/algo), reproduced.

use std::collections::HashMap;
use std::path::PathBuf;

use safetensors::SafeTensors;
use serde_json::Value;

use super::super::architecture::Activation;
use super::super::arithmetic::{Half, Single};
use super::super::rule::RangeRule;
use super::super::widen::{narrow, widen};
use super::*;
use crate::parallel::{Parallel, Pool, Serial};
use crate::types::{Bits, Dtype, GroupSize, QuantSpec};

fn algo(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/algo").join(path)
}

/// Tensors as f32 with their shapes.
fn tensors(path: &str) -> HashMap<String, (Vec<usize>, Vec<f32>)> {
    let bytes = std::fs::read(algo(path)).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let read = |t: safetensors::tensor::TensorView| {
        let count = t.shape().iter().product();
        let mut values = vec![0f32; count];
        match t.dtype() {
            safetensors::Dtype::F64 => {
                let doubles = t.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32);
                values = doubles.collect();
            }
            safetensors::Dtype::F16 => widen(t.data(), Dtype::F16, &mut values),
            _ => widen(t.data(), Dtype::F32, &mut values),
        }
        (t.shape().to_vec(), values)
    };
    file.iter().map(|(name, t)| (name.to_owned(), read(t))).collect()
}

fn cases(folder: &str) -> Vec<(String, Value)> {
    let text = std::fs::read(algo(&format!("{folder}/meta.json"))).unwrap();
    let meta: Value = serde_json::from_slice(&text).unwrap();
    meta["cases"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn weight((shape, data): &(Vec<usize>, Vec<f32>)) -> Weight {
    Weight { n: shape[0], k: shape[1], data: data.clone() }
}

fn rounding(group: u64) -> Rounding {
    let spec = QuantSpec { bits: Bits::Four, group: GroupSize::Of(group as u32), zero_point: true };
    Rounding { spec, rule: RangeRule::AutoAwq }
}

/// Mean Gram matrix of rows of K.
fn gram(x: &[f32], k: usize) -> Quadratic {
    let mut sum = vec![0f64; k * k];
    for row in x.chunks(k) {
        for r in 0..k {
            for c in 0..k {
                sum[r * k + c] += f64::from(row[r]) * f64::from(row[c]);
            }
        }
    }
    let rows = (x.len() / k) as f64;
    Quadratic::new(sum.iter().map(|v| (v / rows) as f32).collect(), k)
}

#[test]
fn the_scale_search_makes_autoawqs_choices() {
    // The weight of the half case is not the one that its own w_mean was computed from: they differ up to threefold.
    for (name, meta) in cases("scale_search").into_iter().filter(|(_, m)| m["dtype"] == "float32") {
        let t = tensors(&format!("scale_search/{name}.safetensors"));
        let (x, k) = (&t["x"].1, t["x"].0[2]);
        let mean = |c: usize| x.iter().skip(c).step_by(k).map(|v| f64::from(v.abs())).sum::<f64>();
        let x_mean: Vec<f32> = (0..k).map(|c| (mean(c) / (x.len() / k) as f64) as f32).collect();
        let rounding = rounding(meta["q_group_size"].as_u64().unwrap());
        let candidates: Vec<Candidate> = (0..20)
            .map(|i| Candidate { ratio: i as f32 / 20.0, duo: meta["duo_scaling"].as_bool().unwrap() })
            .collect();
        let run = |par: &dyn Parallel| {
            let search = |weights: &[Weight], inputs: Inputs| {
                let search = Search { weights, x_mean: &x_mean, inputs, rounding, tied: None };
                search.run::<Single>(&candidates, par)
            };
            match meta["block"].as_str().unwrap() {
                "linear" => search(&[weight(&t["weight"])], Inputs::Gram(&gram(x, k))),
                _ => {
                    let weights = [weight(&t["gate_weight"]), weight(&t["up_weight"])];
                    let down = weight(&t["down_weight"]);
                    let [gate, up] = &weights;
                    let mlp = Mlp::new(x, gate, up, &down, Activation::Silu, par);
                    search(&weights, Inputs::Mlp(mlp))
                }
            }
        };
        let found = run(&Serial);
        let threads = run(&Pool::new(3).unwrap());
        assert_eq!((&threads.losses, &threads.scales), (&found.losses, &found.scales), "{name}: threads");

        let expected = &t["losses"].1;
        let off = |i: usize| (found.losses[i] / f64::from(expected[i]) - 1.0).abs();
        let worst = (0..20).map(off).fold(0.0, f64::max);
        let best = (found.best.ratio * 20.0).round() as u64;
        assert!(worst < 2e-4, "{name}: losses are off by {worst:e}");
        assert_eq!(best, meta["best_index"].as_u64().unwrap(), "{name}");
        for (found, expected) in found.scales.iter().zip(&t["best_scales"].1) {
            assert!((found / expected - 1.0).abs() < 1e-4, "{name}: {found} {expected}");
        }
    }
}

#[test]
fn the_clip_search_finds_autoawqs_bounds() {
    for (name, meta) in cases("clip") {
        let t = tensors(&format!("clip/{name}.safetensors"));
        let mut w = weight(&t["weight"]);
        let k = w.k;
        let step = meta["token_step"].as_u64().unwrap() as usize;
        let x: Vec<f32> = t["x"].1.chunks(k).step_by(step).flatten().copied().collect();
        let (inputs, rounding) = (gram(&x, k), rounding(meta["q_group_size"].as_u64().unwrap()));
        let mut again = w.clone();
        let (options, pool) = (ClipOptions::default(), Pool::new(3).unwrap());
        let half = meta["dtype"] == "float16";
        let run = |w: &mut Weight, par: &dyn Parallel| match half {
            true => clip::<Half>(w, &inputs, &rounding, options, par),
            false => clip::<Single>(w, &inputs, &rounding, options, par),
        };
        let bounds = run(&mut w, &Serial);
        assert_eq!(run(&mut again, &pool), bounds, "{name}: threads");
        assert_eq!(again.data, w.data);
        let expected = &t["best_max_val"].1;
        let differ = bounds.iter().zip(expected).filter(|(a, b)| (*a / *b - 1.0).abs() > 1e-5).count();
        // Half outputs there: more near ties fall the other way.
        let allowed = if half { expected.len() / 20 } else { (expected.len() / 100).max(1) };
        assert!(differ <= allowed, "{name}: {differ} of {} bounds differ", expected.len());
        let g = rounding.spec.group.effective(k);
        for (group, bound) in w.data.chunks(g).zip(&bounds) {
            assert!(group.iter().all(|w| w.abs() <= *bound));
        }
    }
}

#[test]
fn folding_gives_autoawqs_bits() {
    let t = tensors("fold/fold_f16.safetensors");
    let s = &t["scales"].1;
    let k = s.len();
    let f16 = |v: &[f32]| narrow(v, Dtype::F16);
    let same = |found: &[f32], name: &str| assert_eq!(f16(found), f16(&t[name].1), "{name}");
    for name in ["fc0", "fc1", "lnfc", "gemmafc", "o", "o2"] {
        let mut w = t[&format!("{name}_before")].1.clone();
        scale_columns(&mut w, s, Dtype::F16);
        same(&w, &format!("{name}_after"));
    }
    for (name, offset) in [("rms", 0.0), ("ln", 0.0), ("ln_bias", 0.0), ("gemma", 1.0)] {
        let mut w = t[&format!("{name}_before")].1.clone();
        divide_norm(&mut w, s, offset, Dtype::F16);
        same(&w, &format!("{name}_after"));
    }
    for (name, columns) in [("qkv", k), ("v", k), ("v_bias", 1)] {
        let mut w = t[&format!("{name}_before")].1.clone();
        let rows = w.len() / columns;
        let mut divisors = vec![1.0; rows - k];
        divisors.extend(s);
        divide_rows(&mut w, columns, &divisors, Dtype::F16);
        same(&w, &format!("{name}_after"));
    }
}

/// Compensated rounding lowers the error of rounding to nearest, whatever is asked of it, and threads do not matter.
#[test]
fn compensation_lowers_the_error() {
    let t = tensors("scale_search/linear_f32_duo.safetensors");
    let (w, k) = (weight(&t["weight"]), t["x"].0[2]);
    let inputs = gram(&t["x"].1, k);
    let scales: Vec<f32> = (0..k).map(|i| 0.5 + (i % 7) as f32 / 4.0).collect();
    let divisors: Vec<f32> = (0..w.n).map(|i| 0.5 + (i % 5) as f32 / 3.0).collect();
    for (group, zero_point) in [(32, true), (64, false), (48, true), (-1, true)] {
        let spec = QuantSpec { bits: Bits::Four, group: GroupSize::new(group).unwrap(), zero_point };
        let factor = Factor::new(&inputs, spec.group.effective(k), &Serial);
        let nearest = Rounding { spec, rule: RangeRule::CompressedTensors };
        let mut rounded = w.data.clone();
        let mut codes = vec![0; k];
        for row in rounded.chunks_mut(k) {
            row.chunks_mut(spec.group.effective(k)).for_each(|g| nearest.apply::<Single>(g, &mut codes));
        }
        let error = |values: &[f32]| {
            let delta: Vec<f32> = values.iter().zip(&w.data).map(|(v, w)| v - w).collect();
            let mut errors = vec![0f64; w.n];
            inputs.of_rows(&delta, &mut Scratch::default(), &mut errors);
            errors.iter().sum::<f64>()
        };
        let before = error(&rounded);
        for (scales, divisors) in [(None, None), (Some(&*scales), Some(&*divisors))] {
            let job = Compensation {
                gram: &inputs,
                factor: &factor,
                scales,
                divisors,
                spec,
                scale_dtype: Dtype::F16,
            };
            let found = job.round(&w.data, &Serial).unwrap();
            let again = job.round(&w.data, &Pool::new(3).unwrap()).unwrap();
            assert!(again.q == found.q && again.z == found.z && again.scales == found.scales);
            let mut values = vec![0f32; w.data.len()];
            for (r, row) in values.chunks_mut(k).enumerate() {
                found.dequantize(r, row);
                for (c, v) in row.iter_mut().enumerate() {
                    *v *= divisors.map_or(1.0, |d| d[r]) / scales.map_or(1.0, |s| s[c]);
                }
            }
            let after = error(&values);
            let part = after / before;
            assert!(part < 0.6, "group {group}, scaled {}: {part:.3} of the error is left", scales.is_some());
            if !zero_point {
                assert!(found.z.iter().all(|z| *z == 8));
            }
        }
    }
}

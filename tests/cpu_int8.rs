//! int8 arithmetic against its formula in f64, and against exact arithmetic: all instruction sets, shapes and rows.

mod cpu_common;

use std::sync::Arc;

use awq_marlin::ErrorKind;
use awq_marlin::cpu::{Compute, CpuLinear, Isa, Kernel, reference};
use awq_marlin::parallel::Pool;
use awq_marlin::types::Dtype;
use cpu_common::*;

/// f32 sums of chunks that are exact.
const F32_ERROR: f64 = 1e-6;

fn case(k: usize, n: usize, group: i64, bits: u32, zero_point: bool) -> Case {
    Case { k, n, group, bits, zero_point, scale_dtype: Dtype::F16, bias: zero_point }
}

fn int8(layer: &Layer, isa: Isa) -> CpuLinear {
    CpuLinear::new(&layer.packed.view(), &serial(isa)).unwrap().with_compute(Compute::Int8).unwrap()
}

/// x as int8 arithmetic sees it: in each group chunks of 128, a scale of max|x| / 127, rounded to nearest even.
fn quantized(x: &[f64], k: usize, group: usize) -> Vec<f64> {
    let chunk = |chunk: &[f64]| {
        let largest = chunk.iter().fold(0f32, |a, x| a.max((*x as f32).abs()));
        let (scale, factor) = (f64::from(largest / 127.0), 127.0 / largest);
        let round = move |x: &f64| f64::from((*x as f32 * factor).round_ties_even()) * scale;
        chunk.iter().map(|x| if largest == 0.0 { 0.0 } else { round(x) }).collect::<Vec<_>>()
    };
    x.chunks(k).flat_map(|row| row.chunks(group).flat_map(|g| g.chunks(128).flat_map(chunk))).collect()
}

#[test]
fn every_shape_and_instruction_set_follows_the_formula() {
    let shapes = [
        (256, 64, 128),
        (256, 48, 32),
        (300, 60, -1),
        (72, 44, 24),
        (129, 17, 128),
        (600, 33, 300),
        (50, 33, 10),
        (7, 1, 4),
        (1, 16, -1),
    ];
    for isa in isas() {
        for (i, (k, n, group)) in shapes.into_iter().enumerate() {
            for (bits, zero_point) in [(4, true), (4, false), (8, true), (8, false)] {
                let case = case(k, n, group, bits, zero_point);
                let layer = case.layer(i as u64 + 1);
                let linear = int8(&layer, isa);
                let effective = case.desc().spec.group.effective(k);
                for (dtype, m) in [(Dtype::F32, 1), (Dtype::F16, 3), (Dtype::BF16, 5), (Dtype::F32, 14)] {
                    let x = activations(m, k, dtype, 7 + m as u64);
                    let wanted = expected(&layer, m, &quantized(&decode(&x, dtype), k, effective));
                    for kernel in [Kernel::Auto, Kernel::Gemm] {
                        let y = run(&linear, m, &x, dtype, Dtype::F32, kernel);
                        let what = format!("{isa} {case:?} x {dtype} m {m}");
                        assert_close(&y, Dtype::F32, &wanted, F32_ERROR, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn a_rows_bits_depend_on_the_row_alone() {
    for isa in isas() {
        let layer = case(288, 80, 96, 4, true).layer(9);
        let linear = int8(&layer, isa);
        let pool = CpuLinear::new(&layer.packed.view(), &device(isa, Arc::new(Pool::new(3).unwrap())));
        let pool = pool.unwrap().with_compute(Compute::Int8).unwrap();
        let x = activations(60, 288, Dtype::F32, 4);
        let all = run(&linear, 60, &x, Dtype::F32, Dtype::F32, Kernel::Auto);
        for m in (1..=26).chain([47, 60]) {
            let x = &x[..m * 288 * 4];
            let y = run(&linear, m, x, Dtype::F32, Dtype::F32, Kernel::Auto);
            assert!(y == all[..m * 80 * 4], "{isa} m {m}");
            assert!(
                y == run(&pool, m, x, Dtype::F32, Dtype::F32, Kernel::Auto),
                "{isa} m {m}, three threads"
            );
        }
    }
}

#[test]
fn the_error_is_that_of_rounding_activations() {
    let layer = case(1024, 96, 128, 4, true).layer(2);
    let x = activations(8, 1024, Dtype::F32, 3);
    let exact = reference::matmul(&decode(&x, Dtype::F32), &layer.weight, &layer.bias, 8, 1024, 96);
    for isa in isas() {
        let y = decode(&run(&int8(&layer, isa), 8, &x, Dtype::F32, Dtype::F32, Kernel::Auto), Dtype::F32);
        let error: f64 = y.iter().zip(&exact).map(|(y, e)| (y - e).powi(2)).sum();
        let relative = (error / exact.iter().map(|e| e * e).sum::<f64>()).sqrt();
        // Uniform activations: rounding to 1/127 of the largest moves y by 1/127/sqrt(12)/sqrt(1/3), 0.4 %.
        assert!((1e-4..6e-3).contains(&relative), "{isa}: {relative:e}");
    }
}

#[test]
fn zeros_and_tiny_and_huge_activations() {
    for isa in isas() {
        let layer = case(256, 32, 128, 4, true).layer(5);
        let linear = int8(&layer, isa);
        for factor in [0.0, 1e-41, 1e-37, 1e-30, 1e30] {
            let x: Vec<f32> = decode(&activations(2, 256, Dtype::F32, 6), Dtype::F32)
                .iter()
                .map(|x| (*x * factor) as f32)
                .collect();
            let values: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
            let y = run(&linear, 2, &encode(&x, Dtype::F32), Dtype::F32, Dtype::F32, Kernel::Auto);
            let (want, size) = expected(&layer, 2, &values);
            for (y, (want, size)) in decode(&y, Dtype::F32).into_iter().zip(want.into_iter().zip(size)) {
                // What is smaller than f32's normal numbers is rounded to their spacing.
                assert!((y - want).abs() <= 0.01 * size + 1e-41, "{isa} {factor:e}: {y:e}, not {want:e}");
            }
        }
    }
}

#[test]
fn dense_layers_are_refused() {
    let layer = case(64, 32, -1, 4, false).dense(1);
    let linear = CpuLinear::new(&layer.packed.view(), &serial(Isa::Portable)).unwrap();
    assert_eq!(linear.with_compute(Compute::Int8).err().unwrap().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_plan_of_other_arithmetic_is_refused() {
    let layer = case(64, 32, 32, 4, true).layer(1);
    let exact = CpuLinear::new(&layer.packed.view(), &serial(Isa::Portable)).unwrap();
    let plan = exact.plan(1, Dtype::F32, Kernel::Auto).unwrap();
    let linear = exact.with_compute(Compute::Int8).unwrap();
    let x = activations(1, 64, Dtype::F32, 1);
    let (mut y, mut workspace) = (vec![0; 128], vec![0; 1 << 16]);
    let x = awq_marlin::cpu::XView::new(&x, Dtype::F32, 1, 64, 64).unwrap();
    let y = awq_marlin::cpu::YMut::new(&mut y, Dtype::F32, 1, 32, 32).unwrap();
    let error = linear.run(&plan, x, y, &mut workspace).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

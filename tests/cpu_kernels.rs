//! Every CPU kernel against the f64 reference: all instruction sets, dtypes, group sizes and numbers of rows.

mod cpu_common;

use std::sync::Arc;

use awq_marlin::cpu::{CpuLinear, Kernel};
use awq_marlin::parallel::Pool;
use awq_marlin::types::Dtype;
use cpu_common::*;

/// f32 arithmetic: errors grow with the length of the sums, and (q − mid) is up to 16 times q − z.
const F32_ERROR: f64 = 2e-6;

const SHAPES: [(usize, usize, i64); 9] = [
    (128, 64, 128),
    (256, 48, 32),
    (100, 60, -1),
    (72, 44, 24),
    (129, 17, 128),
    (67, 5, 16),
    (50, 33, 10),
    (7, 1, 4),
    (1, 16, -1),
];

fn case(k: usize, n: usize, group: i64, bits: u32, zero_point: bool, scale_dtype: Dtype) -> Case {
    Case { k, n, group, bits, zero_point, scale_dtype, bias: zero_point }
}

#[test]
fn every_shape_dtype_and_instruction_set() {
    for isa in isas() {
        let device = serial(isa);
        for (i, (k, n, group)) in SHAPES.into_iter().enumerate() {
            for bits in [4, 8] {
                for zero_point in [true, false] {
                    let scale_dtype = [Dtype::F16, Dtype::BF16, Dtype::F32][(i + bits as usize / 4) % 3];
                    let case = case(k, n, group, bits, zero_point, scale_dtype);
                    let layer = case.layer(i as u64);
                    let wanted_by = |x: &[f64], m| expected(&layer, m, x);
                    let linear = CpuLinear::new(&layer.packed.view(), &device).unwrap();
                    for dtype in [Dtype::F16, Dtype::BF16, Dtype::F32] {
                        for m in [1, 3, 9] {
                            let x = activations(m, k, dtype, 7);
                            let wanted = wanted_by(&decode(&x, dtype), m);
                            for kernel in [Kernel::Gemv, Kernel::Gemm] {
                                let y = run(&linear, m, &x, dtype, Dtype::F32, kernel);
                                let what = format!("{isa} {kernel} {case:?} x {dtype} m {m}");
                                assert_close(&y, Dtype::F32, &wanted, F32_ERROR, &what);
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn every_number_of_rows() {
    for isa in isas() {
        for bits in [4, 8] {
            let case = case(96, 40, 32, bits, true, Dtype::F16);
            let layer = case.layer(3);
            let linear = CpuLinear::new(&layer.packed.view(), &serial(isa)).unwrap();
            for m in (1..=20).chain([33, 64, 100]) {
                for dtype in [Dtype::F16, Dtype::BF16, Dtype::F32] {
                    let x = activations(m, 96, dtype, m as u64);
                    let wanted = expected(&layer, m, &decode(&x, dtype));
                    for kernel in [Kernel::Auto, Kernel::Gemv, Kernel::Gemm] {
                        let y = run(&linear, m, &x, dtype, dtype, kernel);
                        let what = format!("{isa} {kernel} {bits} bits x {dtype} m {m}");
                        assert_close(&y, dtype, &wanted, F32_ERROR, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn dense_layers() {
    for isa in isas() {
        for (k, n) in [(64, 32), (100, 37), (17, 1), (1, 5), (250, 70), (1032, 19)] {
            for scale_dtype in [Dtype::F16, Dtype::BF16, Dtype::F32] {
                let case = Case { bias: n % 2 == 1, ..case(k, n, -1, 4, false, scale_dtype) };
                let layer = case.dense(5);
                let linear = CpuLinear::new(&layer.packed.view(), &serial(isa)).unwrap();
                for m in [1, 2, 3, 6, 7, 13, 50, 100] {
                    for dtype in [Dtype::F16, Dtype::BF16, Dtype::F32] {
                        let x = activations(m, k, dtype, 11);
                        let wanted = expected(&layer, m, &decode(&x, dtype));
                        let y = run(&linear, m, &x, dtype, Dtype::F32, Kernel::Auto);
                        let what = format!("{isa} dense {scale_dtype} [{k}, {n}] x {dtype} m {m}");
                        assert_close(&y, Dtype::F32, &wanted, F32_ERROR, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn more_rows_than_one_pass_takes() {
    for isa in isas() {
        let layer = case(40, 24, 16, 4, true, Dtype::F16).layer(1);
        let linear = CpuLinear::new(&layer.packed.view(), &serial(isa)).unwrap();
        let m = 1003;
        let x = activations(m, 40, Dtype::F32, 2);
        let wanted = expected(&layer, m, &decode(&x, Dtype::F32));
        for kernel in [Kernel::Gemv, Kernel::Gemm] {
            let y = run(&linear, m, &x, Dtype::F32, Dtype::F32, kernel);
            assert_close(&y, Dtype::F32, &wanted, F32_ERROR, &format!("{isa} {kernel}"));
        }
    }
}

/// Where sums are made of integers, an activation that meets a weight of 0 leaves no trace that counts: f32 sums of
/// codes, from which zero points are taken away at the end, would lose what is 2^-20 of it.
#[test]
fn a_large_activation_does_not_drown_the_others() {
    for isa in isas() {
        for bits in [4, 8] {
            let layer = case(256, 512, 128, bits, true, Dtype::F16).layer(21);
            let linear = CpuLinear::new(&layer.packed.view(), &serial(isa)).unwrap();
            for (dtype, m) in [(Dtype::F32, 1), (Dtype::F16, 1), (Dtype::F32, 9), (Dtype::F16, 9)] {
                let plan = linear.plan(m, dtype, Kernel::Auto).unwrap();
                if !plan.reason().contains("integers") {
                    continue;
                }
                let mut x: Vec<f32> =
                    decode(&activations(m, 256, dtype, 5), dtype).iter().map(|x| *x as f32).collect();
                x.chunks_mut(256).for_each(|row| row[7] = 4000.0);
                let x = encode(&x, dtype);
                let wanted = expected(&layer, m, &decode(&x, dtype));
                let y = run(&linear, m, &x, dtype, Dtype::F32, Kernel::Auto);
                assert_close(
                    &y,
                    Dtype::F32,
                    &wanted,
                    F32_ERROR,
                    &format!("{isa} {bits} bits x {dtype} m {m}"),
                );
            }
        }
    }
}

/// Sums of integers do not depend on the number of rows, nor on threads; here no row needs a fourth plane.
#[test]
fn integer_sums_of_a_row_depend_on_the_row_alone() {
    for isa in isas() {
        let layer = case(288, 80, 96, 4, true, Dtype::F16).layer(9);
        let linear = CpuLinear::new(&layer.packed.view(), &serial(isa)).unwrap();
        let pool = device(isa, Arc::new(Pool::new(3).unwrap()));
        let pool = CpuLinear::new(&layer.packed.view(), &pool).unwrap();
        if !linear.plan(1, Dtype::F32, Kernel::Auto).unwrap().reason().contains("integers") {
            continue;
        }
        let x = activations(60, 288, Dtype::F32, 4);
        let all = run(&linear, 60, &x, Dtype::F32, Dtype::F32, Kernel::Auto);
        for m in (1..=26).chain([47, 60]) {
            let x = &x[..m * 288 * 4];
            for linear in [&linear, &pool] {
                let y = run(linear, m, x, Dtype::F32, Dtype::F32, Kernel::Auto);
                assert!(y == all[..m * 80 * 4], "{isa} m {m}");
            }
        }
    }
}

#[test]
fn activations_of_every_size() {
    for isa in isas() {
        let layer = case(256, 32, 128, 4, true, Dtype::F16).layer(5);
        let linear = CpuLinear::new(&layer.packed.view(), &serial(isa)).unwrap();
        for factor in [0.0, 1e-44, 1e-41, 1e-37, 1e-30, 1e-20, 1e20, 1e30, 1e34] {
            let x: Vec<f32> = decode(&activations(2, 256, Dtype::F32, 6), Dtype::F32)
                .iter()
                .map(|x| (*x * factor) as f32)
                .collect();
            let x = encode(&x, Dtype::F32);
            let (want, size) = expected(&layer, 2, &decode(&x, Dtype::F32));
            for kernel in [Kernel::Auto, Kernel::Gemv, Kernel::Gemm] {
                let y = decode(&run(&linear, 2, &x, Dtype::F32, Dtype::F32, kernel), Dtype::F32);
                for (y, (want, size)) in y.into_iter().zip(want.iter().zip(&size)) {
                    // What is smaller than f32's normal numbers is rounded to their spacing, in each product.
                    let allowed = F32_ERROR * size + 256.0 * 2f64.powi(-149);
                    assert!((y - want).abs() <= allowed, "{isa} {kernel} {factor:e}: {y:e}, not {want:e}");
                }
            }
        }
    }
}

//! Every CPU kernel against the f64 reference: all instruction sets, dtypes, group sizes and numbers of rows.

mod cpu_common;

use awq_marlin::cpu::{CpuLinear, Kernel};
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
        for (k, n) in [(64, 32), (100, 37), (17, 1), (1, 5), (250, 70)] {
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

//! What no plan can be made for.

use awq_marlin::ErrorKind;
use awq_marlin::cuda::{CudaPlan, Gpu, Problem};
use awq_marlin::kernel::Kernel;
use awq_marlin::layout::{LayerDesc, Layout};
use awq_marlin::types::Dtype;

use super::support::*;

#[test]
fn what_cannot_run_is_refused_with_the_reason() {
    let gpu = |capability| Gpu { capability, ..H100 };
    let p = problem(1, 4096, 4096);
    let bf16 = Problem { dtype: Dtype::BF16, ..p };
    let new = CudaPlan::new;

    for old in [(6, 1), (7, 0), (7, 2)] {
        refused(new(&gpu(old), &p, Kernel::Auto), ErrorKind::CapabilityTooLow, &["is below 7.5"]);
    }
    refused(new(&gpu((7, 0)), &p, Kernel::Gemv), ErrorKind::CapabilityTooLow, &["7.0 (Volta: V100"]);
    refused(new(&gpu((7, 5)), &bf16, Kernel::Auto), ErrorKind::Unsupported, &["7.5 (Turing", "BF16"]);
    refused(
        new(&gpu((7, 5)), &p, Kernel::Marlin),
        ErrorKind::KernelUnsupported,
        &["capability 8.0", "Turing", "kernel gemm"],
    );
    // Turing has the tiles under the name of the GEMM version, for F16.
    let turing = new(&gpu((7, 5)), &p, Kernel::Gemm).unwrap();
    assert_eq!(turing.kernel, Kernel::Gemm);
    assert!(turing.reason().contains("Turing"), "{}", turing.reason());
    refused(new(&gpu((7, 5)), &bf16, Kernel::Gemm), ErrorKind::Unsupported, &["7.5 (Turing", "BF16"]);
    for new_enough in [(8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0)] {
        for kernel in [Kernel::Gemm, Kernel::Marlin] {
            let plan = new(&gpu(new_enough), &bf16, kernel).unwrap();
            assert_eq!(plan.kernel, Kernel::Marlin);
            assert!(plan.code().starts_with("awqm_marlin_bf16_w4_m"), "{}", plan.code());
        }
    }

    let f32 = Problem { dtype: Dtype::F32, ..p };
    refused(new(&H100, &f32, Kernel::Auto), ErrorKind::Unsupported, &["F32", "F16 or BF16"]);
    let m = |m| Problem { m, ..p };
    refused(new(&H100, &m(0), Kernel::Auto), ErrorKind::InvalidArgument, &["m: must be positive"]);
    refused(new(&H100, &m(524_281), Kernel::Gemv), ErrorKind::Unsupported, &["at most 524280"]);
    check(&new(&H100, &m(524_280), Kernel::Gemv).unwrap());
    // Tiles have more rows, so a launch takes more.
    check(&new(&H100, &m(524_281), Kernel::Auto).unwrap());
    refused(new(&H100, &m(i32::MAX as usize), Kernel::Auto), ErrorKind::Unsupported, &["run it in parts"]);
    let none = Gpu { multiprocessors: 0, ..H100 };
    refused(new(&none, &p, Kernel::Auto), ErrorKind::InvalidArgument, &["multiprocessors"]);
    for bandwidth_gbps in [-1.0, f64::NAN, f64::INFINITY, 1e-9] {
        let odd = Gpu { bandwidth_gbps, ..H100 };
        refused(new(&odd, &p, Kernel::Auto), ErrorKind::InvalidArgument, &["bandwidth_gbps"]);
    }
    let torn = Problem { stored_k: 4000, ..p };
    refused(new(&H100, &torn, Kernel::Auto), ErrorKind::InvalidArgument, &["4096 stored as 4000"]);
    let dense = LayerDesc { layout: Layout::Dense, ..layer(64, 64) };
    assert_eq!(Problem::new(&dense, 1, Dtype::F16).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn sizes_at_the_end_of_32_bits() {
    let largest = (i32::MAX as usize) / 128 * 128;
    check(&plan(1, largest, 64));
    check(&plan(1, 128, largest));
    check(&plan(1, largest, 65_536));
    for (k, n) in [(largest + 128, 64), (128, 1 << 31), (i32::MAX as usize, 64)] {
        let plan = CudaPlan::new(&H100, &problem(1, k, n), Kernel::Auto);
        refused(plan, ErrorKind::SizeOverflow, &["32-bit"]);
    }
}

//! What a call promises beside the right numbers: errors, plans, instruction sets, numbers at the ends of their range.

mod cpu_common;

use std::sync::Arc;

use awq_marlin::ErrorKind;
use awq_marlin::cpu::{CpuLinear, Isa, Kernel, XView, YMut};
use awq_marlin::matrix::Matrix;
use awq_marlin::parallel::Serial;
use awq_marlin::types::Dtype;
use cpu_common::*;

const CASE: Case =
    Case { k: 72, n: 44, group: 24, bits: 4, zero_point: true, scale_dtype: Dtype::F16, bias: true };

fn linear(isa: Isa) -> CpuLinear {
    CpuLinear::new(&CASE.layer(9).packed.view(), &serial(isa)).unwrap()
}

#[test]
fn a_plan_serves_fewer_rows() {
    for isa in isas() {
        let linear = linear(isa);
        let plan = linear.plan(9, Dtype::F32, Kernel::Gemm).unwrap();
        let x = activations(4, CASE.k, Dtype::F32, 4);
        let mut y = vec![0; 4 * CASE.n * 4];
        let view = XView::new(&x, Dtype::F32, 4, CASE.k, CASE.k).unwrap();
        let out = YMut::new(&mut y, Dtype::F32, 4, CASE.n, CASE.n).unwrap();
        linear.run(&plan, view, out, &mut vec![0; plan.workspace_bytes]).unwrap();
        assert_eq!(y, run(&linear, 4, &x, Dtype::F32, Dtype::F32, Kernel::Gemm));
    }
}

#[test]
fn results_that_pass_the_largest_f16_are_infinite() {
    for isa in isas() {
        let linear = linear(isa);
        let x = encode(&[60000.0; CASE.k], Dtype::F16);
        let wide = decode(&run(&linear, 1, &x, Dtype::F16, Dtype::F32, Kernel::Auto), Dtype::F32);
        let narrow = decode(&run(&linear, 1, &x, Dtype::F16, Dtype::F16, Kernel::Auto), Dtype::F16);
        assert!(wide.iter().any(|y| y.abs() > 65520.0), "the test needs large results");
        for (wide, narrow) in wide.iter().zip(&narrow) {
            assert_eq!(wide.abs() >= 65520.0, narrow.is_infinite(), "{isa}: {wide} became {narrow}");
        }
    }
}

#[test]
fn small_f16_activations_are_not_lost() {
    // Subnormal f16 numbers, which a split into bf16 numbers must keep exactly.
    let layer = CASE.layer(9);
    let layer = Layer { bias: vec![], packed: Case { bias: false, ..CASE }.layer(9).packed, ..layer };
    let x: Vec<u8> = (0..CASE.k).flat_map(|i| (i as u16 * 13 % 1024).to_le_bytes()).collect();
    let wanted = expected(&layer, 1, &decode(&x, Dtype::F16));
    for isa in isas() {
        let linear = CpuLinear::new(&layer.packed.view(), &serial(isa)).unwrap();
        let y = run(&linear, 1, &x, Dtype::F16, Dtype::F32, Kernel::Gemv);
        assert_close(&y, Dtype::F32, &wanted, 2e-6, isa.name());
    }
}

#[test]
fn calls_that_do_not_fit_are_refused() {
    let linear = linear(Isa::Portable);
    let plan = linear.plan(2, Dtype::F16, Kernel::Auto).unwrap();
    let bytes = vec![0; 4096];
    let fails = |x_shape: (Dtype, usize, usize), y_shape: (usize, usize), workspace: usize| {
        let (dtype, rows, cols) = x_shape;
        let x = XView::new(&bytes, dtype, rows, cols, cols).unwrap();
        let mut y = vec![0; 4096];
        let y = YMut::new(&mut y, Dtype::F16, y_shape.0, y_shape.1, y_shape.1).unwrap();
        linear.run(&plan, x, y, &mut vec![0; workspace]).unwrap_err()
    };
    let (k, n, w) = (CASE.k, CASE.n, plan.workspace_bytes);
    let invalid = ErrorKind::InvalidArgument;
    assert_eq!(fails((Dtype::F16, 2, k - 1), (2, n), w).kind(), invalid);
    assert_eq!(fails((Dtype::F16, 2, k), (2, n + 1), w).kind(), invalid);
    assert_eq!(fails((Dtype::F16, 2, k), (1, n), w).kind(), invalid);
    assert_eq!(fails((Dtype::F16, 3, k), (3, n), w).kind(), invalid);
    assert_eq!(fails((Dtype::BF16, 2, k), (2, n), w).kind(), invalid);
    let small = fails((Dtype::F16, 2, k), (2, n), w - 1);
    assert_eq!((small.kind(), small.needed_bytes()), (ErrorKind::BufferTooSmall, Some(w)));
    assert_eq!(
        XView::new(&bytes[..k * 2 - 1], Dtype::F16, 1, k, k).unwrap_err().kind(),
        ErrorKind::BufferTooSmall
    );

    let other = Case { k: CASE.k + 8, ..CASE };
    let other = CpuLinear::new(&other.layer(1).packed.view(), &serial(Isa::Portable)).unwrap();
    let plan = other.plan(2, Dtype::F16, Kernel::Auto).unwrap();
    let mut y = vec![0; 4096];
    let x = XView::new(&bytes, Dtype::F16, 2, k, k).unwrap();
    let y = YMut::new(&mut y, Dtype::F16, 2, n, n).unwrap();
    let error = linear.run(&plan, x, y, &mut vec![0; plan.workspace_bytes + w]).unwrap_err();
    assert_eq!(error.kind(), invalid);
    assert!(error.to_string().contains("another layer"), "{error}");
}

#[test]
fn memory_that_overlaps_is_refused() {
    let linear = linear(Isa::Portable);
    let plan = linear.plan(2, Dtype::F32, Kernel::Auto).unwrap();
    let mut memory = vec![0u8; plan.workspace_bytes + 8192];
    let base = memory.as_mut_ptr();
    let stride = CASE.k + CASE.n;
    let call = |x: usize, y: usize, workspace: usize, stride: usize| {
        let x_shape = Matrix::new("x", Dtype::F32, 2, CASE.k, stride).unwrap();
        let y_shape = Matrix::new("y", Dtype::F32, 2, CASE.n, stride).unwrap();
        // SAFETY: every offset below leaves room for what lies there.
        unsafe {
            let x = XView::from_raw(base.add(x), x_shape);
            let y = YMut::from_raw(base.add(y), y_shape);
            linear.run_raw(&plan, x, y, base.add(workspace), plan.workspace_bytes).map_err(|e| e.kind())
        }
    };
    let (row, y_row) = (CASE.k * 4, CASE.n * 4);
    assert_eq!(call(0, row, 4096, stride), Ok(()), "columns of one matrix");
    assert_eq!(call(0, row - 4, 4096, stride), Err(ErrorKind::Overlap));
    assert_eq!(call(0, 0, 4096, stride), Err(ErrorKind::Overlap));
    assert_eq!(call(0, 2048, row, stride), Err(ErrorKind::Overlap));
    assert_eq!(call(4096, 0, y_row, stride), Err(ErrorKind::Overlap));
}

#[test]
fn plans_say_what_and_why() {
    for isa in isas() {
        let linear = linear(isa);
        let one = linear.plan(1, Dtype::F32, Kernel::Auto).unwrap();
        let many = linear.plan(256, Dtype::F32, Kernel::Auto).unwrap();
        // Where integers meet bytes, the same kernel is the fastest for every m.
        let integers = one.reason().contains("integers");
        assert_eq!(
            (one.kernel, many.kernel),
            (Kernel::Gemv, if integers { Kernel::Gemv } else { Kernel::Gemm })
        );
        assert!(one.reason().contains("m = 1") && many.reason().contains("m = 256"), "{one:?} {many:?}");
        assert_eq!(one.operations, 2 * 72 * 44);
        let weights = linear.bytes() as u64;
        assert_eq!(one.bytes_moved, weights + 4 * (72 + 44));
        assert_eq!(linear.plan(256, Dtype::F32, Kernel::Gemv).unwrap().kernel, Kernel::Gemv);

        let marlin = linear.plan(1, Dtype::F32, Kernel::Marlin).unwrap_err();
        assert_eq!(marlin.kind(), ErrorKind::KernelUnsupported);
        assert!(marlin.to_string().contains("tensor cores"), "{marlin}");
        assert_eq!(linear.plan(1, Dtype::I32, Kernel::Auto).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn sizes_beyond_the_address_space_are_refused() {
    let linear = linear(Isa::Portable);
    let plan = linear.plan(usize::MAX, Dtype::F32, Kernel::Gemv).unwrap();
    assert!(plan.workspace_bytes < 1 << 20, "rows are taken in passes: {}", plan.workspace_bytes);
    assert_eq!(
        Matrix::new("x", Dtype::F32, usize::MAX, CASE.k, CASE.k).unwrap_err().kind(),
        ErrorKind::SizeOverflow
    );
}

#[test]
fn instruction_sets_by_name() {
    for isa in Isa::ALL {
        assert_eq!(Isa::from_name(isa.name()).unwrap(), isa);
        assert_eq!(Isa::from_code(isa.code()), Some(isa));
    }
    assert_eq!(Isa::from_name("sse9").unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(Isa::widest(), isas().pop().unwrap());
    if let Some(missing) = Isa::ALL.into_iter().find(|isa| !isa.available()) {
        let error = awq_marlin::cpu::CpuDevice::with(Some(missing), Arc::new(Serial)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

/// What the operating system says of the processor: no set is left out of the tests by mistake.
#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn instruction_sets_are_those_of_the_processor() {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let flags = info.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |flags_of: &[&str]| flags_of.iter().all(|flag| flags.split_whitespace().any(|f| f == *flag));
    assert_eq!(isas().contains(&Isa::Avx2), has(&["avx2", "fma", "f16c"]), "{flags}");
    assert_eq!(
        isas().contains(&Isa::Avx512),
        has(&["avx512f", "avx512bw", "avx512dq", "avx512vl"]),
        "{flags}"
    );
    assert!(!isas().contains(&Isa::Neon));
}

#[test]
#[cfg(target_arch = "aarch64")]
fn instruction_sets_are_those_of_the_processor() {
    assert_eq!(isas(), [Isa::Portable, Isa::Neon]);
}

/// The variable belongs to the process, so each value gets a process of its own: this very test again.
#[test]
fn the_variable_forces_an_instruction_set() {
    const CHILD: &str = "AWQM_TEST_EXPECTED_ISA";
    if let Ok(expected) = std::env::var(CHILD) {
        let found = Isa::detect().map_or_else(|e| format!("{:?}", e.kind()), |isa| isa.to_string());
        assert_eq!(found, expected);
        return;
    }
    let unknown = ("sse9".to_string(), "InvalidArgument".to_string());
    let nothing = (String::new(), Isa::widest().to_string());
    let forced = isas().into_iter().map(|isa| (isa.to_string(), isa.to_string()));
    for (value, expected) in forced.chain([unknown, nothing]) {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_variable_forces_an_instruction_set"])
            .env(awq_marlin::cpu::ISA_VARIABLE, &value)
            .env(CHILD, &expected)
            .output()
            .unwrap()
            .status;
        assert!(status.success(), "AWQM_ISA={value:?} should give {expected}");
    }
}

//! Planning and running allocate nothing: every byte a run needs is the caller's.

mod cpu_common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use awq_marlin::cpu::{CpuLinear, Kernel, XView, YMut};
use awq_marlin::types::Dtype;
use cpu_common::*;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: the system's allocator does the work; counting touches a thread-local that needs no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn plans_and_runs_do_not_allocate() {
    let case =
        Case { k: 200, n: 70, group: 24, bits: 4, zero_point: true, scale_dtype: Dtype::BF16, bias: true };
    for isa in isas() {
        for layer in [case.layer(1), Case { bits: 8, ..case }.layer(1), case.dense(1)] {
            let linear = CpuLinear::new(&layer.packed.view(), &serial(isa)).unwrap();
            for kernel in [Kernel::Gemv, Kernel::Gemm] {
                for m in [1, 13] {
                    let bytes = linear.plan(m, Dtype::F16, kernel).unwrap().workspace_bytes;
                    let x = activations(m, case.k, Dtype::F16, 1);
                    let mut y = vec![0; m * case.n * 2];
                    let mut workspace = vec![0; bytes];
                    let x = XView::new(&x, Dtype::F16, m, case.k, case.k).unwrap();
                    let out = YMut::new(&mut y, Dtype::F16, m, case.n, case.n).unwrap();
                    let before = ALLOCATIONS.get();
                    let plan = linear.plan(m, Dtype::F16, kernel).unwrap();
                    linear.run(&plan, x, out, &mut workspace).unwrap();
                    assert_eq!(ALLOCATIONS.get() - before, 0, "{isa} {kernel} m {m}");
                }
            }
        }
    }
    let before = ALLOCATIONS.get();
    drop(vec![0u8; 64]);
    assert_eq!(ALLOCATIONS.get() - before, 1, "the counter counts");
}

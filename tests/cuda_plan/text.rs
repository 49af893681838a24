//! Plans in words and as JSON.

use awq_marlin::cuda::{CudaPlan, Gpu};
use awq_marlin::kernel::Kernel;

use super::support::*;

#[test]
fn reasons_say_what_and_why() {
    let reason = plan(1, 4096, 4096).reason();
    for words in
        ["64 columns", "6 slices", "132 multiprocessors (9.0)", "43.0 KB", "20.3 KB", "m = 1 is bound"]
    {
        assert!(reason.contains(words), "{words} is not in: {reason}");
    }
    let tiles = plan(250, 4096, 4096).reason();
    for words in
        ["marlin: tiles of 64 rows and 128 outputs", "each weight decoded 4 times", "fastest", "us predicted"]
    {
        assert!(tiles.contains(words), "{words} is not in: {tiles}");
    }
    let forced = CudaPlan::new(&H100, &problem(3, 4096, 4096), Kernel::Gemv).unwrap();
    assert!(forced.reason().contains("asked for by the caller"));
    assert!(!reason.contains('\n') && !reason.contains("  "), "{reason}");
}

#[test]
fn text_carries_a_plan_to_another_gpu() {
    for kernel in [Kernel::Gemv, Kernel::Marlin] {
        carried(kernel);
    }
}

fn carried(kernel: Kernel) {
    let made = CudaPlan::new(&H100, &problem(8, 4096, 4096), kernel).unwrap();
    let layer = problem(1, 4096, 4096);
    let read = CudaPlan::from_json(&made.to_json(), &H100, &layer).unwrap();
    assert_eq!((read.problem, read.grid, read.slice_tiles), (made.problem, made.grid, made.slice_tiles));
    assert_eq!(read.workspace_bytes, made.workspace_bytes);
    assert!(read.reason().contains("imported"));
    // The cut stays, the numbers are those of the GPU at hand.
    let small = Gpu { capability: (8, 6), multiprocessors: 28, bandwidth_gbps: 360.0 };
    let there = CudaPlan::from_json(&made.to_json(), &small, &layer).unwrap();
    assert_eq!((there.splits, there.gpu), (made.splits, small));
    check(&there);
}

#[test]
fn nonsense_is_no_plan() {
    let layer = problem(1, 4096, 4096);
    let tiled = CudaPlan::new(&H100, &problem(8, 4096, 4096), Kernel::Marlin).unwrap().to_json();
    let tile = tiled.split("\"tile\":").nth(1).unwrap().split([',', '}']).next().unwrap();
    for (old, new, words) in [
        (tile, "\"m17n128\"", "plan.cut.tile: is no tile"),
        (tile, "\"\"", "plan.cut.tile"),
        (tile, "16", "plan.cut.tile"),
        ("\"tile\"", "\"tiles\"", "plan.cut.tile: the plan lacks this field"),
        ("\"kernel\":\"marlin\"", "\"kernel\":\"gemv\"", "plan.cut.tiles"),
    ] {
        let e = CudaPlan::from_json(&tiled.replacen(old, new, 1), &H100, &layer).unwrap_err();
        assert!(e.to_string().contains(words), "{words} is not in: {e}");
    }
    // A tile that a GPU has no shared memory for, and a name that it does not run under.
    let turing = Gpu { capability: (7, 5), multiprocessors: 40, bandwidth_gbps: 320.0 };
    let e = CudaPlan::from_json(&tiled, &turing, &layer).unwrap_err();
    assert!(e.to_string().contains("kernel gemm"), "{e}");

    let text = gemv(&H100, 8, 4096, 4096).to_json();
    for (old, new, words) in [
        ("\"backend\":\"cuda\"", "\"backend\":\"cpu\"", "plan.backend"),
        ("\"kernel\":\"gemv\"", "\"kernel\":\"marlin\"", "plan.cut.tile"),
        ("\"k\":4096", "\"k\":4224", "plan.problem.k"),
        ("\"tiles\":1", "\"tiles\":3", "plan.cut.tiles"),
        ("\"tiles\":1", "\"tiles\":-1", "plan.cut.tiles"),
        ("\"splits\":6", "\"splits\":0", "plan.cut.splits"),
        ("\"splits\":6", "\"splits\":17", "plan.cut.splits"),
        ("\"splits\":6", "\"splits\":\"4\"", "plan.cut.splits"),
        ("\"splits\":6", "\"splits\":4.5", "plan.cut.splits"),
        ("\"splits\":6", "\"splits\":1e99", "plan.cut.splits"),
        ("\"splits\":6", "\"splits\":15", "one would be empty"),
        ("\"cut\"", "\"cuts\"", "plan.cut: the plan lacks this field"),
        ("\"dtype\":\"F16\"}", "\"dtype\":\"F32\"}", "F16 or BF16"),
        ("\"m\":8", "\"m\":99999999", "at most 524280"),
    ] {
        assert!(text.contains(old), "{old} is not in {text}");
        let e = CudaPlan::from_json(&text.replacen(old, new, 1), &H100, &layer).unwrap_err();
        assert!(e.to_string().contains(words), "{words} is not in: {e}");
    }
}

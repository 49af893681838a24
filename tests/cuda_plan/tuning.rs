//! Tuning tables: what is accepted, what plans make of it, and what is refused.

use awq_marlin::ErrorKind;
use awq_marlin::cuda::{CudaPlan, Gpu, Problem, Tuning, Wish};
use awq_marlin::kernel::Kernel;
use awq_marlin::layout::{LayerDesc, Layout};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};

use super::support::H100;

/// Cuts that the model does not choose.
const TABLE: &str = r#"{"tuning": 1, "gpu": {"capability": "9.0", "multiprocessors": 132},
 "basis": "made up for a test",
 "entries": [
  {"k": 4096, "n": 4096, "bits": 4, "m": 64, "kernel": "marlin", "cut": {"tile": "m32n64", "splits": 4}, "us": 4.25},
  {"k": 4096, "n": 4096, "bits": 4, "m": 8, "kernel": "gemv", "cut": {"tiles": 2, "splits": 3}}
 ]}"#;

fn problem(m: usize, group: i64) -> Problem {
    let spec = QuantSpec { bits: Bits::Four, group: GroupSize::new(group).unwrap(), zero_point: true };
    let layer = LayerDesc { k: 4096, n: 4096, spec, layout: Layout::Marlin, scale_dtype: Dtype::F16 };
    Problem::new(&layer, m, Dtype::BF16).unwrap()
}

fn plan(m: usize, wish: impl Into<Wish>, table: &Tuning) -> CudaPlan {
    CudaPlan::tuned(&H100, &problem(m, 128), wish, table).unwrap()
}

#[test]
fn a_table_is_asked_before_the_model() {
    let table = Tuning::from_json(TABLE, &H100).unwrap();
    assert_eq!(table.len(), 2);
    // For every number of rows of the class, and no other.
    for m in [49, 63, 64] {
        let tuned = plan(m, Kernel::Auto, &table);
        assert_eq!((tuned.code().as_str(), tuned.splits), ("awqm_marlin_bf16_w4_m32n64", 4), "m = {m}");
        assert!(tuned.reason().contains("tuning table"), "{}", tuned.reason());
    }
    for m in [9, 48, 65] {
        assert!(!plan(m, Kernel::Auto, &table).reason().contains("tuning table"), "m = {m}");
    }
    let few = plan(1, Kernel::Auto, &table);
    assert_eq!((few.kernel, few.tiles, few.splits), (Kernel::Gemv, 2, 3));
    // A kernel by name takes an entry of that kernel only.
    assert_eq!(plan(1, Kernel::Gemv, &table).tiles, 2);
    assert_eq!(plan(1, Kernel::Marlin, &table).kernel, Kernel::Marlin);
    assert_eq!(plan(64, Kernel::Gemv, &table).kernel, Kernel::Gemv);
    // Batch-invariant plans must not depend on what was measured for some number of rows.
    let invariant = Wish { kernel: Kernel::Auto, batch_invariant: true };
    assert_eq!(plan(64, invariant, &table), plan(64, invariant, &Tuning::empty(&H100)));
    // The workspace of tuned plans counts.
    let enough = CudaPlan::workspace_bytes_up_to(&H100, &problem(100, 128), Kernel::Auto, &table).unwrap();
    (1..=100).for_each(|m| assert!(plan(m, Kernel::Auto, &table).workspace_bytes <= enough, "m = {m}"));
}

#[test]
fn an_entry_serves_layers_of_another_group_size_or_is_passed_over() {
    let table = Tuning::from_json(TABLE, &H100).unwrap();
    for group in [-1, 16, 32, 100, 300] {
        let plan = CudaPlan::tuned(&H100, &problem(64, group), Kernel::Auto, &table).unwrap();
        let slices = plan.splits as usize * plan.slice_tiles as usize * 4;
        assert!(
            !plan.reason().contains("tuning table") || slices >= plan.problem.stored_k / 16,
            "{}",
            plan.reason()
        );
    }
}

#[test]
fn what_is_written_is_read_back() {
    let table = Tuning::from_json(TABLE, &H100).unwrap();
    let text = table.to_json();
    assert_eq!(Tuning::from_json(&text, &H100).unwrap(), table, "{text}");
    let empty = Tuning::empty(&H100);
    assert!(empty.is_empty() && Tuning::from_json(&empty.to_json(), &H100).unwrap() == empty);
}

#[test]
fn nonsense_is_no_table() {
    let refused = |text: &str, gpu: &Gpu, words: &str| {
        let e = Tuning::from_json(text, gpu).unwrap_err();
        assert!(e.to_string().contains(words), "{words} is not in: {e}");
        e.kind()
    };
    assert_eq!(refused("{", &H100, "tuning"), ErrorKind::Json);
    assert_eq!(refused("[]", &H100, "tuning: is no JSON object"), ErrorKind::InvalidArgument);
    refused("{}", &H100, "tuning.tuning: the tuning lacks this field");
    let other = Gpu { multiprocessors: 114, ..H100 };
    refused(TABLE, &other, "made for another GPU (found capability 9.0 with 132 multiprocessors");
    let first = "\"tuning\": 1";
    for (old, new, words) in [
        (first, "\"tuning\": 2", "another version"),
        ("\"9.0\"", "\"nine\"", "tuning.gpu.capability: is no compute capability"),
        ("132", "0", "tuning.gpu.multiprocessors"),
        ("\"basis\": \"made up for a test\"", "\"basis\": 3", "tuning.basis"),
        ("\"entries\": [", "\"entries\": [3,", "tuning.entries[0]: is no JSON object"),
        ("\"entries\"", "\"entry\"", "tuning.entries: the tuning lacks"),
        ("\"k\": 4096", "\"k\": 0", "tuning.entries[0].k"),
        ("\"k\": 4096", "\"k\": 1e40", "tuning.entries[0].k"),
        ("\"n\": 4096", "\"n\": 2147483647", "tuning.entries[0]"),
        ("\"bits\": 4", "\"bits\": 5", "tuning.entries[0].bits"),
        ("\"m\": 64", "\"m\": 63", "tuning.entries[0].m: is not the most rows of a class"),
        ("\"m\": 64", "\"m\": 16384", "8192"),
        ("\"m\": 64", "\"m\": 8192", "the last class has no end"),
        ("\"m\": 64", "\"m\": -8", "tuning.entries[0].m"),
        ("\"marlin\"", "\"auto\"", "tuning.entries[0].kernel: is no kernel version"),
        ("\"marlin\"", "\"gemv\"", "tuning.entries[0].cut.tiles"),
        ("m32n64", "m31n64", "tuning.entries[0].cut.tile: is no tile"),
        ("\"splits\": 4", "\"splits\": 17", "tuning.entries[0].cut.splits"),
        ("\"splits\": 4", "\"splits\": 15", "one would be empty"),
        ("\"us\": 4.25", "\"us\": -1", "tuning.entries[0].us"),
        ("\"us\": 4.25", "\"us\": \"fast\"", "tuning.entries[0].us"),
        ("\"tiles\": 2", "\"tiles\": 3", "tuning.entries[1].cut.tiles"),
        // Two answers to one question.
        (
            "\"m\": 8, \"kernel\": \"gemv\", \"cut\": {\"tiles\": 2, \"splits\": 3}",
            "\"m\": 64, \"kernel\": \"gemv\", \"cut\": {\"tiles\": 2, \"splits\": 1}",
            "two entries for the same layer and rows",
        ),
    ] {
        assert!(TABLE.contains(old), "{old}");
        assert_eq!(refused(&TABLE.replacen(old, new, 1), &H100, words), ErrorKind::InvalidArgument, "{new}");
    }
    assert_eq!(refused(&TABLE.replace("9.0", "6.1"), &H100, "below 7.5"), ErrorKind::CapabilityTooLow);
    // A tile that a GPU has no room for.
    let small = Gpu { capability: (7, 5), multiprocessors: 40, bandwidth_gbps: 320.0 };
    let turing = TABLE.replace("9.0", "7.5").replace("132", "40").replace("\"marlin\"", "\"gemm\"");
    assert!(Tuning::from_json(&turing, &small).is_ok());
    let eight = turing.replace("\"bits\": 4, \"m\": 64", "\"bits\": 8, \"m\": 64");
    refused(&eight, &small, "more shared memory than this GPU has");
}

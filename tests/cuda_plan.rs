//! Plans for GPUs: pure functions of numbers, for every capability and without a GPU.

use awq_marlin::cuda::capability::{self, ARCHITECTURES};
use awq_marlin::cuda::marlin_tiles::{MarlinTile, TILES};
use awq_marlin::cuda::{COUNTER_BYTES, CudaPlan, Gpu, Problem, Tuning, Wish};
use awq_marlin::kernel::Kernel;
use awq_marlin::layout::{LayerDesc, Layout};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use awq_marlin::{ErrorKind, Result};
use proptest::prelude::*;

const H100: Gpu = Gpu { capability: (9, 0), multiprocessors: 132, bandwidth_gbps: 3350.0 };

fn layer(k: usize, n: usize) -> LayerDesc {
    let spec = QuantSpec { bits: Bits::Four, group: GroupSize::Of(128), zero_point: true };
    LayerDesc { k, n, spec, layout: Layout::Marlin, scale_dtype: Dtype::F16 }
}

fn problem(m: usize, k: usize, n: usize) -> Problem {
    Problem::new(&layer(k, n), m, Dtype::F16).unwrap()
}

fn plan(m: usize, k: usize, n: usize) -> CudaPlan {
    CudaPlan::new(&H100, &problem(m, k, n), Kernel::Auto).unwrap()
}

/// One GPU of each capability that has kernels, with the numbers of a product.
fn gpus() -> impl Iterator<Item = Gpu> {
    ARCHITECTURES.iter().filter_map(|a| {
        a.typical.map(|p| Gpu {
            capability: a.capability,
            multiprocessors: p.multiprocessors,
            bandwidth_gbps: p.bandwidth_gbps,
        })
    })
}

/// What the kernels rely on, whatever the problem.
fn check(plan: &CudaPlan) {
    let p = &plan.problem;
    let (k_tiles, n_tiles) = (p.stored_k / 16, p.stored_n / 64);
    // Slices that a block takes side by side.
    let (rows, side_by_side) = match tile_of(plan) {
        None => {
            assert!(plan.kernel == Kernel::Gemv && plan.block == 128 && plan.shared_bytes == 0);
            assert!(plan.tiles == 1 || plan.tiles == 2);
            (8, 4)
        }
        Some(tile) => {
            let turing = plan.gpu.capability < (8, 0);
            assert_eq!(plan.kernel, if turing { Kernel::Gemm } else { Kernel::Marlin });
            assert_eq!((plan.tiles as usize * 64, plan.block), (tile.columns, tile.threads));
            assert_eq!(plan.shared_bytes as usize, tile.shared_bytes(p.bits, plan.gpu.capability));
            assert!(plan.shared_bytes <= capability::shared_limit(plan.gpu.capability), "{plan:?}");
            (tile.rows, tile.k_warps)
        }
    };
    assert_eq!(plan.block_rows as usize, rows);

    // Every tile of K belongs to one slice, and no block has none.
    let slice = plan.slice_tiles as usize;
    let slices = plan.splits as usize * side_by_side;
    assert!(slices * slice >= k_tiles && (slices - side_by_side) * slice < k_tiles, "{plan:?}");
    if plan.kernel == Kernel::Gemv {
        assert_eq!(slice, k_tiles.div_ceil(slices), "{plan:?}");
    }

    let (x, y, z) = plan.grid;
    assert_eq!(x as usize, n_tiles.div_ceil(plan.tiles as usize));
    assert_eq!(y, plan.splits);
    assert_eq!(z as usize, p.m.div_ceil(rows));
    assert!(x <= i32::MAX as u32 && (1..=16).contains(&y) && z <= 65_535, "{plan:?}");

    let outputs = x as usize * z as usize;
    if plan.splits == 1 {
        assert_eq!((plan.workspace_bytes, plan.counter_bytes), (0, 0));
    } else {
        assert!(4 * outputs <= COUNTER_BYTES && plan.counter_bytes == COUNTER_BYTES, "{plan:?}");
        let sums = outputs * plan.splits as usize * rows * 64 * plan.tiles as usize * 4;
        assert_eq!(plan.workspace_bytes, plan.counter_bytes + sums);
        // The sums of one row are a small part of what is read anyway.
        assert!(plan.splits as usize * p.stored_n * 4 * 14 <= p.stored_k * p.stored_n * p.bits.get() / 8);
    }
    assert!(plan.bytes_moved >= (p.k * p.n * p.bits.get() / 8) as u64);
    assert_eq!(plan.operations, 2 * (p.m * p.k * p.n) as u64);
    // No prediction is below what the memory and the arithmetic allow, or beyond all reason.
    assert!(plan.predicted_us > plan.floor_us && plan.predicted_us > plan.products_floor_us, "{plan:?}");
    assert!(plan.dense_predicted_us > plan.floor_us && plan.dense_predicted_us > plan.products_floor_us);
    assert!(plan.predicted_us.is_finite() && plan.dense_predicted_us.is_finite());
}

/// The tile whose kernel a plan launches; `None`: the GEMV.
fn tile_of(plan: &CudaPlan) -> Option<&'static MarlinTile> {
    let code = plan.code();
    TILES
        .iter()
        .find(|t| code.starts_with("awqm_marlin_") && code.ends_with(&format!("_m{}n{}", t.rows, t.columns)))
}

const INVARIANT: Wish = Wish { kernel: Kernel::Auto, batch_invariant: true };

fn wishes() -> [Wish; 5] {
    [
        Kernel::Auto.into(),
        Kernel::Gemv.into(),
        Kernel::Gemm.into(),
        INVARIANT,
        Wish { kernel: Kernel::Gemm, ..INVARIANT },
    ]
}

#[test]
fn each_tile_of_k_belongs_to_one_warp() {
    for k in (128..=20_000).step_by(128) {
        let plan = CudaPlan::new(&H100, &problem(1, k, 512), Kernel::Gemv).unwrap();
        let mut seen = vec![0; plan.problem.stored_k / 16];
        for warp in 0..plan.splits as usize * 8 {
            let start = warp * plan.slice_tiles as usize;
            let end = (start + plan.slice_tiles as usize).min(seen.len());
            (start..end).for_each(|tile| seen[tile] += 1);
        }
        assert!(seen.iter().all(|times| *times == 1), "k = {k}: {plan:?}");
    }
}

#[test]
fn shapes_of_real_models_on_every_gpu() {
    for gpu in gpus() {
        for (k, n) in
            [(4096, 4096), (4096, 14336), (14336, 4096), (8192, 28672), (28672, 8192), (4096, 128_256)]
        {
            for m in [1, 2, 8, 9, 64, 65, 4096] {
                for wish in wishes() {
                    let plan = CudaPlan::new(&gpu, &problem(m, k, n), wish).unwrap();
                    check(&plan);
                    let floor = plan.bytes_moved as f64 / gpu.bandwidth_gbps / 1e3;
                    assert!((plan.floor_us - floor).abs() < 1e-9 * floor);
                }
            }
        }
    }
}

/// The cut of a GEMV.
fn gemv(gpu: &Gpu, m: usize, k: usize, n: usize) -> CudaPlan {
    CudaPlan::new(gpu, &problem(m, k, n), Kernel::Gemv).unwrap()
}

#[test]
fn an_h100_is_filled() {
    // 64 columns of blocks would leave half of it idle.
    let small = gemv(&H100, 1, 4096, 4096);
    assert_eq!((small.grid, small.tiles, small.slice_tiles), ((64, 6, 1), 1, 11));
    // More columns, fewer slices; with enough of them nothing is split, and there is no workspace.
    assert_eq!(gemv(&H100, 8, 4096, 14336).splits, 2);
    let large = gemv(&H100, 8, 8192, 28672);
    assert_eq!((large.splits, large.workspace_bytes), (1, 0), "{large:?}");
    // So many columns that a block may take two.
    assert_eq!(gemv(&H100, 1, 4096, 128_256).tiles, 2);
    // Few columns and a long K: as many slices as it takes.
    assert!(gemv(&H100, 1, 28672, 1024).splits >= 8);
    // The tiles, too, are split where there are too few of them.
    let blocks = |p: &CudaPlan| p.grid.0 * p.grid.1 * p.grid.2;
    for m in [16, 64, 128, 256] {
        let plan = CudaPlan::new(&H100, &problem(m, 4096, 4096), Kernel::Marlin).unwrap();
        assert!(blocks(&plan) >= 120, "m = {m}: {plan:?}");
    }
}

#[test]
fn few_rows_are_for_the_gemv_and_many_for_large_tiles() {
    for gpu in gpus() {
        for (k, n) in [(4096, 4096), (4096, 14336), (8192, 28672)] {
            let of = |m| CudaPlan::new(&gpu, &problem(m, k, n), Kernel::Auto).unwrap();
            // Either way a single row is within a few percent of the GEMV.
            assert!(of(1).predicted_us <= gemv(&gpu, 1, k, n).predicted_us);
            for m in [1024, 4096] {
                let many = of(m);
                // With 64 or 99 KB a multiprocessor holds one large tile only; then small ones may fill the last wave
                // better.
                let least = if capability::shared_limit(gpu.capability) < 100 << 10 { 16 } else { 64 };
                let large = tile_of(&many).is_some_and(|tile| tile.rows >= least);
                assert!(large, "{}: m = {m}: {}", many.reason(), many.code());
                assert!(
                    2.0 * many.predicted_us < 3.0 * gemv(&gpu, m, k, n).predicted_us,
                    "{}",
                    many.reason()
                );
            }
        }
    }
}

#[test]
fn more_rows_never_take_less_time() {
    let rows: Vec<usize> = (1..=300).chain([511, 512, 513, 1000, 4096, 8192, 8193, 20_000]).collect();
    for gpu in gpus() {
        for (k, n) in [(4096, 4096), (2048, 512), (8192, 28672)] {
            for wish in [Kernel::Auto.into(), Wish::from(Kernel::Gemm), INVARIANT] {
                let mut before = 0.0;
                for &m in &rows {
                    let plan = CudaPlan::new(&gpu, &problem(m, k, n), wish).unwrap();
                    // A choice that was only a percent better for a whole class is not made.
                    assert!(
                        plan.predicted_us >= 0.96 * before,
                        "{wish:?}, m = {m}: {before} {}",
                        plan.reason()
                    );
                    before = plan.predicted_us;
                }
            }
        }
    }
}

#[test]
fn auto_is_never_slower_than_a_kernel_by_name() {
    for gpu in gpus() {
        for (k, n) in [(4096, 4096), (4096, 14336), (14336, 4096), (512, 64)] {
            // The ends of classes, where choices are made.
            for m in [8, 16, 32, 64, 128, 256, 1024, 8192] {
                let us = |kernel| CudaPlan::new(&gpu, &problem(m, k, n), kernel).unwrap().predicted_us;
                let auto = us(Kernel::Auto);
                assert!(
                    auto <= 1.02 * us(Kernel::Gemv) && auto <= 1.02 * us(Kernel::Gemm),
                    "m = {m}, {k}x{n}, {gpu:?}"
                );
            }
        }
    }
}

#[test]
fn the_cut_of_a_gemv_for_few_rows_does_not_depend_on_their_number() {
    for gpu in gpus() {
        for (k, n) in [(4096, 4096), (8192, 28672), (2048, 512)] {
            let cut = |m| {
                let plan = gemv(&gpu, m, k, n);
                (plan.tiles, plan.splits, plan.slice_tiles)
            };
            (2..=16).for_each(|m| assert_eq!(cut(m), cut(1), "m = {m}"));
        }
    }
}

#[test]
fn batch_invariant_plans_add_in_the_same_order_for_every_number_of_rows() {
    for gpu in gpus() {
        for (k, n) in [(4096, 4096), (4096, 14336), (8192, 28672), (1000, 100), (16, 64)] {
            let order = |m| {
                let plan = CudaPlan::new(&gpu, &problem(m, k, n), INVARIANT).unwrap();
                check(&plan);
                assert!(plan.batch_invariant() && plan.reason().contains("do not depend on m"));
                assert_eq!(tile_of(&plan).map(|tile| tile.k_warps), Some(1));
                (plan.splits, plan.slice_tiles)
            };
            for m in (2..=300).chain([1000, 4096, 8192]) {
                assert_eq!(order(m), order(1), "m = {m}, {k}x{n}, {gpu:?}");
            }
        }
    }
    let gemv = Wish { kernel: Kernel::Gemv, ..INVARIANT };
    refused(
        CudaPlan::new(&H100, &problem(1, 4096, 4096), gemv),
        ErrorKind::KernelUnsupported,
        &["batch-invariant"],
    );
    assert!(!plan(64, 4096, 4096).batch_invariant());
    // So many rows that the sums of the slices have no counters: run them in parts.
    let most = CudaPlan::new(&H100, &problem(1 << 20, 4096, 4096), INVARIANT);
    refused(most, ErrorKind::Unsupported, &["run fewer rows at a time"]);
}

#[test]
fn the_detour_over_a_dense_matrix_is_named_where_it_is_predicted_to_win() {
    // On Hopper a dense GEMM has instructions that these kernels do not use.
    let many = plan(4096, 8192, 28672);
    assert!(many.prefers_dense() && many.dense_predicted_us < many.predicted_us, "{}", many.reason());
    assert!(many.reason().contains("a dense GEMM of the host's is predicted to be faster"));
    // Few rows never: the dense matrix alone takes longer to read.
    for gpu in gpus() {
        for m in [1, 16, 64] {
            let few = CudaPlan::new(&gpu, &problem(m, 8192, 28672), Kernel::Auto).unwrap();
            assert!(!few.prefers_dense() && !few.reason().contains("dense"), "{}", few.reason());
        }
    }
}

#[test]
fn the_workspace_of_many_rows_is_enough_for_fewer() {
    for wish in wishes() {
        for m in [1, 8, 15, 16, 17, 300, 5000] {
            let of = |m| CudaPlan::new(&H100, &problem(m, 4096, 4096), wish).unwrap();
            let table = Tuning::empty(&H100);
            let enough =
                CudaPlan::workspace_bytes_up_to(&H100, &problem(m, 4096, 4096), wish, &table).unwrap();
            for fewer in (1..=m.min(200)).chain([m / 2 + 1, m]) {
                assert!(of(fewer).workspace_bytes <= enough, "{wish:?}: {fewer} of {m}");
            }
            // A plan serves fewer rows than it was made for, in the same workspace.
            let made = of(m);
            assert_eq!(made.grid_for(m), made.grid);
            assert_eq!(made.grid_for(1).2, 1);
        }
    }
}

fn refused(plan: Result<CudaPlan>, kind: ErrorKind, words: &[&str]) {
    let e = plan.unwrap_err();
    assert_eq!(e.kind(), kind, "{e}");
    words.iter().for_each(|w| assert!(e.to_string().contains(w), "{w} is not in: {e}"));
}

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

#[test]
fn an_unknown_bandwidth_gives_no_floor_and_the_usual_cut() {
    let p = problem(1, 4096, 4096);
    let unknown = CudaPlan::new(&Gpu { bandwidth_gbps: 0.0, ..H100 }, &p, Kernel::Auto).unwrap();
    assert_eq!(unknown.floor_us, 0.0);
    assert_eq!(unknown.splits, plan(1, 4096, 4096).splits);
}

#[test]
fn reasons_say_what_and_why() {
    let reason = plan(1, 4096, 4096).reason();
    for words in
        ["64 columns", "6 slices", "132 multiprocessors (9.0)", "43.0 KB", "20.3 KB", "m = 1 is bound"]
    {
        assert!(reason.contains(words), "{words} is not in: {reason}");
    }
    let tiles = plan(250, 4096, 4096).reason();
    for words in [
        "marlin: tiles of 128 rows and 128 outputs",
        "each weight decoded 2 times",
        "fastest",
        "us predicted",
    ] {
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

proptest! {
    #[test]
    fn any_layer_on_any_gpu(
        m in 1usize..600,
        k in 1usize..40_000,
        n in 1usize..40_000,
        group in prop_oneof![Just(-1i64), 1i64..300],
        eight in any::<bool>(),
        zero_point in any::<bool>(),
        multiprocessors in 1u32..256,
        bandwidth in prop_oneof![Just(0.0), 10.0..10_000.0f64],
        which in 0usize..8,
    ) {
        let capability = [(7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0), (14, 3)][which];
        let gpu = Gpu { capability, multiprocessors, bandwidth_gbps: bandwidth };
        let bits = if eight { Bits::Eight } else { Bits::Four };
        let spec = QuantSpec { bits, group: GroupSize::new(group).unwrap(), zero_point };
        let desc = LayerDesc { spec, ..layer(k, n) };
        let p = Problem::new(&desc, m, Dtype::F16).unwrap();
        for wish in wishes() {
            let plan = CudaPlan::new(&gpu, &p, wish).unwrap();
            check(&plan);
            let read = CudaPlan::from_json(&plan.to_json(), &gpu, &p).unwrap();
            prop_assert_eq!((read.grid, read.workspace_bytes, read.problem), (plan.grid, plan.workspace_bytes, p));
            prop_assert_eq!((read.code(), read.slice_tiles), (plan.code(), plan.slice_tiles));
            // The same numbers give the same plan.
            prop_assert_eq!(CudaPlan::new(&gpu, &p, wish).unwrap(), plan);
        }
        let sizes = awq_marlin::layout::sizes(&desc).unwrap();
        let bytes = (sizes.qweight + sizes.scales + sizes.qzeros) as u64;
        prop_assert_eq!(p.weight_bytes(), bytes);
    }
}

//! Which code and tile a plan takes, and what it predicts.

use awq_marlin::ErrorKind;
use awq_marlin::cuda::{CudaPlan, Wish, capability};
use awq_marlin::kernel::Kernel;

use super::support::*;

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

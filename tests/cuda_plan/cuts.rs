//! How problems are cut up: every tile of K once, no empty slice, workspaces that suffice, any layer on any GPU.

use awq_marlin::cuda::{CudaPlan, Gpu, Problem, Tuning};
use awq_marlin::kernel::Kernel;
use awq_marlin::layout::LayerDesc;
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use proptest::prelude::*;

use super::support::*;

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

#[test]
fn an_unknown_bandwidth_gives_no_floor_and_the_usual_cut() {
    let p = problem(1, 4096, 4096);
    let unknown = CudaPlan::new(&Gpu { bandwidth_gbps: 0.0, ..H100 }, &p, Kernel::Auto).unwrap();
    assert_eq!(unknown.floor_us, 0.0);
    assert_eq!(unknown.splits, plan(1, 4096, 4096).splits);
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

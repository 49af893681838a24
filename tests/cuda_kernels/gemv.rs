//! GEMV in every variant, under every schedule.

use awq_marlin::cuda::{COUNTER_BYTES, CudaPlan};
use awq_marlin::types::Dtype;
use awq_marlin_emulation::Options;

use crate::cpu_common::*;
use crate::fixtures::each_fixture;
use crate::gpu::{Device, LARGE_GPU, SMALL_GPU};
use crate::{CASE, kinds};

#[test]
fn gemv_is_right_for_every_kind_of_layer() {
    for (i, case) in kinds().into_iter().enumerate() {
        let layer = case.layer(i as u64);
        let device = Device::new(&layer.packed.view());
        for dtype in [Dtype::F16, Dtype::BF16] {
            for (m, gpu) in [(1, &SMALL_GPU), (3, &LARGE_GPU), (8, &SMALL_GPU), (19, &LARGE_GPU)] {
                let x = activations(m, case.k, dtype, 7);
                let wanted = expected(&layer, m, &decode(&x, dtype));
                let plan = device.plan(gpu, m, dtype);
                let y = device.gemv(&plan, m, &x, Dtype::F32, (i % 3, i % 2), &Options::default());
                let what = format!("{case:?} m {m} {dtype} splits {} tiles {}", plan.splits, plan.tiles);
                assert_close(&y, Dtype::F32, &wanted, 1e-6, &what);
            }
        }
    }
}

#[test]
fn gemv_writes_every_dtype() {
    let layer = CASE.layer(3);
    let device = Device::new(&layer.packed.view());
    let x = activations(2, CASE.k, Dtype::F16, 5);
    let wanted = expected(&layer, 2, &decode(&x, Dtype::F16));
    let plan = device.plan(&SMALL_GPU, 2, Dtype::F16);
    for y_dtype in [Dtype::F16, Dtype::BF16, Dtype::F32] {
        let y = device.gemv(&plan, 2, &x, y_dtype, (0, 0), &Options::default());
        assert_close(&y, y_dtype, &wanted, 1e-6, y_dtype.name());
    }
}

/// Both sizes of a block and many splits, under every schedule: right, and the same bits each time.
#[test]
fn gemv_is_the_same_under_every_schedule() {
    for (case, tiles, splits) in [
        (CASE, 1, 1),
        (Case { k: 1024, n: 192, ..CASE }, 1, 4),
        (Case { k: 1024, n: 192, group: 32, ..CASE }, 2, 3),
        (Case { k: 768, n: 64, bits: 8, ..CASE }, 1, 3),
        (Case { k: 768, n: 128, bits: 8, group: -1, ..CASE }, 2, 2),
    ] {
        let layer = case.layer(11);
        let device = Device::new(&layer.packed.view());
        let m = 3;
        let x = activations(m, case.k, Dtype::BF16, 1);
        let wanted = expected(&layer, m, &decode(&x, Dtype::BF16));
        let plan = cut(&device.plan(&LARGE_GPU, m, Dtype::BF16), tiles, splits);
        let mut first = None;
        for options in Options::all(10) {
            let y = device.gemv(&plan, m, &x, Dtype::F32, (0, 0), &options);
            assert_close(&y, Dtype::F32, &wanted, 1e-6, &format!("{case:?} {options:?}"));
            let first = first.get_or_insert_with(|| y.clone());
            assert_eq!(*first, y, "{case:?} {options:?}");
        }
    }
}

/// The same plan cut otherwise, through its text.
fn cut(plan: &CudaPlan, tiles: u32, splits: u32) -> CudaPlan {
    let mut plan = *plan;
    let p = plan.problem;
    let columns = (p.stored_n as u32 / 64).div_ceil(tiles);
    plan.tiles = tiles;
    plan.splits = splits;
    plan.slice_tiles = (p.stored_k as u32 / 16).div_ceil(splits * 4);
    plan.grid = (columns, splits, p.m.div_ceil(8) as u32);
    plan.counter_bytes = if splits > 1 { COUNTER_BYTES } else { 0 };
    plan.workspace_bytes =
        plan.counter_bytes + (columns * plan.grid.2 * splits * 8 * 64 * tiles * 4) as usize;
    plan
}

/// A row of NaN makes NaN of its own row and of no other.
#[test]
fn nan_stays_in_its_row() {
    let layer = CASE.layer(9);
    let device = Device::new(&layer.packed.view());
    let m = 5;
    let mut x = activations(m, CASE.k, Dtype::F16, 2);
    let wanted = expected(&layer, m, &decode(&x, Dtype::F16));
    let at = (2 * CASE.k + 77) * 2;
    x[at..at + 2].copy_from_slice(&half::f16::NAN.to_le_bytes());
    let plan = device.plan(&LARGE_GPU, m, Dtype::F16);
    let y = decode(&device.gemv(&plan, m, &x, Dtype::F32, (0, 0), &Options::default()), Dtype::F32);
    for (i, y) in y.iter().enumerate() {
        let (row, near) = (i / CASE.n, (y - wanted.0[i]).abs() <= 1e-6 * wanted.1[i]);
        assert!(if row == 2 { y.is_nan() } else { near }, "row {row}: {y}");
    }
}

/// Layers and results that other projects' own code wrote.
#[test]
fn fixtures_give_their_results() {
    let compared = each_fixture(&[1, 3, 17], |device, x, m, dtype| {
        let plan = device.plan(&SMALL_GPU, m, dtype);
        device.gemv(&plan, m, x, Dtype::F32, (0, 0), &Options::default())
    });
    assert!(compared >= 20, "{compared} results compared");
}

//! Problems, GPUs and wishes, and what every plan must be.

use awq_marlin::cuda::capability::{self, ARCHITECTURES};
use awq_marlin::cuda::marlin_tiles::{MarlinTile, TILES};
use awq_marlin::cuda::{COUNTER_BYTES, CudaPlan, Gpu, Problem, Wish};
use awq_marlin::kernel::Kernel;
use awq_marlin::layout::{LayerDesc, Layout};
use awq_marlin::types::{Bits, Dtype, GroupSize, QuantSpec};
use awq_marlin::{ErrorKind, Result};

pub const H100: Gpu = Gpu { capability: (9, 0), multiprocessors: 132, bandwidth_gbps: 3350.0 };

pub fn layer(k: usize, n: usize) -> LayerDesc {
    let spec = QuantSpec { bits: Bits::Four, group: GroupSize::Of(128), zero_point: true };
    LayerDesc { k, n, spec, layout: Layout::Marlin, scale_dtype: Dtype::F16 }
}

pub fn problem(m: usize, k: usize, n: usize) -> Problem {
    Problem::new(&layer(k, n), m, Dtype::F16).unwrap()
}

pub fn plan(m: usize, k: usize, n: usize) -> CudaPlan {
    CudaPlan::new(&H100, &problem(m, k, n), Kernel::Auto).unwrap()
}

/// One GPU of each capability that has kernels, with the numbers of a product.
pub fn gpus() -> impl Iterator<Item = Gpu> {
    ARCHITECTURES.iter().filter_map(|a| {
        a.typical.map(|p| Gpu {
            capability: a.capability,
            multiprocessors: p.multiprocessors,
            bandwidth_gbps: p.bandwidth_gbps,
        })
    })
}

/// What the kernels rely on, whatever the problem.
pub fn check(plan: &CudaPlan) {
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
pub fn tile_of(plan: &CudaPlan) -> Option<&'static MarlinTile> {
    let code = plan.code();
    TILES
        .iter()
        .find(|t| code.starts_with("awqm_marlin_") && code.ends_with(&format!("_m{}n{}", t.rows, t.columns)))
}

pub const INVARIANT: Wish = Wish { kernel: Kernel::Auto, batch_invariant: true };

pub fn wishes() -> [Wish; 5] {
    [
        Kernel::Auto.into(),
        Kernel::Gemv.into(),
        Kernel::Gemm.into(),
        INVARIANT,
        Wish { kernel: Kernel::Gemm, ..INVARIANT },
    ]
}

/// The cut of a GEMV.
pub fn gemv(gpu: &Gpu, m: usize, k: usize, n: usize) -> CudaPlan {
    CudaPlan::new(gpu, &problem(m, k, n), Kernel::Gemv).unwrap()
}

pub fn refused(plan: Result<CudaPlan>, kind: ErrorKind, words: &[&str]) {
    let e = plan.unwrap_err();
    assert_eq!(e.kind(), kind, "{e}");
    words.iter().for_each(|w| assert!(e.to_string().contains(w), "{w} is not in: {e}"));
}

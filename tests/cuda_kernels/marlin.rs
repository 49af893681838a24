//! The Marlin GEMM: every tile, every kind of layer, every schedule, both machines.

use awq_marlin::cuda::marlin_tiles::{MarlinTile, TILES};
use awq_marlin::types::{Bits, Dtype};
use awq_marlin_emulation::{Options, Order};

use crate::cpu_common::*;
use crate::fixtures::each_fixture;
use crate::gpu::{Cut, Device, Memory, go, name};
use crate::{CASE, kinds};

/// Whose machine code: that of 8.0 and up, or that of 7.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Machine {
    Ampere,
    Turing,
}
use Machine::{Ampere, Turing};

impl Machine {
    /// Shared memory of a block on compute capability 7.5 ends at 64 KiB, and there is no BF16.
    fn has(self, tile: &MarlinTile, bits: Bits, dtype: Dtype) -> bool {
        self == Ampere || (dtype == Dtype::F16 && tile.shared_bytes(bits, (7, 5)) <= 64 * 1024)
    }
}

/// A tile on a problem of `m` rows, K in `splits` parts.
pub fn cut(
    device: &Device,
    tile: &MarlinTile,
    machine: Machine,
    m: usize,
    dtype: Dtype,
    splits: usize,
) -> Cut {
    let (d, p) = (&device.layer.desc, &device.layer.padded);
    let (columns, rows) = (p.n.div_ceil(tile.columns), m.div_ceil(tile.rows));
    let (suffix, capability) = if machine == Turing { ("_turing", (7, 5)) } else { ("", (8, 0)) };
    Cut {
        kernel: format!(
            "awqm_marlin_{}_w{}_m{}n{}{suffix}",
            name(dtype),
            d.spec.bits.get(),
            tile.rows,
            tile.columns
        ),
        splits: splits as u32,
        slice_tiles: slice_tiles(p.k / 16, splits * tile.k_warps) as u32,
        grid: (columns as u32, splits as u32, rows as u32),
        threads: tile.threads,
        shared_bytes: tile.shared_bytes(d.spec.bits, capability),
        partials: if splits == 1 { 0 } else { rows * columns * splits * tile.rows * tile.columns * 4 },
    }
}

/// k-tiles of each slice: whole stages if that leaves none of the slices empty.
fn slice_tiles(k_tiles: usize, slices: usize) -> usize {
    let least = k_tiles.div_ceil(slices);
    let whole = least.next_multiple_of(MarlinTile::STAGE_TILES);
    if whole * (slices - 1) < k_tiles { whole } else { least }
}

#[test]
fn tiles_are_the_kernels() {
    let of_tile = |t: &MarlinTile| {
        let shape = [t.rows, t.columns, t.k_warps, t.threads as usize, t.resident as usize];
        [&shape[..], &[MarlinTile::STAGE_TILES], &t.stages, &t.shared_bytes, &t.turing_shared_bytes].concat()
    };
    let wanted: Vec<usize> = TILES.iter().flat_map(of_tile).collect();
    let memory = Memory::new(wanted.len() * 4);
    go("awqm_marlin_tiles", (1, 1, 1), (1, 0), &Options::default(), &memory.at(), &[&memory]);
    let found: Vec<usize> =
        memory.data().chunks(4).map(|b| u32::from_le_bytes(b.try_into().unwrap()) as usize).collect();
    assert_eq!(found, wanted);
    assert!(TILES.is_sorted_by_key(|t| t.rows * t.columns), "smallest first");
}

/// Rows, gaps between them and splits of K are mixed so that every tile meets every kind of layer.
#[test]
fn marlin_is_right_for_every_kind_of_layer() {
    let mut launches = 0;
    for (i, case) in kinds().into_iter().enumerate() {
        let layer = case.layer(i as u64);
        let device = Device::new(&layer.packed.view());
        for (j, tile) in TILES.iter().enumerate() {
            for (machine, dtype) in [(Ampere, Dtype::F16), (Ampere, Dtype::BF16), (Turing, Dtype::F16)] {
                // Each tile of Ampere has both dtypes with every second kind.
                if !machine.has(tile, device.layer.desc.spec.bits, dtype)
                    || (machine == Ampere && (dtype == Dtype::F16) != ((i / 2 + j) % 2 == 0))
                {
                    continue;
                }
                let m = [tile.rows.min(70), tile.rows - 3, tile.rows + 5, 1][(i / 2 + j) % 4];
                let splits = if case.k >= 256 { 1 + (i + j / 2) % 3 } else { 1 };
                let x = activations(m, case.k, dtype, 7);
                let wanted = expected(&layer, m, &decode(&x, dtype));
                // Rows that start at multiples of 16 bytes, and rows that do not.
                let aligned = case.k.next_multiple_of(8) - case.k;
                let gaps = ([aligned, aligned + 8, 1][i % 3], [0, 1, 4][j % 3]);
                let cut = cut(&device, tile, machine, m, dtype, splits);
                let (y, stats) = device.linear(&cut, (&x, m, dtype), Dtype::F32, gaps, &Options::default());
                let what = format!("{case:?} {} m {m} splits {splits} gaps {gaps:?}", cut.kernel);
                assert_close(&y, Dtype::F32, &wanted, 1e-6, &what);
                assert_eq!(stats.async_copies == 0, machine == Turing, "{what}");
                launches += 1;
            }
        }
    }
    assert!(launches > 200, "{launches}");
}

#[test]
fn marlin_writes_every_dtype() {
    for (n, gap) in [(128, 0), (66, 1)] {
        let case = Case { k: 128, n, ..CASE };
        let layer = case.layer(3);
        let device = Device::new(&layer.packed.view());
        let (m, dtype) = (5, Dtype::F16);
        let x = activations(m, case.k, dtype, 5);
        let wanted = expected(&layer, m, &decode(&x, dtype));
        for tile in &TILES[..2] {
            let cut = cut(&device, tile, Ampere, m, dtype, 1);
            for y_dtype in [Dtype::F16, Dtype::BF16, Dtype::F32] {
                let y = device.linear(&cut, (&x, m, dtype), y_dtype, (0, gap), &Options::default()).0;
                assert_close(&y, y_dtype, &wanted, 1e-6, y_dtype.name());
            }
        }
    }
}

/// Every tile with several stages and splits, under every schedule: right, and the same bits each time.
#[test]
fn marlin_is_the_same_under_every_schedule() {
    for (tile, case, machine, splits) in [
        (0, Case { k: 1600, n: 64, group: 64, ..CASE }, Ampere, 1),
        (1, Case { k: 1024, n: 128, group: 128, ..CASE }, Ampere, 2),
        (1, Case { k: 640, n: 128, group: 32, ..CASE }, Ampere, 1),
        (1, Case { k: 256, n: 192, group: -1, bits: 8, ..CASE }, Turing, 2),
        (2, Case { k: 1024, n: 64, group: 48, bits: 8, ..CASE }, Ampere, 1),
        (3, Case { k: 448, n: 128, group: 64, ..CASE }, Ampere, 1),
        (4, Case { k: 320, n: 128, group: 64, bits: 8, ..CASE }, Ampere, 1),
    ] {
        let layer = case.layer(11);
        let device = Device::new(&layer.packed.view());
        let (tile, dtype) = (&TILES[tile], Dtype::F16);
        let m = tile.rows.min(70) - 1;
        let x = activations(m, case.k, dtype, 1);
        let wanted = expected(&layer, m, &decode(&x, dtype));
        let cut = cut(&device, tile, machine, m, dtype, splits);
        let mut first = None;
        // Large blocks differ from small ones in what a thread does, not in who meets whom.
        for options in Options::all(if tile.rows < 64 { 4 } else { 1 }) {
            let y = device.linear(&cut, (&x, m, dtype), Dtype::F32, (0, 0), &options).0;
            assert_close(&y, Dtype::F32, &wanted, 1e-6, &format!("{case:?} {options:?}"));
            let first = first.get_or_insert_with(|| y.clone());
            assert_eq!(*first, y, "{case:?} {options:?}");
        }
    }
}

/// Nothing in shared memory meets a bank twice at once: loads of operands, codes, scales and sums, and stores of sums.
#[test]
fn shared_memory_has_no_bank_conflicts() {
    for bits in [4, 8] {
        let case = Case { k: 512, n: 128, bits, ..CASE };
        let device = Device::new(&case.layer(1).packed.view());
        for tile in TILES {
            let (m, dtype) = (tile.rows, Dtype::F16);
            let x = activations(m, case.k, dtype, 1);
            let cut = cut(&device, tile, Ampere, m, dtype, 1);
            let options = Options { count_wavefronts: true, order: Order::Greedy, ..Options::default() };
            let stats = device.linear(&cut, (&x, m, dtype), Dtype::F32, (0, 0), &options).1;
            assert!(stats.least_wavefronts > 500, "{}: {stats:?}", cut.kernel);
            assert_eq!(stats.wavefronts, stats.least_wavefronts, "{}", cut.kernel);
        }
    }
}

#[test]
fn fixtures_give_their_results() {
    for (i, tile) in TILES.iter().enumerate() {
        let compared = each_fixture(&[1, 17], |device, x, m, dtype| {
            let cut = cut(device, tile, Ampere, m, dtype, 1 + i % 2);
            device.linear(&cut, (x, m, dtype), Dtype::F32, (0, 0), &Options::default()).0
        });
        assert!(compared >= 14, "{compared} results compared");
    }
}

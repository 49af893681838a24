//! What a row's bits depend on: not on the number of rows, not on the tile, not on the other rows.

use awq_marlin::cuda::marlin_tiles::{MarlinTile, TILES};
use awq_marlin::types::Dtype;
use awq_marlin_emulation::Options;

use crate::CASE;
use crate::cpu_common::*;
use crate::gpu::Device;
use crate::marlin::{Machine, cut};

const MOST_ROWS: usize = 300;

/// Tiles with as many slices in a block: they share an order of sums.
fn tiles_with(k_warps: usize) -> Vec<&'static MarlinTile> {
    TILES.iter().filter(|tile| tile.k_warps == k_warps).collect()
}

struct Rows {
    case: Case,
    device: Device,
    x: Vec<u8>,
}

impl Rows {
    fn new(case: Case) -> Self {
        let device = Device::new(&case.layer(5).packed.view());
        Rows { case, device, x: activations(MOST_ROWS, case.k, Dtype::BF16, 9) }
    }

    fn x(&self, from: usize, m: usize) -> &[u8] {
        &self.x[from * self.case.k * 2..(from + m) * self.case.k * 2]
    }

    fn run(&self, tile: &MarlinTile, splits: usize, x: &[u8]) -> Vec<u8> {
        let (m, dtype) = (x.len() / (self.case.k * 2), Dtype::BF16);
        let cut = cut(&self.device, tile, Machine::Ampere, m, dtype, splits);
        self.device.linear(&cut, (x, m, dtype), Dtype::F32, (0, 0), &Options::default()).0
    }

    /// Bytes of `m` rows of y.
    fn bytes(&self, m: usize) -> usize {
        m * self.case.n * 4
    }
}

/// Each number of rows runs on the tile that is about as large, and every eighth on another one.
#[test]
fn a_row_has_the_same_bits_for_every_number_of_rows() {
    let rows = Rows::new(Case { k: 192, n: 128, group: 64, ..CASE });
    for (k_warps, splits, step) in [(1, 1, 1), (1, 3, 7), (4, 1, 23)] {
        let tiles = tiles_with(k_warps);
        let all = rows.run(tiles.last().unwrap(), splits, rows.x(0, MOST_ROWS));
        for m in (1..=MOST_ROWS).step_by(step) {
            let fits = tiles.iter().position(|tile| tile.rows >= m).unwrap_or(tiles.len() - 1);
            let tile = tiles[if m % 8 == 0 { (fits + 1) % tiles.len() } else { fits }];
            let y = rows.run(tile, splits, rows.x(0, m));
            assert_eq!(y, all[..rows.bytes(m)], "m {m}, tile of {} rows, {splits} splits", tile.rows);
        }
    }
}

/// A row alone, in another place, and beside rows of infinities.
#[test]
fn a_row_does_not_see_the_others() {
    let rows = Rows::new(Case { k: 256, n: 64, group: 32, bits: 8, ..CASE });
    for tile in TILES {
        let alone = rows.run(tile, 2, rows.x(0, 1));
        let mut beside: Vec<u8> = [0x80, 0x7f].repeat(rows.case.k * 12);
        beside.extend(rows.x(0, 1));
        let y = rows.run(tile, 2, &beside);
        assert_eq!(y[rows.bytes(12)..], alone, "tile of {} rows", tile.rows);
        let first = decode(&y[..rows.bytes(1)], Dtype::F32);
        assert!(first.iter().all(|v| !v.is_finite()), "the infinities are seen where they are");
    }
}

/// Sums of a group are exact in F32 where the activations are small integers, so scales of powers of two must give the exact
/// result: no rounding of (q - z) * s to 16 bits comes between.
#[test]
fn weights_are_not_rounded() {
    let case = Case { k: 512, n: 64, group: 128, bits: 8, bias: false, ..CASE };
    let layer = case.layer(21);
    let device = Device::new(&layer.packed.view());
    let x: Vec<u8> =
        (0..3 * case.k).flat_map(|i| half::bf16::from_f32((i % 7) as f32 - 3.0).to_le_bytes()).collect();
    let (y, size) = expected(&layer, 3, &decode(&x, Dtype::BF16));
    for tile in TILES {
        let cut = cut(&device, tile, Machine::Ampere, 3, Dtype::BF16, 1);
        let found = device.linear(&cut, (&x, 3, Dtype::BF16), Dtype::F32, (0, 0), &Options::default()).0;
        for ((found, wanted), size) in decode(&found, Dtype::F32).iter().zip(&y).zip(&size) {
            // One fold a group and slice, each rounded once.
            assert!((found - wanted).abs() <= 2f64.powi(-24) * 8.0 * size, "{found} {wanted}");
        }
    }
}

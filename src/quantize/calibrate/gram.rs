//! The Gram matrix XᵀX of a stream of rows, \[K, K\].
//!
//! It is symmetric, so only the tiles on and below the diagonal are kept. Rows are collected and multiplied
//! [`CHUNK`] at a time in f32; chunks are added up in f64. Chunks are cut by the count of rows alone, so the result
//! depends neither on how the host cuts its calls nor on the number of threads.

use std::sync::Mutex;

use super::super::linalg::{Mat, MatMut, product};
use crate::parallel::Parallel;

/// Rows that are multiplied at once.
pub(super) const CHUNK: usize = 512;
/// Side of a tile.
pub(super) const TILE: usize = 192;

/// Rows not yet multiplied, and the sum of those that are.
#[derive(Debug, Clone, Default)]
pub(super) struct Gram {
    pub k: usize,
    /// Up to [`CHUNK`] rows of K.
    pub staged: Vec<f32>,
    /// Tiles (i, j), j ≤ i, row by row, each [`TILE`] × [`TILE`]; beyond K they hold zeros.
    pub tiles: Vec<f64>,
}

/// Tiles that K channels have; `usize::MAX` when they cannot be counted.
pub(super) fn tile_count(k: usize) -> usize {
    let side = k.div_ceil(TILE);
    side.checked_mul(side + 1).map_or(usize::MAX, |twice| twice / 2)
}

impl Gram {
    pub fn new(k: usize) -> Self {
        Gram { k, staged: vec![], tiles: vec![0.0; tile_count(k) * TILE * TILE] }
    }

    /// Adds rows of K, in order.
    pub fn add(&mut self, mut rows: &[f32], par: &dyn Parallel) {
        self.staged.reserve_exact(CHUNK * self.k - self.staged.len());
        while !rows.is_empty() {
            let room = CHUNK * self.k - self.staged.len();
            let (now, later) = rows.split_at(room.min(rows.len()));
            self.staged.extend_from_slice(now);
            if self.staged.len() == CHUNK * self.k {
                add_product(&mut self.tiles, &self.staged, self.k, par);
                self.staged.clear();
            }
            rows = later;
        }
    }

    /// Adds another matrix of the same K.
    pub fn merge(&mut self, other: &Gram, par: &dyn Parallel) {
        for (to, from) in self.tiles.iter_mut().zip(&other.tiles) {
            *to += from;
        }
        self.add(&other.staged, par);
    }

    /// The whole matrix times `factor`, \[K, K\] in f32.
    pub fn dense(&self, factor: f64, par: &dyn Parallel) -> Vec<f32> {
        let k = self.k;
        let mut tiles = vec![];
        let tiles = if self.staged.is_empty() {
            &self.tiles
        } else {
            tiles.clone_from(&self.tiles);
            add_product(&mut tiles, &self.staged, k, par);
            &tiles
        };
        let mut out = vec![0f32; k * k];
        for (t, tile) in tiles.chunks(TILE * TILE).enumerate() {
            let (i, j) = place(t);
            let (rows, cols) = (TILE.min(k - i * TILE), TILE.min(k - j * TILE));
            for r in 0..rows {
                for c in 0..cols {
                    let v = (tile[r * TILE + c] * factor) as f32;
                    let (row, col) = (i * TILE + r, j * TILE + c);
                    out[row * k + col] = v;
                    out[col * k + row] = v;
                }
            }
        }
        out
    }
}

/// Row and column of tile number `t`.
fn place(t: usize) -> (usize, usize) {
    let mut i = 0;
    while (i + 1) * (i + 2) / 2 <= t {
        i += 1;
    }
    (i, t - i * (i + 1) / 2)
}

/// tiles += rowsᵀ · rows.
fn add_product(tiles: &mut [f64], rows: &[f32], k: usize, par: &dyn Parallel) {
    let count = rows.len() / k;
    let tasks: Vec<_> = tiles.chunks_mut(TILE * TILE).map(Mutex::new).collect();
    par.run(tasks.len(), &|t| {
        let (i, j) = place(t);
        let columns = |i: usize| Mat::new(&rows[i * TILE..], count, TILE.min(k - i * TILE), k);
        let (a, b) = (columns(i).transposed(), columns(j));
        let mut part = [0f32; TILE * TILE];
        let (height, width) = (TILE.min(k - i * TILE), TILE.min(k - j * TILE));
        product(1.0, a, b, 0.0, &mut MatMut::new(&mut part, height, width, TILE));
        let mut tile = tasks[t].lock().expect("no task panics");
        for (to, from) in tile.iter_mut().zip(&part) {
            *to += f64::from(*from);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::{Pool, Serial};

    #[test]
    fn the_sum_of_outer_products_however_it_is_cut() {
        let (k, m) = (TILE + 7, CHUNK + 90);
        let x: Vec<f32> = (0..m * k).map(|i| ((i * 7919) % 2003) as f32 / 1000.0 - 1.0).collect();
        let mut whole = Gram::new(k);
        whole.add(&x, &Serial);
        let dense = whole.dense(1.0, &Serial);
        for (r, c) in [(0, 0), (3, 5), (k - 1, 2), (2, k - 1), (k - 1, k - 1), (TILE, TILE - 1)] {
            let exact: f64 = x.chunks(k).map(|row| f64::from(row[r]) * f64::from(row[c])).sum();
            assert!((f64::from(dense[r * k + c]) - exact).abs() < 1e-3, "({r}, {c})");
        }
        let mut cut = Gram::new(k);
        let pool = Pool::new(3).unwrap();
        for rows in x.chunks(37 * k) {
            cut.add(rows, &pool);
        }
        assert_eq!(cut.dense(1.0, &pool), dense);
    }

    #[test]
    fn tiles_are_numbered_row_by_row() {
        assert_eq!((0..6).map(place).collect::<Vec<_>>(), [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]);
    }
}

//! The Cholesky factor of a positive definite matrix, in f64, block by block.

use std::sync::Mutex;

use super::{Mat, MatMut, product};
use crate::parallel::Parallel;

/// Columns that are factored at once.
const BLOCK: usize = 96;
/// Rows of one task.
const ROWS: usize = 96;

/// Replaces the lower triangle of `a` \[k, k\] by L with A = L·Lᵀ; what is above the diagonal means nothing afterwards. A
/// pivot below `floor` is taken for `floor`, so that a matrix that is only nearly definite has a factor too.
pub fn cholesky(a: &mut [f64], k: usize, floor: f64, par: &dyn Parallel) {
    for first in (0..k).step_by(BLOCK) {
        let width = BLOCK.min(k - first);
        let end = first + width;
        let (top, below) = a.split_at_mut(end * k);
        let block = &mut top[first * k..];
        factor_block(block, k, first, width, floor);
        let mut diagonal = vec![0f64; width * width];
        for (to, from) in diagonal.chunks_mut(width).zip(block.chunks(k)) {
            to.copy_from_slice(&from[first..end]);
        }
        if below.is_empty() {
            break;
        }
        // The columns of this block below it, then what they take from the rest.
        let mut panel = vec![0f64; (k - end) * width];
        {
            let tasks: Vec<_> =
                below.chunks_mut(ROWS * k).zip(panel.chunks_mut(ROWS * width)).map(Mutex::new).collect();
            par.run(tasks.len(), &|t| {
                let mut task = tasks[t].lock().expect("no task panics");
                let (rows, panel) = &mut *task;
                for (row, out) in rows.chunks_mut(k).zip(panel.chunks_mut(width)) {
                    solve_row(&mut row[first..end], &diagonal, width);
                    out.copy_from_slice(&row[first..end]);
                }
            });
        }
        let tasks: Vec<_> = below.chunks_mut(ROWS * k).map(Mutex::new).collect();
        par.run(tasks.len(), &|t| {
            let mut rows = tasks[t].lock().expect("no task panics");
            let count = rows.len() / k;
            // Up to the diagonal of the last of these rows.
            let cols = t * ROWS + count;
            let left = Mat::new(&panel[t * ROWS * width..], count, width, width);
            let right = Mat::new(&panel, cols, width, width).transposed();
            product(-1.0, left, right, 1.0, &mut MatMut::new(&mut rows[end..], count, cols, k));
        });
    }
}

/// The factor of the block on the diagonal, whose rows start at `rows`.
fn factor_block(rows: &mut [f64], k: usize, first: usize, width: usize, floor: f64) {
    for i in 0..width {
        for j in 0..=i {
            let (above, row) = rows.split_at_mut(i * k);
            let row = &mut row[first..first + width];
            let other = if j == i { None } else { Some(&above[j * k + first..][..width]) };
            let sum: f64 = match other {
                Some(other) => row[..j].iter().zip(&other[..j]).map(|(a, b)| a * b).sum(),
                None => row[..j].iter().map(|a| a * a).sum(),
            };
            row[j] = match other {
                Some(other) => (row[j] - sum) / other[j],
                None => (row[j] - sum).max(floor).sqrt(),
            };
        }
    }
}

/// x ← the solution of x · Lᵀ = x.
fn solve_row(x: &mut [f64], lower: &[f64], width: usize) {
    for j in 0..width {
        let line = &lower[j * width..][..width];
        let sum: f64 = x[..j].iter().zip(&line[..j]).map(|(a, b)| a * b).sum();
        x[j] = (x[j] - sum) / line[j];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::{Pool, Serial};

    #[test]
    fn the_factor_times_itself_is_the_matrix() {
        for k in [1, 5, BLOCK, 2 * BLOCK + 17] {
            // b·bᵀ + 1, b of noise.
            let b: Vec<f64> = (0..k * k).map(|i| ((i * 7919 + 11) % 2003) as f64 / 1000.0 - 1.0).collect();
            let mut a = vec![0f64; k * k];
            (0..k).for_each(|i| a[i * k + i] = 1.0);
            product(
                1.0,
                Mat::new(&b, k, k, k),
                Mat::new(&b, k, k, k).transposed(),
                1.0,
                &mut MatMut::new(&mut a, k, k, k),
            );
            let mut l = a.clone();
            cholesky(&mut l, k, 0.0, &Pool::new(3).unwrap());
            let mut serial = a.clone();
            cholesky(&mut serial, k, 0.0, &Serial);
            for r in 0..k {
                for c in 0..=r {
                    let sum: f64 = (0..=c).map(|i| l[r * k + i] * l[c * k + i]).sum();
                    assert!((sum - a[r * k + c]).abs() < 1e-9 * k as f64, "{k}: ({r}, {c})");
                    assert_eq!(l[r * k + c], serial[r * k + c], "threads do not matter");
                }
            }
        }
    }

    #[test]
    fn a_singular_matrix_has_a_factor_too() {
        let mut a = [1.0, 1.0, 1.0, 1.0];
        cholesky(&mut a, 2, 1e-4, &Serial);
        assert_eq!((a[0], a[2], a[3]), (1.0, 1.0, 1e-2));
    }
}

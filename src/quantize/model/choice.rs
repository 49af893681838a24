//! Better mode's choice of scales: the best of both grids, by the error of rounding to nearest.
//!
//! Not by the error after compensation: that is a third of it with any scales, none included, but it falls by trading the
//! errors of channels against each other as the calibration has them. Scales that protect the salient channels first seem to
//! hold better when inputs differ a little, as they do behind layers that are quantized too (docs/awq.md has figures).

use super::super::arithmetic::Single;
use super::super::awq::{Candidate, Inputs, Quadratic, Search, Searched, Weight};
use super::block::grid;
use super::layer;
use super::options::AwqOptions;
use crate::parallel::Parallel;

/// A group whose scales are chosen.
pub(super) struct Choice<'a> {
    pub gram: &'a Quadratic,
    pub x_mean: &'a [f32],
    pub tied: Option<&'a [usize]>,
    pub options: &'a AwqOptions,
}

/// Candidates are compared on some of the rows: at least so many, which rank them as all rows do, and no more than keep
/// rows · K² below `WORK`, so that the search costs less than the rounding that follows.
const ROWS: std::ops::RangeInclusive<usize> = 256..=1024;
const WORK: usize = 1 << 30;

impl Choice<'_> {
    pub fn run(&self, weights: &[Weight], par: &dyn Parallel) -> Searched {
        let search = Search {
            weights: &[sample(weights)],
            x_mean: self.x_mean,
            inputs: Inputs::Gram(self.gram),
            rounding: layer::rounding(self.options),
            tied: self.tied,
        };
        let candidates: Vec<Candidate> = grid(true).chain(grid(false)).collect();
        search.run::<Single>(&candidates, par)
    }
}

/// Rows of all weights, evenly spread.
fn sample(weights: &[Weight]) -> Weight {
    let k = weights[0].k;
    let rows: usize = weights.iter().map(|w| w.n).sum();
    let wanted = (WORK / (k * k)).clamp(*ROWS.start(), *ROWS.end());
    let step = rows.div_ceil(wanted);
    let data: Vec<f32> =
        weights.iter().flat_map(|w| w.data.chunks(k)).step_by(step).flatten().copied().collect();
    Weight { n: data.len() / k, k, data }
}

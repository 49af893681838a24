//! Better mode's choice of scales: the best of both grids, if it beats no scales at all once errors are compensated.

use super::super::arithmetic::Single;
use super::super::awq::{Candidate, Compensation, Factor, Inputs, Quadratic, Search, Searched, Weight};
use super::super::quantizer::rtn_options;
use super::block::grid;
use super::layer::{self, delta, error};
use super::options::AwqOptions;
use crate::error::Result;
use crate::parallel::Parallel;
use crate::types::Dtype;

/// A group whose scales are chosen.
pub(super) struct Choice<'a> {
    pub gram: &'a Quadratic,
    pub factor: &'a Factor,
    pub x_mean: &'a [f32],
    pub tied: Option<&'a [usize]>,
    pub options: &'a AwqOptions,
    /// Of the weights.
    pub dtype: Dtype,
}

/// Candidates are compared on some of the rows: at least so many, which rank them as all rows do, and no more than keep
/// rows · K² below `WORK`, so that the search costs less than the rounding that follows.
const ROWS: std::ops::RangeInclusive<usize> = 256..=1024;
const WORK: usize = 1 << 30;

impl Choice<'_> {
    pub fn run(&self, weights: &[Weight], par: &dyn Parallel) -> Result<Searched> {
        let sample = [sample(weights)];
        let search = Search {
            weights: &sample,
            x_mean: self.x_mean,
            inputs: Inputs::Gram(self.gram),
            rounding: layer::rounding(self.options),
            tied: self.tied,
        };
        let candidates: Vec<Candidate> = grid(true).chain(grid(false)).collect();
        let found = search.run::<Single>(&candidates, par);
        if self.error(&sample[0], None, par)? <= self.error(&sample[0], Some(&found.scales), par)? {
            let scales = vec![1.0; found.scales.len()];
            return Ok(Searched { best: Candidate { ratio: 0.0, duo: false }, scales, ..found });
        }
        Ok(found)
    }

    /// The output error of the sample after compensated rounding.
    fn error(&self, sample: &Weight, scales: Option<&[f32]>, par: &dyn Parallel) -> Result<f64> {
        let compensation = Compensation {
            gram: self.gram,
            factor: self.factor,
            scales,
            divisors: None,
            spec: self.options.checkpoint.spec,
            scale_dtype: rtn_options(&self.options.checkpoint, self.dtype).types(self.dtype).1,
        };
        let rounded = compensation.round(&sample.data, par)?;
        Ok(error(&delta(sample, &rounded, scales, None, par), self.gram, None, par))
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

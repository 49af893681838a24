//! The scale search: the candidate with the least output error.

use std::sync::Mutex;

use super::super::arithmetic::Arithmetic;
use super::grid::{self, Candidate};
use super::loss::{Quadratic, Scratch};
use super::mlp::Mlp;
use super::round::Rounding;
use super::weight::{ROWS, Weight};
use crate::parallel::Parallel;

/// A group of layers and its inputs.
pub(in super::super) struct Search<'a> {
    /// The weights that share the input.
    pub weights: &'a [Weight],
    /// Mean |x| of each channel.
    pub x_mean: &'a [f32],
    pub inputs: Inputs<'a>,
    pub rounding: Rounding,
    /// For each channel the number of its scale; channels of one number share it. None: each has its own.
    pub tied: Option<&'a [usize]>,
}

/// How the error of a candidate is measured.
pub(in super::super) enum Inputs<'a> {
    /// On the outputs of the layers.
    Gram(&'a Quadratic),
    /// On the output of the MLP that they begin.
    Mlp(Mlp<'a>),
}

/// What was found.
#[derive(Debug, Clone)]
pub(in super::super) struct Searched {
    pub best: Candidate,
    pub scales: Vec<f32>,
    /// Mean squared error of the output, of each candidate in order.
    #[cfg_attr(not(test), allow(dead_code))]
    pub losses: Vec<f64>,
}

impl Search<'_> {
    /// Tries every candidate; the first of equally good ones wins. There is at least one candidate.
    pub fn run<A: Arithmetic>(&self, candidates: &[Candidate], par: &dyn Parallel) -> Searched {
        let k = self.weights[0].k;
        let group = self.rounding.spec.group.effective(k);
        let mut w_mean = grid::mean_weight::<A>(self.weights, group, par);
        let mut x_mean: Vec<f32> = self.x_mean.iter().map(|x| A::round(*x)).collect();
        if let Some(tied) = self.tied {
            share(&mut w_mean, tied);
            share(&mut x_mean, tied);
        }
        let mut best = None::<(f64, usize, Vec<f32>)>;
        let mut losses = vec![];
        for (i, &c) in candidates.iter().enumerate() {
            let scales = grid::scales::<A>(c, &x_mean, &w_mean);
            let loss = self.loss::<A>(&scales, par);
            losses.push(loss);
            if best.as_ref().is_none_or(|(least, _, _)| loss < *least) {
                best = Some((loss, i, scales));
            }
        }
        let (_, i, scales) = best.expect("there is a candidate");
        Searched { best: candidates[i], scales, losses }
    }

    /// The mean squared error of the output with these scales.
    fn loss<A: Arithmetic>(&self, scales: &[f32], par: &dyn Parallel) -> f64 {
        match &self.inputs {
            Inputs::Gram(gram) => self.gram_loss::<A>(gram, scales, par),
            Inputs::Mlp(mlp) => {
                let rounded = |w: &Weight| {
                    let mut w = w.clone();
                    w.each_rows(par, |_, rows| self.round::<A>(rows, scales));
                    w
                };
                mlp.loss(&rounded(&self.weights[0]), &rounded(&self.weights[1]), par)
            }
        }
    }

    fn gram_loss<A: Arithmetic>(&self, gram: &Quadratic, scales: &[f32], par: &dyn Parallel) -> f64 {
        let k = scales.len();
        let pieces: Vec<&[f32]> = self.weights.iter().flat_map(|w| w.data.chunks(ROWS * k)).collect();
        let outputs: usize = self.weights.iter().map(|w| w.n).sum();
        let sums = Mutex::new(vec![0f64; pieces.len()]);
        par.run(pieces.len(), &|t| {
            let mut delta = pieces[t].to_vec();
            self.round::<A>(&mut delta, scales);
            delta.iter_mut().zip(pieces[t]).for_each(|(d, w)| *d -= w);
            let mut errors = [0f64; ROWS];
            let errors = &mut errors[..delta.len() / k];
            gram.of_rows(&delta, &mut Scratch::default(), errors);
            let sum: f64 = errors.iter().sum();
            sums.lock().expect("no task panics")[t] = sum;
        });
        // Added up in the order of the rows, whoever computed them.
        sums.into_inner().expect("no task panics").iter().sum::<f64>() / outputs as f64
    }

    /// rows ← round(rows · s) / s.
    fn round<A: Arithmetic>(&self, rows: &mut [f32], scales: &[f32]) {
        let k = scales.len();
        let g = self.rounding.spec.group.effective(k);
        let mut codes = vec![0u8; g];
        for row in rows.chunks_mut(k) {
            for (group, scales) in row.chunks_mut(g).zip(scales.chunks(g)) {
                group.iter_mut().zip(scales).for_each(|(w, s)| *w = A::round_fast(*w * s));
                self.rounding.apply::<A>(group, &mut codes);
                group.iter_mut().zip(scales).for_each(|(w, s)| *w = A::round_fast(*w / s));
            }
        }
    }
}

/// Gives channels of one number the mean of their values.
fn share(values: &mut [f32], tied: &[usize]) {
    let count = tied.iter().max().map_or(0, |m| m + 1);
    let mut sums = vec![(0f64, 0u32); count];
    for (v, &t) in values.iter().zip(tied) {
        sums[t] = (sums[t].0 + f64::from(*v), sums[t].1 + 1);
    }
    for (v, &t) in values.iter_mut().zip(tied) {
        *v = (sums[t].0 / f64::from(sums[t].1)) as f32;
    }
}

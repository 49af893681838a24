//! The loss that AutoAWQ takes for gate and up: the error of the whole MLP, down(activation(gate·x) ∘ up·x).

use std::sync::Mutex;

use super::super::architecture::Activation;
use super::super::linalg::{Mat, MatMut, product};
use super::weight::Weight;
use crate::parallel::Parallel;

/// Rows of x of one task.
const ROWS: usize = 64;

/// An MLP and inputs of it.
pub(in super::super) struct Mlp<'a> {
    /// Rows of K inputs.
    x: &'a [f32],
    down: &'a Weight,
    activation: Activation,
    /// The outputs of the unquantized MLP.
    reference: Vec<f32>,
}

impl<'a> Mlp<'a> {
    /// Computes the outputs of the unquantized weights.
    pub fn new(
        x: &'a [f32],
        gate: &Weight,
        up: &Weight,
        down: &'a Weight,
        activation: Activation,
        par: &dyn Parallel,
    ) -> Self {
        let mut mlp = Mlp { x, down, activation, reference: vec![] };
        let mut reference = vec![0f32; x.len() / gate.k * down.n];
        {
            let tasks: Vec<_> = reference.chunks_mut(ROWS * down.n).map(Mutex::new).collect();
            par.run(tasks.len(), &|t| {
                mlp.outputs(t, gate, up, &mut tasks[t].lock().expect("no task panics"));
            });
        }
        mlp.reference = reference;
        mlp
    }

    /// Mean squared difference to the unquantized outputs.
    pub fn loss(&self, gate: &Weight, up: &Weight, par: &dyn Parallel) -> f64 {
        let pieces: Vec<&[f32]> = self.reference.chunks(ROWS * self.down.n).collect();
        let sums = Mutex::new(vec![0f64; pieces.len()]);
        par.run(pieces.len(), &|t| {
            let mut y = vec![0f32; pieces[t].len()];
            self.outputs(t, gate, up, &mut y);
            let sum = y.iter().zip(pieces[t]).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
            sums.lock().expect("no task panics")[t] = sum;
        });
        sums.into_inner().expect("no task panics").iter().sum::<f64>() / self.reference.len() as f64
    }

    /// The outputs of task `t`.
    fn outputs(&self, t: usize, gate: &Weight, up: &Weight, y: &mut [f32]) {
        let (k, n, m) = (gate.k, gate.n, y.len() / self.down.n);
        let x = Mat::new(&self.x[t * ROWS * k..], m, k, k);
        let (mut a, mut b) = (vec![0f32; m * n], vec![0f32; m * n]);
        for (weight, out) in [(gate, &mut a), (up, &mut b)] {
            let w = Mat::new(&weight.data, n, k, k).transposed();
            product(1.0, x, w, 0.0, &mut MatMut::new(out, m, n, n));
        }
        a.iter_mut().zip(&b).for_each(|(a, b)| *a = apply(self.activation, *a) * b);
        let down = Mat::new(&self.down.data, self.down.n, n, n).transposed();
        product(1.0, Mat::new(&a, m, n, n), down, 0.0, &mut MatMut::new(y, m, self.down.n, self.down.n));
    }
}

fn apply(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::Silu => x / (1.0 + (-x).exp()),
        // The approximation that Gemma uses; 0.7978… = √(2/π).
        Activation::GeluTanh => 0.5 * x * (1.0 + (0.797_884_6 * (x + 0.044_715 * x * x * x)).tanh()),
    }
}

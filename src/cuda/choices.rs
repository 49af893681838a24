//! What was chosen for a layer before, so that a run does not ask the time model each time.

use std::sync::OnceLock;

use super::choose::{Choice, choose};
use super::rows::{self, CLASSES};
use super::{CudaPlan, Gpu, Problem, Tuning, Wish};
use crate::error::Result;
use crate::kernel::Kernel;
use crate::types::Dtype;

/// The choices of one layer for each class of rows, F16 and BF16, plain and batch-invariant, where the kernel was left to
/// the library.
#[derive(Default)]
pub(super) struct Choices([[[OnceLock<Choice>; CLASSES]; 2]; 2]);

impl Choices {
    /// As [`CudaPlan::tuned`], which it asks when it has no answer yet. GPU, layer and table are always the same.
    pub(super) fn plan(&self, gpu: &Gpu, problem: &Problem, wish: Wish, tuning: &Tuning) -> Result<CudaPlan> {
        if wish.kernel != Kernel::Auto {
            return CudaPlan::tuned(gpu, problem, wish, tuning);
        }
        CudaPlan::admitted(gpu, problem, wish, || {
            let float = usize::from(problem.dtype == Dtype::BF16);
            let known = &self.0[usize::from(wish.batch_invariant)][float][rows::class_of(problem.m)];
            *known.get_or_init(|| choose(gpu, problem, wish, tuning))
        })
    }
}

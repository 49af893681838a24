//! The CUDA backend.
//!
//! What a GPU of some compute capability is called and can do (`capability`), and which kernel runs a problem on it,
//! how it is cut up and why (`plan`). Both are pure functions of numbers: they need no GPU and no driver.

pub mod capability;
mod cut;
mod plan;
mod plan_json;
mod problem;

pub use capability::Architecture;
pub use plan::{CudaPlan, admit_kernel};
pub use problem::{Gpu, Problem};

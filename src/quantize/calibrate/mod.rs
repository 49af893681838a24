//! Calibration: what the inputs of linear layers look like, gathered while a host runs its model.
//!
//! For each layer the mean of |x| of every input channel is kept, and either the Gram matrix XᵀX, from which the output
//! error of any change ΔW of the weights follows as tr(ΔW·XᵀX·ΔWᵀ), or a bounded sample of rows.

mod calibrator;
mod gram;
mod sample;
mod statistics;
mod store;

pub use calibrator::{Calibrator, CalibratorOptions, NotFinite};
pub use statistics::Statistics;

//! What a job chose for each layer, and what it gained.

use serde::{Deserialize, Serialize};

/// Everything about a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AwqReport {
    /// `better` or `faithful`.
    pub mode: String,
    /// Name of the description; none when nothing is known about the architecture.
    pub architecture: Option<String>,
    /// Bits of a code.
    pub bits: usize,
    /// −1 = per channel.
    pub group_size: i64,
    /// Whether zero points are stored.
    pub zero_point: bool,
    /// Layout that is written.
    pub layout: String,
    /// Groups that are done, in the order of the model.
    pub groups: Vec<GroupReport>,
    /// Linear layers that stay as they are.
    pub kept: Vec<String>,
    /// What is odd but harmless, one sentence each.
    pub warnings: Vec<String>,
}

/// Layers that share an input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// Name of the first layer.
    pub name: String,
    /// The block that it is in; empty for none.
    pub block: String,
    /// Input channels.
    pub k: usize,
    /// Rows of calibration; 0 for none.
    pub rows: u64,
    /// α of the scales; none when the group is not scaled.
    pub alpha: Option<f32>,
    /// Whether the weights counted too (duo scaling).
    pub duo: Option<bool>,
    /// Smallest and largest scale.
    pub scales: Option<(f32, f32)>,
    /// Why the group is not scaled.
    pub unscaled: Option<String>,
    /// Input channels that were zero in every row.
    pub never_active: usize,
    /// The layers, in order.
    pub layers: Vec<LayerReport>,
}

/// One layer. Errors are mean squared errors of its output over the calibration; none without one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerReport {
    /// Module name.
    pub name: String,
    /// Output features.
    pub n: usize,
    /// Share of the groups of weights that were cut, and the mean of their bounds in units of the largest weight.
    pub clip: Option<(f64, f64)>,
    /// Mean square of the unquantized output.
    pub output: Option<f64>,
    /// Error of round to nearest.
    pub error_rtn: Option<f64>,
    /// Error of what was written.
    pub error: Option<f64>,
    /// Input channels with the largest part in `error`, largest first.
    pub worst_channels: Vec<WorstChannel>,
}

/// An input channel and its part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WorstChannel {
    /// Number of the channel.
    pub channel: usize,
    /// Its part of the error, as a fraction.
    pub share: f64,
}

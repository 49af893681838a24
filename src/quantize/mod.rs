//! From dense weights to quantized layers and checkpoints, and from one layout of checkpoint to another.
//!
//! [`rtn`] rounds one weight to nearest. [`quantize_checkpoint`] does that to a model directory, and
//! [`convert_checkpoint`] repacks a directory that is quantized already; both stream layer by layer.

mod architecture;
mod arithmetic;
mod awq;
mod beside;
mod by_row;
mod calibrate;
mod convert;
mod fit;
mod linalg;
mod model;
mod options;
mod quantizer;
mod rewrite;
mod rtn;
mod rule;
mod widen;

pub use architecture::Architecture;
pub use calibrate::{Calibrator, CalibratorOptions, NotFinite, Statistics};
pub use convert::convert_checkpoint;
pub use model::{
    AwqMode, AwqOptions, AwqQuantizer, AwqReport, GroupInfo, GroupReport, LayerReport, WorstChannel,
};
pub use options::{CheckpointOptions, DEFAULT_SKIP, Method, Progress, Report, Stage};
pub use quantizer::quantize_checkpoint;
pub use rewrite::OnProgress;
pub use rtn::{RtnOptions, rtn};
pub use rule::RangeRule;

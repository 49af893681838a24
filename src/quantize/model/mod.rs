//! AWQ on a whole model directory: groups of layers, block by block, into a new checkpoint.
//!
//! A host creates an [`AwqQuantizer`], feeds a [`super::Calibrator`] with the inputs of a block, runs the block, and goes on
//! with the next; [`AwqQuantizer::finish`] puts the checkpoint together. Finished blocks lie in a folder of their own beside
//! the destination, so that an interrupted job can go on.

mod block;
mod choice;
mod layer;
mod options;
mod quantizer;
mod report;
mod table;
mod work;

pub use options::{AwqMode, AwqOptions};
pub use quantizer::{AwqQuantizer, GroupInfo};
pub use report::{AwqReport, GroupReport, LayerReport, WorstChannel};

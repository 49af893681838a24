//! What is asked of an AWQ job.

use std::path::PathBuf;

use crate::quantize::CheckpointOptions;

/// How scales, clips and codes are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AwqMode {
    /// The scales of a wider grid, then rounding that makes up for its own errors: the best models that this library can make.
    #[default]
    Better,
    /// AutoAWQ's choices: its grid of 20 ratios with both statistics, its clip search, its rounding.
    Faithful,
}

/// How [`super::AwqQuantizer`] works.
#[derive(Debug, Clone)]
pub struct AwqOptions {
    /// How scales, clips and codes are chosen.
    pub mode: AwqMode,
    /// Bits, group size, layout, layers to skip, files. `rule` None: AutoAWQ's formula in faithful mode (but
    /// compressed-tensors' for its layout), else compressed-tensors', which leaves groups of one sign whole.
    pub checkpoint: CheckpointOptions,
    /// Go on with what an interrupted job left beside the destination, and leave it there when this one is interrupted.
    pub resume: bool,
    /// Leave layers with weights that are not finite as they are, instead of an error.
    pub skip_not_finite: bool,
    /// A JSON description that is used instead of those that come along.
    pub architecture: Option<PathBuf>,
}

impl AwqOptions {
    /// These bits and this layout; nothing else out of the ordinary.
    pub fn new(checkpoint: CheckpointOptions) -> Self {
        AwqOptions {
            mode: AwqMode::default(),
            checkpoint,
            resume: false,
            skip_not_finite: false,
            architecture: None,
        }
    }
}

//! Marlin's layout, and its steps one by one for callers that assemble them as Python code does.
//!
//! [`super::repack`] does all of it at once, for any shape. The functions here take part of the work each, keep the
//! names that engines know them by, and refuse the shapes that engines refuse.

pub(super) mod pack;
mod permute;
mod steps;
mod workspace;

pub use permute::{
    GROUPED, SINGLE, ScaleOrder, permute_bias, permute_scales, unpermute_bias, unpermute_scales,
};
pub use steps::{
    awq_marlin_repack, awq_to_marlin_zero_points, gptq_marlin_repack, pack_columns, unpack_columns,
    zero_points_to_marlin,
};
pub use workspace::{KernelLineage, workspace_bytes};

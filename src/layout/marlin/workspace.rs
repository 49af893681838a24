//! The lock words that Marlin kernels want beside their operands.

use crate::error::Result;
use crate::types::mul;

/// Whose Marlin kernel it is; they differ in what they use the workspace for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelLineage {
    /// Today's kernel of vLLM and its relatives: one lock for each multiprocessor.
    PerProcessor,
    /// The earlier GPTQ-Marlin kernel: 16 locks for each 64 columns.
    GptqMarlin,
    /// IST-DASLab's kernel: 16 locks for each 128 columns.
    Marlin,
    /// AutoAWQ's `version: marlin` kernel: 8 locks for each 128 columns.
    AwqMarlin,
}

/// Bytes of the workspace, int32 zeros, for N output features on a GPU of `processors` multiprocessors.
///
/// Errors: [`crate::ErrorKind::SizeOverflow`].
pub fn workspace_bytes(lineage: KernelLineage, n: usize, processors: usize) -> Result<usize> {
    let locks = match lineage {
        KernelLineage::PerProcessor => processors,
        KernelLineage::GptqMarlin => mul(n.div_ceil(64), 16, "workspace")?,
        KernelLineage::Marlin => mul(n.div_ceil(128), 16, "workspace")?,
        KernelLineage::AwqMarlin => mul(n.div_ceil(128), 8, "workspace")?,
    };
    mul(locks, 4, "workspace")
}

//! What a GPU does in a nanosecond, as far as the time model of plans needs to know. The memory's bandwidth is the
//! device's own; the rest is scaled from the typical product of its capability, so it is an estimate: good enough to
//! rank two ways of doing the same work, not to promise a time.

use super::capability;
use super::problem::Gpu;

/// Time from a request to the memory's answer under load.
pub(super) const LATENCY_NS: f64 = 800.0;

/// Time of the step that adds slices of K: write, count, read are three trips to L2.
const SECOND_STEP_NS: f64 = 900.0;

/// From the start of a kernel to its first product, and from the last one to its end; every kernel has it.
pub(super) const START_NS: f64 = 1000.0;

/// Bytes that one multiprocessor takes from L2 in a nanosecond when all of them read: half of the 64 bytes a clock that
/// its port has, at 1.5 GHz.
const CACHE_EACH: f64 = 48.0;

/// Share of the memory's bandwidth that reading reaches at best.
const MEMORY_SHARE: f64 = 0.92;

/// Rates of a GPU, in bytes or operations per nanosecond: that is in GB/s and GFLOP/s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speed {
    /// Streaming multiprocessors.
    pub multiprocessors: usize,
    /// Memory, by its clock.
    pub memory: f64,
    /// L2, all multiprocessors together.
    pub cache: f64,
    /// Products by the tensor-core instructions that the kernels here use.
    pub products: f64,
    /// Products of the host's dense GEMM, which uses the largest instructions.
    pub dense_products: f64,
}

impl Speed {
    pub(super) fn of(gpu: &Gpu) -> Self {
        let multiprocessors = gpu.multiprocessors as usize;
        let typical = capability::nearest(gpu.capability).and_then(|a| a.typical);
        let each = typical.map_or(1.0, |p| p.tflops / f64::from(p.multiprocessors));
        let dense_products = 1e3 * each * multiprocessors as f64;
        Speed {
            multiprocessors,
            memory: gpu.bandwidth(),
            cache: CACHE_EACH * multiprocessors as f64,
            products: dense_products * capability::warp_products_share(gpu.capability),
            dense_products,
        }
    }

    /// Nanoseconds of works that different parts of a multiprocessor do at the same time: the longest, and a quarter of
    /// the rest, as they wait for each other now and then.
    pub(super) fn overlapped_ns(works: &[f64]) -> f64 {
        let longest = works.iter().copied().fold(0.0, f64::max);
        longest + (works.iter().sum::<f64>() - longest) / 4.0
    }

    /// Nanoseconds to move bytes over the memory bus, when enough of them are asked for at a time.
    pub(super) fn memory_ns(&self, bytes: f64) -> f64 {
        bytes / (MEMORY_SHARE * self.memory)
    }

    /// Nanoseconds of the step that adds slices, whose sums have so many bytes together; they stay in L2.
    pub(super) fn second_step_ns(&self, bytes: f64) -> f64 {
        SECOND_STEP_NS + 2.0 * bytes / (2.0 * self.memory)
    }
}

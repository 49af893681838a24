//! The CUDA backend: y = x · W + bias on NVIDIA GPUs, in the host's own contexts, streams and memory.
//!
//! What a GPU of some compute capability is called and can do (`capability`), and which kernel runs a problem on it,
//! how it is cut up and why (`plan`), are pure functions of numbers: they need no GPU and no driver. The rest talks to
//! the driver, which is looked for when it is first asked for; without one everything here answers with a reason.
//!
//! Rules that a library inside somebody else's engine keeps: the caller's current context is the same after every call
//! (`context`); kernels are loaded when a device is opened (`library`, `device`), so that a run is one launch and
//! nothing else (`launch`); nothing is allocated, waited for or copied in a run.

pub mod capability;
mod choose;
mod cut;
mod cut_text;
mod dense;
mod gemv_cut;
mod marlin_cut;
mod plan;
mod plan_json;
mod problem;
mod rows;
mod speed;
mod tuning;
mod words;

pub use capability::Architecture;
pub use choose::Wish;
pub use cut::COUNTER_BYTES;
pub use plan::CudaPlan;
pub use problem::{Gpu, Problem};
pub use tuning::Tuning;

/// Arguments of the kernels; public for tests, which run kernels where there is no driver.
#[doc(hidden)]
pub mod args;
#[cfg(feature = "cuda")]
mod check;
#[cfg(feature = "cuda")]
mod choices;
#[cfg(feature = "cuda")]
mod context;
#[cfg(feature = "cuda")]
mod dequantize;
#[cfg(feature = "cuda")]
mod device;
#[cfg(feature = "cuda")]
mod driver;
#[cfg(feature = "cuda")]
mod kernels;
#[cfg(feature = "cuda")]
mod launch;
#[cfg(feature = "cuda")]
mod library;
#[cfg(feature = "cuda")]
mod linear;
/// The tiles of the Marlin GEMM; public for tests, which compare them with the kernels.
#[doc(hidden)]
pub mod marlin_tiles;
#[cfg(feature = "cuda")]
mod memory;
#[cfg(feature = "cuda")]
mod probe;
#[cfg(feature = "cuda")]
mod repack;
#[cfg(feature = "cuda")]
mod workspace;

#[cfg(feature = "cuda")]
pub use {
    device::{CudaDevice, CudaOptions},
    linear::{CudaLinear, DeviceMatrix, DeviceTensors, Run},
    probe::{CudaStatus, built_for, status},
    repack::{DeviceTensorsMut, repack},
};

#[cfg(not(feature = "cuda"))]
mod absent;
#[cfg(not(feature = "cuda"))]
pub use absent::{
    CudaDevice, CudaLinear, CudaOptions, CudaStatus, DeviceMatrix, DeviceTensors, DeviceTensorsMut, Run,
    built_for, repack, status,
};

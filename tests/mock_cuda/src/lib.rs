//! A libcuda.so.1 for machines without a GPU, for tests of what a program does with the driver.
//!
//! Launches run the kernels' sources on the host (crate `awq-marlin-emulation`), at once. Device memory is memory of the
//! host that cannot be touched but through this driver; kernels may touch what was allocated on their device and not a
//! byte more. What a real driver refuses is refused here: calls without a context, calls that break a stream capture,
//! handles that are none or no more. Every call is logged. Failures can be had on demand.
//!
//! | environment | means |
//! | --- | --- |
//! | `MOCK_CUDA_DEVICES` | number of GPUs (1) |
//! | `MOCK_CUDA_CAPABILITY` | compute capability of each, such as `8.0,7.5` (8.0; the last one goes on) |
//! | `MOCK_CUDA_VERSION` | version of the driver (13000) |
//! | `MOCK_CUDA_FAIL` | `cuInit=34`, or `cuMemAlloc_v2=2@3`: the third call gives 2; several with commas |
//!
//! `mock_cuda.h` has the functions that tests use to look inside.
#![allow(non_snake_case)]

mod call;
mod context;
mod control;
mod device;
mod environment;
mod error;
mod event;
mod graph;
mod launch;
mod library;
mod memory;
mod state;
mod stream;

//! AWQ-quantized linear layers: config parsing, checkpoint loading, repacking to the Marlin layout,
//! W4A16 matmul on the CPU and on NVIDIA GPUs, and quantization.
//!
//! The C interface is `include/awq_marlin.h`; it is generated from [`abi`]. The modules stand on four
//! floors, and a file imports only from lower floors (`tests/floors.rs` keeps that):
//!
//! ```text
//! 4  abi                           extern "C", raw pointers, C names
//! 3  cpu, cuda, quantize           backends and the quantizer
//! 2  config, checkpoint, layout    formats; plan_text
//! 1  error, types, kernel, parallel, fork, pages, buffer, matrix
//! ```

pub mod error;
pub mod kernel;
pub mod types;

pub mod buffer;
mod fork;
pub mod matrix;
mod pages;
pub mod parallel;

pub mod layout;

pub mod config;

pub mod checkpoint;

pub mod plan_text;

pub mod cpu;
pub mod cuda;
pub mod quantize;

pub mod abi;

pub use error::{Error, ErrorKind, Result};

//! The C interface, and the only place with `extern "C"`, raw pointers and C names.
//!
//! One file per handle. Each function's body is one call of `guard::guard`, which turns errors and panics into a
//! status; pointers are checked in `pointers`, options read in `options`. Nothing is computed here: the floors
//! below do the work, on safe Rust types. `cbindgen` makes `include/awq_marlin.h` from this folder.
#![allow(non_camel_case_types)]

mod guard;
mod options;
mod pointers;

pub mod status;
pub mod types;
pub mod version;

pub mod log;

pub mod allocator;

pub mod device;

pub mod config;

pub mod checkpoint;

pub mod packed;

pub mod repack;
pub mod support;

pub mod cuda_plan;

pub mod marlin;

pub mod linear;

pub mod plan;
pub mod plan_text;

pub mod cuda;

pub mod calibrator;
pub mod quantize;
pub mod quantizer;

pub mod tensors;

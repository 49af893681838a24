//! The CUDA kernels of awq-marlin: each `.cu` file of this folder as one compressed fatbin with machine code for every
//! GPU the build names, and PTX for those it does not know.
//!
//! They are made when the crate is built, with the `nvcc` that `AWQM_NVCC`, `PATH`, `CUDA_HOME`, `CUDA_PATH` or the
//! repository's `.cache/nvcc` (`scripts/get_nvcc.sh`) name. `AWQM_CUDA=require` fails without one, `AWQM_CUDA=off` does
//! not look. `AWQM_CUDA_ARCHS` lists the targets, such as `80,90,ptx90`. The crate needs no CUDA library.

#![no_std]

/// Bytes that the driver reads in place.
#[repr(C, align(16))]
pub struct Image<Bytes: ?Sized = [u8]>(pub Bytes);

include!(concat!(env!("OUT_DIR"), "/images.rs"));

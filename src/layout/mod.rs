//! Packings of a quantized layer as pure functions on bytes: every checkpoint dialect's, Marlin's, the CPU's.
//!
//! Everything here is about one logical layer of K input features and N output features: codes `q[K][N]`,
//! zero points `z[G][N]` and scales `s[G][N]`, where G is the number of groups along K and
//! `w[k][n] = (q[k][n] − z[k/g][n]) · s[k/g][n]`. A [`Layout`] says where each of them lies.
//! All tensors are little-endian bytes in C order and need no alignment (safetensors does not promise any).
//!
//! Each layout is one file that says two things: the places of elements as sums of two table entries (`address`), and
//! how to turn 64 x 64 codes into column words and back (`tile`). [`repack`] joins any two of them.

mod address;
mod ahead;
mod check;
mod columns;
mod compressed_tensors;
mod cpu;
mod dense;
mod dequantize;
mod desc;
mod float;
mod forms;
mod gemm;
mod gemv;
mod gemv_fast;
mod gptq;
mod groups;
mod join;
mod lanes;
pub mod marlin;
mod packed;
mod packing;
mod plain;
mod repack;
mod source;
pub mod support;
mod tile;

pub use check::{check, check_lengths};
pub use dequantize::dequantize;
pub use desc::{LayerDesc, LayerView, Layout, Padded, Part, Role, TensorSizes};
pub(crate) use join::target;
pub use join::{bias, joined_desc};
pub use lanes::Width;
pub use packed::Packed;
pub use packing::{padded, sizes};
pub use plain::Plain;
#[cfg(feature = "cuda")]
pub(crate) use repack::check_outputs;
pub use repack::{TensorsMut, repack, repack_by, repack_into};

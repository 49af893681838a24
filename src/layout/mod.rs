//! Packings of a quantized layer as pure functions on bytes: every checkpoint dialect's, Marlin's, the CPU's.
//!
//! Everything here is about one logical layer of K input features and N output features: codes q[K][N],
//! zero points z[G][N] and scales s[G][N], where G is the number of groups along K and
//! w[k][n] = (q[k][n] − z[k/g][n]) · s[k/g][n]. A [`Layout`] says where each of them lies.
//! All tensors are little-endian bytes in C order and need no alignment (safetensors does not promise any).

mod desc;
mod packed;

pub use desc::{LayerDesc, LayerView, Layout, Padded, Part, Role, TensorSizes};
pub use packed::Packed;

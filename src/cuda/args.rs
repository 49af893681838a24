//! Arguments of the kernels, as `kernels/common/args.h` has them. Each kernel takes one struct, by value.

use crate::types::Dtype;

/// An address in device memory; 0 is null.
pub type Address = u64;

/// y\[m, n\] = x\[m, k\] * w + bias.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct GemvArgs {
    pub x: Address,
    pub y: Address,
    pub qweight: Address,
    pub scales: Address,
    /// 0: symmetric.
    pub qzeros: Address,
    /// \[n\] in plain order; 0: none.
    pub bias: Address,
    /// Sums of the slices; unused when there is one slice.
    pub partials: Address,
    /// Zero before and after a launch; unused when there is one slice.
    pub counters: Address,
    /// Elements from one row to the next.
    pub x_stride: i64,
    pub y_stride: i64,
    pub m: i32,
    pub n: i32,
    pub k: i32,
    /// Stored N / 64 and stored K / 16.
    pub n_tiles: i32,
    pub k_tiles: i32,
    /// Rows of a group: logical, stored; stored groups.
    pub group: i32,
    pub group_rows: i32,
    pub groups: i32,
    pub scale_dtype: i32,
    pub bias_dtype: i32,
    pub y_dtype: i32,
    /// Slices of K, and k-tiles of one warp in each.
    pub splits: i32,
    pub slice_tiles: i32,
}

/// The same problem for the Marlin GEMM. `slice_tiles` is of one slice; a block has `k_warps` of them, and the product of
/// `splits`, `k_warps` and `slice_tiles` is at least `k_tiles`. `partials` are \[row blocks\]\[column blocks\]\[splits\] tiles
/// of \[rows\]\[columns\] F32.
pub type MarlinArgs = GemvArgs;

/// w as a dense matrix.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct DequantizeArgs {
    pub qweight: Address,
    pub scales: Address,
    /// 0: symmetric.
    pub qzeros: Address,
    pub w: Address,
    /// Elements from one row of w to the next.
    pub w_stride: i64,
    pub n: i32,
    pub k: i32,
    pub n_tiles: i32,
    pub k_tiles: i32,
    pub group: i32,
    pub group_rows: i32,
    pub groups: i32,
    pub scale_dtype: i32,
    /// 0: \[k, n\]; 1: \[n, k\].
    pub transposed: i32,
}

/// One tensor from one layout to another.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RepackArgs {
    pub src: Address,
    pub dst: Address,
    /// Numbers of `awqm_layout`.
    pub from: i32,
    pub to: i32,
    /// Logical sizes; one group: `group == k`.
    pub k: i32,
    pub n: i32,
    pub group: i32,
    pub from_k: i32,
    pub from_n: i32,
    pub from_group_rows: i32,
    pub from_groups: i32,
    pub to_k: i32,
    pub to_n: i32,
    pub to_group_rows: i32,
    pub to_groups: i32,
    /// Of a scale.
    pub element_bytes: i32,
}

/// The kernels' number of an activation type.
pub fn dtype(dtype: Dtype) -> i32 {
    match dtype {
        Dtype::F16 => 0,
        Dtype::BF16 => 1,
        _ => 2,
    }
}

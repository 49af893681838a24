// Arguments of the kernels, one struct passed by value to each. `src/cuda/args.rs` mirrors them field by field.
// dtype numbers: 0 F16, 1 BF16, 2 F32. "Stored" sizes are those of layout Marlin, whose tiles are 16 rows by 64 columns;
// logical row k is stored as row (k / group) * group_rows + k % group.
#pragma once
#include <cstdint>

namespace awqm {

enum : int32_t { DTYPE_F16 = 0, DTYPE_BF16 = 1, DTYPE_F32 = 2 };

// y[m, n] = x[m, k] * w + bias. All pointers are device pointers.
struct GemvArgs {
    const void *x;
    void *y;
    const void *qweight;
    const void *scales;
    const void *qzeros;  // null: symmetric
    const void *bias;    // null: none; plain order of columns
    float *partials;     // used when splits > 1
    uint32_t *counters;  // used when splits > 1; zero before the first launch, left zero
    int64_t x_stride, y_stride;                    // elements
    int32_t m, n, k;                               // logical
    int32_t n_tiles, k_tiles;                      // stored N / 64, stored K / 16
    int32_t group, group_rows, groups;             // logical rows of a group, stored rows (stored K when groups == 1), stored groups
    int32_t scale_dtype, bias_dtype, y_dtype;
    int32_t splits, slice_tiles;                   // slice_tiles: k-tiles of one warp
};
static_assert(sizeof(GemvArgs) == 136, "src/cuda/args.rs has the same size");

// The same problem, cut for tiles of more rows: slice_tiles is of the warps that share a slice of K, and a block has
// k_warps slices side by side (marlin/tiles.h), so slice s = split * k_warps + i begins at k-tile s * slice_tiles.
// partials: [row blocks][column blocks][splits][rows of a tile][columns of a tile].
using MarlinArgs = GemvArgs;

// w[k, n], or w[n, k] when transposed, in the dtype of the kernel's name.
struct DequantizeArgs {
    const void *qweight;
    const void *scales;
    const void *qzeros;  // null: symmetric
    void *w;
    int64_t w_stride;    // elements
    int32_t n, k;
    int32_t n_tiles, k_tiles;
    int32_t group, group_rows, groups;
    int32_t scale_dtype, transposed;
};
static_assert(sizeof(DequantizeArgs) == 80, "src/cuda/args.rs has the same size");

// One tensor of a layer from one layout to another.
struct RepackArgs {
    const void *src;
    void *dst;
    int32_t from, to;  // numbers of awqm_layout: 2 gemm, 3 gemv, 6 compressed-tensors, 9 marlin
    int32_t k, n, group;  // logical; group == k when scales are per channel
    int32_t from_k, from_n, from_group_rows, from_groups;  // stored sizes
    int32_t to_k, to_n, to_group_rows, to_groups;
    int32_t element_bytes;  // scales only: 2 or 4
};
static_assert(sizeof(RepackArgs) == 72, "src/cuda/args.rs has the same size");

}  // namespace awqm

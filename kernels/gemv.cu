// GEMV: y[m,n] = x[m,k] * w + bias for few rows, from Marlin's bytes.
//
// Memory decides. A block takes 64 (or 128) columns; its eight warps take slices of K, one after the other, and each
// keeps eight tiles of 512 bytes on their way: at two blocks an SM that is 64 KB, three times what an H100 needs to hide
// 800 ns. Tensor cores do the products because decoding leaves no time for anything else: w is operand A (16 columns
// of w x 16 rows of k), up to eight rows of x are operand B, so one row costs as much as eight.
//
// Scales are applied to sums, not to weights: sum over a group of (q - mid) x, minus (z - mid) times the sum of x, which
// a product with ones gives, times the scale. All of it in F32.
//
// Sums have a fixed order: tiles within a warp, warps within a block, blocks of a column (splits of K) by their number.
// With several splits each block leaves its sums in `partials`; the last to arrive adds them all, in order. Nobody
// waits for anybody, so blocks need not run at the same time.
#include "common/activations.h"
#include "common/args.h"
#include "common/decode.h"
#include "common/group.h"
#include "common/port.h"

namespace awqm {

constexpr int kWarps = 8, kRows = 8;
// Values of a tile's result that a lane holds: columns l/4 + 8p, rows 2(l%4) + {0, 1} of x; value 2p + row.
constexpr int kValues = 16, kTileValues = 32 * kValues;

// The slice [begin, end) of k-tiles of NT tiles of columns, by one warp: total[NT][kValues].
template <class T, int BITS, int NT, bool PAIRS>
AWQM_DEVICE void slice(const GemvArgs& a, const Activations& x, int first_tile, int begin, int end, int lane,
                    float (&total)[NT][kValues]) {
  constexpr int kDepth = 32 / BITS / NT;  // tiles on their way: 32 registers of codes
  constexpr uint32_t kOnes = Decoder<T, BITS>::kOnes;
  const int group_tiles = a.group_rows / 16, mid = 1 << (BITS - 1);
  TileWords<BITS> codes[kDepth][NT];
  uint32_t operand[kDepth][2];
  GroupWords<BITS> group[NT];
  float sum[NT][4][4], x_sum[4];

#pragma unroll
  for (int j = 0; j < NT; j++) {
#pragma unroll
    for (int i = 0; i < kValues; i++) total[j][i] = sum[j][i / 4][i % 4] = 0;
  }
#pragma unroll
  for (int i = 0; i < 4; i++) x_sum[i] = 0;
  if (begin >= end) return;

  // The last block of an odd number of tiles reads its last tile twice and keeps it once.
  auto column_tile = [&](int j) { return min(first_tile + j, a.n_tiles - 1); };
  auto fetch = [&](int t, int d) {
    if (t >= end) return;
#pragma unroll
    for (int j = 0; j < NT; j++) {
      codes[d][j] = load_tile<BITS>(a.qweight, static_cast<size_t>(t) * a.n_tiles + column_tile(j), lane);
    }
    load_operand<PAIRS>(x, t, lane, operand[d]);
  };
  auto fetch_group = [&](int g) {
#pragma unroll
    for (int j = 0; j < NT; j++) {
      group[j] = load_group<BITS>(a.scales, a.qzeros, a.scale_dtype, g, a.groups, column_tile(j), a.n_tiles, lane);
    }
  };
  // A group is complete, or the slice is: scale its sums.
  auto fold = [&] {
#pragma unroll
    for (int j = 0; j < NT; j++) {
#pragma unroll
      for (int p = 0; p < 8; p++) {
        const float scale = scale_of(group[j], a.scale_dtype, p);
        const float below = a.qzeros ? static_cast<float>(mid - zero_of(group[j], p)) : 0.0f;
#pragma unroll
        for (int row = 0; row < 2; row++) {
          float& s = sum[j][p / 2][p % 2 * 2 + row];
          total[j][2 * p + row] = fmaf(scale, fmaf(below, x_sum[row], s), total[j][2 * p + row]);
          s = 0;
        }
      }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) x_sum[i] = 0;
  };

  int g = begin / group_tiles, boundary = (g + 1) * group_tiles;
#pragma unroll
  for (int d = 0; d < kDepth; d++) fetch(begin + d, d);
  fetch_group(g);
  for (int base = begin; base < end; base += kDepth) {
#pragma unroll
    for (int d = 0; d < kDepth; d++) {
      const int t = base + d;
      if (t >= end) break;
      if (t == boundary) {
        fold();
        fetch_group(++g);
        boundary += group_tiles;
      }
      if (a.qzeros) {
        const uint32_t ones[4] = {kOnes, kOnes, kOnes, kOnes};
        mma_m16n8k16<T>(x_sum, ones, operand[d]);
      }
#pragma unroll
      for (int j = 0; j < NT; j++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
          uint32_t w[4];
          Decoder<T, BITS>::fragment(codes[d][j], i, w);
          mma_m16n8k16<T>(sum[j][i], w, operand[d]);
        }
      }
      fetch(t + kDepth, d);
    }
  }
  fold();
}

AWQM_DEVICE void store(void* y, int64_t i, int dtype, float v) {
  if (dtype == DTYPE_F32) static_cast<float*>(y)[i] = v;
  else static_cast<uint16_t*>(y)[i] = float_to_half(v, dtype);
}

// Value `e` of the NT tiles of columns from `first_tile` on, rows from `first_row` on: where it goes, with its bias.
AWQM_DEVICE void finish(const GemvArgs& a, int first_tile, int first_row, int e, float v) {
  const int value = e / 32 % kValues, lane = e % 32;
  const int n = (first_tile + e / kTileValues) * 64 + value / 2 * 8 + lane / 4;
  const int m = first_row + lane % 4 * 2 + value % 2;
  if (n >= a.n || m >= a.m) return;
  if (a.bias) v += load_float(a.bias, n, a.bias_dtype);
  store(a.y, m * a.y_stride + n, a.y_dtype, v);
}

template <class T, int BITS, int NT> AWQM_DEVICE void gemv(const GemvArgs& a) {
  AWQM_SHARED(float, sums, kWarps * NT * kTileValues);
  AWQM_SHARED(uint32_t, arrived, 1);
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int first_tile = blockIdx.x * NT, split = blockIdx.y, first_row = blockIdx.z * kRows;
  const int row = first_row + lane / 4;
  const uintptr_t rows_at = reinterpret_cast<uintptr_t>(a.x) | static_cast<uintptr_t>(a.x_stride * 2);

  Activations x;
  x.row = row < a.m ? static_cast<const uint16_t*>(a.x) + row * a.x_stride : nullptr;
  x.k = a.k;
  x.group = a.group;
  x.group_rows = a.group_rows;
  if (a.groups == 1) x.group = x.group_rows;  // one group: padding is at the end, where x has ended

  float total[NT][kValues];
  const int begin = (split * kWarps + warp) * a.slice_tiles, end = min(begin + a.slice_tiles, a.k_tiles);
  if (rows_at % 4 == 0 && a.k % 2 == 0 && x.group == x.group_rows) {
    slice<T, BITS, NT, true>(a, x, first_tile, begin, end, lane, total);
  } else {
    slice<T, BITS, NT, false>(a, x, first_tile, begin, end, lane, total);
  }
#pragma unroll
  for (int j = 0; j < NT; j++) {
#pragma unroll
    for (int i = 0; i < kValues; i++) sums[(warp * NT + j) * kTileValues + i * 32 + lane] = total[j][i];
  }
  sync_threads();

  const size_t block = static_cast<size_t>(blockIdx.z) * gridDim.x + blockIdx.x;
  float* mine = a.partials + (block * a.splits + split) * NT * kTileValues;
  // The row of x of a thread's values is always the same; most threads have none when x has few rows.
  const int values = first_row + lane % 4 * 2 + warp % 2 < a.m ? NT * kTileValues : 0;
  for (int e = thread; e < values; e += kWarps * 32) {
    float v = 0;
#pragma unroll
    for (int w = 0; w < kWarps; w++) v += sums[w * NT * kTileValues + e];
    if (a.splits == 1) finish(a, first_tile, first_row, e, v);
    else store_partial(mine + e, v);
  }
  if (a.splits == 1) return;

  thread_fence();
  sync_threads();
  if (thread == 0) arrived[0] = atomic_increment(a.counters + block);
  sync_threads();
  if (arrived[0] + 1 != static_cast<uint32_t>(a.splits)) return;
  thread_fence();
  const float* all = a.partials + block * a.splits * NT * kTileValues;
  for (int e = thread; e < values; e += kWarps * 32) {
    float v = 0;
    for (int s = 0; s < a.splits; s++) v += load_partial(all + static_cast<size_t>(s) * NT * kTileValues + e);
    finish(a, first_tile, first_row, e, v);
  }
  if (thread == 0) store_relaxed(a.counters + block, 0);
}

}  // namespace awqm

#define AWQM_GEMV(name, type, bits, tiles, blocks)                                   \
  AWQM_KERNEL(256, blocks, awqm_gemv_##name##_w##bits##_n##tiles, awqm::GemvArgs) { \
    awqm::gemv<type, bits, tiles>(args);                                            \
  }

AWQM_GEMV(f16, __half, 4, 1, 2)
AWQM_GEMV(f16, __half, 4, 2, 1)
AWQM_GEMV(f16, __half, 8, 1, 2)
AWQM_GEMV(f16, __half, 8, 2, 1)
AWQM_GEMV(bf16, __nv_bfloat16, 4, 1, 2)
AWQM_GEMV(bf16, __nv_bfloat16, 4, 2, 1)
AWQM_GEMV(bf16, __nv_bfloat16, 8, 1, 2)
AWQM_GEMV(bf16, __nv_bfloat16, 8, 2, 1)

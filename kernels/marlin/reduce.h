// From a block's sums to y: over the slices of the block, then over the splits of K, always in order.
#pragma once
#include "multiply.h"

namespace awqm {

template <class Tile> struct Result {
  static constexpr int kStride = kSumStride<Tile>, kVectors = Tile::kColumns / 4;

  const MarlinArgs& a;
  const Share<Tile>& share;
  const int thread;

  AWQM_DEVICE Result(const MarlinArgs& a, const Share<Tile>& share, int thread) : a(a), share(share), thread(thread) {}

  AWQM_DEVICE int rows() const { return min(Tile::kRows, a.m - share.first_row); }

  // A warp's totals, to rows of its slice.
  template <class Warp> AWQM_DEVICE void put(const Warp& warp, SharedPlace sums) const {
    const int lane = thread % 32;
    const SharedPlace to =
        sums + 4 * ((warp.slice * Tile::kWarpRows + lane % 4 * 2) * kStride + warp.column_warp * Tile::kWarpColumns + lane / 4);
#pragma unroll
    for (int j = 0; j < Warp::kFragments; j++) {
#pragma unroll
      for (int r = 0; r < 2 * Warp::kPairs; r++) {
#pragma unroll
        for (int i = 0; i < 4; i++) store_shared_float(to + 4 * ((r * 8 + i % 2) * kStride + j * 16 + i / 2 * 8), warp.total[j][r][i]);
      }
    }
  }

  // Four columns of one row.
  AWQM_DEVICE float4 add_slices(SharedPlace sums, int row, int column) const {
    float4 v = load_shared_floats(sums + 4 * (row * kStride + column));
#pragma unroll
    for (int i = 1; i < Tile::kSlices; i++) {
      const float4 s = load_shared_floats(sums + 4 * ((i * Tile::kWarpRows + row) * kStride + column));
      v.x += s.x, v.y += s.y, v.z += s.z, v.w += s.w;
    }
    return v;
  }

  AWQM_DEVICE void finish(int row, int column, float4 sum) const {
    const int n = share.first_tile * 64 + column;
    float v[4] = {sum.x, sum.y, sum.z, sum.w};
    if (a.bias) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        if (n + i < a.n) v[i] += load_float(a.bias, n + i, a.bias_dtype);
      }
    }
    const int64_t at = (share.first_row + row) * a.y_stride + n;
    if (a.y_dtype == DTYPE_F32) {
      uint32_t* y = static_cast<uint32_t*>(a.y) + at;
      if (n + 4 <= a.n && reinterpret_cast<uintptr_t>(y) % 16 == 0) {
        store_128(y, make_uint4(bit_cast<uint32_t>(v[0]), bit_cast<uint32_t>(v[1]), bit_cast<uint32_t>(v[2]), bit_cast<uint32_t>(v[3])));
        return;
      }
#pragma unroll
      for (int i = 0; i < 4; i++) {
        if (n + i < a.n) store_32(y + i, bit_cast<uint32_t>(v[i]));
      }
    } else {
      uint16_t* y = static_cast<uint16_t*>(a.y) + at;
      uint32_t half[4];
#pragma unroll
      for (int i = 0; i < 4; i++) half[i] = float_to_half(v[i], a.y_dtype);
      if (n + 4 <= a.n && reinterpret_cast<uintptr_t>(y) % 8 == 0) {
        store_64(y, make_uint2(half[0] | half[1] << 16, half[2] | half[3] << 16));
        return;
      }
#pragma unroll
      for (int i = 0; i < 4; i++) {
        if (n + i < a.n) store_16(y + i, static_cast<uint16_t>(half[i]));
      }
    }
  }

  // The block's sums of `sums`, rows `from` on, to y, or to its place among the partial sums.
  AWQM_DEVICE void leave(SharedPlace sums, int from, float* partial) const {
    for (int e = thread; e < Tile::kWarpRows * kVectors; e += Tile::kThreads) {
      const int row = e / kVectors, column = e % kVectors * 4;
      if (from + row >= rows()) return;
      const float4 v = add_slices(sums, row, column);
      if (partial) store_partial_128(partial + (from + row) * Tile::kColumns + column, v);
      else finish(from + row, column, v);
    }
  }

  // All splits, by the block that comes last.
  AWQM_DEVICE void add_splits(const float* partials) const {
    for (int e = thread; e < rows() * kVectors; e += Tile::kThreads) {
      const int at = e * 4;
      float4 v = load_partial_128(partials + at);
      for (int s = 1; s < a.splits; s++) {
        const float4 p = load_partial_128(partials + static_cast<size_t>(s) * (Tile::kRows * Tile::kColumns) + at);
        v.x += p.x, v.y += p.y, v.z += p.z, v.w += p.w;
      }
      finish(e / kVectors, e % kVectors * 4, v);
    }
  }
};

}  // namespace awqm

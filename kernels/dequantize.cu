// Dequantize: w[k,n] = (q - z) * s from Marlin's bytes, rounded once to F16 or BF16.
//
// One warp takes a tile of 16 rows x 64 columns and turns it through shared memory, so that rows of the result are
// written 16 bytes at a time where they are aligned.
#include "common/args.h"
#include "common/decode.h"
#include "common/group.h"
#include "common/port.h"

namespace awqm {

constexpr int kTilesOfBlock = 8;

// A product in F32 that rounds to F16 and BF16 as the exact product does: where F32 cannot hold it, the odd one of its two
// neighbours. Only scales in F32 need it; any other product with a code is exact.
AWQM_DEVICE float product_to_odd(float a, float b) {
  const float product = a * b, rest = fmaf(a, b, -product);
  uint32_t bits = bit_cast<uint32_t>(product);
  if (rest == 0.0f || (bits & 0x7f800000u) == 0x7f800000u) return product;
  if ((rest < 0.0f) != (product < 0.0f)) bits--;  // it was rounded away from 0
  return bit_cast<float>(bits | 1u);
}

template <class T, int BITS> AWQM_DEVICE void dequantize(const DequantizeArgs& a) {
  // Rows of the result: 64 columns of w[K,N], or 16 rows of k of w[N,K]; padded against bank conflicts.
  constexpr int kStride = 72, kStrideT = 24, kWords = 64 * kStrideT;
  AWQM_SHARED(uint16_t, tiles, kTilesOfBlock * kWords);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int nt = blockIdx.x, kt = blockIdx.y * kTilesOfBlock + warp;
  uint16_t* tile = tiles + warp * kWords;
  if (kt >= a.k_tiles) return;

  const int g = kt / (a.group_rows / 16);
  const TileWords<BITS> codes = load_tile<BITS>(a.qweight, static_cast<size_t>(kt) * a.n_tiles + nt, lane);
  const size_t block = static_cast<size_t>(g) * a.n_tiles + nt;
  const uint4* scales = static_cast<const uint4*>(a.scales) + block * (a.scale_dtype == DTYPE_F32 ? 16 : 8);
  const uint4* zeros = a.qzeros ? static_cast<const uint4*>(a.qzeros) + block * (BITS / 2) : nullptr;
  const GroupWords<BITS> group = group_words<BITS>(scales, zeros, a.scale_dtype, a.groups == 1, lane);
#pragma unroll
  for (int p = 0; p < 8; p++) {
    const float scale = scale_of(group, a.scale_dtype, p);
    const int zero = a.qzeros ? zero_of(group, p) : 1 << (BITS - 1);
#pragma unroll
    for (int r = 0; r < 4; r++) {
      const float q = static_cast<float>(code_of(codes, p, r) - zero);
      const float w = a.scale_dtype == DTYPE_F32 ? product_to_odd(q, scale) : q * scale;
      const int k = lane % 4 * 2 + r % 2 + r / 2 * 8, n = p * 8 + lane / 4;
      tile[a.transposed ? n * kStrideT + k : k * kStride + n] = bit_cast<uint16_t>(from_float<T>(w));
    }
  }
  sync_warp();

  // Stored rows of the tile that are rows of w: in a group that was grown, the last ones are not.
  const int in_group = kt * 16 % a.group_rows, first_k = g * a.group + in_group;
  const int rows = min(16, min(a.k - first_k, a.group - in_group));
  const int columns = min(64, a.n - nt * 64);
  uint16_t* w = static_cast<uint16_t*>(a.w);
  const int lines = a.transposed ? columns : rows, length = a.transposed ? rows : columns;
  const int stride = a.transposed ? kStrideT : kStride, chunks = a.transposed ? 2 : 8;
  w += a.transposed ? nt * 64 * a.w_stride + first_k : first_k * a.w_stride + nt * 64;
  const bool aligned = (reinterpret_cast<uintptr_t>(w) | static_cast<uintptr_t>(a.w_stride * 2)) % 16 == 0;
  for (int i = lane; i < lines * chunks; i += 32) {
    const int line = i / chunks, at = i % chunks * 8;
    const uint16_t* from = tile + line * stride + at;
    uint16_t* to = w + line * a.w_stride + at;
    if (aligned && at + 8 <= length) {
      store_128(to, *reinterpret_cast<const uint4*>(from));
    } else {
      for (int j = 0; j < 8 && at + j < length; j++) store_16(to + j, from[j]);
    }
  }
}

}  // namespace awqm

#define AWQM_DEQUANTIZE(name, type, bits)                                                 \
  AWQM_KERNEL(256, 1, awqm_dequantize_##name##_w##bits, awqm::DequantizeArgs) { \
    awqm::dequantize<type, bits>(args);                                         \
  }

AWQM_DEQUANTIZE(f16, __half, 4)
AWQM_DEQUANTIZE(f16, __half, 8)
AWQM_DEQUANTIZE(bf16, __nv_bfloat16, 4)
AWQM_DEQUANTIZE(bf16, __nv_bfloat16, 8)

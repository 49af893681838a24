// From Marlin's words to tensor-core operands.
//
// A warp reads a tile of 16 rows (k) x 64 columns (n): lane l owns the columns l/4 + 8p, p = 0..7, of the rows
// 2(l%4) + {0, 1, 8, 9}. Read as the transposed problem y^T = w^T x^T, the columns 16j + {0..15} are a 16 (n) x 16 (k)
// operand A of mma.m16n8k16, and the lane's bytes for j are exactly its registers:
//   a[0] = row l/4, k pair 0    a[1] = row l/4 + 8, k pair 0    a[2] = row l/4, k pair 8    a[3] = row l/4 + 8, k pair 8
// Codes are decoded to q - 8 or q - 128, which F16 and BF16 hold exactly. That a layer's zero point is another
// number is put right later, with the sum of the activations: (q - z) x = (q - mid) x - (z - mid) x.
#pragma once
#include "port.h"

namespace awqm {

// What a lane owns of one tile: 4 or 8 words.
template <int BITS> struct TileWords {
  uint32_t w[BITS];
};

template <int BITS> AWQM_DEVICE void put_words(TileWords<BITS>& t, int i, uint4 v) {
  t.w[4 * i] = v.x;
  t.w[4 * i + 1] = v.y;
  t.w[4 * i + 2] = v.z;
  t.w[4 * i + 3] = v.w;
}

// `tile` counts tiles of the stored matrix in C order, [K/16][N/64].
template <int BITS> AWQM_DEVICE TileWords<BITS> load_tile(const void* qweight, size_t tile, int lane) {
  const char* at = static_cast<const char*>(qweight) + (tile * 32 + lane) * (BITS * 4);
  TileWords<BITS> t;
#pragma unroll
  for (int i = 0; i < BITS / 4; i++) put_words(t, i, load_weights_128(at + 16 * i));
  return t;
}

// Operand A of sub-block j: 16 columns of the tile.
template <class T, int BITS> struct Decoder;

// 1024 + q and 1024 + 16 q are F16 numbers whose low mantissa bits are the code.
template <> struct Decoder<__half, 4> {
  static constexpr uint32_t kOnes = 0x3c003c00;  // two times 1.0
  static AWQM_DEVICE void fragment(const TileWords<4>& t, int j, uint32_t (&a)[4]) {
    const uint32_t w = t.w[j], v = w >> 8;
    a[0] = sub2<__half>(and_or(w, 0x000f000f, 0x64006400), 0x64086408);              // 1024 + q, minus 1032
    a[1] = sub2<__half>(and_or(v, 0x000f000f, 0x64006400), 0x64086408);
    a[2] = fma2<__half>(and_or(w, 0x00f000f0, 0x64006400), 0x2c002c00, 0xd480d480);  // / 16, minus 72
    a[3] = fma2<__half>(and_or(v, 0x00f000f0, 0x64006400), 0x2c002c00, 0xd480d480);
  }
};

// 128 + q is a BF16 number; there is no room for 16 q.
template <> struct Decoder<__nv_bfloat16, 4> {
  static constexpr uint32_t kOnes = 0x3f803f80;  // two times 1.0
  static AWQM_DEVICE void fragment(const TileWords<4>& t, int j, uint32_t (&a)[4]) {
    const uint32_t w = t.w[j];
    a[0] = minus_136(w);
    a[1] = minus_136(w >> 8);
    a[2] = minus_136(w >> 4);
    a[3] = minus_136(w >> 12);
  }
  static AWQM_DEVICE uint32_t minus_136(uint32_t w) {
    return fma2<__nv_bfloat16>(and_or(w, 0x000f000f, 0x43004300), 0x3f803f80, 0xc308c308);
  }
};

template <> struct Decoder<__half, 8> {
  static constexpr uint32_t kOnes = 0x3c003c00;  // two times 1.0
  static AWQM_DEVICE void fragment(const TileWords<8>& t, int j, uint32_t (&a)[4]) {
    a[0] = minus_1152(t.w[2 * j], 0x4240);
    a[1] = minus_1152(t.w[2 * j + 1], 0x4240);
    a[2] = minus_1152(t.w[2 * j], 0x4341);
    a[3] = minus_1152(t.w[2 * j + 1], 0x4341);
  }
  static AWQM_DEVICE uint32_t minus_1152(uint32_t w, uint32_t bytes) {
    return sub2<__half>(prmt(w, 0x64646464, bytes), 0x64806480);
  }
};

// Through F32: a code of 8 bits does not fit beside a BF16 constant.
template <> struct Decoder<__nv_bfloat16, 8> {
  static constexpr uint32_t kOnes = 0x3f803f80;  // two times 1.0
  static AWQM_DEVICE void fragment(const TileWords<8>& t, int j, uint32_t (&a)[4]) {
    a[0] = pair(t.w[2 * j], 0);
    a[1] = pair(t.w[2 * j + 1], 0);
    a[2] = pair(t.w[2 * j], 1);
    a[3] = pair(t.w[2 * j + 1], 1);
  }
  static AWQM_DEVICE uint32_t pair(uint32_t w, uint32_t first) {
    return pack2<__nv_bfloat16>(code(w, first), code(w, first + 2));
  }
  static AWQM_DEVICE float code(uint32_t w, uint32_t byte) {
    return bit_cast<float>(prmt(w, 0x4b000000, 0x7650 + byte)) - 8388736.0f;  // 2^23 + q, minus 2^23 + 128
  }
};

// The codes of a lane one by one, for kernels that do no products: column l/4 + 8p, row 2(l%4) + {0, 1, 8, 9}[r].
template <int BITS> AWQM_DEVICE int code_of(const TileWords<BITS>& t, int p, int r) {
  if (BITS == 4) return (t.w[p / 2] >> (4 * (4 * (r % 2) + 2 * (p % 2) + r / 2))) & 15;
  return (t.w[p] >> (8 * (2 * (r % 2) + r / 2))) & 255;
}

}  // namespace awqm

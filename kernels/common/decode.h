// From Marlin's words to tensor-core operands.
//
// A warp reads a tile of 16 rows (k) x 64 columns (n): lane l owns the columns l/4 + 8p, p = 0..7, of the rows
// 2(l%4) + {0, 1, 8, 9}. Read as the transposed problem y^T = w^T x^T, the columns 16j + {0..15} are a 16 (n) x 16 (k)
// operand A of mma.m16n8k16, and the lane's bytes for j are exactly its registers:
//   a[0] = row l/4, k pair 0    a[1] = row l/4 + 8, k pair 0    a[2] = row l/4, k pair 8    a[3] = row l/4 + 8, k pair 8
// Codes are decoded to q - z, which F16 and BF16 hold exactly, or to q - mid (8 or 128). Then that a layer's zero point
// is another number is put right later, with the sum of the activations: (q - z) x = (q - mid) x - (z - mid) x.
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

// Operand A of 16 columns from their words: one (4 bits) or two. An Offset is what decoding adds to a column's codes:
// minus the magic number that stands before them, minus its zero point. Exact: |q - z| is at most 255.
template <class T, int BITS> struct Decoder;

// 1024 + q and 1024 + 16 q are F16 numbers whose low mantissa bits are the code.
template <> struct Decoder<__half, 4> {
  static constexpr uint32_t kOnes = 0x3c003c00;  // two times 1.0
  struct Offset { uint32_t low, high; };         // -(1024 + z) and -(64 + z), twice
  static AWQM_DEVICE Offset offset(uint32_t z) { return {(0xe400 + z) * 0x10001, (0xd400 + 16 * z) * 0x10001}; }
  static AWQM_DEVICE void fragment(const uint32_t* words, Offset first, Offset second, uint32_t (&a)[4]) {
    const uint32_t w = words[0], v = w >> 8;
    a[0] = add2<__half>(and_or(w, 0x000f000f, 0x64006400), first.low);
    a[1] = add2<__half>(and_or(v, 0x000f000f, 0x64006400), second.low);
    a[2] = fma2<__half>(and_or(w, 0x00f000f0, 0x64006400), 0x2c002c00, first.high);  // / 16
    a[3] = fma2<__half>(and_or(v, 0x00f000f0, 0x64006400), 0x2c002c00, second.high);
  }
};

// 128 + q is a BF16 number; there is no room for 16 q.
template <> struct Decoder<__nv_bfloat16, 4> {
  static constexpr uint32_t kOnes = 0x3f803f80;  // two times 1.0
  struct Offset { uint32_t both; };              // -(128 + z), twice
  static AWQM_DEVICE Offset offset(uint32_t z) { return {(0xc300 + z) * 0x10001}; }
  static AWQM_DEVICE void fragment(const uint32_t* words, Offset first, Offset second, uint32_t (&a)[4]) {
    const uint32_t w = words[0];
    a[0] = pair(w, first);
    a[1] = pair(w >> 8, second);
    a[2] = pair(w >> 4, first);
    a[3] = pair(w >> 12, second);
  }
  static AWQM_DEVICE uint32_t pair(uint32_t w, Offset column) {
    return fma2<__nv_bfloat16>(and_or(w, 0x000f000f, 0x43004300), 0x3f803f80, column.both);
  }
};

template <> struct Decoder<__half, 8> {
  static constexpr uint32_t kOnes = 0x3c003c00;  // two times 1.0
  struct Offset { uint32_t both; };              // -(1024 + z), twice
  static AWQM_DEVICE Offset offset(uint32_t z) { return {(0xe400 + z) * 0x10001}; }
  static AWQM_DEVICE void fragment(const uint32_t* words, Offset first, Offset second, uint32_t (&a)[4]) {
    a[0] = pair(words[0], 0x4240, first);
    a[1] = pair(words[1], 0x4240, second);
    a[2] = pair(words[0], 0x4341, first);
    a[3] = pair(words[1], 0x4341, second);
  }
  static AWQM_DEVICE uint32_t pair(uint32_t w, uint32_t bytes, Offset column) {
    return add2<__half>(prmt(w, 0x64646464, bytes), column.both);
  }
};

// Through F32: a code of 8 bits does not fit beside a BF16 constant.
template <> struct Decoder<__nv_bfloat16, 8> {
  static constexpr uint32_t kOnes = 0x3f803f80;  // two times 1.0
  struct Offset { uint32_t f32; };               // -(2^23 + z)
  static AWQM_DEVICE Offset offset(uint32_t z) { return {0xcb000000 + z}; }
  static AWQM_DEVICE void fragment(const uint32_t* words, Offset first, Offset second, uint32_t (&a)[4]) {
    a[0] = pair(words[0], 0, first);
    a[1] = pair(words[1], 0, second);
    a[2] = pair(words[0], 1, first);
    a[3] = pair(words[1], 1, second);
  }
  static AWQM_DEVICE uint32_t pair(uint32_t w, uint32_t byte, Offset column) {
    return pack2<__nv_bfloat16>(code(w, byte, column), code(w, byte + 2, column));
  }
  static AWQM_DEVICE float code(uint32_t w, uint32_t byte, Offset column) {
    return bit_cast<float>(prmt(w, 0x4b000000, 0x7650 + byte)) + bit_cast<float>(column.f32);
  }
};

// Sub-block j of a tile, its codes less the middle: q - 8 or q - 128.
template <class T, int BITS> AWQM_DEVICE void centered_fragment(const TileWords<BITS>& t, int j, uint32_t (&a)[4]) {
  const auto mid = Decoder<T, BITS>::offset(1 << (BITS - 1));
  Decoder<T, BITS>::fragment(&t.w[j * (BITS / 4)], mid, mid, a);
}

// The codes of a lane one by one, for kernels that do no products: column l/4 + 8p, row 2(l%4) + {0, 1, 8, 9}[r].
template <int BITS> AWQM_DEVICE int code_of(const TileWords<BITS>& t, int p, int r) {
  if (BITS == 4) return (t.w[p / 2] >> (4 * (4 * (r % 2) + 2 * (p % 2) + r / 2))) & 15;
  return (t.w[p] >> (8 * (2 * (r % 2) + r / 2))) & 255;
}

}  // namespace awqm

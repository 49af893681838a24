// Scales and zero points of a group, as they lie in Marlin's layout.
#pragma once
#include "args.h"
#include "port.h"

namespace awqm {

// Two bytes of either kind.
AWQM_DEVICE float half_to_float(uint16_t bits, int dtype) {
  return dtype == DTYPE_F16 ? to_float(bit_cast<__half>(bits)) : to_float(bit_cast<__nv_bfloat16>(bits));
}
AWQM_DEVICE uint16_t float_to_half(float v, int dtype) {
  return dtype == DTYPE_F16 ? bit_cast<uint16_t>(from_float<__half>(v)) : bit_cast<uint16_t>(from_float<__nv_bfloat16>(v));
}

AWQM_DEVICE float load_float(const void* base, size_t i, int dtype) {
  if (dtype == DTYPE_F32) return bit_cast<float>(load_32(static_cast<const uint32_t*>(base) + i));
  return half_to_float(load_16(static_cast<const uint16_t*>(base) + i), dtype);
}

// A lane's eight scales and zero points, still packed.
template <int BITS> struct GroupWords {
  uint32_t scales[8];  // two a word, or one F32
  uint32_t zeros[BITS / 4];
};

// Where Marlin puts the scale of column l/4 + 8p in a layer of one group.
AWQM_DEVICE int single_place(int lane, int p) {
  const int r = lane / 4;
  return p / 4 * 32 + r / 2 * 8 + r % 2 + p % 4 * 2;
}

// From the 64 scales and zero points of a group. With several groups a lane's eight scales stand side by side; so do
// its zero points, always.
template <int BITS>
AWQM_DEVICE GroupWords<BITS> group_words(const uint4* scales, const uint4* zeros, int scale_dtype, bool single, int lane) {
  GroupWords<BITS> w;
  const uint32_t* words = reinterpret_cast<const uint32_t*>(scales);
  const uint16_t* halves = reinterpret_cast<const uint16_t*>(scales);
#pragma unroll
  for (int p = 0; p < 8; p++) {
    const int at = single ? single_place(lane, p) : lane / 4 * 8 + p;
    if (scale_dtype == DTYPE_F32) w.scales[p] = words[at];
    else if (p % 2 == 0) w.scales[p / 2] = halves[at];
    else w.scales[p / 2] |= static_cast<uint32_t>(halves[at]) << 16;
  }
  const uint32_t* z = reinterpret_cast<const uint32_t*>(zeros);
#pragma unroll
  for (int i = 0; i < BITS / 4; i++) w.zeros[i] = z ? z[lane / 4 * (BITS / 4) + i] : 0;
  return w;
}

// The same for several groups and scales of two bytes, in whole words.
template <int BITS> AWQM_DEVICE GroupWords<BITS> group_words_2(const uint4* scales, const uint4* zeros, int lane) {
  GroupWords<BITS> w;
  const uint4 s = scales[lane / 4];
  w.scales[0] = s.x;
  w.scales[1] = s.y;
  w.scales[2] = s.z;
  w.scales[3] = s.w;
  const uint32_t* z = reinterpret_cast<const uint32_t*>(zeros) + lane / 4 * (BITS / 4);
#pragma unroll
  for (int i = 0; i < BITS / 4; i++) w.zeros[i] = z[i];
  return w;
}

template <int BITS> AWQM_DEVICE float scale_of(const GroupWords<BITS>& w, int scale_dtype, int p) {
  if (scale_dtype == DTYPE_F32) return bit_cast<float>(w.scales[p]);
  const uint16_t half = static_cast<uint16_t>(w.scales[p / 2] >> (16 * (p % 2)));
  return half_to_float(half, scale_dtype);
}

// Zero points are stored in the order 0 2 4 6 1 3 5 7 (8 bits: 0 2 1 3).
template <int BITS> AWQM_DEVICE int zero_of(const GroupWords<BITS>& w, int p) {
  if (BITS == 4) return (w.zeros[0] >> (4 * (p / 2 + 4 * (p % 2)))) & 15;
  return (w.zeros[p / 4] >> (8 * (p % 4 / 2 + 2 * (p % 2)))) & 255;
}

}  // namespace awqm

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

// A lane's eight scales and zero points, still packed: asked for when a group begins, needed when it ends.
template <int BITS> struct GroupWords {
  uint4 lo, hi;         // eight scales of 2 bytes in lo; of 4 bytes in both
  uint32_t zeros[BITS / 4];
};

// Where Marlin puts the scale of column l/4 + 8p in a layer of one group.
AWQM_DEVICE int single_place(int lane, int p) {
  const int r = lane / 4;
  return p / 4 * 32 + r / 2 * 8 + r % 2 + p % 4 * 2;
}

// Packed scales and zero points of group `g` for the 64 columns from 64 `nt` on. With several groups a lane's eight
// scales stand side by side; so do its zero points, always.
template <int BITS>
AWQM_DEVICE GroupWords<BITS> load_group(const void* scales, const void* qzeros, int scale_dtype, int g, int groups, int nt,
                                     int n_tiles, int lane) {
  GroupWords<BITS> w;
  const size_t columns = (static_cast<size_t>(g) * n_tiles + nt) * 64, first = columns + lane / 4 * 8;
  uint32_t s[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  if (groups == 1) {
#pragma unroll
    for (int p = 0; p < 8; p++) {
      const size_t at = columns + single_place(lane, p);
      if (scale_dtype == DTYPE_F32) s[p] = load_32(static_cast<const uint32_t*>(scales) + at);
      else s[p / 2] |= static_cast<uint32_t>(load_16(static_cast<const uint16_t*>(scales) + at)) << (16 * (p % 2));
    }
    w.lo = make_uint4(s[0], s[1], s[2], s[3]);
    w.hi = make_uint4(s[4], s[5], s[6], s[7]);
  } else if (scale_dtype == DTYPE_F32) {
    w.lo = load_128(static_cast<const float*>(scales) + first);
    w.hi = load_128(static_cast<const float*>(scales) + first + 4);
  } else {
    w.lo = load_128(static_cast<const uint16_t*>(scales) + first);
    w.hi = make_uint4(0, 0, 0, 0);
  }
#pragma unroll
  for (int i = 0; i < BITS / 4; i++) {
    w.zeros[i] = qzeros ? load_32(static_cast<const uint32_t*>(qzeros) + first * BITS / 32 + i) : 0;
  }
  return w;
}

template <int BITS> AWQM_DEVICE float scale_of(const GroupWords<BITS>& w, int scale_dtype, int p) {
  const uint32_t words[8] = {w.lo.x, w.lo.y, w.lo.z, w.lo.w, w.hi.x, w.hi.y, w.hi.z, w.hi.w};
  if (scale_dtype == DTYPE_F32) return bit_cast<float>(words[p]);
  const uint16_t half = static_cast<uint16_t>(words[p / 2] >> (16 * (p % 2)));
  return half_to_float(half, scale_dtype);
}

// Zero points are stored in the order 0 2 4 6 1 3 5 7 (8 bits: 0 2 1 3).
template <int BITS> AWQM_DEVICE int zero_of(const GroupWords<BITS>& w, int p) {
  if (BITS == 4) return (w.zeros[0] >> (4 * (p / 2 + 4 * (p % 2)))) & 15;
  return (w.zeros[p / 4] >> (8 * (p % 4 / 2 + 2 * (p % 2)))) & 255;
}

}  // namespace awqm

// Repack: one tensor of a layer from one layout to another, between AWQ gemm and gemv, compressed-tensors and Marlin.
//
// One thread makes one word of the result: for each of its fields it asks which element belongs there and where that
// element lies in the source. Neighbouring threads read neighbouring words, so the caches do the rest.
#include "common/args.h"
#include "common/places.h"
#include "common/port.h"

namespace awqm {

// A stored row of k on the one side as a row on the other; -1 where there is none.
AWQM_DEVICE int other_row(const RepackArgs& a, int row) {
  if (a.group >= a.k) return row < a.k ? row : -1;
  const int g = row / a.to_group_rows, in = row % a.to_group_rows;
  const int k = g * a.group + in;
  return in < a.group && k < a.k ? g * a.from_group_rows + in : -1;
}

AWQM_DEVICE size_t thread_index() { return static_cast<size_t>(blockIdx.x) * 256 + threadIdx.x; }

template <int BITS> AWQM_DEVICE void repack_codes(const RepackArgs& a) {
  constexpr int kFields = 32 / BITS;
  const size_t word = thread_index();
  if (word >= static_cast<size_t>(a.to_k) * a.to_n / kFields) return;
  const uint32_t* src = static_cast<const uint32_t*>(a.src);
  uint32_t out = 0;
#pragma unroll
  for (int f = 0; f < kFields; f++) {
    Cell c = code_at<BITS>(a.to, word * kFields + f, a.to_k, a.to_n);
    c.row = other_row(a, c.row);
    if (c.row < 0 || c.column >= a.n) continue;
    const size_t place = place_of_code<BITS>(a.from, c, a.from_k, a.from_n);
    out |= (load_32(src + place / kFields) >> (place % kFields * BITS) & ((1u << BITS) - 1)) << (f * BITS);
  }
  store_32(static_cast<uint32_t*>(a.dst) + word, out);
}

template <int BITS> AWQM_DEVICE void repack_zeros(const RepackArgs& a) {
  constexpr int kFields = 32 / BITS;
  // Words run along n in some layouts and along groups in one; either may be cut short by the last word.
  const int columns = a.to == kCompressedTensors ? (a.to_n + kFields - 1) / kFields * kFields : a.to_n;
  const size_t word = thread_index();
  if (word >= static_cast<size_t>(a.to_groups) * columns / kFields) return;
  const int groups = (a.k + a.group - 1) / a.group;
  const uint32_t* src = static_cast<const uint32_t*>(a.src);
  uint32_t out = 0;
#pragma unroll
  for (int f = 0; f < kFields; f++) {
    const Cell c = zero_at<BITS>(a.to, word * kFields + f, a.to_groups, columns);
    if (c.row >= groups || c.column >= a.n) continue;
    const size_t place = place_of_zero<BITS>(a.from, c, a.from_groups, a.from_n);
    out |= (load_32(src + place / kFields) >> (place % kFields * BITS) & ((1u << BITS) - 1)) << (f * BITS);
  }
  store_32(static_cast<uint32_t*>(a.dst) + word, out);
}

AWQM_DEVICE void repack_scales(const RepackArgs& a) {
  const size_t i = thread_index();
  if (i >= static_cast<size_t>(a.to_groups) * a.to_n) return;
  const int groups = (a.k + a.group - 1) / a.group;
  const Cell c = scale_at(a.to, i, a.to_groups, a.to_n);
  const bool there = c.row < groups && c.column < a.n;
  const size_t place = there ? place_of_scale(a.from, c, a.from_groups, a.from_n) : 0;
  if (a.element_bytes == 4) {
    store_32(static_cast<uint32_t*>(a.dst) + i, there ? load_32(static_cast<const uint32_t*>(a.src) + place) : 0);
  } else {
    store_16(static_cast<uint16_t*>(a.dst) + i, there ? load_16(static_cast<const uint16_t*>(a.src) + place) : 0);
  }
}

}  // namespace awqm

AWQM_KERNEL(256, 1, awqm_repack_codes_w4, awqm::RepackArgs) { awqm::repack_codes<4>(args); }
AWQM_KERNEL(256, 1, awqm_repack_codes_w8, awqm::RepackArgs) { awqm::repack_codes<8>(args); }
AWQM_KERNEL(256, 1, awqm_repack_zeros_w4, awqm::RepackArgs) { awqm::repack_zeros<4>(args); }
AWQM_KERNEL(256, 1, awqm_repack_zeros_w8, awqm::RepackArgs) { awqm::repack_zeros<8>(args); }
AWQM_KERNEL(256, 1, awqm_repack_scales, awqm::RepackArgs) { awqm::repack_scales(args); }

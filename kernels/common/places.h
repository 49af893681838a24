// Where the elements of a layer's tensors lie in each layout that repacking knows: element (row, column) to place, and
// back. Rows are stored rows of k or groups, columns are n; places count elements of 4, 8, 16 or 32 bits.
#pragma once
#include "port.h"

namespace awqm {

// Numbers of awqm_layout.
enum : int { kGemm = 2, kGemv = 3, kCompressedTensors = 6, kMarlin = 9 };

struct Cell {
  int row, column;
};

// AWQ's and Marlin's order of the fields of a word: 0 2 4 6 1 3 5 7, or 0 2 1 3.
template <int BITS> AWQM_DEVICE int field_of(int i) { return i / 2 + i % 2 * (16 / BITS); }
template <int BITS> AWQM_DEVICE int from_field(int f) { return f % (16 / BITS) * 2 + f / (16 / BITS); }

template <int BITS> AWQM_DEVICE int interleaved(int column) {
  constexpr int kFields = 32 / BITS;
  return column / kFields * kFields + field_of<BITS>(column % kFields);
}
template <int BITS> AWQM_DEVICE int from_interleaved(int place) {
  constexpr int kFields = 32 / BITS;
  return place / kFields * kFields + from_field<BITS>(place % kFields);
}

// Marlin's order of columns: blocks of 8 x 8, transposed; its own inverse.
AWQM_DEVICE int transposed_8x8(int column) { return column / 64 * 64 + column % 8 * 8 + column % 64 / 8; }

// Marlin's order of scales of a layer with one group.
AWQM_DEVICE int single_order(int column) {
  return column / 32 * 32 + column % 8 / 2 * 8 + column % 2 + column % 32 / 8 * 2;
}
AWQM_DEVICE int from_single_order(int place) {
  return place / 32 * 32 + place % 32 / 8 * 2 + place % 2 + place % 8 / 2 * 8;
}

// Codes: `rows` and `columns` are the stored K and N.
template <int BITS> AWQM_DEVICE size_t place_of_code(int layout, Cell c, int rows, int columns) {
  const int k = c.row, n = c.column;
  if (layout == kGemm) return static_cast<size_t>(k) * columns + interleaved<BITS>(n);
  if (layout != kMarlin) return static_cast<size_t>(n) * rows + k;
  const int lane = n % 8 * 4 + k % 8 / 2, half = n % 16 / 8, pair = k % 2, low = k % 16 / 8;
  const int in_lane = n % 64 / 16 * 8 + (BITS == 4 ? pair * 4 + half * 2 + low : half * 4 + pair * 2 + low);
  return (static_cast<size_t>(k / 16) * (columns / 64) + n / 64) * 1024 + lane * 32 + in_lane;
}
template <int BITS> AWQM_DEVICE Cell code_at(int layout, size_t place, int rows, int columns) {
  if (layout == kGemm) {
    return {static_cast<int>(place / columns), from_interleaved<BITS>(static_cast<int>(place % columns))};
  }
  if (layout != kMarlin) return {static_cast<int>(place % rows), static_cast<int>(place / rows)};
  const size_t tile = place / 1024;
  const int lane = place % 1024 / 32, in_lane = place % 32, f = in_lane % 8;
  const int half = BITS == 4 ? f / 2 % 2 : f / 4, pair = BITS == 4 ? f / 4 : f / 2 % 2, low = f % 2;
  return {static_cast<int>(tile / (columns / 64)) * 16 + lane % 4 * 2 + pair + low * 8,
          static_cast<int>(tile % (columns / 64)) * 64 + in_lane / 8 * 16 + half * 8 + lane / 4};
}

// Zero points: `rows` stored groups.
template <int BITS> AWQM_DEVICE size_t place_of_zero(int layout, Cell c, int rows, int columns) {
  constexpr int kFields = 32 / BITS;
  const int g = c.row, n = c.column;
  switch (layout) {
    case kGemm: return static_cast<size_t>(g) * columns + interleaved<BITS>(n);
    case kMarlin: return static_cast<size_t>(g) * columns + interleaved<BITS>(transposed_8x8(n));
    case kGemv: return static_cast<size_t>(n) * rows + g;
    default: return (static_cast<size_t>(n / kFields) * rows + g) * kFields + n % kFields;
  }
}
template <int BITS> AWQM_DEVICE Cell zero_at(int layout, size_t place, int rows, int columns) {
  constexpr int kFields = 32 / BITS;
  const int g = static_cast<int>(place / columns), n = static_cast<int>(place % columns);
  switch (layout) {
    case kGemm: return {g, from_interleaved<BITS>(n)};
    case kMarlin: return {g, transposed_8x8(from_interleaved<BITS>(n))};
    case kGemv: return {static_cast<int>(place % rows), static_cast<int>(place / rows)};
    default: {
      const size_t word = place / kFields;
      return {static_cast<int>(word % rows), static_cast<int>(word / rows) * kFields + static_cast<int>(place % kFields)};
    }
  }
}

// Scales: `rows` stored groups.
AWQM_DEVICE size_t place_of_scale(int layout, Cell c, int rows, int columns) {
  const size_t row = static_cast<size_t>(c.row) * columns;
  if (layout == kGemm) return row + c.column;
  if (layout == kMarlin) return row + (rows == 1 ? single_order(c.column) : transposed_8x8(c.column));
  return static_cast<size_t>(c.column) * rows + c.row;
}
AWQM_DEVICE Cell scale_at(int layout, size_t place, int rows, int columns) {
  if (layout != kGemm && layout != kMarlin) {
    return {static_cast<int>(place % rows), static_cast<int>(place / rows)};
  }
  const int g = static_cast<int>(place / columns), n = static_cast<int>(place % columns);
  if (layout == kGemm) return {g, n};
  return {g, rows == 1 ? from_single_order(n) : transposed_8x8(n)};
}

}  // namespace awqm

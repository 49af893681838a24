// Rows of x as operand B of mma.m16n8k16.
#pragma once
#include "port.h"

namespace awqm {

// A lane's row of x and how stored rows of w meet its elements.
struct Activations {
  const uint16_t* row;    // null: the lane has none
  int k;                  // elements of a row
  int group, group_rows;  // stored row r is element r / group_rows * group + r % group_rows, if that is below group
};

AWQM_DEVICE uint32_t element(const Activations& x, int r) {
  const int in = r % x.group_rows;
  const int k = r / x.group_rows * x.group + in;
  return in < x.group && k < x.k ? load_16(x.row + k) : 0;
}

// Elements of the stored rows r and r + 1; r is even. PAIRS: stored rows are elements, their number is even, and two may
// be loaded at once.
template <bool PAIRS> AWQM_DEVICE uint32_t element_pair(const Activations& x, int r) {
  if (!x.row) return 0;
  if (PAIRS) return r < x.k ? load_32(x.row + r) : 0;
  return element(x, r) | element(x, r + 1) << 16;
}

// Operand B of k-tile `t`: row l/4 of x, elements 16t + 2(l%4) + {0, 1} and {8, 9}.
template <bool PAIRS> AWQM_DEVICE void load_operand(const Activations& x, int t, int lane, uint32_t (&b)[2]) {
  const int r = t * 16 + lane % 4 * 2;
  b[0] = element_pair<PAIRS>(x, r);
  b[1] = element_pair<PAIRS>(x, r + 8);
}

}  // namespace awqm

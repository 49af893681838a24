// Rows of x as operand B of mma.m16n8k16.
#pragma once
#include "port.h"

namespace awqm {

// How stored rows of w meet elements of x.
struct Activations {
  const uint16_t* row;   // this lane's row of x; null: the lane has none
  int k;                 // elements of a row
  int group, group_rows; // stored row r is element r / group_rows * group + r % group_rows, if that is below group
  bool straight;         // stored rows are elements
  bool pairs;            // two elements may be loaded at once
};

AWQM_DEVICE uint32_t element(const Activations& x, int r) {
  if (!x.straight) {
    const int in = r % x.group_rows;
    if (in >= x.group) return 0;
    r = r / x.group_rows * x.group + in;
  }
  return r < x.k ? load_16(x.row + r) : 0;
}

// Elements of the stored rows r and r + 1; r is even.
AWQM_DEVICE uint32_t element_pair(const Activations& x, int r) {
  if (!x.row) return 0;
  if (x.pairs && r + 1 < x.k) return load_32(x.row + r);
  return element(x, r) | element(x, r + 1) << 16;
}

// Operand B of k-tile `t`: row l/4 of x, elements 16t + 2(l%4) + {0, 1} and {8, 9}.
AWQM_DEVICE void load_operand(const Activations& x, int t, int lane, uint32_t (&b)[2]) {
  const int r = t * 16 + lane % 4 * 2;
  b[0] = element_pair(x, r);
  b[1] = element_pair(x, r + 8);
}

}  // namespace awqm

// A row of x, element by element, for the shapes that cannot be copied as they are.
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

// Elements of the stored rows r and r + 1.
AWQM_DEVICE uint32_t element_pair(const Activations& x, int r) {
  return x.row ? element(x, r) | element(x, r + 1) << 16 : 0;
}

}  // namespace awqm

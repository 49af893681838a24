// Blocks that share the sums of the same outputs.
#pragma once
#include "port.h"

namespace awqm {

// Whether this block is the last of `splits` to come here; then it sees what the others stored before. The counter is zero
// before the first; the last sets it back when it is done. Nobody waits for anybody.
AWQM_DEVICE bool arrives_last(uint32_t* counter, int splits) {
  AWQM_SHARED(uint32_t, arrived, 1);
  thread_fence();
  sync_threads();
  if (threadIdx.x == 0) arrived[0] = atomic_increment(counter);
  sync_threads();
  if (arrived[0] + 1 != static_cast<uint32_t>(splits)) return false;
  thread_fence();
  return true;
}

}  // namespace awqm

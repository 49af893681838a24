// Threads with each other. All 32 lanes of a warp take part in a warp's operation.
#pragma once
#include "language.h"

namespace awqm {

// The barrier of the block: all its threads that still run come to the same call.
AWQM_DEVICE void sync_threads() { __syncthreads(); }
AWQM_DEVICE void sync_warp() { __syncwarp(); }

// The barrier that also tells every thread whether any of them said yes.
AWQM_DEVICE bool sync_threads_or(bool yes) { return __syncthreads_or(yes); }

// The value of lane `lane ^ mask`, of lane `lane + delta` (its own past the end), of lane `from`.
template <class T> AWQM_DEVICE T shuffle_xor(T value, int mask) { return __shfl_xor_sync(0xffffffffu, value, mask); }
template <class T> AWQM_DEVICE T shuffle_down(T value, int delta) { return __shfl_down_sync(0xffffffffu, value, delta); }
template <class T> AWQM_DEVICE T shuffle(T value, int from) { return __shfl_sync(0xffffffffu, value, from); }

}  // namespace awqm

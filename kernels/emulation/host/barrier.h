// The scheduler's side of barrier.cpp.
#pragma once
#include "runtime.h"

namespace awqm::emulation {

void thread_exits(Fiber &fiber);

}  // namespace awqm::emulation

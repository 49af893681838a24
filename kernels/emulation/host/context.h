// Fibers: stacks and the switch between them.
#pragma once
#include "runtime.h"

namespace awqm::emulation {

constexpr size_t STACK_BYTES = 64 * 1024;

// Runs the fiber until it waits, fails or ends. Its stack comes with the first run and goes back after the last.
void resume(Fiber &fiber);

// From a fiber, back to whoever resumed it.
void suspend();

// Gives the stack of a fiber back; one that never ended is left as it stands.
void release(Fiber &fiber);

}  // namespace awqm::emulation

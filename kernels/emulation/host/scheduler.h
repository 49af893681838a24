// Runs a grid.
#pragma once
#include "runtime.h"

namespace awqm::emulation {

// Until every thread has ended or launch.error says why not.
void run(Launch &launch);

}  // namespace awqm::emulation

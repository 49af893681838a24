// Bank conflicts of shared memory, counted when the launch asks for it: the lanes of a warp then meet at each access.
//
// A wavefront serves each of 32 banks of 4 bytes once; lanes that read the same word share it. Accesses of 4 bytes are one
// phase for the whole warp, of 8 bytes two phases of 16 lanes, of 16 bytes four of 8 lanes; a phase takes as many wavefronts
// as its fullest bank has different words.
#pragma once
#include "runtime.h"

namespace awqm::emulation {

// Adds the wavefronts of an access of `bytes` a lane to the statistics, and those it would take without conflicts.
void count_wavefronts(const void *const (&address)[32], size_t bytes);

// An access of the running lane. All lanes of its warp come to the same one.
void look_at_banks(const void *p, size_t bytes, bool store);

}  // namespace awqm::emulation

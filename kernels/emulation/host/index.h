// threadIdx and its kind: each member reads the state of the thread that runs.
#pragma once
#include "runtime.h"

namespace awqm::emulation {

template <uint32_t (*READ)()> struct Coordinate {
    operator uint32_t() const { return READ(); }
};

#define AWQM_INDEX(Name, expression)                                       \
    struct Name {                                                          \
        static uint32_t read_x() { return (expression).x; }                \
        static uint32_t read_y() { return (expression).y; }                \
        static uint32_t read_z() { return (expression).z; }                \
        Coordinate<read_x> x;                                              \
        Coordinate<read_y> y;                                              \
        Coordinate<read_z> z;                                              \
    };
AWQM_INDEX(ThreadIndex, current->index)
AWQM_INDEX(BlockIndex, current->block->index)
AWQM_INDEX(BlockSize, current->block->launch->block)
AWQM_INDEX(GridSize, current->block->launch->grid)
#undef AWQM_INDEX

}  // namespace awqm::emulation

inline constexpr awqm::emulation::ThreadIndex threadIdx{};
inline constexpr awqm::emulation::BlockIndex blockIdx{};
inline constexpr awqm::emulation::BlockSize blockDim{};
inline constexpr awqm::emulation::GridSize gridDim{};

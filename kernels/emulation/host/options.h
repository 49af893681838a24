// How a launch runs and what it counts; src/lib.rs mirrors these structs.
#pragma once
#include <cstddef>
#include <cstdint>

namespace awqm::emulation {

// When the data of an asynchronous copy arrives: at once, when it is waited for, or then with rubbish in its place before.
enum class AsyncCopies : uint32_t { Immediate, Late, Poison };

// Who runs next. Greedy runs one warp as far as barriers let it; Random mixes lanes, warps and blocks.
enum class Order : uint32_t { Forward, Reverse, Random, Greedy, GreedyReverse };

// A piece of global memory.
struct Range {
    uintptr_t begin, end;
};

struct Options {
    AsyncCopies async_copies;
    Order order;
    uint64_t seed;          // of Random
    uint64_t resident;      // blocks alive at once, 0: all
    const Range *memory;    // what loads and stores may touch
    size_t memory_count;    // 0: not checked
    uint64_t count_wavefronts;  // whether the lanes of a warp meet at each access to shared memory
};

struct Stats {
    uint64_t blocks, switches, barriers, shuffles, mma, ldmatrix, async_copies;
    uint64_t weight_bytes;  // loads of weights
    uint64_t load_bytes;    // other loads
    uint64_t store_bytes;
    uint64_t wavefronts, least_wavefronts;  // of shared memory: taken, and without conflicts of banks; if counted
};

}  // namespace awqm::emulation

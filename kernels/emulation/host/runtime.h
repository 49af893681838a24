// State of a launch: a fiber for each thread, warps, blocks; and how a thread waits and fails.
#pragma once
#include <string>
#include <vector>

#include "options.h"
#include "types.h"

namespace awqm::emulation {

struct Index {
    uint32_t x, y, z;
};

enum class State : uint8_t { Ready, Barrier, WarpOperation, Spinning, Done };

struct PendingCopy {
    void *to;
    const void *from;  // null: zeros
    uint32_t bytes, inside;  // zeros behind `inside`
};

struct Block;

struct Fiber {
    void *context = nullptr;  // null before the first run
    char *stack = nullptr;
    Block *block = nullptr;
    State state = State::Ready;
    Index index{};
    uint32_t linear = 0, warp = 0, lane = 0;
    const char *waits_for = "";
    int line = 0;
    std::vector<PendingCopy> open_group;
    std::vector<std::vector<PendingCopy>> groups;  // committed, oldest first
};

// Lanes of a warp that come together for one operation; the last to arrive does it for all.
struct Rendezvous {
    uint32_t arrived = 0;
    const char *operation = nullptr;
    int line = 0;
    void *slot[32];
};

struct Warp {
    Rendezvous rendezvous;
    uint32_t lanes = 0, exited = 0;
    bool asleep = false;        // the scheduler leaves it out
    uint64_t slept_behind = 0;  // BlockBarrier::opened at that time
};

struct BlockBarrier {
    uint64_t opened = 0;
    uint32_t arrived = 0;
    const char *file = nullptr;
    int line = 0;
    bool any = false, result = false;
};

// One array in shared memory.
struct SharedArray {
    const void *key;
    const char *name;
    size_t begin, bytes;
};

struct Launch;

struct Block {
    Launch *launch = nullptr;
    Index index{};
    uint32_t live = 0;
    uint64_t straggler = 0;  // a warp that the scheduler may keep back
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    BlockBarrier barrier;
    unsigned char *shared = nullptr;
    size_t shared_used = 0, shared_capacity = 0, static_bytes = 0;
    std::vector<SharedArray> arrays;
};

struct Launch {
    Options options{};
    Index grid{}, block{};
    size_t dynamic_shared = 0;
    void (*kernel)(const void *function, void *const *args) = nullptr;
    const void *function = nullptr;
    void *const *args = nullptr;
    Stats stats{};
    std::string error;  // of the first failure; nothing runs after it
};

// The thread that runs now; null in the scheduler.
extern thread_local Fiber *current;

inline Stats &stats() { return current->block->launch->stats; }
inline const Options &options() { return current->block->launch->options; }

// Lets others run. The thread goes on when someone makes it Ready.
void wait_as(State state, const char *waits_for, int line);

// Ends the launch with this message; the threads stay where they are.
[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char *format, ...);

void block_barrier(const char *file, int line);
bool block_barrier_or(bool yes, const char *file, int line);

// The rendezvous in exactly one lane, the last, which does the work for all slots and then calls leave(); null in the others.
Rendezvous *arrive(const char *operation, void *slot, int line);
void leave(Rendezvous *rendezvous);

// An address that loads and stores may touch: aligned, and in the memory that the launch names, if it names any.
void check_global(const char *operation, const void *p, size_t bytes);
// The same where less than what the alignment says is touched.
void check_global(const char *operation, const void *p, size_t bytes, size_t alignment);

}  // namespace awqm::emulation

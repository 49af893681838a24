// Where threads meet: the barrier of the block and the operations of a warp.
#include <cstring>

#include "runtime.h"
#include "barrier.h"

namespace awqm::emulation {

static void open(Block &block) {
    BlockBarrier &barrier = block.barrier;
    for (Fiber &fiber : block.fibers) {
        if (fiber.state == State::Barrier) fiber.state = State::Ready;
    }
    barrier.opened++;
    barrier.arrived = 0;
    barrier.result = barrier.any;
    barrier.any = false;
}

bool block_barrier_or(bool yes, const char *file, int line) {
    Block &block = *current->block;
    BlockBarrier &barrier = block.barrier;
    if (barrier.arrived == 0) {
        barrier.file = file;
        barrier.line = line;
    } else if (barrier.line != line || strcmp(barrier.file, file) != 0) {
        fail("barrier at %s:%d while others wait at %s:%d", file, line, barrier.file, barrier.line);
    }
    barrier.any |= yes;
    if (++barrier.arrived == block.live) {
        open(block);
        block.launch->stats.barriers++;
    } else {
        wait_as(State::Barrier, file, line);
    }
    return barrier.result;
}

void block_barrier(const char *file, int line) { block_barrier_or(false, file, line); }

void thread_exits(Fiber &fiber) {
    Block &block = *fiber.block;
    fiber.state = State::Done;
    block.live--;
    block.warps[fiber.warp].exited |= 1u << fiber.lane;
    // A thread that has left no longer counts.
    if (block.barrier.arrived > 0 && block.barrier.arrived == block.live) open(block);
}

Rendezvous *arrive(const char *operation, void *slot, int line) {
    Warp &warp = current->block->warps[current->warp];
    if (warp.lanes != 0xffffffffu) fail("%s: the warp has lanes %08x only", operation, warp.lanes);
    if (warp.exited) fail("%s: lanes %08x of the warp have left", operation, warp.exited);
    Rendezvous &r = warp.rendezvous;
    if (r.arrived == 0) {
        r.operation = operation;
        r.line = line;
    } else if (strcmp(r.operation, operation) != 0 || r.line != line) {
        fail("%s of line %d while lanes %08x of the warp wait in %s of line %d", operation, line, r.arrived, r.operation, r.line);
    }
    r.slot[current->lane] = slot;
    r.arrived |= 1u << current->lane;
    if (r.arrived == warp.lanes) return &r;
    wait_as(State::WarpOperation, operation, line);
    return nullptr;
}

void leave(Rendezvous *rendezvous) {
    Fiber *first = &current->block->fibers[current->warp * 32];
    for (int lane = 0; lane < 32; lane++) first[lane].state = State::Ready;
    rendezvous->arrived = 0;
}

}  // namespace awqm::emulation

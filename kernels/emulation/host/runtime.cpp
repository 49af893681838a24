#include "runtime.h"

#include <cstdarg>
#include <cstdio>

#include "context.h"

namespace awqm::emulation {

void wait_as(State state, const char *waits_for, int line) {
    current->state = state;
    current->waits_for = waits_for;
    current->line = line;
    suspend();
}

void fail(const char *format, ...) {
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    char where[128];
    const Index &b = current->block->index;
    snprintf(where, sizeof where, "block (%u, %u, %u), warp %u, lane %u: ", b.x, b.y, b.z, current->warp, current->lane);
    Launch &launch = *current->block->launch;
    if (launch.error.empty()) launch.error = std::string(where) + text;
    // The scheduler sees the error and never comes back.
    suspend();
    __builtin_unreachable();
}

void check_global(const char *operation, const void *p, size_t bytes) { check_global(operation, p, bytes, bytes); }

void check_global(const char *operation, const void *p, size_t bytes, size_t alignment) {
    auto at = reinterpret_cast<uintptr_t>(p);
    if (at % alignment) fail("%s: address %p is not a multiple of %zu", operation, p, alignment);
    const Options &o = options();
    if (o.memory_count == 0) return;
    for (size_t i = 0; i < o.memory_count; i++) {
        if (at >= o.memory[i].begin && at + bytes <= o.memory[i].end) return;
    }
    // The nearest piece before it, for the message.
    const Range *near = nullptr;
    for (size_t i = 0; i < o.memory_count; i++) {
        if (o.memory[i].begin <= at && (!near || near->begin < o.memory[i].begin)) near = &o.memory[i];
    }
    if (!near) fail("%s: address %p lies before all memory of the launch", operation, p);
    fail("%s: %zu bytes at offset %zu of a piece of %zu bytes (piece %zu)", operation, bytes, static_cast<size_t>(at - near->begin),
         static_cast<size_t>(near->end - near->begin), static_cast<size_t>(near - o.memory));
}

}  // namespace awqm::emulation

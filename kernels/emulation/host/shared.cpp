#include "shared.h"

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

namespace awqm::emulation {

constexpr unsigned char GAP = 0xa5, FRESH = 0xff;
constexpr size_t LINE = 128;

static size_t round_up(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

static void add_array(Block &block, const void *key, const char *name, size_t bytes) {
    unsigned char *begin = block.shared + block.shared_used;
    ASAN_UNPOISON_MEMORY_REGION(begin, bytes);
    memset(begin, FRESH, bytes);
    block.arrays.push_back({key, name, block.shared_used, bytes});
    block.shared_used += round_up(bytes) + LINE;
}

void open_shared(Block &block) {
    block.shared_capacity = round_up(block.launch->dynamic_shared) + STATIC_SHARED_LIMIT + 64 * LINE;
    block.shared = static_cast<unsigned char *>(aligned_alloc(1024, (block.shared_capacity + 1023) / 1024 * 1024));
    if (!block.shared) throw std::bad_alloc();
    // Everything is a gap until an array takes it.
    memset(block.shared, GAP, block.shared_capacity);
    ASAN_POISON_MEMORY_REGION(block.shared, block.shared_capacity);
    add_array(block, nullptr, "dynamic shared memory", block.launch->dynamic_shared);
}

bool close_shared(Block &block) {
    ASAN_UNPOISON_MEMORY_REGION(block.shared, block.shared_capacity);
    bool whole = true;
    for (size_t i = 0; i < block.arrays.size() && whole; i++) {
        const SharedArray &array = block.arrays[i];
        size_t next = i + 1 < block.arrays.size() ? block.arrays[i + 1].begin : block.shared_used;
        for (size_t at = array.begin + array.bytes; at < next && whole; at++) whole = block.shared[at] == GAP;
        if (!whole && block.launch->error.empty()) {
            block.launch->error = std::string("written past the end of ") + array.name + " in block (" + std::to_string(block.index.x) +
                                  ", " + std::to_string(block.index.y) + ", " + std::to_string(block.index.z) + ")";
        }
    }
    free(block.shared);
    block.shared = nullptr;
    return whole;
}

void *static_shared(const void *key, const char *name, size_t bytes) {
    Block &block = *current->block;
    for (const SharedArray &array : block.arrays) {
        if (array.key == key) return block.shared + array.begin;
    }
    block.static_bytes += bytes;
    if (block.static_bytes > STATIC_SHARED_LIMIT) fail("more than %zu bytes of static shared memory", STATIC_SHARED_LIMIT);
    if (block.static_bytes + block.launch->dynamic_shared > SHARED_LIMIT) fail("more than %zu bytes of shared memory", SHARED_LIMIT);
    if (block.shared_used + round_up(bytes) + LINE > block.shared_capacity) fail("too many arrays in shared memory");
    add_array(block, key, name, bytes);
    return block.shared + block.arrays.back().begin;
}

unsigned char *dynamic_shared() { return current->block->shared; }

void check_shared(const char *operation, const void *p, size_t bytes, size_t alignment) {
    const Block &block = *current->block;
    auto at = reinterpret_cast<uintptr_t>(p), base = reinterpret_cast<uintptr_t>(block.shared);
    for (const SharedArray &array : block.arrays) {
        if (at < base + array.begin || at + bytes > base + array.begin + array.bytes) continue;
        if (at % alignment) fail("%s: offset %zu of %s is not a multiple of %zu", operation, static_cast<size_t>(at - base - array.begin), array.name, alignment);
        return;
    }
    fail("%s: %zu bytes at %p are not in shared memory", operation, bytes, p);
}

}  // namespace awqm::emulation

// Shared memory of a block: the dynamic bytes first, then each static array as it is first met, with gaps between that are
// looked at when the block ends.
#pragma once
#include "runtime.h"

namespace awqm::emulation {

constexpr size_t SHARED_LIMIT = 227 * 1024;
constexpr size_t STATIC_SHARED_LIMIT = 48 * 1024;

void open_shared(Block &block);
// False when something wrote between the arrays; sets the launch's error.
bool close_shared(Block &block);

void *static_shared(const void *key, const char *name, size_t bytes);
unsigned char *dynamic_shared();

// An address inside one array, aligned.
void check_shared(const char *operation, const void *p, size_t bytes, size_t alignment);

}  // namespace awqm::emulation

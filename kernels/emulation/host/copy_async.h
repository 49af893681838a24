// See common/device/copy_async.h.
#pragma once
#include "language.h"

namespace awqm {

inline uint32_t shared_address(const void *p) {
    return static_cast<uint32_t>(static_cast<const unsigned char *>(p) - emulation::current->block->shared);
}

namespace emulation {
inline void finish(const PendingCopy &copy) {
    if (copy.inside) memcpy(copy.to, copy.from, copy.inside);
    memset(static_cast<unsigned char *>(copy.to) + copy.inside, 0, copy.bytes - copy.inside);
}

inline PendingCopy checked_copy(const char *operation, void *to, const void *from, uint32_t bytes, uint32_t inside) {
    check_shared(operation, to, bytes, bytes);
    if (inside) check_global(operation, from, inside, bytes);
    return {to, from, bytes, inside};
}

inline void copy_async(void *to, const void *from, uint32_t bytes, uint32_t inside) {
    PendingCopy copy = checked_copy("cp.async", to, from, bytes, inside);
    stats().async_copies++;
    if (options().async_copies == AsyncCopies::Immediate) return finish(copy);
    if (options().async_copies == AsyncCopies::Poison) memset(to, 0xff, bytes);
    current->open_group.push_back(copy);
}
}  // namespace emulation

inline void copy_async_16(void *to, const void *from, bool inside = true) { emulation::copy_async(to, from, 16, inside ? 16 : 0); }
inline void copy_async_4(void *to, const void *from, bool inside = true) { emulation::copy_async(to, from, 4, inside ? 4 : 0); }
inline void copy_async_weights_16(void *to, const void *from) {
    emulation::copy_async(to, from, 16, 16);
    emulation::stats().weight_bytes += 16;
}

inline void copy_async_commit() {
    auto *fiber = emulation::current;
    fiber->groups.push_back(std::move(fiber->open_group));
    fiber->open_group.clear();
}

template <int PENDING> inline void copy_async_wait() {
    auto &groups = emulation::current->groups;
    while (groups.size() > static_cast<size_t>(PENDING)) {
        for (auto &copy : groups.front()) emulation::finish(copy);
        groups.erase(groups.begin());
    }
}

}  // namespace awqm

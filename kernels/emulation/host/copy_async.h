// See common/device/copy_async.h.
#pragma once
#include "language.h"

namespace awqm {

inline uint32_t shared_address(const void *p) {
    return static_cast<uint32_t>(static_cast<const unsigned char *>(p) - emulation::current->block->shared);
}

namespace emulation {
inline void finish(const PendingCopy &copy) {
    if (copy.from) memcpy(copy.to, copy.from, 16);
    else memset(copy.to, 0, 16);
}
}  // namespace emulation

inline void copy_async_16(void *to, const void *from, bool inside = true) {
    using namespace emulation;
    check_shared("cp.async", to, 16, 16);
    if (inside) check_global("cp.async", from, 16);
    stats().async_copies++;
    PendingCopy copy{to, inside ? from : nullptr};
    if (options().async_copies == AsyncCopies::Immediate) return finish(copy);
    if (options().async_copies == AsyncCopies::Poison) memset(to, 0xff, 16);
    current->open_group.push_back(copy);
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

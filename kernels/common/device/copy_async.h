// Copies from global to shared memory that run beside the program, in groups that are waited for in order. On compute
// capability 7.5 they are plain copies.
#pragma once
#include "language.h"

namespace awqm {

// An address in shared memory as instructions take it.
AWQM_DEVICE uint32_t shared_address(const void *p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

// 16 bytes, past L1; zeros when `inside` is false (the source is then not read).
AWQM_DEVICE void copy_async_16(void *to, const void *from, bool inside = true) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(inside ? 16 : 0) : "memory");
#else
    *static_cast<uint4 *>(to) = inside ? *static_cast<const uint4 *>(from) : make_uint4(0, 0, 0, 0);
#endif
}

// 16 bytes of weights: used once, so they leave L2 first.
AWQM_DEVICE void copy_async_weights_16(void *to, const void *from) {
#if __CUDA_ARCH__ >= 800
    uint64_t policy;
    asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
    asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "l"(policy) : "memory");
#else
    *static_cast<uint4 *>(to) = *static_cast<const uint4 *>(from);
#endif
}

// 4 bytes, through L1; zeros when `inside` is false.
AWQM_DEVICE void copy_async_4(void *to, const void *from, bool inside = true) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from), "r"(inside ? 4 : 0) : "memory");
#else
    *static_cast<uint32_t *>(to) = inside ? *static_cast<const uint32_t *>(from) : 0;
#endif
}

// Ends a group, which may be empty.
AWQM_DEVICE void copy_async_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most PENDING of this thread's groups are on their way. Other threads' copies need a barrier after it.
template <int PENDING> AWQM_DEVICE void copy_async_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
#endif
}

}  // namespace awqm

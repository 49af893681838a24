// Loads and stores of global memory, and what orders them between blocks.
#pragma once
#include "language.h"

namespace awqm {

// Weights: each word is used once, so it takes no room in L1 and leaves L2 first. The policy is a constant in the machine
// code. Volatile: the compiler keeps the order in which a loop asks for its words ahead of their use.
AWQM_DEVICE uint4 load_weights_128(const void *p) {
    uint4 v;
#if __CUDA_ARCH__ >= 800
    uint64_t policy;
    asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
    asm volatile("ld.global.nc.L1::no_allocate.L2::cache_hint.v4.u32 {%0, %1, %2, %3}, [%4], %5;"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p), "l"(policy));
#else
    asm volatile("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
#endif
    return v;
}

// Memory that nobody writes while the kernel runs.
AWQM_DEVICE uint16_t load_16(const void *p) {
    uint16_t v;
    asm("ld.global.nc.u16 %0, [%1];" : "=h"(v) : "l"(p));
    return v;
}
AWQM_DEVICE uint32_t load_32(const void *p) {
    uint32_t v;
    asm("ld.global.nc.u32 %0, [%1];" : "=r"(v) : "l"(p));
    return v;
}
AWQM_DEVICE uint2 load_64(const void *p) {
    uint2 v;
    asm("ld.global.nc.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(p));
    return v;
}
AWQM_DEVICE uint4 load_128(const void *p) {
    uint4 v;
    asm("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
    return v;
}

// Memory that other blocks write while the kernel runs: from L2, never from L1 or the read-only path.
AWQM_DEVICE float load_partial(const float *p) {
    float v;
    asm volatile("ld.global.cg.f32 %0, [%1];" : "=f"(v) : "l"(p) : "memory");
    return v;
}
AWQM_DEVICE float4 load_partial_128(const float *p) {
    float4 v;
    asm volatile("ld.global.cg.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "l"(p) : "memory");
    return v;
}
AWQM_DEVICE void store_partial(float *p, float v) { asm volatile("st.global.cg.f32 [%0], %1;" ::"l"(p), "f"(v) : "memory"); }
AWQM_DEVICE void store_partial_128(float *p, float4 v) {
    asm volatile("st.global.cg.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(v.x), "f"(v.y), "f"(v.z), "f"(v.w) : "memory");
}

// Results.
AWQM_DEVICE void store_16(void *p, uint16_t v) { *static_cast<uint16_t *>(p) = v; }
AWQM_DEVICE void store_32(void *p, uint32_t v) { *static_cast<uint32_t *>(p) = v; }
AWQM_DEVICE void store_64(void *p, uint2 v) { *static_cast<uint2 *>(p) = v; }
AWQM_DEVICE void store_128(void *p, uint4 v) { *static_cast<uint4 *>(p) = v; }

// What this thread saw and wrote before comes before what it does after, for the whole device (fence.acq_rel.gpu).
AWQM_DEVICE void thread_fence() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

// Adds one and returns the old value, with acquire and release.
AWQM_DEVICE uint32_t atomic_increment(uint32_t *p) {
    uint32_t old;
    asm volatile("atom.add.acq_rel.gpu.global.u32 %0, [%1], 1;" : "=r"(old) : "l"(p) : "memory");
    return old;
}

AWQM_DEVICE uint32_t load_acquire(const uint32_t *p) {
    uint32_t v;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}
AWQM_DEVICE void store_release(uint32_t *p, uint32_t v) {
    asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory");
}
// For a counter that nobody else touches any more in this launch.
AWQM_DEVICE void store_relaxed(uint32_t *p, uint32_t v) {
    asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory");
}

}  // namespace awqm

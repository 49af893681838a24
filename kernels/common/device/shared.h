// Shared memory by its 32-bit address. Loops that hold one address and add constants to it need no other arithmetic; from a
// pointer the compiler computes the address anew at every use.
#pragma once
#include "copy_async.h"
#include "mma.h"

namespace awqm {

struct SharedPlace {
    uint32_t at;
    AWQM_DEVICE SharedPlace operator+(int bytes) const { return {at + bytes}; }
    // For places whose low bits are known to be zero, or to be swapped.
    AWQM_DEVICE SharedPlace operator^(int bits) const { return {at ^ bits}; }
};

AWQM_DEVICE SharedPlace shared_place(const void *p) {
    uint32_t at = shared_address(p);
    asm volatile("" : "+r"(at));  // the compiler must not see where it comes from
    return {at};
}

AWQM_DEVICE uint32_t load_shared_32(SharedPlace p) {
    uint32_t v;
    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(p.at) : "memory");
    return v;
}
AWQM_DEVICE uint2 load_shared_64(SharedPlace p) {
    uint2 v;
    asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "r"(p.at) : "memory");
    return v;
}
AWQM_DEVICE uint4 load_shared_128(SharedPlace p) {
    uint4 v;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(p.at) : "memory");
    return v;
}
AWQM_DEVICE float4 load_shared_floats(SharedPlace p) { return bit_cast<float4>(load_shared_128(p)); }
AWQM_DEVICE void store_shared_float(SharedPlace p, float v) { asm volatile("st.shared.f32 [%0], %1;" ::"r"(p.at), "f"(v) : "memory"); }
AWQM_DEVICE void store_shared_64(SharedPlace p, uint2 v) {
    asm volatile("st.shared.v2.u32 [%0], {%1, %2};" ::"r"(p.at), "r"(v.x), "r"(v.y) : "memory");
}
AWQM_DEVICE void store_shared_128(SharedPlace p, uint4 v) {
    asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(p.at), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}

// Plain copies from global memory.
AWQM_DEVICE void copy_8(SharedPlace to, const void *from) { store_shared_64(to, *static_cast<const uint2 *>(from)); }
AWQM_DEVICE void copy_16(SharedPlace to, const void *from) { store_shared_128(to, *static_cast<const uint4 *>(from)); }
// The first `inside` bytes, an even number of 16; zeros behind. Nothing is read when it is 0.
AWQM_DEVICE void copy_part_16(SharedPlace to, const void *from, int inside) {
    if (inside == 16) return copy_16(to, from);
    const uint16_t *elements = static_cast<const uint16_t *>(from);
    uint32_t words[4] = {};
#pragma unroll
    for (int i = 0; i < 8; i++) {
        if (2 * i < inside) words[i / 2] |= static_cast<uint32_t>(elements[i]) << (16 * (i % 2));
    }
    store_shared_128(to, make_uint4(words[0], words[1], words[2], words[3]));
}

// Their asynchronous twins, of compute capability 8.0.
#if __CUDA_ARCH__ >= 800
AWQM_DEVICE void copy_async_8(SharedPlace to, const void *from) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(to.at), "l"(from) : "memory");
}
AWQM_DEVICE void copy_async_16(SharedPlace to, const void *from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to.at), "l"(from) : "memory");
}
AWQM_DEVICE void copy_async_part_16(SharedPlace to, const void *from, int inside) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to.at), "l"(from), "r"(inside) : "memory");
}
// Of weights that are used once: they leave L2 first.
AWQM_DEVICE void copy_async_weights_16(SharedPlace to, const void *from) {
    uint64_t policy;
    asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
    asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;" ::"r"(to.at), "l"(from), "l"(policy) : "memory");
}
#else
AWQM_DEVICE void copy_async_8(SharedPlace to, const void *from) { copy_8(to, from); }
AWQM_DEVICE void copy_async_16(SharedPlace to, const void *from) { copy_16(to, from); }
AWQM_DEVICE void copy_async_part_16(SharedPlace to, const void *from, int inside) { copy_part_16(to, from, inside); }
AWQM_DEVICE void copy_async_weights_16(SharedPlace to, const void *from) { copy_16(to, from); }
#endif

// See mma.h.
AWQM_DEVICE void ldmatrix_x4(uint32_t (&r)[4], SharedPlace row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(row.at) : "memory");
}

}  // namespace awqm

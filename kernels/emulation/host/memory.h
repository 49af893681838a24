// See common/device/memory.h. The host's memory is ordered more strongly than the device's: a missing fence shows nowhere here.
#pragma once
#include "language.h"

namespace awqm {

namespace emulation {
template <class T> T load(const char *operation, const void *p) {
    check_global(operation, p, sizeof(T));
    stats().load_bytes += sizeof(T);
    T value;
    memcpy(&value, p, sizeof(T));
    return value;
}
template <class T> void store(const char *operation, void *p, T value) {
    check_global(operation, p, sizeof(T));
    stats().store_bytes += sizeof(T);
    memcpy(p, &value, sizeof(T));
}
}  // namespace emulation

inline uint4 load_weights_128(const void *p) {
    emulation::check_global("load of weights", p, 16);
    emulation::stats().weight_bytes += 16;
    uint4 value;
    memcpy(&value, p, 16);
    return value;
}
inline uint16_t load_16(const void *p) { return emulation::load<uint16_t>("load", p); }
inline uint32_t load_32(const void *p) { return emulation::load<uint32_t>("load", p); }
inline uint2 load_64(const void *p) { return emulation::load<uint2>("load", p); }
inline uint4 load_128(const void *p) { return emulation::load<uint4>("load", p); }

inline float load_partial(const float *p) { return emulation::load<float>("load of partial sums", p); }
inline float4 load_partial_128(const float *p) { return emulation::load<float4>("load of partial sums", p); }
inline void store_partial(float *p, float v) { emulation::store("store of partial sums", p, v); }
inline void store_partial_128(float *p, float4 v) { emulation::store("store of partial sums", p, v); }

inline void store_16(void *p, uint16_t v) { emulation::store("store", p, v); }
inline void store_32(void *p, uint32_t v) { emulation::store("store", p, v); }
inline void store_64(void *p, uint2 v) { emulation::store("store", p, v); }
inline void store_128(void *p, uint4 v) { emulation::store("store", p, v); }

inline void thread_fence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

// What other threads do between is part of what tests vary, so the scheduler runs here.
inline uint32_t atomic_increment(uint32_t *p) {
    emulation::check_global("atomic increment", p, 4);
    emulation::wait_as(emulation::State::Ready, "atomic increment", 0);
    return __atomic_fetch_add(p, 1, __ATOMIC_ACQ_REL);
}
// Loops that wait for another block turn here.
inline uint32_t load_acquire(const uint32_t *p) {
    emulation::check_global("load.acquire", p, 4);
    emulation::wait_as(emulation::State::Spinning, "load.acquire", 0);
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
inline void store_release(uint32_t *p, uint32_t v) {
    emulation::check_global("store.release", p, 4);
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
inline void store_relaxed(uint32_t *p, uint32_t v) {
    emulation::check_global("store.relaxed", p, 4);
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
}

}  // namespace awqm

// See common/device/shared.h.
#pragma once
#include "banks.h"
#include "copy_async.h"
#include "mma.h"

namespace awqm {

struct SharedPlace {
    uint32_t at;
    SharedPlace operator+(int bytes) const { return {at + bytes}; }
    SharedPlace operator^(int bits) const { return {at ^ bits}; }
};

inline SharedPlace shared_place(const void *p) { return {shared_address(p)}; }

namespace emulation {
inline unsigned char *at(SharedPlace p) { return current->block->shared + p.at; }

template <class T> T load_shared(SharedPlace p) {
    check_shared("load of shared memory", at(p), sizeof(T), sizeof(T));
    look_at_banks(at(p), sizeof(T), false);
    T value;
    memcpy(&value, at(p), sizeof(T));
    return value;
}
template <class T> void store_shared(SharedPlace p, T value) {
    check_shared("store to shared memory", at(p), sizeof(T), sizeof(T));
    look_at_banks(at(p), sizeof(T), true);
    memcpy(at(p), &value, sizeof(T));
}
}  // namespace emulation

inline uint32_t load_shared_32(SharedPlace p) { return emulation::load_shared<uint32_t>(p); }
inline uint2 load_shared_64(SharedPlace p) { return emulation::load_shared<uint2>(p); }
inline uint4 load_shared_128(SharedPlace p) { return emulation::load_shared<uint4>(p); }
inline float4 load_shared_floats(SharedPlace p) { return emulation::load_shared<float4>(p); }
inline void store_shared_float(SharedPlace p, float v) { emulation::store_shared(p, v); }
inline void store_shared_64(SharedPlace p, uint2 v) { emulation::store_shared(p, v); }
inline void store_shared_128(SharedPlace p, uint4 v) { emulation::store_shared(p, v); }

inline void copy_8(SharedPlace to, const void *from) { emulation::finish(emulation::checked_copy("copy", emulation::at(to), from, 8, 8)); }
inline void copy_16(SharedPlace to, const void *from) { emulation::finish(emulation::checked_copy("copy", emulation::at(to), from, 16, 16)); }
inline void copy_part_16(SharedPlace to, const void *from, int inside) {
    emulation::finish(emulation::checked_copy("copy", emulation::at(to), from, 16, inside));
}

inline void copy_async_8(SharedPlace to, const void *from) { emulation::copy_async(emulation::at(to), from, 8, 8); }
inline void copy_async_16(SharedPlace to, const void *from) { emulation::copy_async(emulation::at(to), from, 16, 16); }
inline void copy_async_part_16(SharedPlace to, const void *from, int inside) { emulation::copy_async(emulation::at(to), from, 16, inside); }
inline void copy_async_weights_16(SharedPlace to, const void *from) { copy_async_weights_16(emulation::at(to), from); }

inline void ldmatrix_x4(uint32_t (&r)[4], SharedPlace row, int line = __builtin_LINE()) { ldmatrix_x4(r, emulation::at(row), line); }

}  // namespace awqm

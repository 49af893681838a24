// See common/device/warp.h.
#pragma once
#include "language.h"

namespace awqm {

inline void sync_threads(const char *file = __builtin_FILE(), int line = __builtin_LINE()) { emulation::block_barrier(file, line); }
inline bool sync_threads_or(bool yes, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
    return emulation::block_barrier_or(yes, file, line);
}
inline void sync_warp(int line = __builtin_LINE()) {
    if (emulation::Rendezvous *all = emulation::arrive("syncwarp", nullptr, line)) emulation::leave(all);
}

namespace emulation {
template <class T> struct ShuffleSlot {
    T in, out;
    int from;
};
template <class T> T shuffle_from(const char *name, T value, int from, int line) {
    ShuffleSlot<T> mine{value, value, from};
    if (Rendezvous *all = arrive(name, &mine, line)) {
        for (void *slot : all->slot) {
            auto *to = static_cast<ShuffleSlot<T> *>(slot);
            to->out = static_cast<ShuffleSlot<T> *>(all->slot[to->from & 31])->in;
        }
        stats().shuffles++;
        leave(all);
    }
    return mine.out;
}
}  // namespace emulation

template <class T> inline T shuffle_xor(T value, int mask, int line = __builtin_LINE()) {
    return emulation::shuffle_from("shuffle_xor", value, static_cast<int>(emulation::current->lane) ^ mask, line);
}
template <class T> inline T shuffle_down(T value, int delta, int line = __builtin_LINE()) {
    int lane = static_cast<int>(emulation::current->lane);
    return emulation::shuffle_from("shuffle_down", value, lane + delta < 32 ? lane + delta : lane, line);
}
template <class T> inline T shuffle(T value, int from, int line = __builtin_LINE()) {
    return emulation::shuffle_from("shuffle", value, from, line);
}

}  // namespace awqm

// See common/device/mma.h.
#pragma once
#include "banks.h"
#include "copy_async.h"
#include "float16.h"

namespace awqm {

namespace emulation {

struct MmaSlot {
    float *c;
    const uint32_t *a, *b;
};

// Sixteen (or, with K = 8, eight) products a sum, exact in f32, added in order; tensor cores add in another order and cut off
// what is far below the largest, so tests compare with a tolerance.
template <class T, int K> void mma(const Rendezvous &all) {
    float a[16][K], b[8][K];  // b by columns
    auto element = [](uint32_t word, int half) { return Float16<T>::widen(static_cast<uint16_t>(word >> (16 * half))); };
    for (int lane = 0; lane < 32; lane++) {
        int g = lane / 4, t = lane % 4;
        auto *slot = static_cast<const MmaSlot *>(all.slot[lane]);
        for (int r = 0; r < K / 4; r++) {
            for (int half = 0; half < 2; half++) a[g + 8 * (r & 1)][2 * t + half + 8 * (r >> 1)] = element(slot->a[r], half);
        }
        for (int r = 0; r < K / 8; r++) {
            for (int half = 0; half < 2; half++) b[g][2 * t + half + 8 * r] = element(slot->b[r], half);
        }
    }
    for (int lane = 0; lane < 32; lane++) {
        int g = lane / 4, t = lane % 4;
        auto *slot = static_cast<const MmaSlot *>(all.slot[lane]);
        for (int i = 0; i < 4; i++) {
            const float *row = a[g + 8 * (i >> 1)], *column = b[2 * t + (i & 1)];
            float sum = 0;
            for (int k = 0; k < K; k++) sum += row[k] * column[k];
            slot->c[i] += sum;
        }
    }
}

struct LdmatrixSlot {
    const unsigned char *row;
    uint32_t *r;
};

inline void ldmatrix(uint32_t *r, const void *row, bool transposed, int line) {
    const char *name = transposed ? "ldmatrix.trans" : "ldmatrix";
    check_shared(name, row, 16, 16);
    LdmatrixSlot mine{static_cast<const unsigned char *>(row), r};
    Rendezvous *all = arrive(name, &mine, line);
    if (!all) return;
    for (int matrix = 0; matrix < 4; matrix++) {
        auto element = [&](int i, int j) {
            uint16_t bits;
            memcpy(&bits, static_cast<LdmatrixSlot *>(all->slot[matrix * 8 + i])->row + 2 * j, 2);
            return bits;
        };
        for (int lane = 0; lane < 32; lane++) {
            int g = lane / 4, t = lane % 4;
            uint32_t low = transposed ? element(2 * t, g) : element(g, 2 * t);
            uint32_t high = transposed ? element(2 * t + 1, g) : element(g, 2 * t + 1);
            static_cast<LdmatrixSlot *>(all->slot[lane])->r[matrix] = low | high << 16;
        }
    }
    stats().ldmatrix++;
    if (options().count_wavefronts) {
        const void *rows[32];
        for (int i = 0; i < 32; i++) rows[i] = static_cast<LdmatrixSlot *>(all->slot[i])->row;
        count_wavefronts(rows, 16);
    }
    leave(all);
}

}  // namespace emulation

template <class T>
inline void mma_m16n8k16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], int line = __builtin_LINE()) {
    emulation::MmaSlot mine{c, a, b};
    emulation::Rendezvous *all = emulation::arrive("mma", &mine, line);
    if (!all) return;
    emulation::mma<T, 16>(*all);
    emulation::stats().mma++;
    emulation::leave(all);
}

inline void mma_m16n8k8(float (&c)[4], uint32_t a0, uint32_t a1, uint32_t b, int line = __builtin_LINE()) {
    const uint32_t a[2] = {a0, a1};
    emulation::MmaSlot mine{c, a, &b};
    emulation::Rendezvous *all = emulation::arrive("mma", &mine, line);
    if (!all) return;
    emulation::mma<__half, 8>(*all);
    emulation::stats().mma++;
    emulation::leave(all);
}

inline void ldmatrix_x4(uint32_t (&r)[4], const void *row, int line = __builtin_LINE()) { emulation::ldmatrix(r, row, false, line); }
inline void ldmatrix_x4_trans(uint32_t (&r)[4], const void *row, int line = __builtin_LINE()) {
    emulation::ldmatrix(r, row, true, line);
}

}  // namespace awqm

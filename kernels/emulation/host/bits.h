// See common/device/bits.h.
#pragma once
#include "language.h"

namespace awqm {

template <int TABLE> inline uint32_t lop3(uint32_t a, uint32_t b, uint32_t c) {
    static_assert(TABLE >= 0 && TABLE < 256, "a table of eight bits");
    uint32_t d = 0;
#pragma GCC unroll 8
    for (int row = 0; row < 8; row++) {
        if (TABLE >> row & 1) d |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
    }
    return d;
}

inline uint32_t and_or(uint32_t a, uint32_t b, uint32_t c) { return lop3<(0xf0 & 0xcc) | 0xaa>(a, b, c); }

inline uint32_t prmt(uint32_t a, uint32_t b, uint32_t selector) {
    uint64_t bytes = static_cast<uint64_t>(b) << 32 | a;
    uint32_t d = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t pick = selector >> (4 * i) & 0xf, byte = bytes >> (8 * (pick & 7)) & 0xff;
        if (pick & 8) byte = byte & 0x80 ? 0xff : 0; // the sign, eight times
        d |= byte << (8 * i);
    }
    return d;
}

template <class To, class From> inline To bit_cast(const From &from) {
    static_assert(sizeof(To) == sizeof(From), "bit_cast keeps the size");
    To to;
    memcpy(&to, &from, sizeof(To));
    return to;
}

}  // namespace awqm

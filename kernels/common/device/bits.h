// Operations on 32-bit words.
#pragma once
#include "language.h"

namespace awqm {

// Any function of three bits, on each of 32 places. TABLE is the function of (0xf0, 0xcc, 0xaa).
template <int TABLE> AWQM_DEVICE uint32_t lop3(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t d;
    asm("lop3.b32 %0, %1, %2, %3, %4;" : "=r"(d) : "r"(a), "r"(b), "r"(c), "n"(TABLE));
    return d;
}

// (a & b) | c
AWQM_DEVICE uint32_t and_or(uint32_t a, uint32_t b, uint32_t c) { return lop3<(0xf0 & 0xcc) | 0xaa>(a, b, c); }

// Four bytes out of eight: nibble i of the selector names byte i of the result, 0 to 3 from a, 4 to 7 from b. (With 8 added
// it is the sign of that byte, eight times.)
AWQM_DEVICE uint32_t prmt(uint32_t a, uint32_t b, uint32_t selector) {
    uint32_t d;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(selector));
    return d;
}

// The same bits as another type of the same size.
template <class To, class From> AWQM_DEVICE To bit_cast(const From &from) {
    static_assert(sizeof(To) == sizeof(From), "bit_cast keeps the size");
    To to;
    memcpy(&to, &from, sizeof(To));
    return to;
}

}  // namespace awqm

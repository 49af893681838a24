// Arithmetic of 16-bit floats, rounded once to nearest even; a NaN comes out as 0x7fff, as the hardware's does.
#pragma once
#include "types.h"

namespace awqm::emulation {

inline float half_to_float(uint16_t bits) {
    _Float16 h;
    memcpy(&h, &bits, 2);
    return static_cast<float>(h);
}
inline float bf16_to_float(uint16_t bits) { return __uint_as_float(static_cast<uint32_t>(bits) << 16); }

template <class F> uint16_t round_to_half(F value) {
    if (std::isnan(value)) return 0x7fff;
    _Float16 h = static_cast<_Float16>(value);
    uint16_t bits;
    memcpy(&bits, &h, 2);
    return bits;
}
inline uint16_t round_to_bf16(float value) {
    if (std::isnan(value)) return 0x7fff;
    uint32_t bits = __float_as_uint(value);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Rounding to odd keeps what a later rounding needs to know: cut off, then set the last bit if anything was lost.
inline float round_to_odd(double value) {
    float f = static_cast<float>(value);
    if (!std::isfinite(f) || static_cast<double>(f) == value) return f;
    uint32_t bits = __float_as_uint(f);
    if (std::fabs(static_cast<double>(f)) > std::fabs(value)) bits -= 1;
    return __uint_as_float(bits | 1);
}
inline uint16_t round_to_bf16(double value) { return round_to_bf16(round_to_odd(value)); }

// a + b as a double rounded to odd: the exact error of the sum decides the last bit.
inline double add_to_odd(double a, double b) {
    double sum = a + b;
    if (!std::isfinite(sum)) return sum;
    double back = sum - a, error = (a - (sum - back)) + (b - back);
    if (error == 0) return sum;
    uint64_t bits;
    memcpy(&bits, &sum, 8);
    if ((bits & 1) == 0) bits = (error > 0) == (sum > 0) ? bits | 1 : bits - 1;
    memcpy(&sum, &bits, 8);
    return sum;
}

// What a kernel's template parameter T says about 16 bits. Doubles hold every sum and product exactly enough: the one
// exception, a bf16 fma whose addend is far away, goes through rounding to odd.
template <class T> struct Float16;
template <> struct Float16<__half> {
    static float widen(uint16_t bits) { return half_to_float(bits); }
    static uint16_t round(double value) { return round_to_half(value); }
};
template <> struct Float16<__nv_bfloat16> {
    static float widen(uint16_t bits) { return bf16_to_float(bits); }
    static uint16_t round(double value) { return round_to_bf16(value); }
};

}  // namespace awqm::emulation

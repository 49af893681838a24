// See common/device/convert.h.
#pragma once
#include "bits.h"
#include "float16.h"

namespace awqm {

inline float to_float(__half value) { return emulation::half_to_float(value.bits); }
inline float to_float(__nv_bfloat16 value) { return emulation::bf16_to_float(value.bits); }

template <class T> T from_float(float value);
template <> inline __half from_float<__half>(float value) { return {emulation::round_to_half(value)}; }
template <> inline __nv_bfloat16 from_float<__nv_bfloat16>(float value) { return {emulation::round_to_bf16(value)}; }
template <> inline float from_float<float>(float value) { return value; }

template <class T> inline uint32_t pack2(float low, float high) {
    return from_float<T>(low).bits | static_cast<uint32_t>(from_float<T>(high).bits) << 16;
}
template <class T> inline float2 unpack2(uint32_t pair) {
    using F = emulation::Float16<T>;
    return {F::widen(static_cast<uint16_t>(pair)), F::widen(static_cast<uint16_t>(pair >> 16))};
}
inline uint32_t splat2(uint16_t bits) { return bits | static_cast<uint32_t>(bits) << 16; }

namespace emulation {
// Both halves of a pair through the same operation on doubles.
template <class T, class Operation> inline uint32_t each(uint32_t a, uint32_t b, uint32_t c, Operation operation) {
    float2 x = unpack2<T>(a), y = unpack2<T>(b), z = unpack2<T>(c);
    return Float16<T>::round(operation(x.x, y.x, z.x)) | static_cast<uint32_t>(Float16<T>::round(operation(x.y, y.y, z.y))) << 16;
}
}  // namespace emulation

template <class T> inline uint32_t add2(uint32_t a, uint32_t b) {
    return emulation::each<T>(a, b, 0, [](double x, double y, double) { return emulation::add_to_odd(x, y); });
}
template <class T> inline uint32_t sub2(uint32_t a, uint32_t b) {
    return emulation::each<T>(a, b, 0, [](double x, double y, double) { return emulation::add_to_odd(x, -y); });
}
template <class T> inline uint32_t mul2(uint32_t a, uint32_t b) {
    return emulation::each<T>(a, b, 0, [](double x, double y, double) { return x * y; });
}
template <class T> inline uint32_t fma2(uint32_t a, uint32_t b, uint32_t c) {
    return emulation::each<T>(a, b, c, [](double x, double y, double z) { return emulation::add_to_odd(x * y, z); });
}

}  // namespace awqm

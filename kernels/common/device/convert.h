// 16-bit floating point. Pairs are packed in a 32-bit word, the lower element in the lower half, and T says which type they
// are: __half or __nv_bfloat16. Each operation rounds once, to nearest even; none is fused with its neighbour.
#pragma once
#include "bits.h"

namespace awqm {

AWQM_DEVICE float to_float(__half value) { return __half2float(value); }
AWQM_DEVICE float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }

template <class T> AWQM_DEVICE T from_float(float value);
template <> AWQM_DEVICE __half from_float<__half>(float value) { return __float2half_rn(value); }
template <> AWQM_DEVICE __nv_bfloat16 from_float<__nv_bfloat16>(float value) { return __float2bfloat16_rn(value); }
template <> AWQM_DEVICE float from_float<float>(float value) { return value; }

template <class T> struct PairOf;
template <> struct PairOf<__half> { using type = __half2; };
template <> struct PairOf<__nv_bfloat16> { using type = __nv_bfloat162; };

template <class T> AWQM_DEVICE typename PairOf<T>::type as_pair(uint32_t bits) { return bit_cast<typename PairOf<T>::type>(bits); }

// cvt.rn.f16x2.f32 and cvt.rn.bf16x2.f32; two conversions on compute capability 7.5.
template <class T> AWQM_DEVICE uint32_t pack2(float low, float high);
template <> AWQM_DEVICE uint32_t pack2<__half>(float low, float high) {
    return bit_cast<uint32_t>(__floats2half2_rn(low, high));
}
template <> AWQM_DEVICE uint32_t pack2<__nv_bfloat16>(float low, float high) {
    return bit_cast<uint32_t>(__floats2bfloat162_rn(low, high));
}

template <class T> AWQM_DEVICE float2 unpack2(uint32_t pair);
template <> AWQM_DEVICE float2 unpack2<__half>(uint32_t pair) { return __half22float2(as_pair<__half>(pair)); }
template <> AWQM_DEVICE float2 unpack2<__nv_bfloat16>(uint32_t pair) {
    // bf16 is the upper half of f32
    return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}

// The same 16 bits in both halves.
AWQM_DEVICE uint32_t splat2(uint16_t bits) { return prmt(bits, 0, 0x1010); }

template <class T> AWQM_DEVICE uint32_t add2(uint32_t a, uint32_t b) { return bit_cast<uint32_t>(__hadd2_rn(as_pair<T>(a), as_pair<T>(b))); }
template <class T> AWQM_DEVICE uint32_t sub2(uint32_t a, uint32_t b) { return bit_cast<uint32_t>(__hsub2_rn(as_pair<T>(a), as_pair<T>(b))); }
template <class T> AWQM_DEVICE uint32_t mul2(uint32_t a, uint32_t b) { return bit_cast<uint32_t>(__hmul2_rn(as_pair<T>(a), as_pair<T>(b))); }
// a * b + c, rounded once. bf16 needs compute capability 8.0.
template <class T> AWQM_DEVICE uint32_t fma2(uint32_t a, uint32_t b, uint32_t c);
template <> AWQM_DEVICE uint32_t fma2<__half>(uint32_t a, uint32_t b, uint32_t c) {
    return bit_cast<uint32_t>(__hfma2(as_pair<__half>(a), as_pair<__half>(b), as_pair<__half>(c)));
}
template <> AWQM_DEVICE uint32_t fma2<__nv_bfloat16>(uint32_t a, uint32_t b, uint32_t c) {
#if __CUDA_ARCH__ >= 800
    using Pair = __nv_bfloat162;
    return bit_cast<uint32_t>(__hfma2(bit_cast<Pair>(a), bit_cast<Pair>(b), bit_cast<Pair>(c)));
#else
    __trap();
    return 0;
#endif
}

}  // namespace awqm

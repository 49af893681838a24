#include "numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

static float float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float float_from_bf16(uint16_t bits) { return float_from_bits((uint32_t)bits << 16); }

float float_from_f16(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent == 31) return float_from_bits(sign | 0x7F800000 | fraction << 13);
    if (exponent == 0) {
        /* Subnormal: fraction * 2^-24, exact in a float. */
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t f16_from_float(float value) {
    int exponent;
    double magnitude = fabs((double)value), fraction = frexp(magnitude, &exponent);
    uint32_t sign = signbit(value) ? 0x8000 : 0;
    if (isnan(value)) return (uint16_t)(sign | 0x7E00);
    if (magnitude >= 65520) return (uint16_t)(sign | 0x7C00);
    /* Subnormal: multiples of 2^-24. Else eleven bits, of which the first is implied; rounding may carry into the
     * exponent, which is right. */
    if (magnitude < 0x1p-14) return (uint16_t)(sign | (uint32_t)nearbyint(magnitude * 0x1p24));
    return (uint16_t)(sign | (((uint32_t)(exponent + 13) << 10) + (uint32_t)nearbyint(fraction * 2048)));
}

void to_floats(float *out, const void *from, awqm_dtype dtype, size_t count) {
    const unsigned char *bytes = from;
    if (dtype == AWQM_DTYPE_F32) {
        memcpy(out, bytes, count * sizeof *out);
        return;
    }
    if (dtype != AWQM_DTYPE_F16 && dtype != AWQM_DTYPE_BF16) {
        const char *name = awqm_dtype_name(dtype);
        fail("a tensor has dtype %s (needed F16, BF16 or F32)", name ? name : "unknown");
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, bytes + 2 * i, sizeof bits);
        out[i] = dtype == AWQM_DTYPE_F16 ? float_from_f16(bits) : float_from_bf16(bits);
    }
}

uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

double random_unit(uint64_t *state) { return (double)(random_bits(state) >> 11) * 0x1p-53; }

double random_normal(uint64_t *state) {
    double radius = sqrt(-2 * log(1 - random_unit(state)));
    return radius * cos(6.283185307179586 * random_unit(state));
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* What the engine's inner loops share: vectors of the compiler's own, and exponentials that it can vectorize. */
#ifndef AWQM_ENGINE_VECTOR_H
#define AWQM_ENGINE_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../common.h"

/* Where the toolchain can, hot functions are compiled for several processors, and the right one is picked at load time:
 * by what it can do, not by its name, as "arch=haswell" would. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__) && __GNUC__ >= 12
#define HOT __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define HOT
#endif

enum { LANES = 16 };
/* As wide as the widest vector; compilers take it apart for others. */
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), may_alias));

/* exp(x) to a few units of the last place; results smaller than 1e-38 are about that. */
static inline float fast_exp(float x) {
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f; /* the nearest integer */
    float f = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * f + 1.3981999507e-3f;
    p = p * f + 8.3334519073e-3f;
    p = p * f + 4.1665795894e-2f;
    p = p * f + 1.6666665459e-1f;
    p = p * f + 5.0000001201e-1f;
    p = p * f * f + f + 1.0f;
    int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* Zeroed floats on a boundary for `lanes`. */
static inline float *allocate_vectors(size_t count) {
    size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    float *memory = aligned_alloc(64, bytes ? bytes : 64);
    if (memory == NULL) fail("out of memory (%zu bytes)", bytes);
    return memset(memory, 0, bytes);
}

#endif

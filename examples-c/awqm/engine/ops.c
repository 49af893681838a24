#include "ops.h"

#include <math.h>

#include "../common.h"
#include "vector.h"

/* Sixteen partial sums: as many as the widest vector has, and a fixed order whatever the machine. */
HOT static float dot(const float *a, const float *b, size_t n) {
    float partial[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) partial[l] += a[i + l] * b[i + l];
    }
    for (; i < n; i++) sum += a[i] * b[i];
    for (size_t l = 0; l < LANES; l++) sum += partial[l];
    return sum;
}

void rms_norm(float *y, const float *x, const float *weight, float eps, size_t n) {
    float scale = 1.0f / sqrtf(dot(x, x, n) / (float)n + eps);
    for (size_t i = 0; i < n; i++) y[i] = x[i] * scale * weight[i];
}

/* The angle per position of frequency pair i, stretched as the model's config asks. */
static double frequency(const hf_config *c, size_t i) {
    double f = pow(c->rope_theta, -2.0 * (double)i / c->head_dim);
    if (c->rope_scaling == HF_ROPE_LINEAR) return f / c->rope_factor;
    if (c->rope_scaling == HF_ROPE_LLAMA3) {
        double turns = c->rope_original_positions * f / 6.283185307179586;
        if (turns < c->rope_low_freq_factor) return f / c->rope_factor;
        if (turns > c->rope_high_freq_factor) return f;
        double blend =
            (turns - c->rope_low_freq_factor) / (c->rope_high_freq_factor - c->rope_low_freq_factor);
        return (1 - blend) * f / c->rope_factor + blend * f;
    }
    return f;
}

rope_table rope_table_new(const hf_config *config, size_t positions) {
    size_t half = config->head_dim / 2;
    rope_table table = {allocate(positions * half, sizeof(float)), allocate(positions * half, sizeof(float)),
                        half};
    for (size_t i = 0; i < half; i++) {
        double f = frequency(config, i);
        for (size_t p = 0; p < positions; p++) {
            table.cos[p * half + i] = (float)cos((double)p * f);
            table.sin[p * half + i] = (float)sin((double)p * f);
        }
    }
    return table;
}

void rope(float *x, const rope_table *table, size_t heads, size_t position) {
    const float *cosine = table->cos + position * table->half, *sine = table->sin + position * table->half;
    for (size_t h = 0; h < heads; h++) {
        float *a = x + h * 2 * table->half, *b = a + table->half;
        for (size_t i = 0; i < table->half; i++) {
            float low = a[i], high = b[i];
            a[i] = low * cosine[i] - high * sine[i];
            b[i] = high * cosine[i] + low * sine[i];
        }
    }
}

HOT void swiglu(float *restrict out, const float *restrict gate_up, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float gate = gate_up[i];
        out[i] = gate / (1.0f + fast_exp(-gate)) * gate_up[n + i];
    }
}

HOT void add(float *restrict x, const float *restrict y, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] += y[i];
}

#include "ops.h"

#include <math.h>

#include "../common.h"

/* The loops below are plain C that compilers turn into vector code. Where the toolchain can, the hot ones are
 * compiled twice and the processor picks at load time. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__)
#define HOT __attribute__((target_clones("arch=haswell", "default")))
#else
#define HOT
#endif

enum { LANES = 16 };

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

HOT static void add_scaled(float *restrict out, const float *restrict x, float scale, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] += scale * x[i];
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

static void softmax(float *x, size_t n) {
    float top = x[0], sum = 0;
    for (size_t i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    for (size_t i = 0; i < n; i++) sum += x[i] = expf(x[i] - top);
    for (size_t i = 0; i < n; i++) x[i] /= sum;
}

void attention(float *out, const float *query, const float *keys, const float *values, size_t position,
               const attention_shape *shape, float *scores) {
    size_t d = shape->head_dim, stride = shape->kv_heads * d, sharing = shape->heads / shape->kv_heads;
    size_t first = shape->window && position >= shape->window ? position + 1 - shape->window : 0;
    size_t count = position + 1 - first;
    float scale = 1.0f / sqrtf((float)d);
    for (size_t h = 0; h < shape->heads; h++) {
        const float *q = query + h * d;
        const float *k = keys + first * stride + h / sharing * d,
                    *v = values + first * stride + h / sharing * d;
        float *o = out + h * d;
        for (size_t t = 0; t < count; t++) scores[t] = scale * dot(q, k + t * stride, d);
        softmax(scores, count);
        for (size_t i = 0; i < d; i++) o[i] = 0;
        for (size_t t = 0; t < count; t++) add_scaled(o, v + t * stride, scores[t], d);
    }
}

void swiglu(float *out, const float *gate_up, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float gate = gate_up[i];
        out[i] = gate / (1.0f + expf(-gate)) * gate_up[n + i];
    }
}

void add(float *x, const float *y, size_t n) { add_scaled(x, y, 1.0f, n); }

/* The arithmetic between the linear layers, in float32: RMS norm, rotary positions, SwiGLU. */
#ifndef AWQM_ENGINE_OPS_H
#define AWQM_ENGINE_OPS_H

#include <stddef.h>

#include "../../tokenizer/awqm_tokenizer.h"

/* y = x / rms(x) * weight, for one row of n. y may be x. */
void rms_norm(float *y, const float *x, const float *weight, float eps, size_t n);

/* cos and sin of every position's angles, [positions, head_dim / 2] each. The caller frees both. */
typedef struct rope_table {
    float *cos, *sin;
    size_t half; /* head_dim / 2 */
} rope_table;

rope_table rope_table_new(const hf_config *config, size_t positions);

/* Turns the pairs (i, i + half) of each of `heads` consecutive heads by the position's angles. */
void rope(float *x, const rope_table *table, size_t heads, size_t position);

/* out[i] = silu(gate[i]) * up[i], for rows that hold the gate's n values and then the up projection's. */
void swiglu(float *restrict out, const float *restrict gate_up, size_t n);

void add(float *restrict x, const float *restrict y, size_t n);

#endif

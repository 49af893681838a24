/* Picks the next token from its scores. */
#ifndef AWQM_ENGINE_SAMPLER_H
#define AWQM_ENGINE_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

typedef struct sampler {
    double temperature; /* 0: always the best token */
    double top_p;       /* only the likeliest tokens that together have this share; 1: all */
    uint64_t seed;      /* changes with every pick */
} sampler;

/* A token by its logits [n]. */
uint32_t sample(sampler *s, const float *logits, size_t n);

#endif

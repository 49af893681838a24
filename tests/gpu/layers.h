/* Layers with random or golden weights, and what their products must be, for the programs that run on a GPU. */
#ifndef GPU_LAYERS_H
#define GPU_LAYERS_H

#include "awq_marlin.h"

#include <stddef.h>
#include <stdint.h>

/* A generator (splitmix64) is its state; any seed will do. */
uint64_t random_bits(uint64_t *state);
double random_unit(uint64_t *state); /* in [0, 1) */

/* Never NULL: ends the program when there is no memory. */
void *allocate(size_t bytes);

/* The library's call must work; else its message and exit code 1. */
void must(awqm_status status, const char *call);
#define MUST(call) must((call), #call)

/* A zeroed struct with its struct_size set. */
#define STRUCT(type, name)                                                                                             \
    type name;                                                                                                         \
    memset(&name, 0, sizeof name);                                                                                     \
    name.struct_size = sizeof name

size_t element_bytes(awqm_dtype dtype);
double element(const void *values, awqm_dtype dtype, size_t i);
void set_element(void *values, awqm_dtype dtype, size_t i, double value); /* rounds to nearest, ties to even */

/* What a random layer is like; its weights follow from the seed. */
typedef struct layer_shape {
    int64_t k, n, group_size;
    uint32_t bits;
    int32_t zero_point;
    awqm_dtype scale_dtype, bias_dtype; /* bias_dtype 0: none */
} layer_shape;

/* In the layout of compressed-tensors, which holds every shape. */
awqm_packed *random_layer(const layer_shape *shape, uint64_t seed);

/* The layer in another layout. */
awqm_packed *converted(const awqm_packed *packed, awqm_layout layout);

/* m rows of numbers around 0, some of them 0. */
void random_rows(void *x, awqm_dtype dtype, int64_t m, int64_t columns, int64_t stride, uint64_t seed);

/* y = x * w + bias in doubles, and for each y the sum of the magnitudes that went into it. */
typedef struct expected {
    double *y, *magnitude;
} expected;
expected reference(const awqm_packed *packed, const void *x, awqm_dtype dtype, int64_t m, int64_t stride);
void free_expected(expected *e);

/* How far a result in `dtype` may be from the reference: rounding of the result, and of sums in F32. */
double tolerance(double y, double magnitude, awqm_dtype dtype);

#endif

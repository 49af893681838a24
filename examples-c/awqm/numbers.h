/* Half precision in plain C, and random numbers that are the same everywhere. */
#ifndef AWQM_TOOL_NUMBERS_H
#define AWQM_TOOL_NUMBERS_H

#include <awq_marlin.h>
#include <stddef.h>
#include <stdint.h>

float float_from_f16(uint16_t bits);
float float_from_bf16(uint16_t bits);

/* The nearest F16, ties to even; numbers beyond its range become infinite. */
uint16_t f16_from_float(float value);

/* count elements of F16, BF16 or F32, at any address, to float; fails for another dtype. */
void to_floats(float *out, const void *from, awqm_dtype dtype, size_t count);

/* A generator (splitmix64) is its state; any seed will do. */
uint64_t random_bits(uint64_t *state);
double random_unit(uint64_t *state);   /* in [0, 1) */
double random_normal(uint64_t *state); /* mean 0, deviation 1 */

/* The value in the middle of `count` values; sorts them in ascending order. */
double median(double *values, size_t count);

#endif

/* What a run costs beside its arithmetic: layers of K = 64 and growing N, timed; what is left at N = 0 is overhead. */
#ifndef OVERHEAD_H
#define OVERHEAD_H

#include <awq_marlin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OVERHEAD_K = 64, SIZES = 8, CALLS = 500, REPEATS = 2000 };

static inline double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A layer [64, n] of 4 bits on one thread. */
static inline awqm_linear *small_layer(int n) {
    awqm_cpu_options options = {sizeof options, 1, AWQM_ISA_AUTO, NULL, NULL};
    awqm_device *device = NULL;
    awqm_packed *packed = NULL;
    awqm_linear *linear = NULL;
    awqm_quantize_options rule;
    float *weight = (float *)malloc(sizeof(float) * OVERHEAD_K * (size_t)n);
    int i;
    for (i = 0; i < OVERHEAD_K * n; i++) weight[i] = (float)(i * 37 % 101) / 50 - 1;
    memset(&rule, 0, sizeof rule);
    rule.struct_size = sizeof rule;
    rule.group_size = 64;
    if (awqm_device_create_cpu(&options, &device) ||
        awqm_quantize_tensor(weight, sizeof(float) * OVERHEAD_K * (size_t)n, AWQM_DTYPE_F32, n, OVERHEAD_K, &rule, &packed) ||
        awqm_linear_create(device, packed, NULL, &linear)) {
        fprintf(stderr, "%s\n", awqm_last_error_message());
        exit(1);
    }
    free(weight);
    awqm_packed_free(packed);
    awqm_device_free(device);
    return linear;
}

/* Prints time of a call at N = 64 and the intercept of a line through all sizes; `best` holds nanoseconds for N = 64, 128 … */
static inline void print_overhead(const char *what, const double *best) {
    double sx = 0, sy = 0, sxx = 0, sxy = 0, slope;
    int i;
    for (i = 0; i < SIZES; i++) {
        double x = i + 1;
        sx += x, sy += best[i], sxx += x * x, sxy += x * best[i];
    }
    slope = (SIZES * sxy - sx * sy) / (SIZES * sxx - sx * sx);
    printf("%-28s %6.0f ns a call at [64, 64]; %6.0f ns at N = 0\n", what, best[0], (sy - slope * sx) / SIZES);
}

#endif

/* Layers to be timed: random ones of a shape, or a checkpoint's own, in copies that leave the caches. */
#ifndef AWQM_TOOL_BENCH_LAYER_H
#define AWQM_TOOL_BENCH_LAYER_H

#include "common.h"
#include "device_memory.h"

enum { BENCH_MAX_COPIES = 1024 };

/* One layer, as many times as it takes. Runs that go round the copies find none of them in a cache, as in a model, where
 * the other layers run in between. */
typedef struct bench_layer {
    awqm_linear *copies[BENCH_MAX_COPIES];
    size_t copy_count;
    awqm_linear_info info;
} bench_layer;

/* 4-bit weights with zero points, random codes and scales near 0.01; the caller frees them. */
awqm_packed *bench_random_layer(int64_t k, int64_t n, int64_t group_size);

/* Copies of a packed layer on a device, in the arithmetic awqm_compute. */
bench_layer *bench_layer_new(const awqm_device *device, const device_memory *memory, uint32_t compute,
                             const awqm_packed *packed);
void bench_layer_free(bench_layer *layer);

/* Names of the quantized layers of a checkpoint, one for each shape and kind of quantization. Returns how many; the
 * caller frees each. */
size_t bench_distinct_layers(const awqm_checkpoint *checkpoint, char **names, size_t cap);

/* Bytes per second that `threads` threads of this machine read together: the best pass of a few, over more than the
 * caches. */
double bench_read_bandwidth(size_t threads);

#endif

/* One case of the benchmark: a layer, a kernel, a number of rows. */
#ifndef AWQM_TOOL_BENCH_CASE_H
#define AWQM_TOOL_BENCH_CASE_H

#include "bench_layer.h"
#include "common.h"
#include "device_memory.h"
#include "gpu_timer.h"

/* How all cases are timed. */
typedef struct bench_setting {
    device_memory *memory;
    gpu_timer *timer; /* NULL on the CPU */
    awqm_dtype dtype;
    uint32_t plan_flags;
    double read_bytes_per_s; /* the CPU's roof; 0 on a GPU */
    double seconds;          /* for each case on the CPU */
} bench_setting;

typedef struct bench_result {
    awqm_plan_info plan;
    bool is_auto; /* what the library picks by itself */
    double median_s, min_s, roof_s;
} bench_result;

/* Random activations near 1, whichever half format reads them. The caller frees them. */
void *bench_random_x(awqm_dtype dtype, size_t count);

/* Times a kernel; x and y are in the device's memory and hold m rows. */
bench_result bench_measure(const bench_setting *b, const bench_layer *layer, awqm_kernel kernel, int64_t m, const void *x,
                           void *y);

/* The plan of a kernel, in numbers; false when that kernel cannot run here. */
bool bench_planned(const bench_setting *b, const awqm_linear *linear, awqm_kernel kernel, int64_t m,
                   awqm_plan_info *info);

#endif

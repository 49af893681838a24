#define _POSIX_C_SOURCE 200809L
#include "bench_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"

enum { MIN_RUNS = 3, MAX_RUNS = 20000 };

/* Plans of one kernel for every copy of a layer, and what a run of them needs. */
typedef struct plans {
    awqm_plan *items[BENCH_MAX_COPIES];
    size_t count;
    awqm_run_args args;
    void *workspace;
    size_t workspace_bytes;
} plans;

static void run_one(void *data, size_t i, void *stream) {
    const plans *p = data;
    check(awqm_plan_run(p->items[i % p->count], &p->args, p->workspace, p->workspace_bytes, stream));
}

/* Times on the CPU: run by run, until it has been long enough. */
static gpu_times time_on_cpu(plans *p, double seconds) {
    static double times[MAX_RUNS];
    double spent = 0;
    size_t runs = 0;
    for (size_t i = 0; runs < MAX_RUNS && (runs < MIN_RUNS || spent < seconds); i++) {
        double started = seconds_now();
        run_one(p, i, NULL);
        double elapsed = seconds_now() - started;
        if (i == 0) continue; /* the first run wakes the threads and touches x and y */
        times[runs++] = elapsed;
        spent += elapsed;
    }
    gpu_times result = {.launches = 1};
    result.median_s = median(times, runs);
    result.min_s = times[0];
    return result;
}

static awqm_plan_options plan_options(const bench_setting *b, awqm_kernel kernel, int64_t m) {
    return (awqm_plan_options){.struct_size = sizeof(awqm_plan_options),
                               .kernel = kernel,
                               .dtype = b->dtype,
                               .m = m,
                               .flags = b->plan_flags};
}

void *bench_random_x(awqm_dtype dtype, size_t count) {
    size_t element = awqm_dtype_bytes(dtype);
    char *x = allocate(count, element);
    uint64_t seed = 2;
    for (size_t i = 0; i < count; i++) {
        float value = (float)random_unit(&seed) - 0.5f;
        uint16_t half = (uint16_t)(0x3800 | (random_bits(&seed) & 0x07FF));
        memcpy(x + i * element, element == 4 ? (void *)&value : (void *)&half, element);
    }
    return x;
}

bench_result bench_measure(const bench_setting *b, const bench_layer *layer, awqm_kernel kernel, int64_t m,
                           const void *x, void *y) {
    bench_result result = {.plan = {.struct_size = sizeof result.plan}};
    plans *p = allocate(1, sizeof *p);
    awqm_plan_options options = plan_options(b, kernel, m);
    for (p->count = 0; p->count < layer->copy_count; p->count++)
        check(awqm_plan_create(layer->copies[p->count], &options, &p->items[p->count]));
    check(awqm_plan_get_info(p->items[0], &result.plan));
    p->workspace_bytes = result.plan.workspace_bytes;
    p->workspace = device_allocate(b->memory, p->workspace_bytes);
    p->args = (awqm_run_args){
        .struct_size = sizeof p->args, .x = x, .x_dtype = b->dtype, .y_dtype = b->dtype, .y = y, .m = m};
    gpu_times times = b->timer ? gpu_timer_measure(b->timer, run_one, p, p->count) : time_on_cpu(p, b->seconds);
    result.median_s = times.median_s;
    result.min_s = times.min_s;
    result.roof_s = b->timer ? fmax(result.plan.floor_us, result.plan.products_floor_us) / 1e6
                             : (double)result.plan.bytes_moved / b->read_bytes_per_s;
    for (size_t i = 0; i < p->count; i++) awqm_plan_free(p->items[i]);
    device_release(b->memory, p->workspace);
    free(p);
    return result;
}

/* The plan of a kernel, in numbers; false when that kernel cannot run here. */
bool bench_planned(const bench_setting *b, const awqm_linear *linear, awqm_kernel kernel, int64_t m,
                    awqm_plan_info *info) {
    awqm_plan *plan = NULL;
    awqm_plan_options options = plan_options(b, kernel, m);
    awqm_status status = awqm_plan_create(linear, &options, &plan);
    if (status == AWQM_STATUS_KERNEL_UNSUPPORTED) return false;
    check(status);
    info->struct_size = sizeof *info;
    check(awqm_plan_get_info(plan, info));
    awqm_plan_free(plan);
    return true;
}

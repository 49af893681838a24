#include "bench_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_lists.h"
#include "common.h"

static const struct mode {
    const char *name;
    awqm_dtype dtype;
    awqm_compute compute;
} MODES[] = {
    {"exact, f32", AWQM_DTYPE_F32, AWQM_COMPUTE_EXACT},
    {"exact, f16", AWQM_DTYPE_F16, AWQM_COMPUTE_EXACT},
    {"exact, bf16", AWQM_DTYPE_BF16, AWQM_COMPUTE_EXACT},
    {"int8, f32", AWQM_DTYPE_F32, AWQM_COMPUTE_INT8},
};
enum { MODE_COUNT = sizeof MODES / sizeof *MODES };

/* One row of the table. */
static void measure_mode(bench *b, const struct mode *mode, const bench_layer *layer, const char *rows,
                         const char *synopsis) {
    b->how.dtype = mode->dtype;
    b->compute = mode->compute;
    if (!b->json) printf("%-12s", mode->name);
    for (int64_t m; (m = next_m(synopsis, &rows)) != 0;) {
        void *x = bench_random_x(mode->dtype, (size_t)(m * layer->info.k));
        void *y = allocate((size_t)(m * layer->info.n), awqm_dtype_bytes(mode->dtype));
        bench_result r = bench_measure(&b->how, layer, AWQM_KERNEL_AUTO, m, x, y);
        r.is_auto = true;
        if (b->json) bench_report(b, layer, NULL, &r);
        else printf(" %11.1f", r.median_s * 1e6);
        fflush(stdout);
        free(x);
        free(y);
    }
    if (!b->json) putchar('\n');
}

static void measure_shape(bench *b, int64_t k, int64_t n, const bench_table_request *request, const char *synopsis) {
    awqm_packed *packed = bench_random_layer(k, n, request->group_size);
    bench_layer *layer = NULL;
    if (!b->json) {
        const char *rows = request->rows;
        printf("\n%" PRId64 "x%" PRId64 ", groups of %" PRId64 ", %u threads; microseconds\n%-12s", k, n,
               request->group_size, (unsigned)b->info.threads, "");
        for (int64_t m; (m = next_m(synopsis, &rows)) != 0;) printf("    M = %4" PRId64, m);
        putchar('\n');
    }
    for (size_t i = 0; i < MODE_COUNT; i++) {
        if (i == 0 || MODES[i].compute != MODES[i - 1].compute) {
            if (layer) bench_layer_free(layer);
            layer = bench_layer_new(b->device, b->how.memory, MODES[i].compute, packed);
        }
        measure_mode(b, &MODES[i], layer, request->rows, synopsis);
    }
    bench_layer_free(layer);
    awqm_packed_free(packed);
}

void bench_table(bench *b, const bench_table_request *request, const char *synopsis, bool as_json) {
    json w;
    const uint32_t counts[] = {1, request->threads};
    b->device_name = "cpu";
    for (size_t i = 0; i < 2; i++) {
        b->device = open_device(b->device_name, counts[i]);
        check(awqm_device_get_info(b->device, &b->info));
        if (i == 1 && b->info.threads == 1) { /* one is all */
            awqm_device_free(b->device);
            break;
        }
        b->how.memory = device_memory_open(b->device);
        b->how.read_bytes_per_s = bench_read_bandwidth(b->info.threads);
        if (i == 0 || !as_json) bench_report_begin(b, &w, as_json);
        const char *shapes = request->shapes;
        for (int64_t k, n; next_shape(synopsis, &shapes, &k, &n);) measure_shape(b, k, n, request, synopsis);
        device_memory_close(b->how.memory);
        awqm_device_free(b->device);
    }
    bench_report_end(b);
}

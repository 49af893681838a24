#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

long checks_done, checks_failed;

void check_that(int holds, const char *what, const char *file, int line) {
    checks_done++;
    if (holds) return;
    if (checks_failed++ < 50) fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
}

void check_status(awqm_status found, awqm_status wanted, const char *call, const char *file, int line) {
    checks_done++;
    if (found == wanted) return;
    checks_failed++;
    fprintf(stderr, "%s:%d: %s\n    gives %s, wanted %s: %s\n", file, line, call, awqm_status_name(found),
            awqm_status_name(wanted), awqm_last_error_message());
}

void section(const char *format, ...) {
    static long done, failed;
    va_list arguments;
    char text[128];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("%-44s %6ld checks, %ld failed\n", text, checks_done - done, checks_failed - failed);
    fflush(stdout);
    done = checks_done;
    failed = checks_failed;
}

enum { BAND = 256, BAND_BYTE = 0xa5, POISON = 0xff };

banded banded_memory(int byte, size_t bytes) {
    banded memory = {0, 0, bytes};
    uint8_t *host = allocate(bytes + 2 * BAND);
    memset(host, BAND_BYTE, bytes + 2 * BAND);
    memset(host + BAND, byte, bytes);
    memory.whole = device_memory(host, bytes + 2 * BAND);
    memory.inner = memory.whole + BAND;
    free(host);
    return memory;
}

void read_banded(const banded *memory, void *to) {
    uint8_t *host = allocate(memory->bytes + 2 * BAND);
    size_t intact = 0;
    CU(MemcpyDtoH(host, memory->whole, memory->bytes + 2 * BAND));
    for (size_t i = 0; i < BAND; i++)
        intact += (host[i] == BAND_BYTE) + (host[BAND + memory->bytes + i] == BAND_BYTE);
    CHECK(intact == 2 * BAND);
    memcpy(to, host + BAND, memory->bytes);
    free(host);
}

void free_banded(banded *memory) { CU(MemFree(memory->whole)); }

prepared prepare(const awqm_linear *linear, const product *p) {
    prepared it = {.linear = linear, .p = *p};
    size_t workspace_bytes = 0, x_bytes;
    STRUCT(awqm_linear_info, info);
    MUST(awqm_linear_get_info(linear, &info));
    it.k = info.k;
    it.n = info.n;
    it.x_stride = p->x_stride ? p->x_stride : info.k;
    it.y_stride = p->y_stride ? p->y_stride : info.n;
    x_bytes = (size_t)(p->m * it.x_stride) * element_bytes(p->x_dtype);
    it.x_host = allocate(x_bytes);
    memset(it.x_host, POISON, x_bytes); /* between rows there is NaN */
    random_rows(it.x_host, p->x_dtype, p->m, it.k, it.x_stride, p->seed);
    it.x = device_memory(it.x_host, x_bytes);
    it.y = banded_memory(POISON, (size_t)(p->m * it.y_stride) * element_bytes(p->y_dtype));
    MUST(awqm_linear_workspace_bytes(linear, p->m, p->x_dtype, &workspace_bytes));
    it.workspace = banded_memory(0, workspace_bytes);
    return it;
}

awqm_status launch(const prepared *it, void *stream) {
    STRUCT(awqm_run_args, args);
    args.x = at(it->x);
    args.x_dtype = it->p.x_dtype;
    args.y_dtype = it->p.y_dtype;
    args.y = at(it->y.inner);
    args.m = it->p.m;
    args.x_stride = it->p.x_stride;
    args.y_stride = it->p.y_stride;
    return awqm_linear_run(it->linear, &args, at(it->workspace.inner), it->workspace.bytes, stream);
}

void *result(const prepared *it) {
    void *y = allocate(it->y.bytes), *workspace = allocate(it->workspace.bytes);
    read_banded(&it->workspace, workspace);
    read_banded(&it->y, y);
    free(workspace);
    return y;
}

void release(prepared *it) {
    free(it->x_host);
    CU(MemFree(it->x));
    free_banded(&it->y);
    free_banded(&it->workspace);
}

void compare(const prepared *it, const awqm_packed *packed, const void *y, const char *what) {
    expected e = reference(packed, it->x_host, it->p.x_dtype, it->p.m, it->x_stride);
    const uint8_t *bytes = y;
    size_t width = element_bytes(it->p.y_dtype), wrong = 0, touched = 0;
    for (int64_t row = 0; row < it->p.m; row++) {
        for (int64_t column = 0; column < it->y_stride; column++) {
            size_t place = (size_t)(row * it->y_stride + column), i = (size_t)(row * it->n + column);
            if (column >= it->n) {
                for (size_t b = 0; b < width; b++) touched += bytes[place * width + b] != POISON;
                continue;
            }
            double found = element(y, it->p.y_dtype, place), limit = tolerance(e.y[i], e.magnitude[i], it->p.y_dtype);
            double largest = it->p.y_dtype == AWQM_DTYPE_F16 ? 65504 : 3e38;
            int fits = fabs(e.y[i]) + limit < largest ? fabs(found - e.y[i]) <= limit : !isnan(found);
            if (!fits && wrong++ == 0)
                fprintf(stderr, "%s: y[%lld][%lld] is %.9g, should be %.9g within %.3g (m %lld, k %lld, n %lld)\n",
                        what, (long long)row, (long long)column, found, e.y[i], limit, (long long)it->p.m,
                        (long long)it->k, (long long)it->n);
        }
    }
    CHECK(wrong == 0);
    CHECK(touched == 0);
    free_expected(&e);
}

awqm_linear *on_device(const awqm_device *device, const awqm_packed *packed) {
    awqm_linear *linear = NULL;
    MUST(awqm_linear_create(device, packed, NULL, &linear));
    return linear;
}

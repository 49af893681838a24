/* How awqm bench tells its results: as lines, or as JSON. */
#ifndef AWQM_TOOL_BENCH_REPORT_H
#define AWQM_TOOL_BENCH_REPORT_H

#include "bench_case.h"
#include "bench_layer.h"
#include "json.h"

/* What is timed, and how it is told. */
typedef struct bench {
    awqm_device *device;
    const char *device_name;
    awqm_device_info info;
    bench_setting how;
    const char *rows;
    awqm_kernel kernel;
    uint32_t compute;
    json *json; /* NULL: as lines */
} bench;

/* One result, of a layer with or without a name. */
void bench_report(const bench *b, const bench_layer *layer, const char *name, const bench_result *r);

/* The head of everything: the device, what it reads at most, how times are taken. */
void bench_report_begin(bench *b, json *w, bool as_json);
void bench_report_end(const bench *b);

#endif

/* awqm bench --table: what every arithmetic of the CPU takes. */
#ifndef AWQM_TOOL_BENCH_TABLE_H
#define AWQM_TOOL_BENCH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench_report.h"

typedef struct bench_table_request {
    const char *shapes, *rows; /* lists, see bench_lists.h */
    int64_t group_size;
    uint32_t threads; /* 0: all cores */
} bench_table_request;

/* Shape by shape: exact with activations in f32, f16 and bf16, and int8, each on one thread and on all. */
void bench_table(bench *b, const bench_table_request *request, const char *synopsis, bool as_json);

#endif

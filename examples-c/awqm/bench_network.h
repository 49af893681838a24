/* awqm generate --bench: tokens per second of a whole network, taken as llama-bench takes them. */
#ifndef AWQM_TOOL_BENCH_NETWORK_H
#define AWQM_TOOL_BENCH_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct network_bench {
    const char *directory, *device;
    uint64_t threads;
    uint32_t compute, head_bits; /* as in engine_options */
    uint64_t prompt, answer;     /* tokens */
    uint64_t repeat;
} network_bench;

/* Returns the exit code. */
int bench_network(const network_bench *b, bool as_json);

#endif

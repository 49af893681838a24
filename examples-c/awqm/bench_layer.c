#define _DEFAULT_SOURCE
#include "bench_layer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "numbers.h"

enum { MAX_THREADS = 256, LINE = 8, AHEAD = 512 }; /* words */
static const size_t COLD_BYTES = (size_t)256 << 20;
/* Copies together are so many times the L2 cache of a GPU. */
enum { CACHES = 3 };

/* Zeroed memory on huge pages where there are such, as the library's weights lie. */
static void *large_memory(size_t bytes) {
    static const size_t HUGE_PAGE = (size_t)2 << 20;
    void *memory = aligned_alloc(HUGE_PAGE, (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    if (memory == NULL) fail("out of memory (%zu bytes)", bytes);
#ifdef MADV_HUGEPAGE
    madvise(memory, bytes, MADV_HUGEPAGE); /* a refusal is harmless */
#endif
    /* Written once, so that every page is really there. */
    return memset(memory, 1, bytes);
}

typedef struct reader {
    const uint64_t *words;
    size_t count;
    uint64_t sum; /* so that the reading is not optimized away */
} reader;

static void *read_words(void *argument) {
    reader *r = argument;
    uint64_t sum = 0;
    for (size_t i = 0; i + LINE <= r->count; i += LINE) {
        /* Past the end of a page the processor's own prefetching stops; a hint to memory that is not there is none. */
        __builtin_prefetch(r->words + i + AHEAD);
        for (size_t j = 0; j < LINE; j++) sum += r->words[i + j];
    }
    r->sum = sum;
    return NULL;
}

double bench_read_bandwidth(size_t threads) {
    if (threads < 1) threads = 1;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    size_t per_thread = COLD_BYTES / sizeof(uint64_t) / threads;
    uint64_t *memory = large_memory(per_thread * threads * sizeof *memory);
    double best = 0;
    for (int pass = 0; pass < 5; pass++) {
        pthread_t ids[MAX_THREADS];
        reader readers[MAX_THREADS];
        double started = seconds_now();
        for (size_t t = 0; t < threads; t++) {
            readers[t] = (reader){memory + t * per_thread, per_thread, 0};
            if (pthread_create(&ids[t], NULL, read_words, &readers[t]) != 0)
                fail("a thread could not be started");
        }
        for (size_t t = 0; t < threads; t++) pthread_join(ids[t], NULL);
        double rate = (double)(per_thread * threads * sizeof *memory) / (seconds_now() - started);
        if (rate > best) best = rate;
    }
    free(memory);
    return best;
}

/* Any bytes are codes. */
static void *random_bytes(size_t bytes, uint64_t *seed) {
    uint64_t *words = allocate(bytes / 8 + 1, 8);
    for (size_t i = 0; i < bytes / 8 + 1; i++) words[i] = random_bits(seed);
    return words;
}

awqm_packed *bench_random_layer(int64_t k, int64_t n, int64_t group_size) {
    uint64_t seed = 1;
    awqm_layer_desc desc = {
        .struct_size = sizeof desc,
        .k = k,
        .n = n,
        .bits = 4,
        .zero_point = 1,
        .group_size = group_size,
        .layout = AWQM_LAYOUT_MARLIN,
        .scale_dtype = AWQM_DTYPE_F16,
    };
    awqm_repack_sizes sizes = {.struct_size = sizeof sizes};
    check(awqm_repack_query(&desc, desc.layout, &sizes));
    void *qweight = random_bytes(sizes.qweight_bytes, &seed), *qzeros = random_bytes(sizes.qzeros_bytes, &seed);
    uint16_t *scales = allocate(sizes.scales_bytes / 2, 2);
    for (size_t i = 0; i < sizes.scales_bytes / 2; i++)
        scales[i] = f16_from_float(0.005f + 0.01f * (float)random_unit(&seed));
    awqm_layer_tensors tensors = {
        .struct_size = sizeof tensors,
        .qweight = qweight,
        .qweight_bytes = sizes.qweight_bytes,
        .scales = scales,
        .scales_bytes = sizes.scales_bytes,
        .qzeros = qzeros,
        .qzeros_bytes = sizes.qzeros_bytes,
    };
    awqm_packed *packed = NULL;
    check(awqm_packed_create(&desc, &tensors, &packed));
    free(qweight);
    free(qzeros);
    free(scales);
    return packed;
}

bench_layer *bench_layer_new(const awqm_device *device, const device_memory *memory, uint32_t compute,
                             const awqm_packed *packed) {
    awqm_linear_options options = {.struct_size = sizeof options, .compute = compute};
    bench_layer *layer = allocate(1, sizeof *layer);
    size_t cache = device_cache_bytes(memory), wanted = 1;
    layer->info.struct_size = sizeof layer->info;
    for (layer->copy_count = 0; layer->copy_count < wanted; layer->copy_count++) {
        check(awqm_linear_create(device, packed, &options, &layer->copies[layer->copy_count]));
        check(awqm_linear_get_info(layer->copies[0], &layer->info));
        size_t cold = layer->info.backend == AWQM_BACKEND_CUDA ? CACHES * cache : COLD_BYTES;
        wanted = layer->info.bytes ? cold / layer->info.bytes + 1 : 1;
        if (wanted > BENCH_MAX_COPIES) wanted = BENCH_MAX_COPIES;
    }
    return layer;
}

void bench_layer_free(bench_layer *layer) {
    for (size_t i = 0; i < layer->copy_count; i++) awqm_linear_free(layer->copies[i]);
    free(layer);
}

size_t bench_distinct_layers(const awqm_checkpoint *checkpoint, char **names, size_t cap) {
    awqm_layer_info *seen = allocate(cap, sizeof *seen);
    size_t count = 0;
    for (size_t i = 0; i < awqm_checkpoint_layer_count(checkpoint) && count < cap; i++) {
        awqm_layer_info layer = {.struct_size = sizeof layer};
        char *name, *reason;
        FETCH_TEXT(name, awqm_checkpoint_get_layer_name, checkpoint, i);
        FETCH_TEXT(reason, awqm_checkpoint_query_layer, checkpoint, name, &layer);
        free(reason);
        bool known = !layer.quantized;
        for (size_t j = 0; j < count && !known; j++)
            known = seen[j].k == layer.k && seen[j].n == layer.n && seen[j].bits == layer.bits &&
                    seen[j].group_size == layer.group_size;
        if (known) {
            free(name);
            continue;
        }
        seen[count] = layer;
        names[count++] = name;
    }
    free(seen);
    return count;
}

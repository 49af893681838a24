/* Handles may be freed in any order, each by another thread. */
#include "fixtures.h"

#include <pthread.h>

typedef struct victim {
    void (*free)(void *);
    void *handle;
} victim;

#define FREE(name)                                                                                                     \
    static void free_##name(void *handle) { awqm_##name##_free((awqm_##name *)handle); }
FREE(checkpoint) FREE(config) FREE(device) FREE(packed) FREE(linear) FREE(plan)

static void *end(void *data) {
    victim *v = (victim *)data;
    v->free(v->handle);
    return NULL;
}

static void run(const char *fixtures) {
    uint32_t state = 7;
    int round, i;
    for (round = 0; round < 30; round++) {
        static const char *NAME[] = {"model.layers.0.mlp.up_proj"};
        awqm_checkpoint *checkpoint = NULL;
        awqm_config *config = NULL;
        awqm_device *device = cpu_with_threads(2);
        awqm_packed *packed = NULL, *shared = NULL;
        awqm_linear *linear = NULL, *twin = NULL;
        awqm_plan *plan = NULL;
        pthread_t threads[8];
        STRUCT(awqm_plan_options, options);
        options.dtype = AWQM_DTYPE_F32;
        options.m = 1;
        MUST(awqm_checkpoint_open(in_fixtures(fixtures, "checkpoint/llama2l_gemm"), &checkpoint));
        MUST(awqm_config_load_directory(in_fixtures(fixtures, "checkpoint/llama2l_gemm"), &config));
        MUST(awqm_checkpoint_load(checkpoint, NAME, 1, NULL, &packed)); /* in the CPU's layout: layers share it */
        MUST(awqm_packed_convert(packed, AWQM_LAYOUT_MARLIN, device, &shared));
        MUST(awqm_linear_create(device, packed, NULL, &linear));
        MUST(awqm_linear_create(device, packed, NULL, &twin));
        MUST(awqm_plan_create(twin, &options, &plan));
        {
            victim victims[] = {{free_checkpoint, checkpoint}, {free_config, config}, {free_device, device},
                                {free_packed, packed},         {free_packed, shared}, {free_linear, linear},
                                {free_linear, twin},           {free_plan, plan}};
            for (i = 7; i > 0; i--) { /* a random order */
                int other;
                victim v = victims[i];
                state = state * 1664525u + 1013904223u;
                other = (int)((state >> 16) % (uint32_t)(i + 1));
                victims[i] = victims[other];
                victims[other] = v;
            }
            for (i = 0; i < 8; i++) {
                CHECK(pthread_create(&threads[i], NULL, end, &victims[i]) == 0);
                if (round % 2) pthread_join(threads[i], NULL); /* one after the other, or all at once */
            }
            for (i = 0; i < 8 && round % 2 == 0; i++) pthread_join(threads[i], NULL);
        }
    }
}

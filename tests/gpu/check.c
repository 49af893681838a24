/*
 * Runs the library on a GPU and compares with the CPU: golden checkpoints, random shapes, memory that must stay as it
 * is, graphs, streams, threads, contexts.
 *
 *     check FIXTURES [--small] [--rounds N]
 *
 * Exit code 0: all is well; 1: not so; 77: there is no GPU.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One product, twice: right, and the same bytes again. */
static void multiplied(const awqm_linear *linear, const awqm_packed *packed, const product *p, const char *what) {
    prepared it = prepare(linear, p);
    void *first, *second;
    STATUS(AWQM_STATUS_OK, launch(&it, NULL));
    CU(CtxSynchronize());
    first = result(&it);
    compare(&it, packed, first, what);
    STATUS(AWQM_STATUS_OK, launch(&it, NULL));
    CU(CtxSynchronize());
    second = result(&it);
    CHECK(memcmp(first, second, it.y.bytes) == 0);
    free(first);
    free(second);
    release(&it);
}

static void several_rows(const setting *s, const awqm_packed *packed, const char *what) {
    static const int64_t ROWS[] = {1, 3, 8, 17};
    awqm_linear *linear = on_device(s->device, packed);
    for (int i = 0; i < (s->small ? 2 : 4); i++) {
        for (int bf16 = 0; bf16 <= s->bf16; bf16++) {
            awqm_dtype dtype = bf16 ? AWQM_DTYPE_BF16 : AWQM_DTYPE_F16;
            product p = {dtype, AWQM_DTYPE_F32, ROWS[i], 0, 0, (uint64_t)(i + 1)};
            multiplied(linear, packed, &p, what);
            if (i != 1) continue;
            p.y_dtype = dtype;
            multiplied(linear, packed, &p, what);
        }
    }
    awqm_linear_free(linear);
}

/* Every quantized layer of the golden checkpoints. */
static void checkpoints(const setting *s) {
    static const char *const NAMES[] = {"llama2l_gemm", "llama1l_gemv", "llama2l_compressed_tensors"};
    size_t layers = 0;
    for (size_t c = 0; c < sizeof NAMES / sizeof *NAMES; c++) {
        char path[1024], name[256];
        awqm_checkpoint *checkpoint = NULL;
        snprintf(path, sizeof path, "%s/checkpoint/%s", s->fixtures, NAMES[c]);
        MUST(awqm_checkpoint_open(path, &checkpoint));
        size_t count = awqm_checkpoint_layer_count(checkpoint);
        for (size_t i = 0; i < count; i++) {
            const char *const names[] = {name};
            awqm_packed *packed = NULL;
            STRUCT(awqm_layer_info, info);
            MUST(awqm_checkpoint_get_layer_name(checkpoint, i, name, sizeof name, NULL));
            MUST(awqm_checkpoint_query_layer(checkpoint, name, &info, NULL, 0, NULL));
            if (!info.quantized || (s->small && i % 4)) continue;
            MUST(awqm_checkpoint_load(checkpoint, names, 1, NULL, &packed));
            several_rows(s, packed, name);
            awqm_packed_free(packed);
            layers++;
        }
        awqm_checkpoint_free(checkpoint);
    }
    CHECK(layers >= 3);
    section("%zu layers of golden checkpoints", layers);
}

static awqm_dtype any_dtype(const setting *s, uint64_t *state, int f32) {
    switch (random_bits(state) % (f32 ? 3 : 2)) {
    case 0: return AWQM_DTYPE_F16;
    case 1: return s->bf16 ? AWQM_DTYPE_BF16 : AWQM_DTYPE_F16;
    default: return AWQM_DTYPE_F32;
    }
}

static void random_shapes(const setting *s, int rounds) {
    static const int64_t GROUPS[] = {32, 64, 128, -1, 16, 48, 100};
    uint64_t state = 20;
    for (int round = 0; round < rounds; round++) {
        uint64_t most = s->small ? 300 : round % 8 == 0 ? 4000 : 1000;
        layer_shape shape = {
            .k = 1 + (int64_t)(random_bits(&state) % most),
            .n = 1 + (int64_t)(random_bits(&state) % (s->small ? 150 : 600)),
            .group_size = GROUPS[random_bits(&state) % (sizeof GROUPS / sizeof *GROUPS)],
            .bits = random_bits(&state) % 3 ? 4 : 8,
            .zero_point = random_bits(&state) % 3 != 0,
            .scale_dtype = any_dtype(s, &state, 0),
            .bias_dtype = random_bits(&state) % 2 ? any_dtype(s, &state, 1) : 0,
        };
        if (round % 2) { /* the shapes of real layers */
            shape.k = (shape.k + 127) / 128 * 128;
            shape.n = (shape.n + 63) / 64 * 64;
        }
        product p = {any_dtype(s, &state, 0), 0, 1 + (int64_t)(random_bits(&state) % 20), 0, 0, random_bits(&state)};
        p.y_dtype = random_bits(&state) % 2 ? p.x_dtype : AWQM_DTYPE_F32;
        if (random_bits(&state) % 2) p.x_stride = shape.k + 1 + (int64_t)(random_bits(&state) % 9);
        if (random_bits(&state) % 2) p.y_stride = shape.n + 1 + (int64_t)(random_bits(&state) % 9);
        char what[64];
        snprintf(what, sizeof what, "random shape %d", round);
        awqm_packed *packed = random_layer(&shape, (uint64_t)round);
        awqm_linear *linear = on_device(round % 3 ? s->device : s->checked, packed);
        multiplied(linear, packed, &p, what);
        awqm_linear_free(linear);
        awqm_packed_free(packed);
    }
    section("%d random shapes", rounds);
}

/* A long K on few columns is split, and the parts of an output meet in the workspace. */
static void split(const setting *s) {
    layer_shape shape = {s->small ? 8192 : 28672, 64, 128, 4, 1, AWQM_DTYPE_F16, AWQM_DTYPE_F16};
    for (shape.bits = 4; shape.bits <= 8; shape.bits += 4) {
        for (shape.n = 64; shape.n <= (s->small ? 64 : 320); shape.n += 256) {
            awqm_packed *packed = random_layer(&shape, 5);
            awqm_linear *linear = on_device(s->device, packed);
            for (int64_t m = 1; m <= 9; m += 4) {
                product p = {AWQM_DTYPE_F16, AWQM_DTYPE_F32, m, 0, 0, 3};
                multiplied(linear, packed, &p, "split");
            }
            awqm_linear_free(linear);
            awqm_packed_free(packed);
        }
    }
    section("layers with K in slices");
}

int main(int argc, char **argv) {
    setting s = {0};
    int rounds = 0;
    void *context = NULL, *current = NULL;
    char why[512];
    STRUCT(awqm_cuda_info, cuda);
    STRUCT(awqm_cuda_options, options);
    STRUCT(awqm_device_info, info);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--small") == 0) s.small = 1;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) rounds = atoi(argv[++i]);
        else s.fixtures = argv[i];
    }
    if (!s.fixtures) {
        fprintf(stderr, "usage: %s FIXTURES [--small] [--rounds N]\n", argv[0]);
        return 2;
    }
    if (!rounds) rounds = s.small ? 12 : 200;

    s.ordinal = open_driver();
    MUST(awqm_cuda_get_info(&cuda, why, sizeof why, NULL));
    if (!cuda.available) {
        fprintf(stderr, "no GPU here: %s\n", why);
        return 77;
    }
    CU(DevicePrimaryCtxRetain(&context, s.ordinal));
    CU(CtxPushCurrent(context));
    MUST(awqm_device_create_cuda(&options, &s.device));
    options.flags = AWQM_CUDA_CHECK_POINTERS;
    MUST(awqm_device_create_cuda(&options, &s.checked));
    MUST(awqm_device_get_info(s.device, &info));
    s.bf16 = info.capability >= 80;
    printf("%s, capability %u.%u, %u multiprocessors\n", info.name, (unsigned)info.capability / 10,
           (unsigned)info.capability % 10, (unsigned)info.multiprocessors);

    checkpoints(&s);
    random_shapes(&s, rounds);
    split(&s);
    versions(&s);
    batch_invariance(&s);
    dequantized_and_repacked(&s);
    wrong_memory(&s);
    captured(&s);
    streams(&s);
    threads(&s);
    foreign_context(&s);

    awqm_device_free(s.checked);
    awqm_device_free(s.device);
    CU(CtxGetCurrent(&current));
    CHECK(current == context);
    CU(CtxPopCurrent(&current));
    CU(DevicePrimaryCtxRelease(s.ordinal));
    if (checks_failed) {
        fprintf(stderr, "%ld of %ld checks failed\n", checks_failed, checks_done);
        return 1;
    }
    printf("ok %ld checks\n", checks_done);
    return 0;
}

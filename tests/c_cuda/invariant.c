/*
 * Batch invariance: the bits of row r of y do not depend on how many rows there are, nor on what they hold. And what the
 * flag gives is right: the same as without it, within the rounding of sums.
 */
#include "gpu.h"

enum { ROWS = 300 };

/* F16 numbers in (-1, 1). */
static void random_halves(uint16_t *x, size_t count, uint32_t state) {
    size_t i;
    for (i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (uint16_t)((state >> 16 & 0x8000u) | (0x3000u + (state >> 20 & 0x0bffu)));
    }
}

static awqm_packed *random_layer(int64_t k, int64_t n, int64_t group_size) {
    size_t i, count = (size_t)(k * n);
    float *weight = (float *)allocate(count * sizeof *weight);
    awqm_packed *packed = NULL;
    uint32_t state = 7;
    STRUCT(awqm_quantize_options, options);
    options.group_size = group_size;
    for (i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        weight[i] = (float)(state >> 8) / 16777216.0f - 0.5f;
    }
    MUST(awqm_quantize_tensor(weight, count * sizeof *weight, AWQM_DTYPE_F32, n, k, &options, &packed));
    free(weight);
    return packed;
}

typedef struct memory {
    uint64_t x, y, workspace;
    size_t workspace_bytes;
    int64_t k, n;
} memory;

/* The rows of y, read back; the caller frees them. */
static float *multiply(const awqm_linear *linear, const memory *at_gpu, int64_t m, int64_t first_row) {
    size_t bytes = (size_t)(m * at_gpu->n) * sizeof(float);
    float *y = (float *)allocate(bytes);
    uint64_t x = at_gpu->x + (uint64_t)(first_row * at_gpu->k) * 2;
    awqm_run_args args = run_args(at(x), AWQM_DTYPE_F16, at(at_gpu->y), AWQM_DTYPE_F32, m);
    MUST(awqm_linear_run(linear, &args, at(at_gpu->workspace), at_gpu->workspace_bytes, NULL));
    CU(MemcpyDtoH(y, at_gpu->y, bytes));
    return y;
}

static int same_rows(const float *a, const float *b, int64_t rows, int64_t n) {
    return memcmp(a, b, (size_t)(rows * n) * sizeof *a) == 0;
}

static void layer(const awqm_device *device, int64_t k, int64_t n, int64_t group_size, int step, int splits) {
    awqm_packed *packed = random_layer(k, n, group_size);
    awqm_linear *linear = NULL, *plain = linear_on(device, packed);
    uint16_t *x = (uint16_t *)allocate((size_t)(ROWS * k) * 2);
    memory here = {0, 0, 0, 0, 0, 0};
    float *all, *some;
    size_t plain_bytes = 0, i;
    int64_t m;
    awqm_plan *plan = NULL;
    STRUCT(awqm_linear_options, options);
    STRUCT(awqm_plan_options, plan_options);
    STRUCT(awqm_plan_info, info);
    options.flags = AWQM_BATCH_INVARIANT;
    MUST(awqm_linear_create(device, packed, &options, &linear));

    plan_options.dtype = AWQM_DTYPE_F16;
    plan_options.m = ROWS;
    MUST(awqm_plan_create(linear, &plan_options, &plan));
    MUST(awqm_plan_get_info(plan, &info));
    CHECK(info.batch_invariant == 1 && (splits ? info.splits > 1 : info.splits == 1));
    awqm_plan_free(plan);

    here.k = k;
    here.n = n;
    random_halves(x, (size_t)(ROWS * k), 3);
    here.x = device_memory(x, (size_t)(ROWS * k) * 2);
    here.y = device_memory(NULL, (size_t)(ROWS * n) * sizeof(float));
    MUST(awqm_linear_workspace_bytes(linear, ROWS, AWQM_DTYPE_F16, &here.workspace_bytes));
    MUST(awqm_linear_workspace_bytes(plain, ROWS, AWQM_DTYPE_F16, &plain_bytes));
    if (plain_bytes > here.workspace_bytes) here.workspace_bytes = plain_bytes;
    here.workspace = zeroed(here.workspace_bytes + 16);

    /* Any number of rows gives the bits that all together give. */
    all = multiply(linear, &here, ROWS, 0);
    for (m = 1; m < ROWS; m += step) {
        some = multiply(linear, &here, m, 0);
        if (!same_rows(all, some, m, n)) fprintf(stderr, "m = %ld, K = %ld, N = %ld\n", (long)m, (long)k, (long)n);
        CHECK(same_rows(all, some, m, n));
        free(some);
    }
    /* Another place in the batch, other rows beside it. */
    for (m = 1; m <= 90; m += 13) {
        some = multiply(linear, &here, m, 200);
        CHECK(same_rows(all + 200 * n, some, m, n));
        free(some);
    }
    /* Right, too. */
    some = multiply(plain, &here, ROWS, 0);
    for (i = 0, m = 0; i < (size_t)(ROWS * n); i++)
        m += !(fabs((double)all[i] - (double)some[i]) <= 1e-4 * (1 + fabs((double)some[i])));
    CHECK(m == 0);
    free(some);
    free(all);
    free(x);
    CU(MemFree(here.x));
    CU(MemFree(here.y));
    CU(MemFree(here.workspace));
    awqm_linear_free(linear);
    awqm_linear_free(plain);
    awqm_packed_free(packed);
}

static void run(const char *fixtures) {
    awqm_device *device, *cpu;
    awqm_linear *none = NULL;
    awqm_packed *packed;
    STRUCT(awqm_linear_options, options);
    (void)fixtures;
    open_driver();
    enter(0);
    device = open_gpu(0, 0, NULL);
    layer(device, 128, 96, 64, 1, 0);
    layer(device, 1024, 64, 128, 17, 1);
    layer(device, 100, 40, 48, 13, 0);
    awqm_device_free(device);
    setenv("MOCK_CUDA_CAPABILITY", "7.5", 1);
    device = open_gpu(0, 0, NULL);
    layer(device, 160, 64, 32, 31, 0);

    /* The promise is the GPU's; flags that nobody knows are refused. */
    packed = random_layer(64, 64, 32);
    cpu = cpu_with_threads(1);
    options.flags = AWQM_BATCH_INVARIANT;
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_linear_create(cpu, packed, &options, &none));
    MESSAGE_HAS("batch-invariant");
    options.flags = 2;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_linear_create(device, packed, &options, &none));
    CHECK(none == NULL);
    awqm_packed_free(packed);
    awqm_device_free(cpu);
    awqm_device_free(device);
    leave(0);
    CHECK(mock_allocations() == 0);
    expect_clean(0);
}

/*
 * What the programs that run on the mock driver share: memory of the mock GPU, layers on it, and what it must look like
 * when all is freed. They link the mock, so they can look inside it.
 */
#ifndef C_CUDA_GPU_H
#define C_CUDA_GPU_H

#include "../c/fixtures.h"
#include "../gpu/driver.h"
#include "../mock_cuda/mock_cuda.h"

static inline awqm_device *open_gpu(uint32_t ordinal, uint32_t flags, void *context) {
    awqm_device *device = NULL;
    STRUCT(awqm_cuda_options, options);
    options.ordinal = ordinal;
    options.flags = flags;
    options.context = context;
    MUST(awqm_device_create_cuda(&options, &device));
    return device;
}

static inline awqm_linear *linear_on(const awqm_device *device, const awqm_packed *packed) {
    awqm_linear *linear = NULL;
    MUST(awqm_linear_create(device, packed, NULL, &linear));
    return linear;
}

/* K long enough to be split, so that there is a workspace. */
enum { LONG_K = 8192, LONG_N = 64 };
static inline awqm_packed *long_layer(void) {
    float *weight = (float *)allocate(LONG_K * LONG_N * sizeof *weight);
    awqm_packed *packed = NULL;
    int i;
    STRUCT(awqm_quantize_options, options);
    options.group_size = 128;
    for (i = 0; i < LONG_K * LONG_N; i++) weight[i] = (float)(i % 17) - 8;
    MUST(awqm_quantize_tensor(weight, LONG_K * LONG_N * sizeof *weight, AWQM_DTYPE_F32, LONG_N, LONG_K, &options, &packed));
    free(weight);
    return packed;
}

/* Nothing of the library's is left in the driver, no kernel did what it must not, and this thread has `depth` contexts. */
static inline void expect_clean(int depth) {
    CHECK(mock_libraries() == 0);
    CHECK(mock_context_depth() == depth);
    CHECK(same_text(mock_fault(), ""));
}

/* Zeroed memory of the current context. */
static inline uint64_t zeroed(size_t bytes) {
    void *zeros = allocate(bytes);
    uint64_t memory = device_memory(zeros, bytes);
    free(zeros);
    return memory;
}

/* A product of a golden layer, set up in the current context: x of the fixture, y poisoned, workspace zero. */
typedef struct product {
    awqm_run_args args;
    awqm_tensor_view x, expected;
    uint64_t device_x, y, workspace;
    size_t y_bytes, workspace_bytes;
} product;

static inline product set_up(const awqm_linear *linear, const awqm_checkpoint *io) {
    product p;
    STRUCT(awqm_linear_info, info);
    memset(&p, 0, sizeof p);
    MUST(awqm_linear_get_info(linear, &info));
    p.x = tensor_of(io, "x_m3");
    p.expected = tensor_of(io, "y_bias_m3");
    p.device_x = device_memory(p.x.data, p.x.bytes);
    p.y_bytes = (size_t)(3 * info.n) * sizeof(float);
    p.y = device_memory(NULL, p.y_bytes);
    MUST(awqm_linear_workspace_bytes(linear, 3, p.x.dtype, &p.workspace_bytes));
    p.workspace = zeroed(p.workspace_bytes + 16);
    p.args = run_args(at(p.device_x), p.x.dtype, at(p.y), AWQM_DTYPE_F32, 3);
    return p;
}

static inline awqm_status run_product(const awqm_linear *linear, const product *p, void *stream) {
    return awqm_linear_run(linear, &p->args, at(p->workspace), p->workspace_bytes, stream);
}

/* y is what the fixture says; poisons it again. */
static inline void expect_result(const product *p) {
    size_t i, count = p->y_bytes / sizeof(float), bad = 0;
    float *y = (float *)allocate(p->y_bytes);
    CU(MemcpyDtoH(y, p->y, p->y_bytes));
    for (i = 0; i < count; i++) {
        double expected = f64_at(p->expected, (int64_t)i);
        bad += !(fabs((double)y[i] - expected) <= 4e-3 * (1 + fabs(expected)));
    }
    CHECK(bad == 0);
    memset(y, 0xff, p->y_bytes);
    CU(MemcpyHtoD(p->y, y, p->y_bytes));
    free(y);
}

/* Nobody wrote y since it was poisoned. */
static inline void expect_poison(const product *p) {
    size_t i, bad = 0;
    unsigned char *y = (unsigned char *)allocate(p->y_bytes);
    CU(MemcpyDtoH(y, p->y, p->y_bytes));
    for (i = 0; i < p->y_bytes; i++) bad += y[i] != 0xff;
    CHECK(bad == 0);
    free(y);
}

static inline void tear_down(product *p) {
    CU(MemFree(p->device_x));
    CU(MemFree(p->y));
    CU(MemFree(p->workspace));
}

/* The primary context of a device, current on this thread until left. */
static inline void enter(int device) {
    void *context = NULL;
    CU(DevicePrimaryCtxRetain(&context, device));
    CU(CtxPushCurrent(context));
}

static inline void leave(int device) {
    void *context = NULL;
    CU(CtxPopCurrent(&context));
    CU(DevicePrimaryCtxRelease(device));
}

#endif

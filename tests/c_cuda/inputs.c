/* Arguments that cannot be right: a status, a message, and nothing is launched. */
#include "gpu.h"

static const golden_case *const CASE = &GOLDEN[GOLDEN_K512];

static void expect_no_launch(const product *p) {
    CHECK(strstr(mock_log(), "cuLaunchKernelEx") == NULL);
    mock_log_clear();
    expect_poison(p);
    mock_log_clear();
}

/* Wrong in a way that shows without asking the driver. */
static void plain(const awqm_linear *linear, const awqm_linear *other, const product *good) {
    product p = *good;
    awqm_plan *plan = NULL;
    STRUCT(awqm_plan_options, options);
    mock_log_clear();
    p.args.m = 0;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, NULL));
    p.args.m = -1;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, NULL));
    p = *good;
    p.args.x = NULL;
    STATUS(AWQM_STATUS_NULL_POINTER, run_product(linear, &p, NULL));
    p.args.x = at(good->device_x + 1);
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, NULL));
    MESSAGE_HAS("x: is not aligned");
    p = *good;
    p.args.y = at(good->y + 2);
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, NULL));
    p.args.y = at(good->device_x);
    p.args.y_dtype = AWQM_DTYPE_F16;
    STATUS(AWQM_STATUS_OVERLAP, run_product(linear, &p, NULL));
    p = *good;
    p.args.x_dtype = AWQM_DTYPE_F32;
    STATUS(AWQM_STATUS_UNSUPPORTED, run_product(linear, &p, NULL));
    MESSAGE_HAS("F32");
    p = *good;
    p.args.x_stride = CASE->k - 1;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, NULL));

    options.dtype = AWQM_DTYPE_F16;
    options.m = 1;
    options.flags = AWQM_BATCH_INVARIANT;
    options.kernel = AWQM_KERNEL_GEMV;
    STATUS(AWQM_STATUS_KERNEL_UNSUPPORTED, awqm_plan_create(linear, &options, &plan));
    MESSAGE_HAS("batch-invariant");
    options.flags = 2;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_plan_create(linear, &options, &plan));
    options.flags = 0;
    MUST(awqm_plan_create(other, &options, &plan));
    p = *good; /* more rows than the plan has */
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_plan_run(plan, &p.args, at(p.workspace), p.workspace_bytes, NULL));
    awqm_plan_free(plan);
    expect_no_launch(good);
}

/* Workspace of a layer that needs one. */
static void workspace(const awqm_device *device) {
    awqm_packed *packed = long_layer();
    awqm_linear *linear = linear_on(device, packed);
    size_t bytes = 0, enough = 0;
    uint64_t x = zeroed(8192 * 2), y = zeroed(64 * 2), memory;
    awqm_run_args args = run_args(at(x), AWQM_DTYPE_F16, at(y), AWQM_DTYPE_F16, 1);
    awqm_plan *plan = NULL;
    STRUCT(awqm_plan_options, options);
    STRUCT(awqm_plan_info, info);
    options.dtype = AWQM_DTYPE_F16;
    options.m = 1;
    MUST(awqm_plan_create(linear, &options, &plan));
    MUST(awqm_plan_get_info(plan, &info));
    awqm_plan_free(plan);
    bytes = info.workspace_bytes; /* of the kernel that runs; the other ones may want more */
    MUST(awqm_linear_workspace_bytes(linear, 1, AWQM_DTYPE_F16, &enough));
    CHECK(enough >= bytes && bytes > AWQM_CUDA_COUNTER_BYTES);
    memory = zeroed(bytes + 16);
    mock_log_clear();
    STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, awqm_linear_run(linear, &args, at(memory), bytes - 1, NULL));
    STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, awqm_linear_run(linear, &args, NULL, 0, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_linear_run(linear, &args, NULL, bytes, NULL));
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_run(linear, &args, at(memory + 8), bytes, NULL));
    MESSAGE_HAS("workspace");
    STATUS(AWQM_STATUS_OVERLAP, awqm_linear_run(linear, &args, at(x), bytes, NULL));
    CHECK(strstr(mock_log(), "cuLaunchKernelEx") == NULL);
    OK(awqm_linear_run(linear, &args, at(memory), bytes, NULL));
    { /* the counters are zero again */
        unsigned char *counters = (unsigned char *)allocate(AWQM_CUDA_COUNTER_BYTES);
        size_t i, bad = 0;
        CU(MemcpyDtoH(counters, memory, AWQM_CUDA_COUNTER_BYTES));
        for (i = 0; i < AWQM_CUDA_COUNTER_BYTES; i++) bad += counters[i] != 0;
        CHECK(bad == 0);
        free(counters);
    }
    CU(MemFree(x));
    CU(MemFree(y));
    CU(MemFree(memory));
    awqm_linear_free(linear);
    awqm_packed_free(packed);
}

/* Wrong in a way that only the driver knows: found when the device was opened so. */
static void looked_up(const awqm_linear *linear, const product *good) {
    product p = *good;
    void *stream = NULL;
    uint64_t elsewhere;
    char *host = (char *)allocate(p.x.bytes);
    void *context = NULL;
    enter(1);
    elsewhere = zeroed(p.x.bytes);
    CU(StreamCreate(&stream, 0));
    CU(CtxPopCurrent(&context)); /* the second device stays held, so its memory lives */
    mock_log_clear();
    p.args.x = host;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, NULL));
    MESSAGE_HAS("x: is a host pointer");
    p.args.x = at(elsewhere);
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, NULL));
    MESSAGE_HAS("another device");
    p = *good;
    p.args.y = host;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, NULL));
    p = *good;
    p.args.m = 4; /* x holds 3 rows */
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, NULL));
    MESSAGE_HAS("beyond its allocation");
    p = *good;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, stream));
    MESSAGE_HAS("stream of another device");
    expect_no_launch(good);
    CU(CtxPushCurrent(context));
    CU(StreamDestroy(stream));
    CU(MemFree(elsewhere));
    leave(1);
    mock_log_clear();
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, good, stream)); /* destroyed */
    MESSAGE_HAS("stream");
    expect_no_launch(good);
    OK(run_product(linear, good, NULL));
    expect_result(good);
    free(host);
}

static void run(const char *fixtures) {
    awqm_checkpoint *io = open_tensors(fixtures, CASE->folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, CASE, 1), *dense = NULL;
    awqm_device *device, *checked, *none = NULL;
    awqm_linear *linear, *careful, *nothing = NULL;
    void *stream = NULL;
    uint16_t weight[64 * 64] = {0};
    product p;
    STRUCT(awqm_cuda_options, options);
    STRUCT(awqm_layer_desc, desc);
    STRUCT(awqm_layer_tensors, tensors);
    setenv("MOCK_CUDA_DEVICES", "2", 1);
    open_driver();

    options.flags = 4;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_device_create_cuda(&options, &none));
    options.flags = 0;
    options.ordinal = 2;
    STATUS(AWQM_STATUS_NO_DEVICE, awqm_device_create_cuda(&options, &none));
    MESSAGE_HAS("cuda:2");
    options.ordinal = UINT32_MAX;
    STATUS(AWQM_STATUS_NO_DEVICE, awqm_device_create_cuda(&options, &none));
    options.context = &options; /* no context */
    STATUS(AWQM_STATUS_DEVICE, awqm_device_create_cuda(&options, &none));
    MESSAGE_HAS("CUDA_ERROR_INVALID_CONTEXT");
    CHECK(none == NULL);

    enter(0);
    device = open_gpu(0, 0, NULL);
    checked = open_gpu(0, AWQM_CUDA_CHECK_POINTERS, NULL);
    linear = linear_on(device, packed);
    careful = linear_on(checked, packed);
    p = set_up(linear, io);
    plain(linear, careful, &p);
    workspace(device);
    looked_up(careful, &p);

    /* A stream that lives no more, found by the driver. */
    CU(StreamCreate(&stream, 0));
    CU(StreamDestroy(stream));
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, run_product(linear, &p, stream));
    MESSAGE_HAS("CUDA_ERROR_INVALID_HANDLE");
    expect_poison(&p);
    OK(run_product(linear, &p, NULL));
    expect_result(&p);

    desc.k = desc.n = 64;
    desc.layout = AWQM_LAYOUT_DENSE;
    tensors.qweight = weight;
    tensors.qweight_bytes = sizeof weight;
    MUST(awqm_packed_create(&desc, &tensors, &dense));
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_linear_create(device, dense, NULL, &nothing));
    STATUS(AWQM_STATUS_TENSOR, awqm_linear_dequantize(linear, AWQM_DTYPE_F16, 0, at(p.y), 10, NULL));
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_linear_dequantize(linear, AWQM_DTYPE_F32, 0, at(p.y), 10, NULL));
    CHECK(nothing == NULL);

    awqm_packed_free(dense);
    tear_down(&p);
    awqm_linear_free(linear);
    awqm_linear_free(careful);
    awqm_device_free(device);
    awqm_device_free(checked);
    leave(0);
    CHECK(mock_allocations() == 0);
    expect_clean(0);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
}

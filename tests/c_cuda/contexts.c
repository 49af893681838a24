/* The caller's contexts are what they were; the library's own come and go; every stream gives the golden result. */
#include "gpu.h"

/* By ordinal, with no context current: the primary context is held while anything lives. */
static void primary(const char *fixtures, const awqm_checkpoint *io) {
    awqm_packed *packed = golden_packed(fixtures, &GOLDEN[GOLDEN_K512], 1);
    awqm_device *device = NULL;
    awqm_linear *linear;
    STRUCT(awqm_device_info, info);
    STRUCT(awqm_linear_info, shape);
    (void)io;
    MUST(awqm_device_create_cuda(NULL, &device));
    CHECK(mock_context_depth() == 0 && mock_primary_users(0) == 1);
    OK(awqm_device_get_info(device, &info));
    CHECK(info.backend == AWQM_BACKEND_CUDA && info.ordinal == 0 && info.capability == 80 && info.threads == 0);
    CHECK(info.multiprocessors == 108 && info.memory_bytes == (uint64_t)80 << 30);
    CHECK(info.bandwidth_gbps > 2000 && info.bandwidth_gbps < 2100 && same_text(info.name, "Mock GPU 0"));
    linear = linear_on(device, packed);
    OK(awqm_linear_get_info(linear, &shape));
    CHECK(shape.backend == AWQM_BACKEND_CUDA && shape.layout == AWQM_LAYOUT_MARLIN && shape.has_bias == 1);
    CHECK(mock_allocations() == 1 && mock_streams() == 0 && mock_libraries() > 0);
    awqm_device_free(device); /* the layer keeps it */
    CHECK(mock_primary_users(0) == 1 && mock_context_depth() == 0);
    awqm_linear_free(linear);
    CHECK(mock_primary_users(0) == 0 && mock_allocations() == 0);
    awqm_packed_free(packed);
    expect_clean(0);
}

/* A context of the host's: current, or named and not current, or named while another one is current. */
static void foreign(const char *fixtures, const awqm_checkpoint *io) {
    awqm_packed *packed = golden_packed(fixtures, &GOLDEN[GOLDEN_K512], 1);
    void *mine = NULL, *other = NULL, *current = NULL, *stream = NULL;
    int named;
    CU(CtxCreate(&mine, 0, 0));
    CU(StreamCreate(&stream, STREAM_NON_BLOCKING));
    for (named = 0; named < 3; named++) {
        awqm_device *device;
        awqm_linear *linear;
        product p;
        if (named == 1) CU(CtxPopCurrent(&current));
        if (named == 2) CU(CtxCreate(&other, 0, 0));
        device = open_gpu(0, 0, named ? mine : NULL);
        CHECK(mock_primary_users(0) == 0);
        linear = linear_on(device, packed);
        if (named) CU(CtxPushCurrent(mine));
        p = set_up(linear, io);
        if (named) CU(CtxPopCurrent(&current));
        CU(CtxGetCurrent(&current));
        CHECK(current == (named == 0 ? mine : named == 1 ? NULL : other));
        mock_log_clear();
        OK(run_product(linear, &p, stream));
        CHECK(same_text(mock_log(), "cuLaunchKernelEx")); /* a real stream knows its context */
        mock_log_clear();
        OK(run_product(linear, &p, NULL));
        CHECK(same_text(mock_log(), "cuCtxPushCurrent_v2 cuLaunchKernelEx cuCtxPopCurrent_v2"));
        CU(CtxGetCurrent(&current));
        CHECK(current == (named == 0 ? mine : named == 1 ? NULL : other));
        if (named) CU(CtxPushCurrent(mine));
        expect_result(&p);
        tear_down(&p);
        if (named) CU(CtxPopCurrent(&current));
        awqm_linear_free(linear);
        awqm_device_free(device);
        if (named == 2) CU(CtxDestroy(other));
    }
    CU(StreamDestroy(stream));
    CU(CtxDestroy(mine));
    CHECK(mock_allocations() == 0);
    awqm_packed_free(packed);
    expect_clean(0);
}

/* NULL, the legacy stream, that of the thread, and streams that wait for the legacy one or not. */
static void streams(const char *fixtures, const awqm_checkpoint *io) {
    awqm_packed *packed = golden_packed(fixtures, &GOLDEN[GOLDEN_K512], 1);
    awqm_device *device = open_gpu(0, 0, NULL);
    awqm_linear *linear = linear_on(device, packed);
    void *stream[5] = {NULL, (void *)1, (void *)2, NULL, NULL};
    product p;
    int i;
    enter(0);
    CU(StreamCreate(&stream[3], 0));
    CU(StreamCreate(&stream[4], STREAM_NON_BLOCKING));
    p = set_up(linear, io);
    for (i = 0; i < 5; i++) {
        OK(run_product(linear, &p, stream[i]));
        CU(CtxSynchronize());
        expect_result(&p);
    }
    tear_down(&p);
    CU(StreamDestroy(stream[3]));
    CU(StreamDestroy(stream[4]));
    leave(0);
    awqm_linear_free(linear);
    awqm_device_free(device);
    awqm_packed_free(packed);
    expect_clean(0);
}

/* The same weights in the host's own device memory: nothing is allocated. */
static void borrowed(const char *fixtures, const awqm_checkpoint *io) {
    static const awqm_role ROLES[] = {AWQM_ROLE_QWEIGHT, AWQM_ROLE_SCALES, AWQM_ROLE_QZEROS, AWQM_ROLE_BIAS};
    const golden_case *golden = &GOLDEN[GOLDEN_K512];
    awqm_packed *packed = golden_packed(fixtures, golden, 1), *marlin = NULL;
    awqm_device *device = open_gpu(0, AWQM_CUDA_CHECK_POINTERS, NULL);
    awqm_layer_desc desc = golden_desc(golden, AWQM_LAYOUT_MARLIN, 1);
    awqm_linear *linear = NULL;
    uint64_t memory[4];
    awqm_tensor_view view[4];
    product p;
    int i, before;
    STRUCT(awqm_layer_tensors, tensors);
    MUST(awqm_packed_convert(packed, AWQM_LAYOUT_MARLIN, NULL, &marlin));
    enter(0);
    for (i = 0; i < 4; i++) {
        view[i] = part_of(marlin, ROLES[i]);
        memory[i] = device_memory(view[i].data, view[i].bytes);
    }
    tensors.qweight = at(memory[0]);
    tensors.qweight_bytes = view[0].bytes;
    tensors.scales = at(memory[1]);
    tensors.scales_bytes = view[1].bytes;
    tensors.qzeros = at(memory[2]);
    tensors.qzeros_bytes = view[2].bytes;
    tensors.bias = at(memory[3]);
    tensors.bias_bytes = view[3].bytes;
    before = mock_allocations();
    OK(awqm_linear_create_from_device(device, &desc, &tensors, &linear));
    CHECK(mock_allocations() == before);
    p = set_up(linear, io);
    OK(run_product(linear, &p, NULL));
    expect_result(&p);
    tear_down(&p);
    awqm_linear_free(linear);
    CHECK(mock_allocations() == before);

    linear = NULL;
    desc.layout = AWQM_LAYOUT_AWQ_GEMM;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_create_from_device(device, &desc, &tensors, &linear));
    desc.layout = AWQM_LAYOUT_MARLIN;
    tensors.scales_bytes--;
    STATUS(AWQM_STATUS_TENSOR, awqm_linear_create_from_device(device, &desc, &tensors, &linear));
    tensors.scales_bytes++;
    tensors.qweight = at(memory[0] + 4);
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_create_from_device(device, &desc, &tensors, &linear));
    MESSAGE_HAS("not aligned");
    tensors.qweight = at(memory[0] + 16);
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_create_from_device(device, &desc, &tensors, &linear));
    MESSAGE_HAS("beyond its allocation");
    tensors.qweight = view[0].data;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_create_from_device(device, &desc, &tensors, &linear));
    MESSAGE_HAS("qweight");
    tensors.qweight = NULL;
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_linear_create_from_device(device, &desc, &tensors, &linear));
    CHECK(linear == NULL);
    for (i = 0; i < 4; i++) CU(MemFree(memory[i]));
    leave(0);
    awqm_device_free(device);
    awqm_packed_free(marlin);
    awqm_packed_free(packed);
    expect_clean(0);
}

static void run(const char *fixtures) {
    awqm_checkpoint *io = open_tensors(fixtures, GOLDEN[GOLDEN_K512].folder, "io.safetensors");
    STRUCT(awqm_cuda_info, info);
    char reason[256] = "?";
    open_driver();
    OK(awqm_cuda_get_info(&info, reason, sizeof reason, NULL));
    CHECK(info.available == 1 && info.device_count == 1 && info.driver_version == 13000 && reason[0] == '\0');
    CHECK(info.needed_driver_version == 13000 && info.images[0] != '\0');
    CHECK(awqm_backend_available(AWQM_BACKEND_CUDA) == 1);
    primary(fixtures, io);
    foreign(fixtures, io);
    streams(fixtures, io);
    borrowed(fixtures, io);
    awqm_checkpoint_free(io);
}

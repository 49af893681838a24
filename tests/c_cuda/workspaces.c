/* A workspace that two streams use at once is found out when the device was opened so, and only then. */
#include "gpu.h"

enum { NOT_READY = 600 };

static void run(const char *fixtures) {
    awqm_packed *packed;
    awqm_device *device, *trusting;
    awqm_linear *linear, *other;
    void *a = NULL, *b = NULL, *blocking = NULL, *graph = NULL;
    uint64_t x, y, workspace, second;
    size_t bytes = 0;
    awqm_run_args args;
    (void)fixtures;
    open_driver();
    enter(0);
    packed = long_layer();
    device = open_gpu(0, AWQM_CUDA_CHECK_WORKSPACE, NULL);
    trusting = open_gpu(0, 0, NULL);
    linear = linear_on(device, packed);
    other = linear_on(trusting, packed);
    MUST(awqm_linear_workspace_bytes(linear, 1, AWQM_DTYPE_F16, &bytes));
    CHECK(bytes > AWQM_CUDA_COUNTER_BYTES);
    x = zeroed(LONG_K * 2);
    y = zeroed(LONG_N * 2);
    workspace = zeroed(bytes + 4096);
    second = zeroed(bytes);
    args = run_args(at(x), AWQM_DTYPE_F16, at(y), AWQM_DTYPE_F16, 1);
    CU(StreamCreate(&a, STREAM_NON_BLOCKING));
    CU(StreamCreate(&b, STREAM_NON_BLOCKING));
    CU(StreamCreate(&blocking, 0));

#define RUN(layer, memory, stream) awqm_linear_run(layer, &args, at(memory), bytes, stream)
    /* The first launch is still running, as the driver says. */
    OK(RUN(linear, workspace, a));
    mock_fail("cuEventQuery", NOT_READY, 0);
    mock_log_clear();
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, RUN(linear, workspace, b));
    MESSAGE_HAS("workspace: is in use by a launch on another stream");
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, RUN(linear, workspace + 4096, b)); /* a part of it */
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, RUN(linear, workspace, NULL));     /* which waits for blocking streams only */
    CHECK(strstr(mock_log(), "cuLaunchKernelEx") == NULL);
    OK(RUN(linear, workspace, a)); /* a stream is in order with itself */
    OK(RUN(linear, second, b));
    OK(RUN(other, workspace, b)); /* nobody asked */
    /* A blocking stream and the legacy one wait for each other. */
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, RUN(linear, second, blocking));
    mock_fail_clear();
    OK(RUN(linear, second, blocking)); /* b is done */
    mock_fail("cuEventQuery", NOT_READY, 0);
    OK(RUN(linear, second, NULL));
    OK(RUN(linear, second, blocking));
    /* A capture launches nothing yet. */
    CU(StreamBeginCapture(b, 1));
    OK(RUN(linear, workspace, b));
    CU(StreamEndCapture(b, &graph));
    CU(GraphDestroy(graph));
    /* A stream that is gone may have left work behind. */
    CU(StreamDestroy(blocking));
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, RUN(linear, second, NULL));
    mock_fail_clear();
    OK(RUN(linear, second, NULL));
    CHECK(mock_events() > 0);

    CU(StreamDestroy(a));
    CU(StreamDestroy(b));
    CU(MemFree(x));
    CU(MemFree(y));
    CU(MemFree(workspace));
    CU(MemFree(second));
    awqm_linear_free(linear);
    awqm_linear_free(other);
    awqm_device_free(device);
    awqm_device_free(trusting);
    awqm_packed_free(packed);
    CHECK(mock_events() == 0);
    leave(0);
    CHECK(mock_allocations() == 0);
    expect_clean(0);
}

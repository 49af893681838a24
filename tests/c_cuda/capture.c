/* Captures: a run adds one launch and calls nothing else; opening and loading disturb nobody's capture. */
#include "gpu.h"

/* A capture by this thread of which every call of other threads, and its own, must be careful. */
enum { CAPTURE_GLOBAL = 0 };

static void run(const char *fixtures) {
    awqm_checkpoint *io = open_tensors(fixtures, GOLDEN[GOLDEN_K512].folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, &GOLDEN[GOLDEN_K512], 1);
    awqm_device *device, *second;
    awqm_linear *linear, *another;
    void *stream = NULL, *graph = NULL, *executable = NULL;
    product p;
    int i;
    open_driver();
    enter(0);
    device = open_gpu(0, 0, NULL);
    linear = linear_on(device, packed);
    p = set_up(linear, io);
    CU(StreamCreate(&stream, 0));

    /* The very first launch of the kernel is in a capture: its code was loaded when the device was opened. */
    CU(StreamBeginCapture(stream, CAPTURE_GLOBAL));
    mock_log_clear();
    OK(run_product(linear, &p, stream));
    OK(run_product(linear, &p, stream));
    CHECK(same_text(mock_log(), "cuLaunchKernelEx cuLaunchKernelEx"));
    CU(StreamEndCapture(stream, &graph));
    expect_poison(&p);
    CU(GraphInstantiate(&executable, graph, 0));
    for (i = 0; i < 3; i++) {
        CU(GraphLaunch(executable, stream));
        CU(StreamSynchronize(stream));
        expect_result(&p);
    }
    CU(GraphExecDestroy(executable));
    CU(GraphDestroy(graph));

    /* A device is opened, a layer loaded and freed, all while a capture goes on. */
    CU(StreamBeginCapture(stream, CAPTURE_GLOBAL));
    OK(run_product(linear, &p, stream));
    second = open_gpu(0, 0, NULL);
    another = linear_on(second, packed);
    awqm_linear_free(another);
    awqm_device_free(second);
    CU(StreamEndCapture(stream, &graph));
    CU(GraphDestroy(graph));

    /* The legacy stream cannot be used then; the driver says so, and that is passed on. */
    CU(StreamBeginCapture(stream, CAPTURE_GLOBAL));
    STATUS(AWQM_STATUS_DEVICE, run_product(linear, &p, NULL));
    MESSAGE_HAS("CUDA_ERROR_STREAM_CAPTURE_IMPLICIT");
    CHECK(cu.StreamEndCapture(stream, &graph) != 0);
    OK(run_product(linear, &p, NULL)); /* and nothing is lost */
    expect_result(&p);

    tear_down(&p);
    CU(StreamDestroy(stream));
    awqm_linear_free(linear);
    awqm_device_free(device);
    leave(0);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
    CHECK(mock_allocations() == 0);
    expect_clean(0);
}

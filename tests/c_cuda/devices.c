/* Two GPUs, two threads on each, one library. */
#include "gpu.h"

#include <pthread.h>

enum { DEVICES = 2, THREADS = 4, RUNS = 5 };

typedef struct worker {
    const awqm_linear *linear;
    const awqm_checkpoint *io;
    int device;
    awqm_status status;
    product p;
    void *stream;
} worker;

static void *work(void *data) {
    worker *w = (worker *)data;
    int i;
    for (i = 0; i < RUNS && w->status == AWQM_STATUS_OK; i++) w->status = run_product(w->linear, &w->p, w->stream);
    return NULL;
}

static void run(const char *fixtures) {
    awqm_checkpoint *io = open_tensors(fixtures, GOLDEN[GOLDEN_K512].folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, &GOLDEN[GOLDEN_K512], 1);
    awqm_device *device[DEVICES];
    awqm_linear *linear[DEVICES];
    worker workers[THREADS];
    pthread_t threads[THREADS];
    int i, libraries = 0;
    setenv("MOCK_CUDA_DEVICES", "2", 1);
    setenv("MOCK_CUDA_CAPABILITY", "8.0,9.0", 1);
    open_driver();
    for (i = 0; i < DEVICES; i++) {
        STRUCT(awqm_device_info, info);
        device[i] = open_gpu((uint32_t)i, 0, NULL);
        linear[i] = linear_on(device[i], packed);
        OK(awqm_device_get_info(device[i], &info));
        CHECK(info.ordinal == i && info.capability == (i ? 90u : 80u));
        if (i == 0) libraries = mock_libraries();
    }
    CHECK(mock_libraries() == libraries); /* images are loaded once for all devices */
    for (i = 0; i < THREADS; i++) {
        worker *w = &workers[i];
        memset(w, 0, sizeof *w);
        w->device = i % DEVICES;
        w->linear = linear[w->device];
        enter(w->device);
        w->p = set_up(w->linear, io);
        CU(StreamCreate(&w->stream, STREAM_NON_BLOCKING));
    }
    for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    for (i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (i = THREADS - 1; i >= 0; i--) {
        worker *w = &workers[i];
        CHECK(w->status == AWQM_STATUS_OK);
        CU(StreamSynchronize(w->stream));
        expect_result(&w->p);
        tear_down(&w->p);
        CU(StreamDestroy(w->stream));
        leave(w->device);
    }

    /* A context of the other device is current: the ordinal counts. */
    enter(1);
    {
        awqm_device *first = open_gpu(0, 0, NULL);
        STRUCT(awqm_device_info, info);
        OK(awqm_device_get_info(first, &info));
        CHECK(info.ordinal == 0);
        awqm_device_free(first);
    }
    leave(1);
    for (i = 0; i < DEVICES; i++) {
        awqm_device_free(device[i]);
        awqm_linear_free(linear[i]);
        CHECK(mock_primary_users(i) == 0);
    }
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
    CHECK(mock_allocations() == 0);
    expect_clean(0);
}

/* Graphs, streams, threads and contexts of the host. */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A layer that is split, so that launches share nothing but what they should. */
static const layer_shape SHAPE = {8192, 128, 128, 4, 1, AWQM_DTYPE_F16, AWQM_DTYPE_F16};
static const product PRODUCT = {AWQM_DTYPE_F16, AWQM_DTYPE_F32, 3, 0, 0, 77};

/* Launches are recorded and replayed, with the same bytes as a direct run. */
void captured(const setting *s) {
    awqm_packed *packed = random_layer(&SHAPE, 2);
    awqm_linear *linear = on_device(s->device, packed);
    prepared direct = prepare(linear, &PRODUCT), replayed = prepare(linear, &PRODUCT);
    void *stream = NULL, *graph = NULL, *executable = NULL;
    CU(StreamCreate(&stream, STREAM_NON_BLOCKING));
    STATUS(AWQM_STATUS_OK, launch(&direct, stream));
    CU(StreamSynchronize(stream));
    void *wanted = result(&direct);
    compare(&direct, packed, wanted, "on a stream");

    CU(StreamBeginCapture(stream, CAPTURE_THREAD_LOCAL));
    for (int i = 0; i < 3; i++) STATUS(AWQM_STATUS_OK, launch(&replayed, stream));
    CU(StreamEndCapture(stream, &graph));
    CHECK(graph != NULL);
    CU(GraphInstantiate(&executable, graph, 0));
    for (int i = 0; i < 4; i++) CU(GraphLaunch(executable, stream));
    CU(StreamSynchronize(stream));
    void *found = result(&replayed);
    CHECK(memcmp(found, wanted, replayed.y.bytes) == 0);
    free(found);
    CU(GraphExecDestroy(executable));
    CU(GraphDestroy(graph));
    free(wanted);
    release(&direct);
    release(&replayed);
    CU(StreamDestroy(stream));
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    section("captured in a graph and replayed");
}

/* The same layer on two streams at a time, each with its own workspace, and on the driver's special streams. */
void streams(const setting *s) {
    enum { LAUNCHES = 20 };
    awqm_packed *packed = random_layer(&SHAPE, 2);
    awqm_linear *linear = on_device(s->device, packed);
    product other = PRODUCT;
    other.m = 8;
    other.seed++;
    prepared a = prepare(linear, &PRODUCT), b = prepare(linear, &other);
    void *one = NULL, *two = NULL;
    CU(StreamCreate(&one, STREAM_NON_BLOCKING));
    CU(StreamCreate(&two, STREAM_NON_BLOCKING));
    for (int i = 0; i < (s->small ? 2 : LAUNCHES); i++) {
        STATUS(AWQM_STATUS_OK, launch(&a, one));
        STATUS(AWQM_STATUS_OK, launch(&b, two));
    }
    CU(StreamSynchronize(one));
    CU(StreamSynchronize(two));
    void *y = result(&a), *z = result(&b);
    compare(&a, packed, y, "first of two streams");
    compare(&b, packed, z, "second of two streams");
    for (uintptr_t special = 0; special <= 2; special++) { /* NULL, legacy, per thread */
        STATUS(AWQM_STATUS_OK, launch(&a, (void *)special));
        CU(CtxSynchronize());
        void *again = result(&a);
        CHECK(memcmp(again, y, a.y.bytes) == 0);
        free(again);
    }
    free(y);
    free(z);
    release(&a);
    release(&b);
    CU(StreamDestroy(one));
    CU(StreamDestroy(two));
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    section("two streams, and the driver's own");
}

/* What a host thread does: launch on its stream, with or without a current context of its own. */
typedef struct worker {
    prepared it;
    void *stream, *context; /* NULL: no context is current */
    int launches;
    awqm_status status;
    int same_context;
} worker;

static void *work(void *data) {
    worker *w = data;
    void *current = NULL;
    w->status = AWQM_STATUS_OK;
    if (w->context) CU(CtxPushCurrent(w->context));
    for (int i = 0; i < w->launches; i++) {
        awqm_status status = launch(&w->it, w->stream);
        if (status) w->status = status;
    }
    CU(CtxGetCurrent(&current));
    w->same_context = current == w->context;
    return NULL;
}

void threads(const setting *s) {
    enum { THREADS = 2 };
    awqm_packed *packed = random_layer(&SHAPE, 2);
    awqm_linear *linear = on_device(s->device, packed);
    worker workers[THREADS];
    pthread_t ids[THREADS];
    void *context = NULL;
    CU(CtxGetCurrent(&context));
    for (int i = 0; i < THREADS; i++) {
        product p = PRODUCT;
        p.seed += (uint64_t)i;
        workers[i] = (worker){.it = prepare(linear, &p), .context = i ? context : NULL, .launches = s->small ? 2 : 200};
        CU(StreamCreate(&workers[i].stream, STREAM_NON_BLOCKING));
    }
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&ids[i], NULL, work, &workers[i]) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(ids[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++) {
        CU(StreamSynchronize(workers[i].stream));
        void *y = result(&workers[i].it);
        CHECK(workers[i].status == AWQM_STATUS_OK && workers[i].same_context);
        compare(&workers[i].it, packed, y, "one of two threads");
        free(y);
        release(&workers[i].it);
        CU(StreamDestroy(workers[i].stream));
    }
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    section("two host threads");
}

/* A device on a context that the host made and that is not current. */
void foreign_context(const setting *s) {
    void *mine = NULL, *before = NULL, *after = NULL, *stream = NULL;
    awqm_device *device = NULL;
    awqm_packed *packed = random_layer(&SHAPE, 2);
    STRUCT(awqm_cuda_options, options);
    CU(CtxGetCurrent(&before));
    CU(CtxCreate(&mine, 0, s->ordinal));
    CU(StreamCreate(&stream, STREAM_NON_BLOCKING));
    CU(CtxPopCurrent(&after));
    options.context = mine;
    MUST(awqm_device_create_cuda(&options, &device));
    awqm_linear *linear = on_device(device, packed);
    CU(CtxGetCurrent(&after));
    CHECK(after == before);

    CU(CtxPushCurrent(mine)); /* memory of that context */
    prepared it = prepare(linear, &PRODUCT);
    CU(CtxPopCurrent(&after));
    STATUS(AWQM_STATUS_OK, launch(&it, stream));
    CU(StreamSynchronize(stream)); /* the next launch uses the same workspace */
    STATUS(AWQM_STATUS_OK, launch(&it, NULL));
    CU(CtxGetCurrent(&after));
    CHECK(after == before);
    CU(CtxPushCurrent(mine));
    CU(CtxSynchronize());
    void *y = result(&it);
    compare(&it, packed, y, "in the host's own context");
    free(y);
    release(&it);
    CU(CtxPopCurrent(&after));

    awqm_linear_free(linear);
    awqm_device_free(device);
    CU(CtxPushCurrent(mine));
    CU(StreamDestroy(stream));
    CU(CtxPopCurrent(&after));
    CU(CtxDestroy(mine));
    CU(CtxGetCurrent(&after));
    CHECK(after == before);
    awqm_packed_free(packed);
    section("a context of the host's");
}

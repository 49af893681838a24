#include "gpu_timer.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"

/* A graph lasts about this long, so that the clock's grain and the graph's own start do not matter. */
static const double GRAPH_SECONDS = 0.01;
enum { MOST_LAUNCHES = 1024, REPLAYS = 15, LEAST_REPLAYS = 3, THREAD_LOCAL = 1, NON_BLOCKING = 1 };
/* Slow works are not repeated for ever. */
static const double CASE_SECONDS = 1.0;

/* What is called of the driver, with the types of cuda.h. */
struct gpu_timer {
    void *library;
    void *stream, *start, *end;
    int (*stream_create)(void **stream, unsigned flags);
    int (*stream_destroy)(void *stream);
    int (*begin_capture)(void *stream, int mode);
    int (*end_capture)(void *stream, void **graph);
    int (*instantiate)(void **executable, void *graph, unsigned long long flags);
    int (*graph_launch)(void *executable, void *stream);
    int (*graph_exec_destroy)(void *executable);
    int (*graph_destroy)(void *graph);
    int (*event_create)(void **event, unsigned flags);
    int (*event_record)(void *event, void *stream);
    int (*event_synchronize)(void *event);
    int (*event_elapsed)(float *milliseconds, void *start, void *end);
    int (*event_destroy)(void *event);
};

static void find(const gpu_timer *t, const char *name, void *function) {
    void *symbol = dlsym(t->library, name);
    if (symbol == NULL) fail("the CUDA driver has no %s", name);
    memcpy(function, &symbol, sizeof symbol);
}

static void done(int code, const char *what) {
    if (code != 0) fail("%s: the CUDA driver says %d", what, code);
}

gpu_timer *gpu_timer_open(void) {
    gpu_timer *t = allocate(1, sizeof *t);
    t->library = dlopen("libcuda.so.1", RTLD_NOW);
    if (t->library == NULL) fail("%s", dlerror());
    find(t, "cuStreamCreate", &t->stream_create);
    find(t, "cuStreamDestroy_v2", &t->stream_destroy);
    find(t, "cuStreamBeginCapture_v2", &t->begin_capture);
    find(t, "cuStreamEndCapture", &t->end_capture);
    find(t, "cuGraphInstantiateWithFlags", &t->instantiate);
    find(t, "cuGraphLaunch", &t->graph_launch);
    find(t, "cuGraphExecDestroy", &t->graph_exec_destroy);
    find(t, "cuGraphDestroy", &t->graph_destroy);
    find(t, "cuEventCreate", &t->event_create);
    find(t, "cuEventRecord", &t->event_record);
    find(t, "cuEventSynchronize", &t->event_synchronize);
    find(t, "cuEventElapsedTime", &t->event_elapsed);
    find(t, "cuEventDestroy_v2", &t->event_destroy);
    done(t->stream_create(&t->stream, NON_BLOCKING), "making a stream");
    done(t->event_create(&t->start, 0), "making an event");
    done(t->event_create(&t->end, 0), "making an event");
    return t;
}

void gpu_timer_close(gpu_timer *t) {
    if (t == NULL) return;
    t->event_destroy(t->start);
    t->event_destroy(t->end);
    t->stream_destroy(t->stream);
    dlclose(t->library);
    free(t);
}

static void *graph_of(gpu_timer *t, gpu_work *launch, void *data, size_t launches) {
    void *graph = NULL, *executable = NULL;
    done(t->begin_capture(t->stream, THREAD_LOCAL), "capturing");
    for (size_t i = 0; i < launches; i++) launch(data, i, t->stream);
    done(t->end_capture(t->stream, &graph), "capturing");
    done(t->instantiate(&executable, graph, 0), "making a graph");
    done(t->graph_destroy(graph), "making a graph");
    return executable;
}

/* Seconds of one replay. */
static double replay(gpu_timer *t, void *executable) {
    float milliseconds = 0;
    done(t->event_record(t->start, t->stream), "timing");
    done(t->graph_launch(executable, t->stream), "running a graph");
    done(t->event_record(t->end, t->stream), "timing");
    done(t->event_synchronize(t->end), "running a graph");
    done(t->event_elapsed(&milliseconds, t->start, t->end), "timing");
    return milliseconds / 1e3;
}

gpu_times gpu_timer_measure(gpu_timer *t, gpu_work *launch, void *data, size_t rotation) {
    size_t launches = rotation;
    void *executable = graph_of(t, launch, data, launches);
    replay(t, executable); /* the first one touches everything */
    double once = replay(t, executable);
    if (once < GRAPH_SECONDS && 2 * rotation <= MOST_LAUNCHES) {
        double wanted = once > 0 ? GRAPH_SECONDS / once : MOST_LAUNCHES;
        size_t rounds = wanted < (double)(MOST_LAUNCHES / rotation) ? (size_t)wanted + 1 : MOST_LAUNCHES / rotation;
        launches = rounds * rotation;
        t->graph_exec_destroy(executable);
        executable = graph_of(t, launch, data, launches);
        once = replay(t, executable);
    }
    double times[REPLAYS], spent = 0;
    size_t count = 0;
    while (count < REPLAYS && (count < LEAST_REPLAYS || spent < CASE_SECONDS)) {
        times[count] = replay(t, executable);
        spent += times[count];
        times[count++] /= (double)launches;
    }
    t->graph_exec_destroy(executable);
    gpu_times result = {.launches = launches};
    result.median_s = median(times, count);
    result.min_s = times[0];
    return result;
}

/* Times launches on a GPU as an engine makes them: as a CUDA graph, so that the host's own time does not count. */
#ifndef AWQM_TOOL_GPU_TIMER_H
#define AWQM_TOOL_GPU_TIMER_H

#include "common.h"

typedef struct gpu_timer gpu_timer;

/* For the current context; never NULL. */
gpu_timer *gpu_timer_open(void);
void gpu_timer_close(gpu_timer *timer);

/* Launches the i-th of several like works on the stream. */
typedef void gpu_work(void *data, size_t i, void *stream);

typedef struct gpu_times {
    double median_s, min_s; /* of one launch, over the replays */
    size_t launches;        /* of one graph */
} gpu_times;

/* The time of one launch among many in a graph. The launches go round `rotation` works, all of which come up equally
 * often. */
gpu_times gpu_timer_measure(gpu_timer *timer, gpu_work *launch, void *data, size_t rotation);

#endif

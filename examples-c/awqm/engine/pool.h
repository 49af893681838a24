/* Threads of the engine's own, for its attention and, through awqm_cpu_options.parallel, for the library's layers: one
 * set of threads that never compete with each other. */
#ifndef AWQM_ENGINE_POOL_H
#define AWQM_ENGINE_POOL_H

#include <awq_marlin.h>
#include <stddef.h>

typedef struct pool pool;

/* `threads` work at once, the caller's included; 0: as many as there are cores. */
pool *pool_new(size_t threads);
void pool_free(pool *p);
size_t pool_threads(const pool *p);

/* Calls task(data, i) once for every i below count and returns when all have returned. NULL: the calling thread does it
 * all; so it does while another call is running. */
void pool_run(pool *p, size_t count, awqm_task_fn task, void *data);

/* A device of the library whose work is done by these threads; it must be freed first. Fails unless name is "cpu". */
awqm_device *pool_device(pool *p, const char *name);

#endif

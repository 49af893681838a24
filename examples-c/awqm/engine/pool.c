/* A token of a small model is some hundred calls of 10 to 50 us, and to wake a sleeping thread takes as long. So threads
 * look out for the next call for a while before they sleep, and a call never waits for a thread that has not begun: tasks
 * are handed out one by one, and the caller takes what nobody else has taken. */
#define _POSIX_C_SOURCE 200809L
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "../common.h"

/* `state` is the number of the call (high half), whether it is closed to newcomers, and how many threads are at it. */
static const uint64_t CALL = (uint64_t)1 << 32, CLOSED = (uint64_t)1 << 31, WORKERS = ((uint64_t)1 << 31) - 1;
static const double SPIN_SECONDS = 200e-6;
enum { LOOKS = 64 }; /* between two looks at the clock */

typedef struct job {
    awqm_task_fn task;
    void *data;
    size_t count;
} job;

struct pool {
    _Alignas(64) _Atomic uint64_t state;
    job job; /* written by the caller while the last call is closed and nobody is at it */
    _Alignas(64) atomic_size_t next;
    atomic_bool busy, stop;
    atomic_size_t sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t alarm;
    size_t threads;
    pthread_t *ids;
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Takes tasks until there are none. */
static void work(pool *p, job j) {
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < j.count;) j.task(j.data, i);
}

/* Joins the call that `state` shows, unless it is closed. */
static bool join(pool *p, uint64_t state) {
    if ((state & CLOSED) || !atomic_compare_exchange_strong(&p->state, &state, state + 1)) return false;
    work(p, p->job);
    atomic_fetch_sub(&p->state, 1);
    return true;
}

/* Until a call that is not number `done` is open, or the pool ends. */
static void rest(pool *p, uint64_t done) {
    pthread_mutex_lock(&p->mutex);
    atomic_fetch_add(&p->sleepers, 1);
    for (;;) {
        uint64_t state = atomic_load(&p->state);
        if (atomic_load(&p->stop) || (!(state & CLOSED) && state / CALL != done)) break;
        pthread_cond_wait(&p->alarm, &p->mutex);
    }
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->mutex);
}

static void *serve(void *argument) {
    pool *p = argument;
    uint64_t done = 0;
    double idle_since = seconds_now();
    while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
        for (int i = 0; i < LOOKS; i++) {
            uint64_t state = atomic_load(&p->state);
            if (state / CALL != done && join(p, state)) {
                done = state / CALL;
                idle_since = seconds_now();
            }
            relax();
        }
        sched_yield(); /* on a crowded machine the caller may be waiting for this very core */
        if (seconds_now() - idle_since > SPIN_SECONDS) {
            rest(p, done);
            idle_since = seconds_now();
        }
    }
    return NULL;
}

static void wake(pool *p) {
    pthread_mutex_lock(&p->mutex);
    pthread_cond_broadcast(&p->alarm);
    pthread_mutex_unlock(&p->mutex);
}

pool *pool_new(size_t threads) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads == 0) threads = cores > 0 ? (size_t)cores : 1;
    pool *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
    if (p == NULL) fail("out of memory");
    *p = (pool){.state = CLOSED, .threads = threads, .ids = allocate(threads, sizeof *p->ids)};
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->alarm, NULL);
    for (size_t i = 1; i < threads; i++) {
        if (pthread_create(&p->ids[i], NULL, serve, p) != 0) fail("thread %zu could not be started", i + 1);
    }
    return p;
}

void pool_free(pool *p) {
    if (p == NULL) return;
    atomic_store(&p->stop, true);
    wake(p);
    for (size_t i = 1; i < p->threads; i++) pthread_join(p->ids[i], NULL);
    pthread_cond_destroy(&p->alarm);
    pthread_mutex_destroy(&p->mutex);
    free(p->ids);
    free(p);
}

size_t pool_threads(const pool *p) { return p ? p->threads : 1; }

void pool_run(pool *p, size_t count, awqm_task_fn task, void *data) {
    if (p == NULL || p->threads == 1 || count < 2 || atomic_exchange(&p->busy, true)) {
        for (size_t i = 0; i < count; i++) task(data, i);
        return;
    }
    p->job = (job){task, data, count};
    atomic_store(&p->next, 0);
    atomic_store(&p->state, (atomic_load(&p->state) / CALL + 1) * CALL);
    if (atomic_load(&p->sleepers) > 0) wake(p);
    work(p, p->job);
    atomic_fetch_or(&p->state, CLOSED);
    for (unsigned looks = 1; atomic_load(&p->state) & WORKERS; looks++) {
        if (looks % 1024 == 0) sched_yield();
        relax();
    }
    atomic_store(&p->busy, false);
}

/* What the library calls. */
static void run_for_library(void *user_data, size_t count, awqm_task_fn task, void *task_data) {
    pool_run(user_data, count, task, task_data);
}

awqm_device *pool_device(pool *p, const char *name) {
    awqm_device *device = NULL;
    awqm_cpu_options options = {.struct_size = sizeof options,
                                .threads = (uint32_t)p->threads,
                                .parallel = run_for_library,
                                .user_data = p};
    check_cpu(name);
    check(awqm_device_create_cpu(&options, &device));
    return device;
}

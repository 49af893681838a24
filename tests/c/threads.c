/* Many threads on one layer, any number of threads inside, and the host's own pool: always the same bits. */
#include "fixtures.h"

#include <pthread.h>

enum { K = 512, N = 1024, ROWS = 32, CALLERS = 6 };

/* A layer of weights that look random, large enough to be cut into many tasks. */
static awqm_packed *large_layer(void) {
    float *weight = (float *)allocate(sizeof(float) * K * N);
    awqm_packed *packed = NULL;
    uint32_t state = 12345;
    int i;
    for (i = 0; i < K * N; i++) {
        state = state * 1664525u + 1013904223u;
        weight[i] = (float)(state >> 8) / 16777216.0f - 0.5f;
    }
    MUST(awqm_quantize_tensor(weight, sizeof(float) * K * N, AWQM_DTYPE_F32, N, K, NULL, &packed));
    free(weight);
    return packed;
}

static void fill(float *x) {
    int i;
    for (i = 0; i < ROWS * K; i++) x[i] = (float)((i * 37) % 101 - 50) / 25.0f;
}

static void run_once(const awqm_linear *linear, const float *x, float *y, int64_t m) {
    awqm_run_args args = run_args(x, AWQM_DTYPE_F32, y, AWQM_DTYPE_F32, m);
    size_t bytes = 0;
    void *workspace;
    OK(awqm_linear_workspace_bytes(linear, m, AWQM_DTYPE_F32, &bytes));
    workspace = allocate(bytes);
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    free(workspace);
}

/* One of several callers of the same layer. Checks are counted on the main thread only. */
typedef struct caller {
    pthread_t thread;
    const awqm_linear *linear;
    const float *x, *expected;
    int64_t m;
    int failures;
} caller;

static void *call_repeatedly(void *data) {
    caller *c = (caller *)data;
    float *y = (float *)malloc(sizeof(float) * ROWS * N);
    awqm_run_args args = run_args(c->x, AWQM_DTYPE_F32, y, AWQM_DTYPE_F32, c->m);
    size_t bytes = 0;
    void *workspace;
    int turn;
    c->failures += (int32_t)awqm_linear_workspace_bytes(c->linear, c->m, AWQM_DTYPE_F32, &bytes) != 0;
    workspace = malloc(bytes + 1);
    for (turn = 0; turn < 5; turn++) {
        memset(y, 0, sizeof(float) * ROWS * N);
        c->failures += (int32_t)awqm_linear_run(c->linear, &args, workspace, bytes, NULL) != 0;
        c->failures += memcmp(y, c->expected, sizeof(float) * (size_t)(c->m * N)) != 0;
    }
    free(workspace);
    free(y);
    return NULL;
}

static void many_callers(const awqm_linear *linear, const float *x, const float *one_row, const float *all_rows) {
    caller callers[CALLERS];
    int i;
    memset(callers, 0, sizeof callers);
    for (i = 0; i < CALLERS; i++) {
        callers[i].linear = linear;
        callers[i].x = x;
        callers[i].m = i % 2 ? ROWS : 1;
        callers[i].expected = i % 2 ? all_rows : one_row;
        CHECK(pthread_create(&callers[i].thread, NULL, call_repeatedly, &callers[i]) == 0);
    }
    for (i = 0; i < CALLERS; i++) {
        CHECK(pthread_join(callers[i].thread, NULL) == 0);
        CHECK(callers[i].failures == 0);
    }
}

/* --- the host's pools --- */

typedef struct pool {
    pthread_mutex_t lock;
    long calls, tasks;
} pool;

typedef struct job {
    pthread_mutex_t lock;
    size_t next, count;
    awqm_task_fn task;
    void *task_data;
} job;

static void *work(void *data) {
    job *j = (job *)data;
    for (;;) {
        size_t mine;
        pthread_mutex_lock(&j->lock);
        mine = j->next++;
        pthread_mutex_unlock(&j->lock);
        if (mine >= j->count) return NULL;
        j->task(j->task_data, mine);
    }
}

static void note(void *user_data, size_t count) {
    pool *p = (pool *)user_data;
    pthread_mutex_lock(&p->lock);
    p->calls++;
    p->tasks += (long)count;
    pthread_mutex_unlock(&p->lock);
}

/* Three threads that take tasks as they come. */
static void on_pthreads(void *user_data, size_t count, awqm_task_fn task, void *task_data) {
    pthread_t threads[3];
    job j;
    int i;
    note(user_data, count);
    pthread_mutex_init(&j.lock, NULL);
    j.next = 0;
    j.count = count;
    j.task = task;
    j.task_data = task_data;
    for (i = 0; i < 3; i++) {
        if (pthread_create(&threads[i], NULL, work, &j) != 0) exit(1);
    }
    for (i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&j.lock);
}

/* One after the other, last first. */
static void backwards(void *user_data, size_t count, awqm_task_fn task, void *task_data) {
    note(user_data, count);
    while (count > 0) task(task_data, --count);
}

/* All on the calling thread, the odd ones first. */
static void odd_first(void *user_data, size_t count, awqm_task_fn task, void *task_data) {
    size_t i;
    note(user_data, count);
    for (i = 1; i < count; i += 2) task(task_data, i);
    for (i = 0; i < count; i += 2) task(task_data, i);
}

/* A host that forgets half of the work. */
static void forgetful(void *user_data, size_t count, awqm_task_fn task, void *task_data) {
    size_t i;
    note(user_data, count);
    for (i = 0; i < count / 2; i++) task(task_data, i);
}

static awqm_linear *with_pool(const awqm_packed *packed, awqm_parallel_fn parallel, pool *user_data) {
    awqm_device *device = NULL;
    awqm_linear *linear = NULL;
    STRUCT(awqm_cpu_options, options);
    options.threads = 3;
    options.parallel = parallel;
    options.user_data = user_data;
    MUST(awqm_device_create_cpu(&options, &device));
    MUST(awqm_linear_create(device, packed, NULL, &linear));
    awqm_device_free(device);
    return linear;
}

/* Any number of threads and any order of tasks, with one instruction set and arithmetic: the bits of one thread. */
static void one_answer(const awqm_packed *packed, const float *x, awqm_isa isa, awqm_compute compute) {
    static const struct {
        uint32_t threads;
        awqm_parallel_fn parallel;
    } WAYS[] = {{1, NULL}, {0, NULL}, {5, NULL}, {300, NULL}, {3, backwards}, {1000, odd_first}, {4, on_pthreads}};
    enum { FEW = 4 };
    float *expected = (float *)allocate(sizeof(float) * FEW * N), *y = (float *)allocate(sizeof(float) * FEW * N);
    pool p;
    size_t i;
    STRUCT(awqm_linear_options, linear_options);
    linear_options.compute = compute;
    memset(&p, 0, sizeof p);
    pthread_mutex_init(&p.lock, NULL);
    for (i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++) {
        awqm_device *device = NULL;
        awqm_linear *linear = NULL;
        int32_t status;
        STRUCT(awqm_cpu_options, options);
        if (WAYS[i].parallel == NULL && i > 0 && under_valgrind()) continue; /* the pools above will do there */
        options.isa = isa;
        options.threads = WAYS[i].threads;
        options.parallel = WAYS[i].parallel;
        options.user_data = &p;
        status = (int32_t)awqm_device_create_cpu(&options, &device);
        if (status != 0) {
            CHECK(i == 0 && status == (int32_t)AWQM_STATUS_UNSUPPORTED); /* this machine lacks it */
            break;
        }
        MUST(awqm_linear_create(device, packed, &linear_options, &linear));
        run_once(linear, x, i == 0 ? expected : y, FEW);
        if (i > 0) CHECK(memcmp(y, expected, sizeof(float) * FEW * N) == 0);
        awqm_linear_free(linear);
        awqm_device_free(device);
    }
    CHECK(i == 0 || p.tasks > p.calls); /* the host's pools did work */
    pthread_mutex_destroy(&p.lock);
    free(expected);
    free(y);
}

static void run(const char *fixtures) {
    static const awqm_parallel_fn POOLS[] = {on_pthreads, backwards};
    static const uint32_t THREADS[] = {2, 3, 8};
    awqm_packed *packed = large_layer(), *marlin = NULL, *again = NULL;
    awqm_device *device = cpu_with_threads(1);
    awqm_linear *linear = NULL;
    float *x = (float *)allocate(sizeof(float) * ROWS * K), *y = (float *)allocate(sizeof(float) * ROWS * N);
    float *one_row = (float *)allocate(sizeof(float) * N), *all_rows = (float *)allocate(sizeof(float) * ROWS * N);
    size_t i;
    (void)fixtures;
    fill(x);
    MUST(awqm_linear_create(device, packed, NULL, &linear));
    run_once(linear, x, one_row, 1);
    run_once(linear, x, all_rows, ROWS);
    many_callers(linear, x, one_row, all_rows);
    awqm_linear_free(linear);
    awqm_device_free(device);
    MUST(awqm_packed_convert(packed, AWQM_LAYOUT_MARLIN, NULL, &marlin));

    for (i = 0; i < 3; i++) {
        device = cpu_with_threads(THREADS[i]);
        MUST(awqm_linear_create(device, packed, NULL, &linear));
        run_once(linear, x, y, 1);
        CHECK(memcmp(y, one_row, sizeof(float) * N) == 0);
        run_once(linear, x, y, ROWS);
        CHECK(memcmp(y, all_rows, sizeof(float) * ROWS * N) == 0);
        many_callers(linear, x, one_row, all_rows);
        MUST(awqm_packed_convert(packed, AWQM_LAYOUT_MARLIN, device, &again));
        CHECK(same_bytes(part_of(again, AWQM_ROLE_QWEIGHT), part_of(marlin, AWQM_ROLE_QWEIGHT)));
        awqm_packed_free(again);
        awqm_linear_free(linear);
        awqm_device_free(device);
    }

    for (i = 0; i < 2; i++) {
        pool p;
        memset(&p, 0, sizeof p);
        pthread_mutex_init(&p.lock, NULL);
        linear = with_pool(packed, POOLS[i], &p);
        run_once(linear, x, y, 1);
        CHECK(memcmp(y, one_row, sizeof(float) * N) == 0);
        run_once(linear, x, y, ROWS);
        CHECK(memcmp(y, all_rows, sizeof(float) * ROWS * N) == 0);
        many_callers(linear, x, one_row, all_rows);
        CHECK(p.calls > 0 && p.tasks > p.calls); /* the host's pool did the work */
        awqm_linear_free(linear);
        pthread_mutex_destroy(&p.lock);
    }

    for (i = AWQM_ISA_PORTABLE; i <= AWQM_ISA_NEON; i++) {
        one_answer(packed, x, (awqm_isa)i, AWQM_COMPUTE_EXACT);
        one_answer(packed, x, (awqm_isa)i, AWQM_COMPUTE_INT8);
    }

    { /* A pool that breaks its promise gives a status, not a wrong result and not a crash. */
        pool p;
        awqm_run_args args = run_args(x, AWQM_DTYPE_F32, y, AWQM_DTYPE_F32, ROWS);
        size_t bytes = 0;
        void *workspace;
        awqm_linear *broken = NULL;
        int32_t status;
        STRUCT(awqm_cpu_options, options);
        memset(&p, 0, sizeof p);
        pthread_mutex_init(&p.lock, NULL);
        options.threads = 3;
        options.parallel = forgetful;
        options.user_data = &p;
        device = NULL;
        MUST(awqm_device_create_cpu(&options, &device));
        status = (int32_t)awqm_linear_create(device, packed, NULL, &broken);
        if (status == 0) {
            OK(awqm_linear_workspace_bytes(broken, ROWS, AWQM_DTYPE_F32, &bytes));
            workspace = allocate(bytes);
            status = (int32_t)awqm_linear_run(broken, &args, workspace, bytes, NULL);
            free(workspace);
        }
        CHECK(status == (int32_t)AWQM_STATUS_INTERNAL);
        MESSAGE_HAS("awqm_parallel_fn");
        awqm_linear_free(broken);
        awqm_device_free(device);
        pthread_mutex_destroy(&p.lock);
    }

    free(x);
    free(y);
    free(one_row);
    free(all_rows);
    awqm_packed_free(marlin);
    awqm_packed_free(packed);
}

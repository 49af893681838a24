/* A layer for each slice of a frame, as a game runs a model beside everything else: every frame has a budget, the layers
 * run one after the other on the game's own worker threads, and what does not fit into this frame goes on in the next.
 * After loading, nothing is allocated and nothing waits for anything but the frame's own work. 05_game_loop DIR FRAMES */
#define _POSIX_C_SOURCE 200809L
#include <awq_marlin.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORKERS = 1, LAYERS = 4, ROWS = 32 }; /* a row for each character that thinks */

static const double FRAME_MS = 16.7, BUDGET_MS = 2.0; /* a frame at 60 Hz, and what of it is the model's */
static const char *const NAMES[LAYERS] = {"model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj",
                                          "model.layers.1.mlp.up_proj", "model.layers.1.mlp.down_proj"};

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The game's job system: threads that take the next index of the job at hand. `ticket` holds the generation of the job
 * in its upper half and the next index in its lower, so that a late worker never takes an index of a job that is over. */
typedef struct jobs {
    pthread_t threads[WORKERS];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned generation;
    int quit;
    atomic_ullong ticket;
    atomic_size_t done;
    size_t count;
    awqm_task_fn task;
    void *data;
    unsigned long long handed_out; /* tasks so far, for the report */
} jobs;

static void take(jobs *j, unsigned generation, size_t count, awqm_task_fn task, void *data) {
    unsigned long long ticket = atomic_load(&j->ticket);
    while (ticket >> 32 == generation && (ticket & 0xffffffffu) < count)
        if (atomic_compare_exchange_weak(&j->ticket, &ticket, ticket + 1)) {
            task(data, (size_t)(ticket & 0xffffffffu));
            atomic_fetch_add(&j->done, 1);
            ticket = atomic_load(&j->ticket);
        }
}

static void *worker(void *argument) {
    jobs *j = argument;
    unsigned seen = 0;
    for (;;) {
        pthread_mutex_lock(&j->lock);
        while (j->generation == seen && !j->quit) pthread_cond_wait(&j->wake, &j->lock);
        seen = j->generation;
        size_t count = j->count;
        awqm_task_fn task = j->task;
        void *data = j->data;
        int quit = j->quit;
        pthread_mutex_unlock(&j->lock);
        if (quit) return NULL;
        take(j, seen, count, task, data);
    }
}

/* The hook of the library: hands out the tasks, helps, and returns when all have returned. */
static void parallel(void *user_data, size_t count, awqm_task_fn task, void *data) {
    jobs *j = user_data;
    pthread_mutex_lock(&j->lock);
    unsigned generation = ++j->generation;
    j->count = count;
    j->task = task;
    j->data = data;
    j->handed_out += count;
    atomic_store(&j->done, 0);
    atomic_store(&j->ticket, (unsigned long long)generation << 32);
    pthread_cond_broadcast(&j->wake);
    pthread_mutex_unlock(&j->lock);
    take(j, generation, count, task, data);
    while (atomic_load(&j->done) < count) sched_yield(); /* the last tasks are running on workers */
}

/* A model of layers in a row, and where it stands. */
typedef struct model {
    awqm_plan *plans[LAYERS];
    awqm_run_args args[LAYERS];
    double lately_ms[LAYERS]; /* what each layer took lately, at worst; decides whether it still fits */
    void *workspace;
    size_t workspace_bytes;
    int next;
    unsigned long long answers;
} model;

static int fail(void) {
    fprintf(stderr, "%s\n", awqm_last_error_message());
    return 1;
}

static int load(model *net, const char *path, const awqm_device *device) {
    awqm_checkpoint *checkpoint = NULL;
    if (awqm_checkpoint_open(path, &checkpoint)) return fail();
    for (int i = 0; i < LAYERS; i++) {
        awqm_packed *packed = NULL;
        awqm_linear *layer = NULL;
        awqm_plan_options options = {.struct_size = sizeof options, .dtype = AWQM_DTYPE_F32, .m = ROWS};
        awqm_plan_info info = {.struct_size = sizeof info};
        if (awqm_checkpoint_load(checkpoint, &NAMES[i], 1, NULL, &packed) || awqm_linear_create(device, packed, NULL, &layer) ||
            awqm_plan_create(layer, &options, &net->plans[i]) || awqm_plan_get_info(net->plans[i], &info))
            return fail();
        awqm_linear_free(layer); /* the plan keeps what it needs */
        awqm_packed_free(packed);
        if (info.workspace_bytes > net->workspace_bytes) net->workspace_bytes = info.workspace_bytes;
        float *y = calloc(ROWS * (size_t)info.n, sizeof *y);
        float *x = i ? net->args[i - 1].y : calloc(ROWS * (size_t)info.k, sizeof *x);
        if (!x || !y) return fprintf(stderr, "out of memory\n"), 1;
        net->args[i] = (awqm_run_args){sizeof(awqm_run_args), x, AWQM_DTYPE_F32, AWQM_DTYPE_F32, y, ROWS, 0, 0};
    }
    awqm_checkpoint_free(checkpoint);
    net->workspace = malloc(net->workspace_bytes ? net->workspace_bytes : 1);
    return net->workspace ? 0 : 1;
}

/* Runs layers while they fit into the budget; at least one, so that the model always gets on. Returns what it took. */
static double slice(model *net, double budget_ms) {
    double start = now_ms(), at = start;
    do {
        int i = net->next;
        if (awqm_plan_run(net->plans[i], &net->args[i], net->workspace, net->workspace_bytes, NULL)) exit(fail());
        double end = now_ms();
        net->lately_ms[i] *= 0.95; /* one bad moment is forgotten after a while */
        if (end - at > net->lately_ms[i]) net->lately_ms[i] = end - at;
        at = end;
        net->next = (i + 1) % LAYERS;
        net->answers += net->next == 0;
    } while (at - start + net->lately_ms[net->next] < budget_ms);
    return at - start;
}

int main(int argc, char **argv) {
    static jobs pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    static model net;
    awqm_device *device = NULL;
    if (argc != 3) return fprintf(stderr, "usage: %s DIR FRAMES\n", argv[0]), 2;
    awqm_cpu_options options = {sizeof options, WORKERS + 1, AWQM_ISA_AUTO, parallel, &pool};
    if (awqm_device_create_cpu(&options, &device)) return fail();
    for (int i = 0; i < WORKERS; i++)
        if (pthread_create(&pool.threads[i], NULL, worker, &pool)) return fprintf(stderr, "no thread\n"), 1;
    if (load(&net, argv[1], device)) return 1;
    awqm_device_free(device); /* layers keep what they need of it */

    float *x = (float *)net.args[0].x;
    double longest = 0;
    long frames = strtol(argv[2], NULL, 10), late = 0;
    for (long frame = 0; frame < frames; frame++) {
        x[frame % 64] = (float)(frame % 7) - 3; /* what the game sees changes */
        double took = slice(&net, BUDGET_MS);
        if (frame > 0 && took > longest) longest = took; /* the first warms up */
        late += took > FRAME_MS;
        /* Physics, sound and drawing of a real game come here, and the wait for the screen. */
    }
    float *y = net.args[LAYERS - 1].y;
    printf("%ld frames, %llu answers, %llu tasks on the pool; longest slice %.2f ms of %.1f, %ld frames late; y[0] = %g\n", frames,
           net.answers, pool.handed_out, longest, BUDGET_MS, late, y[0]);

    for (int i = 0; i < LAYERS; i++) awqm_plan_free(net.plans[i]), free(net.args[i].y);
    free(x);
    free(net.workspace);
    pthread_mutex_lock(&pool.lock);
    pool.quit = 1;
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < WORKERS; i++) pthread_join(pool.threads[i], NULL);
    return 0;
}

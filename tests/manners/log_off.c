/* After the log callback was taken away it is not running and is not called, however busy other threads are. */
#include "fixtures.h"

#include <pthread.h>

enum { NOISY = 3, ROUNDS = 200 };

typedef struct receiver {
    volatile int open, calls, late;
} receiver;

static volatile int stop;
static const char *all_fixtures;

static void on_line(void *user_data, awqm_log_level level, const char *message) {
    receiver *r = (receiver *)user_data;
    int i;
    (void)level, (void)message;
    __atomic_add_fetch(&r->calls, 1, __ATOMIC_SEQ_CST);
    for (i = 0; i < 200; i++) {
        if (!r->open) r->late = 1; /* still in here when it was said to be over */
    }
}

static void *make_noise(void *data) {
    char path[1024];
    (void)data;
    snprintf(path, sizeof path, "%s/checkpoint/llama2l_gemm", all_fixtures);
    while (!stop) {
        awqm_checkpoint *checkpoint = NULL;
        awqm_config *config = NULL;
        if ((int32_t)awqm_checkpoint_open(path, &checkpoint) == 0) awqm_checkpoint_free(checkpoint);
        if ((int32_t)awqm_config_load_file("/no/such/file", &config) == 0) awqm_config_free(config);
    }
    return NULL;
}

static void run(const char *fixtures) {
    static receiver receivers[ROUNDS];
    pthread_t threads[NOISY];
    long calls = 0;
    int i;
    all_fixtures = fixtures;
    for (i = 0; i < NOISY; i++) CHECK(pthread_create(&threads[i], NULL, make_noise, NULL) == 0);
    for (i = 0; i < ROUNDS; i++) {
        int turns = 0;
        receivers[i].open = 1;
        OK(awqm_set_log_callback(on_line, &receivers[i], AWQM_LOG_LEVEL_DEBUG));
        while (!receivers[i].calls && turns++ < 2000) sched_yield();
        OK(awqm_set_log_callback(NULL, NULL, AWQM_LOG_LEVEL_OFF));
        receivers[i].open = 0;
    }
    stop = 1;
    for (i = 0; i < NOISY; i++) pthread_join(threads[i], NULL);
    for (i = 0; i < ROUNDS; i++) {
        CHECK(!receivers[i].late);
        calls += receivers[i].calls;
    }
    CHECK(calls > ROUNDS / 2); /* there was something to miss */
}

/*
 * A bug inside stays inside: a status, a message, a line in the log, and not a word on stdout or stderr. The library
 * must be built with its test hooks; without them this program shows that the hook is not there.
 */
#include "harness.h"

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#ifdef AWQM_TEST_HOOKS

#ifdef __cplusplus
extern "C"
#endif
awqm_status awqm_test_panic(void);

static long lines;

static void note(void *user_data, awqm_log_level level, const char *message) {
    (void)user_data;
    if (level == AWQM_LOG_LEVEL_ERROR && strstr(message, "on purpose") != NULL) lines++;
}

static void *elsewhere(void *data) {
    *(int32_t *)data = (int32_t)awqm_test_panic();
    return NULL;
}

static void provoke(void) {
    pthread_t thread;
    int32_t status = 0;
    STATUS(AWQM_STATUS_INTERNAL, awqm_test_panic());
    MESSAGE_HAS("on purpose");
    CHECK(pthread_create(&thread, NULL, elsewhere, &status) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(status == (int32_t)AWQM_STATUS_INTERNAL);
}

static void run(const char *fixtures) {
    FILE *caught = tmpfile();
    int out = dup(1), err = dup(2), i;
    awqm_config *config = NULL;
    CHECK(caught != NULL && out >= 0 && err >= 0);
    fflush(stdout);
    fflush(stderr);
    dup2(fileno(caught), 1);
    dup2(fileno(caught), 2);
    for (i = 0; i < 10; i++) provoke();
    fflush(stdout);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    CHECK(lseek(fileno(caught), 0, SEEK_END) == 0); /* nothing was written */
    fclose(caught);

    OK(awqm_set_log_callback(note, NULL, AWQM_LOG_LEVEL_ERROR));
    provoke();
    CHECK(lines == 2);
    OK(awqm_set_log_callback(NULL, NULL, AWQM_LOG_LEVEL_OFF));

    /* Other handles go on as if nothing had happened. */
    MUST(awqm_config_load_directory(in_fixtures(fixtures, "checkpoint/llama2l_gemm"), &config));
    CHECK(awqm_config_skip_count(config) == 1);
    awqm_config_free(config);
}

#else

static void run(const char *fixtures) {
    void *everything = dlopen(NULL, RTLD_LAZY);
    (void)fixtures;
    CHECK(awqm_version_number() == AWQM_VERSION_NUMBER);
    CHECK(dlsym(everything, "awqm_version_number") != NULL); /* the library is among what is searched */
    CHECK(dlsym(everything, "awqm_test_panic") == NULL);
    dlclose(everything);
}

#endif

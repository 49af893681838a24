/* Status names, and the last error: its text, its copy, its thread. */
#include "harness.h"

#include <pthread.h>

static void provoke(void) {
    awqm_config *config = NULL;
    STATUS(AWQM_STATUS_JSON, awqm_config_parse("{", 1, "here", &config));
    CHECK(config == NULL);
}

static void *in_another_thread(void *unused) {
    (void)unused;
    CHECK(awqm_last_error_message() != NULL);
    CHECK(awqm_last_error_message()[0] == '\0'); /* the main thread's failure is not ours */
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_config_parse("{}", 2, NULL, NULL));
    return NULL;
}

static void run(const char *fixtures) {
    static const int32_t KNOWN[] = {0,   101, 102, 103, 104, 105, 106, 107, 108, 109, 201, 202, 203,
                                    204, 205, 206, 207, 208, 301, 302, 303, 304, 305, 306, 901, 902};
    size_t i, length = 0, again = 0;
    char small[4] = "abc", *text;
    char saved[1024];
    pthread_t other;
    (void)fixtures;

    CHECK((int32_t)AWQM_STATUS_OK == 0);
    for (i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        CHECK(strncmp(awqm_status_name(KNOWN[i]), "AWQM_STATUS_", 12) == 0);
    }
    CHECK(same_text(awqm_status_name((int32_t)AWQM_STATUS_BUFFER_TOO_SMALL), "AWQM_STATUS_BUFFER_TOO_SMALL"));
    CHECK(same_text(awqm_status_name(1), "unknown status"));
    CHECK(same_text(awqm_status_name(-1), "unknown status"));
    CHECK(same_text(awqm_status_name(INT32_MAX), "unknown status"));

    /* Before any failure: empty, not NULL. */
    CHECK(awqm_last_error_message() != NULL && awqm_last_error_message()[0] == '\0');
    OK(awqm_last_error_copy(NULL, 0, &length));
    CHECK(length == 0);

    provoke();
    CHECK(strstr(awqm_last_error_message(), "here") != NULL); /* says which text is wrong */
    snprintf(saved, sizeof saved, "%s", awqm_last_error_message());

    /* Size query, fill, and a buffer that is too small (which becomes the new last error). */
    OK(awqm_last_error_copy(NULL, 0, &length));
    CHECK(length == strlen(saved));
    text = (char *)allocate(length + 1);
    OK(awqm_last_error_copy(text, length + 1, &again));
    CHECK(again == length && same_text(text, saved));
    OK(awqm_last_error_copy(text, length + 1, NULL));
    free(text);
    /* A success leaves the message alone. */
    CHECK(same_text(awqm_last_error_message(), saved));
    STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, awqm_last_error_copy(small, sizeof small, &again));
    CHECK(again == length);
    CHECK(memcmp(small, "abc", 4) == 0); /* left alone */
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_last_error_copy(NULL, 5, &again));

    /* The message belongs to its thread. */
    provoke();
    CHECK(pthread_create(&other, NULL, in_another_thread, NULL) == 0);
    CHECK(pthread_join(other, NULL) == 0);
    CHECK(same_text(awqm_last_error_message(), saved));
}

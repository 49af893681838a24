/* The log: silent by default, a callback when asked for, none after it was taken away. */
#include "harness.h"

typedef struct log_book {
    long lines;
    int bad;
} log_book;

static void note(void *user_data, awqm_log_level level, const char *message) {
    log_book *book = (log_book *)user_data;
    book->lines++;
    if (message == NULL || level < AWQM_LOG_LEVEL_ERROR || level > AWQM_LOG_LEVEL_DEBUG) book->bad = 1;
}

/* Things that are worth a line: a checkpoint with warnings, a failure. */
static void make_noise(const char *fixtures) {
    awqm_checkpoint *checkpoint = NULL;
    awqm_config *config = NULL;
    OK(awqm_checkpoint_open(in_fixtures(fixtures, "checkpoint/llama2l_gemm"), &checkpoint));
    awqm_checkpoint_free(checkpoint);
    FAILS(awqm_config_load_file(in_fixtures(fixtures, "configs/bits_3.json"), &config));
}

static void run(const char *fixtures) {
    log_book book = {0, 0};
    long seen;

    make_noise(fixtures); /* nothing is printed: the runner looks */
    OK(awqm_set_log_callback(note, &book, AWQM_LOG_LEVEL_DEBUG));
    make_noise(fixtures);
    CHECK(!book.bad);
    CHECK(book.lines >= 2); /* a checkpoint was opened, a config was refused */

    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_set_log_callback(note, &book, 99));
    OK(awqm_set_log_callback(note, &book, AWQM_LOG_LEVEL_OFF));
    seen = book.lines;
    make_noise(fixtures);
    CHECK(book.lines == seen);

    OK(awqm_set_log_callback(NULL, NULL, AWQM_LOG_LEVEL_OFF));
    OK(awqm_set_log_callback(NULL, NULL, AWQM_LOG_LEVEL_DEBUG)); /* twice is fine: an engine may reload */
    make_noise(fixtures);
    CHECK(book.lines == seen);
}

/*
 * What the programs of the C suite share: checks that count themselves, and a main that also looks at the process.
 *
 * A program defines `run`, which gets the folder of the fixtures. It prints "ok N checks" on success; the library must
 * print nothing at all, and must leave every signal handler as it was. The sources are both C99 and C++17.
 */
#ifndef HARNESS_H
#define HARNESS_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include "awq_marlin.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run(const char *fixtures);

static long checks_done, checks_failed;

static inline void check_that(int holds, const char *what, const char *file, int line) {
    checks_done++;
    if (!holds) {
        checks_failed++;
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    }
}

static inline int check_status(int32_t found, int32_t expected, const char *call, const char *file, int line) {
    checks_done++;
    if (found != expected) {
        checks_failed++;
        fprintf(stderr, "%s:%d: %s\n    gives %s, expected %s\n    message: %s\n", file, line, call,
                awqm_status_name(found), awqm_status_name(expected), awqm_last_error_message());
    } else if (expected != 0 && awqm_last_error_message()[0] == '\0') {
        checks_failed++;
        fprintf(stderr, "%s:%d: %s\n    gives %s without a message\n", file, line, call, awqm_status_name(found));
    }
    return found == expected;
}

static inline void check_failure(int32_t found, const char *call, const char *file, int line) {
    check_that(found != 0 && found != (int32_t)AWQM_STATUS_INTERNAL, call, file, line);
    check_that(awqm_last_error_message()[0] != '\0', "a failure has a message", file, line);
}

/* The condition holds. */
#define CHECK(condition) check_that((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
/* The call gives this status (and a message, when it is a failure). */
#define STATUS(expected, call) check_status((int32_t)(call), (int32_t)(expected), #call, __FILE__, __LINE__)
/* The call succeeds. */
#define OK(call) STATUS(AWQM_STATUS_OK, call)
/* The call fails with any status but INTERNAL. */
#define FAILS(call) check_failure((int32_t)(call), "fails: " #call, __FILE__, __LINE__)
/* The call succeeds, or the program cannot go on. */
#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        if (!OK(call)) exit(1);                                                                                        \
    } while (0)
/* The last failure's message contains this text. */
#define MESSAGE_HAS(text) check_that(strstr(awqm_last_error_message(), text) != NULL, "message has " text, __FILE__, __LINE__)

/* A zeroed struct with its struct_size set. */
#define STRUCT(type, name)                                                                                             \
    type name;                                                                                                         \
    memset(&name, 0, sizeof name);                                                                                     \
    name.struct_size = sizeof name

/* Whether valgrind runs this, one thread at a time: a thousand of them would take all day. */
static inline int under_valgrind(void) {
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}

static inline void *allocate(size_t bytes) {
    void *memory = calloc(bytes ? bytes : 1, 1);
    if (!memory) {
        fprintf(stderr, "no memory for %lu bytes\n", (unsigned long)bytes);
        exit(1);
    }
    return memory;
}

static inline int same_text(const char *a, const char *b) {
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/*
 * Runs a call that fills (buf, cap, out), written with those three names, through its whole protocol: size query, exact
 * fit, one byte too few, no out_len, NULL with a capacity. Leaves the text in `text`, an array.
 */
#define TEXT_PROTOCOL(text, call)                                                                                      \
    do {                                                                                                               \
        size_t length = 0, cap = 0, *out = &length;                                                                    \
        char *buf = NULL, *memory;                                                                                     \
        if (!OK(call)) break;                                                                                          \
        buf = memory = (char *)allocate(length + 2);                                                                   \
        memset(buf, '#', length + 2);                                                                                  \
        cap = length;                                                                                                  \
        STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, call);                                                                    \
        CHECK(buf[0] == '#');                                                                                          \
        cap = length + 1;                                                                                              \
        OK(call);                                                                                                      \
        CHECK(strlen(buf) == length && buf[length + 1] == '#');                                                        \
        out = NULL;                                                                                                    \
        OK(call);                                                                                                      \
        snprintf(text, sizeof text, "%s", buf);                                                                        \
        buf = NULL;                                                                                                    \
        out = &length;                                                                                                 \
        STATUS(AWQM_STATUS_NULL_POINTER, call);                                                                        \
        free(memory);                                                                                                  \
    } while (0)

/* The path of a fixture; the buffer is reused by the next call but one. */
static inline const char *in_fixtures(const char *fixtures, const char *inside) {
    static char paths[2][1024];
    static int turn;
    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", fixtures, inside);
    return paths[turn];
}

/* The handlers of all signals, as far as they can be asked for. */
#define SIGNALS 64
static inline void read_handlers(struct sigaction *handlers) {
    memset(handlers, 0, SIGNALS * sizeof *handlers);
    for (int s = 1; s < SIGNALS; s++) sigaction(s, NULL, &handlers[s]);
}

int main(int argc, char **argv) {
    static struct sigaction before[SIGNALS], after[SIGNALS];
    if (argc != 2) {
        fprintf(stderr, "usage: %s FIXTURES\n", argv[0]);
        return 2;
    }
    read_handlers(before);
    run(argv[1]);
    read_handlers(after);
    for (int s = 1; s < SIGNALS; s++) CHECK(before[s].sa_handler == after[s].sa_handler);
    if (checks_failed) {
        fprintf(stderr, "%ld of %ld checks failed\n", checks_failed, checks_done);
        return 1;
    }
    printf("ok %ld checks\n", checks_done);
    return 0;
}

#endif

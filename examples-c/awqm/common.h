/* What every subcommand of the tool uses: failing, allocating, fetching texts, opening a device. */
#ifndef AWQM_TOOL_COMMON_H
#define AWQM_TOOL_COMMON_H

#include <awq_marlin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes: 0 done, 1 the work failed (the reason is on stderr), 2 the command line was wrong. */
enum { EXIT_DONE = 0, EXIT_WORK = 1, EXIT_USAGE = 2 };

/* Ends the process with EXIT_WORK. In a tool every failure is final; an engine that embeds the library
 * hands the status up instead. */
_Noreturn void fail(const char *format, ...);

/* Goes on when the library's call worked; else fails with its message. */
void check(awqm_status status);

/* The same for the tokenizer's calls. */
void check_hf(int status);

/* count * size bytes, zeroed; never NULL: fails when there is no memory. */
void *allocate(size_t count, size_t size);

/* A copy of the text; never NULL. */
char *copy_text(const char *text);

/* Reads a whole file; a NUL byte follows the content. */
char *read_file(const char *path, size_t *length);

/* Monotonic time. */
double seconds_now(void);

/* A device from "cpu" or "cuda:N"; threads count on the CPU only, 0 means all cores. */
awqm_device *open_device(const char *name, uint32_t threads);

/* Fails unless the device is the CPU, for commands that only it can do. */
void check_cpu(const char *name);

/* Calls a library function whose last parameters are (char *buf, size_t cap, size_t *out_len), first for
 * the size, then for the text. `result` becomes a char * that the caller frees. */
#define FETCH_TEXT(result, function, ...)                                                                    \
    do {                                                                                                     \
        size_t length_ = 0;                                                                                  \
        check(function(__VA_ARGS__, NULL, 0, &length_));                                                     \
        (result) = allocate(length_ + 1, 1);                                                                 \
        check(function(__VA_ARGS__, (result), length_ + 1, NULL));                                           \
    } while (0)

#endif

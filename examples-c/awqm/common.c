#define _POSIX_C_SOURCE 200809L
#include "common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../tokenizer/awqm_tokenizer.h"

_Noreturn void fail(const char *format, ...) {
    va_list args;
    fputs("awqm: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_WORK);
}

void check(awqm_status status) {
    if (status != AWQM_STATUS_OK) fail("%s", awqm_last_error_message());
}

void check_hf(int status) {
    if (status != HF_OK) fail("%s", hf_error());
}

void *allocate(size_t count, size_t size) {
    /* calloc checks the product; one byte at least, so that NULL always means failure. */
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (memory == NULL) fail("out of memory (%zu times %zu bytes)", count, size);
    return memory;
}

char *copy_text(const char *text) {
    size_t bytes = strlen(text) + 1;
    return memcpy(allocate(bytes, 1), text, bytes);
}

char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    size_t used = 0, capacity = 1 << 16;
    char *content = allocate(capacity, 1);
    if (file == NULL) fail("%s: %s", path, strerror(errno));
    for (;;) {
        used += fread(content + used, 1, capacity - 1 - used, file);
        if (used < capacity - 1) break;
        capacity *= 2;
        content = realloc(content, capacity);
        if (content == NULL) fail("%s: out of memory", path);
    }
    if (ferror(file)) fail("%s: %s", path, strerror(errno));
    fclose(file);
    content[used] = '\0';
    *length = used;
    return content;
}

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

awqm_device *open_device(const char *name, uint32_t threads) {
    awqm_device *device = NULL;
    unsigned ordinal;
    char rest;
    if (strcmp(name, "cpu") == 0) {
        awqm_cpu_options options = {.struct_size = sizeof options, .threads = threads};
        check(awqm_device_create_cpu(&options, &device));
    } else if (sscanf(name, "cuda:%u%c", &ordinal, &rest) == 1) {
        awqm_cuda_options options = {.struct_size = sizeof options, .ordinal = ordinal};
        check(awqm_device_create_cuda(&options, &device));
    } else {
        fail("--device %s: no such kind of device (needed cpu or cuda:N)", name);
    }
    return device;
}

void check_cpu(const char *name) {
    if (strcmp(name, "cpu") != 0) {
        fail("--device %s: the small engine of this command runs on the CPU only (awqm run, verify and bench take "
             "cuda:N)",
             name);
    }
}

/* What the programs share that load the library themselves: its functions by name, and one real piece of work. */
#ifndef LOADED_H
#define LOADED_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "awq_marlin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAIL(...) (fprintf(stderr, __VA_ARGS__), fprintf(stderr, "\n"), exit(1))
#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) FAIL("%s:%d: not so: %s", __FILE__, __LINE__, #condition);                                   \
    } while (0)

/* The functions that the work takes, with the types of the header. */
#define FUNCTIONS(X)                                                                                                   \
    X(awqm_abi_version) X(awqm_build_info) X(awqm_last_error_message) X(awqm_device_create_cpu) X(awqm_device_free)    \
    X(awqm_checkpoint_open) X(awqm_checkpoint_load) X(awqm_checkpoint_free) X(awqm_packed_free) X(awqm_linear_create)  \
    X(awqm_linear_workspace_bytes) X(awqm_linear_run) X(awqm_linear_free) X(awqm_set_log_callback)                     \
    X(awqm_set_allocator) X(awqm_backend_available)

typedef struct library {
    void *handle;
#define FIELD(name) __typeof__(&name) name;
    FUNCTIONS(FIELD)
} library;

static inline library load(const char *path, int mode) {
    library l;
    l.handle = dlopen(path, RTLD_NOW | mode);
    if (!l.handle) FAIL("%s", dlerror());
#define FIND(name)                                                                                                     \
    *(void **)&l.name = dlsym(l.handle, #name);                                                                        \
    NEED(l.name != NULL);
    FUNCTIONS(FIND)
    NEED(l.awqm_abi_version() == AWQM_ABI_VERSION);
    return l;
}

enum { LOADED_K = 256, LOADED_N = 512 };

/* A device with threads, a layer of a checkpoint, one run, and a failure: everything freed again. The sum of y. */
static inline double work(const library *l, const char *fixtures, uint32_t threads) {
    static const char *NAME[] = {"model.layers.0.mlp.up_proj"};
    char path[1024];
    float x[LOADED_K], y[LOADED_N];
    double sum = 0;
    size_t bytes = 0;
    void *workspace;
    awqm_device *device = NULL;
    awqm_checkpoint *checkpoint = NULL;
    awqm_packed *packed = NULL;
    awqm_linear *linear = NULL;
    awqm_cpu_options options;
    awqm_load_options load_options;
    awqm_run_args args;
    int i;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.threads = threads;
    snprintf(path, sizeof path, "%s/checkpoint/llama2l_gemm", fixtures);
    NEED(l->awqm_device_create_cpu(&options, &device) == 0);
    NEED(l->awqm_checkpoint_open(path, &checkpoint) == 0);
    memset(&load_options, 0, sizeof load_options);
    load_options.struct_size = sizeof load_options;
    load_options.device = device;
    NEED(l->awqm_checkpoint_load(checkpoint, NAME, 1, &load_options, &packed) == 0);
    NEED(l->awqm_linear_create(device, packed, NULL, &linear) == 0);
    NEED(l->awqm_linear_workspace_bytes(linear, 1, AWQM_DTYPE_F32, &bytes) == 0);
    workspace = malloc(bytes);
    for (i = 0; i < LOADED_K; i++) x[i] = (float)(i % 7) - 3;
    memset(&args, 0, sizeof args);
    args.struct_size = sizeof args;
    args.x = x;
    args.y = y;
    args.x_dtype = args.y_dtype = AWQM_DTYPE_F32;
    args.m = 1;
    NEED(l->awqm_linear_run(linear, &args, workspace, bytes, NULL) == 0);
    for (i = 0; i < LOADED_N; i++) sum += y[i];
    free(workspace);
    l->awqm_linear_free(linear);
    l->awqm_packed_free(packed);
    l->awqm_checkpoint_free(checkpoint);
    l->awqm_device_free(device);
    NEED(l->awqm_checkpoint_open("/no/such/place", &checkpoint) != 0 && l->awqm_last_error_message()[0]);
    NEED(l->awqm_build_info()[0] && l->awqm_backend_available(AWQM_BACKEND_CUDA) < 2);
    return sum;
}

#endif

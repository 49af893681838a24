#include "device_memory.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* What the tool calls of the driver, with the types of cuda.h: CUresult is int, CUdeviceptr 64 bits. */
struct device_memory {
    void *library; /* NULL: the CPU, and nothing below is set */
    int ordinal;
    int (*retain)(void **context, int device);
    int (*release)(int device);
    int (*set_current)(void *context);
    int (*synchronize)(void);
    int (*allocate)(uint64_t *pointer, size_t bytes);
    int (*free)(uint64_t pointer);
    int (*clear)(uint64_t pointer, unsigned char value, size_t bytes);
    int (*to_device)(uint64_t to, const void *from, size_t bytes);
    int (*to_host)(void *to, uint64_t from, size_t bytes);
    int (*error_name)(int code, const char **name);
    int (*attribute)(int *value, int attribute, int device);
};

/* ISO C has no conversion from an object pointer, which dlsym returns, to a function pointer. */
static void find(const device_memory *m, const char *name, void *function) {
    void *symbol = dlsym(m->library, name);
    if (symbol == NULL) fail("the CUDA driver has no %s", name);
    memcpy(function, &symbol, sizeof symbol);
}

static void done(const device_memory *m, int code, const char *what) {
    const char *name = "an error without a name";
    if (code == 0) return;
    m->error_name(code, &name);
    fail("%s: the CUDA driver says %s (%d)", what, name, code);
}

device_memory *device_memory_open(const awqm_device *device) {
    awqm_device_info info = {.struct_size = sizeof info};
    check(awqm_device_get_info(device, &info));
    device_memory *m = allocate(1, sizeof *m);
    if (info.backend != AWQM_BACKEND_CUDA) return m;
    m->ordinal = info.ordinal;
    m->library = dlopen("libcuda.so.1", RTLD_NOW);
    if (m->library == NULL) fail("%s", dlerror());
    find(m, "cuDevicePrimaryCtxRetain", &m->retain);
    find(m, "cuDevicePrimaryCtxRelease_v2", &m->release);
    find(m, "cuCtxSetCurrent", &m->set_current);
    find(m, "cuCtxSynchronize", &m->synchronize);
    find(m, "cuMemAlloc_v2", &m->allocate);
    find(m, "cuMemFree_v2", &m->free);
    find(m, "cuMemsetD8_v2", &m->clear);
    find(m, "cuMemcpyHtoD_v2", &m->to_device);
    find(m, "cuMemcpyDtoH_v2", &m->to_host);
    find(m, "cuGetErrorName", &m->error_name);
    find(m, "cuDeviceGetAttribute", &m->attribute);
    void *context = NULL;
    done(m, m->retain(&context, m->ordinal), "opening the GPU");
    done(m, m->set_current(context), "opening the GPU");
    return m;
}

size_t device_cache_bytes(const device_memory *m) {
    enum { L2_BYTES = 38 };
    int bytes = 0;
    if (m->library != NULL) done(m, m->attribute(&bytes, L2_BYTES, m->ordinal), "asking for the size of the cache");
    return bytes > 0 ? (size_t)bytes : 0;
}

void device_memory_close(device_memory *m) {
    if (m != NULL && m->library != NULL) {
        m->set_current(NULL);
        m->release(m->ordinal);
        dlclose(m->library);
    }
    free(m);
}

void *device_allocate(device_memory *m, size_t bytes) {
    uint64_t pointer = 0;
    if (m->library == NULL) return allocate(bytes, 1);
    if (bytes == 0) return NULL;
    done(m, m->allocate(&pointer, bytes), "allocating device memory");
    done(m, m->clear(pointer, 0, bytes), "clearing device memory");
    return (void *)(uintptr_t)pointer;
}

void device_release(device_memory *m, void *at) {
    if (m->library == NULL) free(at);
    else if (at != NULL) done(m, m->free((uintptr_t)at), "freeing device memory");
}

void device_write(device_memory *m, void *to, const void *from, size_t bytes) {
    if (m->library == NULL) memcpy(to, from, bytes);
    else done(m, m->to_device((uintptr_t)to, from, bytes), "copying to the GPU");
}

void device_read(device_memory *m, void *to, const void *from, size_t bytes) {
    if (m->library == NULL) memcpy(to, from, bytes);
    else done(m, m->to_host(to, (uintptr_t)from, bytes), "copying from the GPU");
}

void device_wait(device_memory *m) {
    if (m->library != NULL) done(m, m->synchronize(), "running on the GPU");
}

void *device_copy_of(device_memory *m, const void *from, size_t bytes) {
    void *copy = device_allocate(m, bytes);
    device_write(m, copy, from, bytes);
    return copy;
}

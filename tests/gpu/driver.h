/*
 * The few functions of the CUDA driver that the programs here need, looked up in libcuda when they start: so they build
 * without a toolkit, and run on a real driver or on a stand-in alike.
 */
#ifndef GPU_DRIVER_H
#define GPU_DRIVER_H

#include <stddef.h>
#include <stdint.h>

typedef struct driver {
    int (*Init)(unsigned flags);
    int (*DriverGetVersion)(int *version);
    int (*DeviceGet)(int *device, int ordinal);
    int (*DeviceGetName)(char *name, int length, int device);
    int (*DeviceGetAttribute)(int *value, int attribute, int device);
    int (*DevicePrimaryCtxRetain)(void **context, int device);
    int (*DevicePrimaryCtxRelease)(int device);
    int (*CtxCreate)(void **context, unsigned flags, int device);
    int (*CtxDestroy)(void *context);
    int (*CtxPushCurrent)(void *context);
    int (*CtxPopCurrent)(void **context);
    int (*CtxGetCurrent)(void **context);
    int (*CtxSynchronize)(void);
    int (*MemAlloc)(uint64_t *pointer, size_t bytes);
    int (*MemFree)(uint64_t pointer);
    int (*MemcpyHtoD)(uint64_t to, const void *from, size_t bytes);
    int (*MemcpyDtoH)(void *to, uint64_t from, size_t bytes);
    int (*MemcpyDtoDAsync)(uint64_t to, uint64_t from, size_t bytes, void *stream);
    int (*StreamCreate)(void **stream, unsigned flags);
    int (*StreamDestroy)(void *stream);
    int (*StreamSynchronize)(void *stream);
    int (*StreamBeginCapture)(void *stream, int mode);
    int (*StreamEndCapture)(void *stream, void **graph);
    int (*GraphInstantiate)(void **executable, void *graph, unsigned long long flags);
    int (*GraphLaunch)(void *executable, void *stream);
    int (*GraphExecDestroy)(void *executable);
    int (*GraphDestroy)(void *graph);
    /* Only the benchmark needs these. */
    int (*EventCreate)(void **event, unsigned flags);
    int (*EventRecord)(void *event, void *stream);
    int (*EventSynchronize)(void *event);
    int (*EventElapsedTime)(float *milliseconds, void *start, void *end);
    int (*EventDestroy)(void *event);
    int (*ModuleLoadData)(void **module, const void *image);
    int (*ModuleGetFunction)(void **function, void *module, const char *name);
    int (*LaunchKernel)(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                        unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream, void **arguments,
                        void **extra);
    int (*GetErrorName)(int error, const char **name);
} driver;

/* Attributes of a device, by the numbers of cuda.h. */
enum {
    ATTRIBUTE_MULTIPROCESSORS = 16,
    ATTRIBUTE_MEMORY_CLOCK_KHZ = 36,
    ATTRIBUTE_BUS_BITS = 37,
    ATTRIBUTE_L2_BYTES = 38,
    ATTRIBUTE_MAJOR = 75,
    ATTRIBUTE_MINOR = 76
};

enum { CAPTURE_THREAD_LOCAL = 1, STREAM_NON_BLOCKING = 1 };

/* The driver's functions; a field is NULL where the driver lacks one. */
extern driver cu;

/* Loads the driver and gives device 0. Where there is none: a message on stderr and exit code 77. */
int open_driver(void);

/* Ends the program with the driver's name of the error. */
void driver_failed(int error, const char *call);

/* The call must work. */
#define CU(call)                                                                                                       \
    do {                                                                                                               \
        int error_ = cu.call;                                                                                          \
        if (error_) driver_failed(error_, #call);                                                                      \
    } while (0)

int device_attribute(int device, int attribute);

/* Device memory; the current context's. `from` may be NULL: then every byte is 0xff, which is NaN for every float. */
uint64_t device_memory(const void *from, size_t bytes);

/* A device pointer as the public header wants it. */
static inline void *at(uint64_t pointer) { return (void *)(uintptr_t)pointer; }

#endif

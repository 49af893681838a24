#include "driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

driver cu;

static void *library;

/* A function as an object pointer, which ISO C does not convert. */
static void find(void *field, const char *name) {
    void *symbol = dlsym(library, name);
    memcpy(field, &symbol, sizeof symbol);
}

void driver_failed(int error, const char *call) {
    const char *name = "?";
    if (cu.GetErrorName) cu.GetErrorName(error, &name);
    fprintf(stderr, "cu%s: error %d (%s)\n", call, error, name);
    exit(1);
}

static void unavailable(const char *why) {
    fprintf(stderr, "no GPU here: %s\n", why);
    exit(77);
}

int open_driver(void) {
    int device = 0;
    library = dlopen("libcuda.so.1", RTLD_NOW);
    if (!library) unavailable(dlerror());
    find(&cu.Init, "cuInit");
    find(&cu.DriverGetVersion, "cuDriverGetVersion");
    find(&cu.DeviceGet, "cuDeviceGet");
    find(&cu.DeviceGetName, "cuDeviceGetName");
    find(&cu.DeviceGetAttribute, "cuDeviceGetAttribute");
    find(&cu.DevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain");
    find(&cu.DevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2");
    find(&cu.CtxCreate, "cuCtxCreate_v2");
    find(&cu.CtxDestroy, "cuCtxDestroy_v2");
    find(&cu.CtxPushCurrent, "cuCtxPushCurrent_v2");
    find(&cu.CtxPopCurrent, "cuCtxPopCurrent_v2");
    find(&cu.CtxGetCurrent, "cuCtxGetCurrent");
    find(&cu.CtxSynchronize, "cuCtxSynchronize");
    find(&cu.MemAlloc, "cuMemAlloc_v2");
    find(&cu.MemFree, "cuMemFree_v2");
    find(&cu.MemcpyHtoD, "cuMemcpyHtoD_v2");
    find(&cu.MemcpyDtoH, "cuMemcpyDtoH_v2");
    find(&cu.MemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2");
    find(&cu.StreamCreate, "cuStreamCreate");
    find(&cu.StreamDestroy, "cuStreamDestroy_v2");
    find(&cu.StreamSynchronize, "cuStreamSynchronize");
    find(&cu.StreamBeginCapture, "cuStreamBeginCapture_v2");
    find(&cu.StreamEndCapture, "cuStreamEndCapture");
    find(&cu.GraphInstantiate, "cuGraphInstantiateWithFlags");
    find(&cu.GraphLaunch, "cuGraphLaunch");
    find(&cu.GraphExecDestroy, "cuGraphExecDestroy");
    find(&cu.GraphDestroy, "cuGraphDestroy");
    find(&cu.EventCreate, "cuEventCreate");
    find(&cu.EventRecord, "cuEventRecord");
    find(&cu.EventSynchronize, "cuEventSynchronize");
    find(&cu.EventElapsedTime, "cuEventElapsedTime");
    find(&cu.EventDestroy, "cuEventDestroy_v2");
    find(&cu.ModuleLoadData, "cuModuleLoadData");
    find(&cu.ModuleGetFunction, "cuModuleGetFunction");
    find(&cu.LaunchKernel, "cuLaunchKernel");
    find(&cu.GetErrorName, "cuGetErrorName");
    if (!cu.Init || cu.Init(0)) unavailable("the driver does not start");
    if (cu.DeviceGet(&device, 0)) unavailable("the driver sees no device");
    return device;
}

int device_attribute(int device, int attribute) {
    int value = 0;
    CU(DeviceGetAttribute(&value, attribute, device));
    return value;
}

uint64_t device_memory(const void *from, size_t bytes) {
    uint64_t pointer = 0;
    CU(MemAlloc(&pointer, bytes ? bytes : 1));
    if (from) {
        CU(MemcpyHtoD(pointer, from, bytes));
    } else {
        void *poison = malloc(bytes ? bytes : 1);
        if (!poison) driver_failed(2, "malloc");
        memset(poison, 0xff, bytes);
        CU(MemcpyHtoD(pointer, poison, bytes));
        free(poison);
    }
    return pointer;
}

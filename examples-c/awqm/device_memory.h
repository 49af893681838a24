/* Memory that a device reads: plain memory for the CPU, memory of the GPU through the CUDA driver. The driver is looked
 * up when it is needed, so that the tool starts on machines without one. An engine has all this already. */
#ifndef AWQM_TOOL_DEVICE_MEMORY_H
#define AWQM_TOOL_DEVICE_MEMORY_H

#include "common.h"

typedef struct device_memory device_memory;

/* For a device of the library; on a GPU its primary context becomes current. Never NULL: fails when it cannot be. */
device_memory *device_memory_open(const awqm_device *device);
void device_memory_close(device_memory *memory);

/* Bytes of the GPU's L2 cache; 0 on the CPU. */
size_t device_cache_bytes(const device_memory *memory);

/* Zeroed; never NULL unless `bytes` is 0 on a GPU. */
void *device_allocate(device_memory *memory, size_t bytes);
void device_release(device_memory *memory, void *at);

/* Copies to and from the device; they wait for work on the default stream. */
void device_write(device_memory *memory, void *to, const void *from, size_t bytes);
void device_read(device_memory *memory, void *to, const void *from, size_t bytes);

/* Waits for all work. */
void device_wait(device_memory *memory);

/* A copy of host memory on the device. */
void *device_copy_of(device_memory *memory, const void *from, size_t bytes);

#endif

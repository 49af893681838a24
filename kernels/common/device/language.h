// What nvcc's language has and an ordinary compiler spells differently: functions, kernels, shared memory.
#pragma once
#include <cstdint>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

// A function of the device.
#define AWQM_DEVICE __device__ __forceinline__

// An entry point with a plain name: `AWQM_KERNEL(256, 2, awqm_example, ExampleArgs) { ... args.m ... }`. Blocks have at
// most `threads` threads; `min_blocks` of them shall fit on one multiprocessor. The struct of arguments is called args.
#define AWQM_KERNEL(threads, min_blocks, name, Args) \
    extern "C" __global__ void __launch_bounds__(threads, min_blocks) name(const __grid_constant__ Args args)

// A static array in shared memory: `AWQM_SHARED(float, sums, 256);`. Not initialized.
#define AWQM_SHARED(T, name, count) __shared__ __align__(128) T name[count]

// The block's dynamic shared memory as bytes, aligned to 128.
#define AWQM_DYNAMIC_SHARED(name) extern __shared__ __align__(128) unsigned char name[]

// See common/device/language.h.
#pragma once
#include "index.h"
#include "registry.h"
#include "shared.h"
#include "types.h"

#define AWQM_DEVICE inline
#define __restrict__ __restrict

// The name is found through the registry, so it can be local and never meets a function of the library's C interface.
#define AWQM_KERNEL(threads, min_blocks, name, Args)                                          \
    static void name(const Args args);                                                        \
    static const awqm::emulation::Registered name##_registered(#name, name, threads);         \
    static void name(const Args args)

#define AWQM_SHARED(T, name, count)                                                           \
    static const char name##_key = 0;                                                         \
    T(&name)[count] = *static_cast<T(*)[count]>(awqm::emulation::static_shared(&name##_key, #name, sizeof(T) * (count)))

#define AWQM_DYNAMIC_SHARED(name) unsigned char *const name = awqm::emulation::dynamic_shared()

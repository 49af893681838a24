// The one header that kernel sources include besides args.h. Every PTX instruction stands behind a small function of
// namespace awqm with two twins of the same name: device/ for nvcc and ../emulation/host/ for an ordinary C++ compiler,
// where a fiber stands for each CUDA thread.
#pragma once
#if defined(__CUDACC__)
#include "device/language.h"
#include "device/bits.h"
#include "device/convert.h"
#include "device/memory.h"
#include "device/copy_async.h"
#include "device/mma.h"
#include "device/shared.h"
#include "device/warp.h"
#else
#include "../emulation/host/port.h"
#endif

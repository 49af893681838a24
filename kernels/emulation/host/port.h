// The emulation's side of common/port.h: the functions of common/device/ for an ordinary C++ compiler.
#pragma once
#include "language.h"
#include "bits.h"
#include "convert.h"
#include "copy_async.h"
#include "memory.h"
#include "mma.h"
#include "shared_place.h"
#include "warp.h"

// The C interface of the emulation, for src/lib.rs.
#include <algorithm>
#include <cstring>
#include <exception>

#include "registry.h"
#include "scheduler.h"
#include "shared.h"

// Names every file of kernels (written by build.rs): the linker takes them because this does.
extern "C" const int *const awqm_emulation_units[];

namespace awqm::emulation {

Kernel *&Registered::first() {
    static Kernel *first = nullptr;
    return first;
}

namespace {

const Kernel *find(const char *name) {
    if (!awqm_emulation_units[0]) return nullptr;
    for (const Kernel *kernel = Registered::first(); kernel; kernel = kernel->next) {
        if (strcmp(kernel->name, name) == 0) return kernel;
    }
    return nullptr;
}

std::string refuse(const Launch &launch, const Kernel *kernel, const char *name) {
    const Index &g = launch.grid, &b = launch.block;
    uint64_t threads = static_cast<uint64_t>(b.x) * b.y * b.z;
    if (!kernel) return std::string("no kernel ") + name;
    if (g.x == 0 || g.y == 0 || g.z == 0 || threads == 0) return "an empty grid or block";
    if (g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535) return "a grid larger than 2147483647 x 65535 x 65535";
    if (b.z > 64) return "a block larger than 64 in z";
    if (threads > kernel->max_threads) {
        return "blocks of " + std::to_string(threads) + " threads; the kernel is built for " + std::to_string(kernel->max_threads);
    }
    if (launch.dynamic_shared > SHARED_LIMIT) return "more than " + std::to_string(SHARED_LIMIT) + " bytes of shared memory";
    return "";
}

}  // namespace
}  // namespace awqm::emulation

using namespace awqm::emulation;

// 0, or 1 with the reason in `error` (cut to its size, ended by a zero).
extern "C" int awqm_emulation_launch(const char *name, const uint32_t *grid, const uint32_t *block, size_t dynamic_shared,
                                     const Options *options, void *const *args, Stats *stats, char *error, size_t error_bytes) {
    Launch launch;
    launch.options = *options;
    launch.grid = {grid[0], grid[1], grid[2]};
    launch.block = {block[0], block[1], block[2]};
    launch.dynamic_shared = dynamic_shared;
    launch.args = args;
    const Kernel *kernel = find(name);
    launch.error = refuse(launch, kernel, name);
    if (launch.error.empty()) {
        launch.kernel = kernel->call;
        launch.function = kernel->function;
        try {
            run(launch);
        } catch (const std::exception &e) {
            launch.error = e.what();
        }
    }
    *stats = launch.stats;
    if (launch.error.empty()) return 0;
    size_t n = std::min(launch.error.size(), error_bytes - 1);
    memcpy(error, launch.error.data(), n);
    error[n] = 0;
    return 1;
}

// The name of kernel `i`, or null past the last.
extern "C" const char *awqm_emulation_kernel(size_t i) {
    const Kernel *kernel = Registered::first();
    while (kernel && i-- > 0) kernel = kernel->next;
    return kernel ? kernel->name : nullptr;
}

// A run allocates nothing, neither in the wrapper nor below it: every allocation of the process is counted.
#include <awq_marlin.hpp>

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>

static long allocations;
using Malloc = void *(*)(std::size_t);
extern "C" void *malloc(std::size_t bytes) {
    static Malloc next = reinterpret_cast<Malloc>(dlsym(RTLD_NEXT, "malloc"));
    allocations++;
    return next(bytes);
}

int main(int, char **argv) {
    auto options = awqm::sized<awqm_cpu_options>();
    options.threads = 1;
    auto device = awqm::Device::cpu(&options);
    auto checkpoint = awqm::Checkpoint::open((std::string(argv[1]) + "/checkpoint/llama2l_gemm").c_str());
    auto packed = checkpoint->load("model.layers.0.mlp.up_proj");
    auto layer = awqm::Linear::create(*device, *packed);
    auto plan_options = awqm::sized<awqm_plan_options>();
    plan_options.dtype = AWQM_DTYPE_F32, plan_options.m = 1;
    auto plan = awqm::Plan::create(*layer, plan_options);
    static float x[256], y[512];
    static unsigned char workspace[1 << 16];
    auto args = awqm::rows(x, AWQM_DTYPE_F32, y, AWQM_DTYPE_F32, 1);
    bool ok = layer->run(args, workspace) && plan->run(args, workspace);
    long before = allocations;
    for (int i = 0; i < 100; i++) ok = ok && layer->run(args, workspace) && plan->run(args, workspace);
    long during = allocations - before;
    void *volatile one = std::malloc(1); // the counter counts
    std::free(one);
    if (!ok || during != 0 || allocations == before) return std::fprintf(stderr, "%ld allocations in 200 runs\n", during), 1;
    std::puts("ok");
}

// From C++, through the header's Plan: the same numbers.
#include <awq_marlin.hpp>

#include "overhead.h"

int main() {
    static float x[OVERHEAD_K], y[64 * SIZES];
    static unsigned char workspace[1 << 16];
    double best[SIZES];
    bool ok = true;
    for (int size = 0; size < SIZES; size++) {
        awqm::Linear layer(small_layer(64 * (size + 1)));
        auto options = awqm::sized<awqm_plan_options>();
        options.dtype = AWQM_DTYPE_F32, options.m = 1;
        auto plan = awqm::Plan::create(layer, options);
        auto args = awqm::rows(x, AWQM_DTYPE_F32, y, AWQM_DTYPE_F32, 1);
        best[size] = 1e9;
        for (int repeat = 0; repeat < REPEATS; repeat++) {
            double start = now_ns();
            for (int i = 0; i < CALLS; i++) ok &= plan->run(args, workspace).ok();
            double each = (now_ns() - start) / CALLS;
            if (each < best[size]) best[size] = each;
        }
    }
    if (!ok) return 1;
    print_overhead("C++, Plan::run", best);
}

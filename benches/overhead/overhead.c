/* From C: awqm_linear_run, which plans each time, and awqm_plan_run with a plan that is kept. */
#include "overhead.h"

int main(void) {
    static float x[OVERHEAD_K], y[64 * SIZES];
    static unsigned char workspace[1 << 16];
    double linear_best[SIZES], plan_best[SIZES], call_best = 1e9;
    int size, repeat, i, failed = 0;
    for (size = 0; size < SIZES; size++) {
        awqm_linear *linear = small_layer(64 * (size + 1));
        awqm_plan *plan = NULL;
        awqm_plan_options options = {.struct_size = sizeof options, .dtype = AWQM_DTYPE_F32, .m = 1};
        awqm_run_args args = {sizeof args, x, AWQM_DTYPE_F32, AWQM_DTYPE_F32, y, 1, 0, 0};
        if (awqm_plan_create(linear, &options, &plan)) return 1;
        linear_best[size] = plan_best[size] = 1e9;
        for (repeat = 0; repeat < REPEATS; repeat++) {
            double start = now_ns(), middle, end;
            for (i = 0; i < CALLS; i++) failed |= awqm_linear_run(linear, &args, workspace, sizeof workspace, NULL);
            middle = now_ns();
            for (i = 0; i < CALLS; i++) failed |= awqm_plan_run(plan, &args, workspace, sizeof workspace, NULL);
            end = now_ns();
            if ((middle - start) / CALLS < linear_best[size]) linear_best[size] = (middle - start) / CALLS;
            if ((end - middle) / CALLS < plan_best[size]) plan_best[size] = (end - middle) / CALLS;
        }
        awqm_plan_free(plan);
        awqm_linear_free(linear);
    }
    for (repeat = 0; repeat < REPEATS; repeat++) {
        double start = now_ns(), end;
        for (i = 0; i < CALLS; i++) failed |= awqm_abi_version() != AWQM_ABI_VERSION;
        end = now_ns();
        if ((end - start) / CALLS < call_best) call_best = (end - start) / CALLS;
    }
    if (failed) return fprintf(stderr, "%s\n", awqm_last_error_message()), 1;
    print_overhead("C, awqm_linear_run", linear_best);
    print_overhead("C, awqm_plan_run", plan_best);
    printf("%-28s %6.1f ns\n", "C, a call that does nothing", call_best);
    return 0;
}

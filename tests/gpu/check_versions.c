#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A product by a plan of its own; y is compared, then given to the caller, who frees it. */
static void *planned(const awqm_linear *linear, const awqm_packed *packed, const product *p, awqm_kernel kernel,
                     uint32_t flags, const char *what) {
    prepared it = prepare(linear, p);
    awqm_plan *plan = NULL;
    STRUCT(awqm_plan_options, options);
    STRUCT(awqm_plan_info, info);
    STRUCT(awqm_run_args, args);
    options.kernel = kernel;
    options.dtype = p->x_dtype;
    options.m = p->m;
    options.flags = flags;
    MUST(awqm_plan_create(linear, &options, &plan));
    MUST(awqm_plan_get_info(plan, &info));
    banded workspace = banded_memory(0, info.workspace_bytes);
    args.x = at(it.x);
    args.x_dtype = p->x_dtype;
    args.y = at(it.y.inner);
    args.y_dtype = p->y_dtype;
    args.m = p->m;
    STATUS(AWQM_STATUS_OK, awqm_plan_run(plan, &args, at(workspace.inner), workspace.bytes, NULL));
    CU(CtxSynchronize());
    void *y = result(&it), *counters = allocate(workspace.bytes);
    read_banded(&workspace, counters);
    size_t left = 0;
    for (size_t i = 0; i < info.workspace_bytes && i < AWQM_CUDA_COUNTER_BYTES; i++) left += ((uint8_t *)counters)[i] != 0;
    CHECK(left == 0);
    compare(&it, packed, y, what);
    free(counters);
    free_banded(&workspace);
    awqm_plan_free(plan);
    release(&it);
    return y;
}

/* Every kernel version by name, from one row to more than two of the largest tiles, and groups of every kind. */
void versions(const setting *s) {
    static const int64_t ROWS[] = {1, 8, 16, 17, 33, 64, 65, 129, 300};
    static const layer_shape SHAPES[] = {
        {512, 192, 128, 4, 1, AWQM_DTYPE_F16, AWQM_DTYPE_F16}, {1024, 320, 32, 4, 0, AWQM_DTYPE_F16, 0},
        {300, 100, 48, 4, 1, AWQM_DTYPE_F16, 0},               {512, 128, -1, 8, 1, AWQM_DTYPE_F16, 0},
        {384, 64, 64, 8, 0, AWQM_DTYPE_F32, 0},
    };
    int count = 0;
    for (size_t i = 0; i < (s->small ? 3 : sizeof SHAPES / sizeof *SHAPES); i++) {
        awqm_packed *packed = random_layer(&SHAPES[i], 60 + i);
        awqm_linear *linear = on_device(s->device, packed);
        for (size_t r = 0; r < sizeof ROWS / sizeof *ROWS; r++) {
            if (s->small && r % 3 != i) continue;
            for (int bf16 = 0; bf16 <= s->bf16; bf16++) {
                awqm_dtype dtype = bf16 ? AWQM_DTYPE_BF16 : AWQM_DTYPE_F16;
                product p = {dtype, r % 2 ? dtype : AWQM_DTYPE_F32, ROWS[r], 0, 0, r};
                free(planned(linear, packed, &p, AWQM_KERNEL_GEMV, 0, "gemv by name"));
                free(planned(linear, packed, &p, AWQM_KERNEL_GEMM, 0, "gemm by name"));
                count += 2;
            }
        }
        awqm_linear_free(linear);
        awqm_packed_free(packed);
    }
    section("%d products by kernel version", count);
}

/* The bits of a row do not depend on the number of rows. */
void batch_invariance(const setting *s) {
    static const layer_shape SHAPES[] = {{1024, 64, 128, 4, 1, AWQM_DTYPE_F16, 0}, {512, 320, 64, 4, 1, AWQM_DTYPE_F16, 0}};
    int most = s->small ? 70 : 300, step = s->small ? 23 : 1;
    for (size_t i = 0; i < 2; i++) {
        awqm_packed *packed = random_layer(&SHAPES[i], 80 + i);
        awqm_linear *linear = on_device(s->device, packed);
        product p = {AWQM_DTYPE_F16, AWQM_DTYPE_F32, most, 0, 0, 9};
        size_t row = (size_t)SHAPES[i].n * sizeof(float), different = 0;
        uint8_t *all = planned(linear, packed, &p, AWQM_KERNEL_AUTO, AWQM_BATCH_INVARIANT, "batch-invariant");
        for (p.m = 1; p.m < most; p.m += step) {
            void *some = planned(linear, packed, &p, AWQM_KERNEL_AUTO, AWQM_BATCH_INVARIANT, "batch-invariant");
            different += memcmp(all, some, (size_t)p.m * row) != 0;
            free(some);
        }
        CHECK(different == 0);
        free(all);
        awqm_linear_free(linear);
        awqm_packed_free(packed);
    }
    section("the same bits for 1 to %d rows", most);
}

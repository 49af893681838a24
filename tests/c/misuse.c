/* Buffers that are short or overlap, sizes that overflow, arguments that make no sense. */
#include "fixtures.h"

static void running(const char *fixtures) {
    const golden_case *golden = &GOLDEN[GOLDEN_K512];
    awqm_linear *linear = golden_linear(fixtures, golden);
    size_t x_bytes = (size_t)(4 * golden->k) * 2, y_bytes = (size_t)(4 * golden->n) * 2, bytes = 0;
    char *memory, *x, *y, *workspace;
    awqm_run_args args;
    int64_t m;
    OK(awqm_linear_workspace_bytes(linear, 4, AWQM_DTYPE_F16, &bytes));
    memory = (char *)allocate(x_bytes + y_bytes + bytes);
    x = memory;
    y = x + x_bytes;
    workspace = y + y_bytes;
#define RUN(workspace, bytes) awqm_linear_run(linear, &args, workspace, bytes, NULL)
    args = run_args(x, AWQM_DTYPE_F16, y, AWQM_DTYPE_F16, 4);
    OK(RUN(workspace, bytes)); /* side by side is no overlap */

    args.y = x;
    STATUS(AWQM_STATUS_OVERLAP, RUN(workspace, bytes));
    args.y = x + x_bytes - 2;
    STATUS(AWQM_STATUS_OVERLAP, RUN(workspace, bytes));
    args.y = y;
    if (bytes > 0) {
        STATUS(AWQM_STATUS_OVERLAP, RUN(y, bytes));
        STATUS(AWQM_STATUS_OVERLAP, RUN(x, bytes));
        STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, RUN(NULL, 0));
        STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, RUN(workspace, 1));
    }

    for (m = -1; m <= 0; m++) {
        args.m = m;
        STATUS(AWQM_STATUS_INVALID_ARGUMENT, RUN(workspace, bytes));
    }
    { /* no rows, for a plan and in other arithmetic */
        awqm_packed *packed = golden_packed(fixtures, golden, 0);
        awqm_device *device = cpu_with_threads(1);
        awqm_linear *int8 = NULL;
        awqm_plan *plan = NULL;
        STRUCT(awqm_linear_options, options);
        STRUCT(awqm_plan_options, plan_options);
        options.compute = AWQM_COMPUTE_INT8;
        plan_options.dtype = AWQM_DTYPE_F16;
        plan_options.m = 4;
        MUST(awqm_linear_create(device, packed, &options, &int8));
        MUST(awqm_plan_create(linear, &plan_options, &plan));
        args.m = 0;
        STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_run(int8, &args, workspace, bytes, NULL));
        MESSAGE_HAS("args.m");
        STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_plan_run(plan, &args, workspace, bytes, NULL));
        FAILS(awqm_linear_workspace_bytes(int8, 0, AWQM_DTYPE_F16, &bytes));
        awqm_plan_free(plan);
        awqm_linear_free(int8);
        awqm_device_free(device);
        awqm_packed_free(packed);
    }
    args.m = INT64_MAX;
    FAILS(RUN(workspace, bytes));
    args.m = INT64_MIN;
    FAILS(RUN(workspace, bytes));
    args.m = 4;
    args.x_stride = INT64_MAX;
    STATUS(AWQM_STATUS_SIZE_OVERFLOW, RUN(workspace, bytes));
    args.x_stride = 0;
    args.y_stride = INT64_MAX / 2;
    STATUS(AWQM_STATUS_SIZE_OVERFLOW, RUN(workspace, bytes));
    args.y_stride = 0;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_run(linear, &args, workspace, bytes, memory)); /* no streams here */
#undef RUN
    FAILS(awqm_linear_workspace_bytes(linear, 0, AWQM_DTYPE_F16, &bytes));
    FAILS(awqm_linear_workspace_bytes(linear, -1, AWQM_DTYPE_F16, &bytes));
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_linear_workspace_bytes(linear, 1, 99, &bytes));
    FAILS(awqm_linear_workspace_bytes(linear, 1, AWQM_DTYPE_I32, &bytes));
    free(memory);
    awqm_linear_free(linear);
}

static void creating(const char *fixtures) {
    awqm_packed *packed = golden_packed(fixtures, &GOLDEN[0], 0), *none = NULL;
    awqm_device *device = cpu_with_threads(1);
    awqm_linear *linear = NULL;
    STRUCT(awqm_linear_options, options);
    options.compute = 99;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_linear_create(device, packed, &options, &linear));
    options.compute = AWQM_COMPUTE_EXACT;
    options.flags = 1u << 31;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_linear_create(device, packed, &options, &linear));
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_packed_convert(packed, 99, NULL, &none));
    FAILS(awqm_packed_convert(packed, AWQM_LAYOUT_DENSE, NULL, &none));
    FAILS(awqm_packed_convert(packed, AWQM_LAYOUT_AWQ_MARLIN, NULL, &none)); /* symmetric only; this one has zero points */
    CHECK(linear == NULL && none == NULL);
    awqm_device_free(device);
    awqm_packed_free(packed);
}

/* Shapes whose sizes overflow, for tensors that claim to be large. */
static void overflowing(void) {
    static const int64_t SIDES[] = {INT64_MAX, INT64_MIN, -1, 0, INT64_C(1) << 62, (INT64_C(1) << 32) + 8};
    static const char few[64] = {0};
    awqm_packed *packed = NULL;
    size_t a, b;
    STRUCT(awqm_layer_tensors, tensors);
    STRUCT(awqm_layer_desc, desc);
    tensors.qweight = tensors.scales = tensors.qzeros = few;
    tensors.qweight_bytes = tensors.scales_bytes = tensors.qzeros_bytes = sizeof few;
    desc.bits = 4;
    desc.group_size = 128;
    desc.zero_point = 1;
    desc.scale_dtype = AWQM_DTYPE_F16;
    for (desc.layout = AWQM_LAYOUT_DENSE; desc.layout <= AWQM_LAYOUT_CPU; desc.layout++) {
        for (a = 0; a < sizeof SIDES / sizeof SIDES[0]; a++) {
            for (b = 0; b < sizeof SIDES / sizeof SIDES[0]; b++) {
                desc.k = SIDES[a];
                desc.n = SIDES[b];
                FAILS(awqm_packed_create(&desc, &tensors, &packed));
            }
        }
    }
    /* A length that no memory has. */
    desc.layout = AWQM_LAYOUT_AWQ_GEMM;
    desc.k = desc.n = 128;
    tensors.qweight_bytes = SIZE_MAX;
    FAILS(awqm_packed_create(&desc, &tensors, &packed));

    for (a = 0; a < sizeof SIDES / sizeof SIDES[0]; a++) {
        FAILS(awqm_quantize_tensor(few, sizeof few, AWQM_DTYPE_F16, SIDES[a], SIDES[a], NULL, &packed));
        FAILS(awqm_quantize_tensor(few, sizeof few, AWQM_DTYPE_F16, SIDES[a], 1, NULL, &packed));
    }
    FAILS(awqm_quantize_tensor(few, SIZE_MAX, AWQM_DTYPE_F16, 1, 32, NULL, &packed));
    CHECK(packed == NULL);
}

static void run(const char *fixtures) {
    running(fixtures);
    creating(fixtures);
    overflowing();
}

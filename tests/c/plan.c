/* awqm_plan: what would run, why, and running exactly that. */
#include "fixtures.h"

static awqm_plan *plan_for(const awqm_linear *linear, awqm_kernel kernel, int64_t m) {
    awqm_plan *plan = NULL;
    STRUCT(awqm_plan_options, options);
    options.kernel = kernel;
    options.dtype = AWQM_DTYPE_F16;
    options.m = m;
    MUST(awqm_plan_create(linear, &options, &plan));
    return plan;
}

static void described(const awqm_linear *linear, const golden_case *golden) {
    static const int64_t ROWS[] = {1, 8, 300};
    char text[1024];
    size_t i, enough = 0;
    awqm_plan *none = NULL;
    STRUCT(awqm_plan_options, invariant);
    invariant.dtype = AWQM_DTYPE_F16;
    invariant.m = 1;
    invariant.flags = AWQM_BATCH_INVARIANT; /* a promise of the GPU's */
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_plan_create(linear, &invariant, &none));
    CHECK(none == NULL);
    OK(awqm_linear_workspace_bytes(linear, 300, AWQM_DTYPE_F16, &enough));
    for (i = 0; i < 3; i++) {
        awqm_plan *plan = plan_for(linear, AWQM_KERNEL_AUTO, ROWS[i]);
        STRUCT(awqm_plan_info, info);
        OK(awqm_plan_get_info(plan, &info));
        CHECK(info.kernel == AWQM_KERNEL_GEMV || info.kernel == AWQM_KERNEL_GEMM);
        CHECK(info.backend == AWQM_BACKEND_CPU && info.isa != AWQM_ISA_AUTO && info.dtype == AWQM_DTYPE_F16);
        CHECK(info.m == ROWS[i] && info.k == golden->k && info.n == golden->n && info.group_size == golden->group_size);
        CHECK(info.block_rows >= 1 && info.tasks >= 1);
        CHECK(info.workspace_bytes <= enough);
        CHECK(info.operations == (uint64_t)(2 * ROWS[i] * golden->k * golden->n));
        CHECK(info.bytes_moved >= (uint64_t)(golden->k * golden->n / 2));
        TEXT_PROTOCOL(text, awqm_plan_get_reason(plan, buf, cap, out));
        CHECK(text[0] != '\0');
        awqm_plan_free(plan);
    }
}

/* Each kernel gives the golden rows; a plan serves fewer rows than it was made for. */
static void run_with(const awqm_linear *linear, const golden_case *golden, const awqm_checkpoint *io, awqm_kernel kernel) {
    awqm_plan *plan = plan_for(linear, kernel, 17);
    awqm_tensor_view x = tensor_of(io, "x_m3"), expected = tensor_of(io, "y_bias_m3");
    void *x_rows = allocate(x.bytes), *workspace;
    float *y = (float *)allocate((size_t)(3 * golden->n) * sizeof *y);
    awqm_run_args args = run_args(x_rows, AWQM_DTYPE_F16, y, AWQM_DTYPE_F32, 3);
    int64_t i, bad = 0;
    STRUCT(awqm_plan_info, info);
    memcpy(x_rows, x.data, x.bytes);
    OK(awqm_plan_get_info(plan, &info));
    CHECK(info.kernel == kernel);
    workspace = allocate(info.workspace_bytes);
    OK(awqm_plan_run(plan, &args, workspace, info.workspace_bytes, NULL));
    for (i = 0; i < 3 * golden->n; i++) bad += !(fabs(y[i] - f64_at(expected, i)) <= 4e-3 * (1 + fabs(f64_at(expected, i))));
    CHECK(bad == 0);

    args.m = 18; /* more rows than planned */
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_plan_run(plan, &args, workspace, info.workspace_bytes, NULL));
    args.m = 3;
    args.x_dtype = AWQM_DTYPE_F32; /* planned for F16 */
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_plan_run(plan, &args, workspace, info.workspace_bytes, NULL));
    free(workspace);
    free(y);
    free(x_rows);
    awqm_plan_free(plan);
}

/* A plan goes out as text and comes back as the same plan, for the layer that it is of and no other. */
static void as_text(const awqm_linear *linear, const awqm_linear *other) {
    static const char *const NONSENSE[] = {"", "{", "[]", "{}", "null", "{\"plan\": 1}", "\xff"};
    char text[1024], again[1024];
    size_t i;
    awqm_plan *plan = plan_for(linear, AWQM_KERNEL_GEMM, 5), *read = NULL;
    STRUCT(awqm_plan_info, before);
    STRUCT(awqm_plan_info, after);
    TEXT_PROTOCOL(text, awqm_plan_export(plan, buf, cap, out));
    CHECK(strchr(text, '\n') == NULL && strstr(text, "\"backend\":\"cpu\"") != NULL);
    MUST(awqm_plan_import(linear, text, &read));
    OK(awqm_plan_export(read, again, sizeof again, NULL));
    CHECK(same_text(text, again));
    OK(awqm_plan_get_info(plan, &before));
    OK(awqm_plan_get_info(read, &after));
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    awqm_plan_free(read);
    read = NULL;

    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_plan_import(other, text, &read));
    MESSAGE_HAS("another layer");
    *strstr(text, "cpu") = 'g';
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_plan_import(linear, text, &read));
    MESSAGE_HAS("another backend");
    for (i = 0; i < sizeof NONSENSE / sizeof NONSENSE[0]; i++) FAILS(awqm_plan_import(linear, NONSENSE[i], &read));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_plan_import(linear, NULL, &read));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_plan_import(NULL, text, &read));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_plan_import(linear, text, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_plan_export(NULL, text, sizeof text, NULL));
    CHECK(read == NULL);
    awqm_plan_free(plan);
}

static void run(const char *fixtures) {
    const golden_case *golden = &GOLDEN[GOLDEN_K512];
    awqm_linear *linear = golden_linear(fixtures, golden);
    awqm_checkpoint *io = open_tensors(fixtures, golden->folder, "io.safetensors");
    awqm_linear *other = golden_linear(fixtures, &GOLDEN[0]);
    awqm_plan *plan = NULL;
    STRUCT(awqm_plan_options, options);
    as_text(linear, other);
    awqm_linear_free(other);
    described(linear, golden);
    run_with(linear, golden, io, AWQM_KERNEL_GEMV);
    run_with(linear, golden, io, AWQM_KERNEL_GEMM);

    options.dtype = AWQM_DTYPE_F16;
    options.m = 1;
    options.kernel = AWQM_KERNEL_MARLIN; /* needs a GPU: refused, and the message says so */
    STATUS(AWQM_STATUS_KERNEL_UNSUPPORTED, awqm_plan_create(linear, &options, &plan));
    options.kernel = 99;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_plan_create(linear, &options, &plan));
    options.kernel = AWQM_KERNEL_AUTO;
    options.m = 0;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_plan_create(linear, &options, &plan));
    options.m = -4;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_plan_create(linear, &options, &plan));
    options.m = 1;
    options.dtype = 99;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_plan_create(linear, &options, &plan));
    CHECK(plan == NULL);

    awqm_checkpoint_free(io);
    awqm_linear_free(linear);
    awqm_plan_free(NULL);
}

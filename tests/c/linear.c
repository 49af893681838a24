/* awqm_linear: golden results in every dtype, dense and quantized; rows apart, unaligned and not finite in every arithmetic;
   with every instruction set of this machine. */
#include "fixtures.h"

static awqm_linear *computing(const awqm_device *device, const awqm_packed *packed, awqm_compute compute) {
    awqm_linear *linear = NULL;
    STRUCT(awqm_linear_options, options);
    options.compute = compute;
    MUST(awqm_linear_create(device, packed, &options, &linear));
    return linear;
}

static awqm_linear *linear_on(const awqm_device *device, const awqm_packed *packed) {
    return computing(device, packed, AWQM_COMPUTE_EXACT);
}

static void *copy_of(awqm_tensor_view view) {
    void *memory = allocate(view.bytes);
    memcpy(memory, view.data, view.bytes);
    return memory;
}

/* |found - expected| stays within `relative` of 1 + |expected|, in all columns but one (-1: none is left out). */
static void expect_rows(const float *y, int64_t n, awqm_tensor_view golden, double relative, int64_t left_out) {
    int64_t i, bad = 0;
    for (i = 0; i < golden.shape[0] * n; i++) {
        double expected = f64_at(golden, i);
        if (i % n != left_out && !(fabs(y[i] - expected) <= relative * (1 + fabs(expected)))) bad++;
    }
    CHECK(bad == 0);
}

/* Runs rows `name` of a golden file, F16 in and F32 out. The caller frees the result. */
static float *run_rows(const awqm_linear *linear, const awqm_checkpoint *io, const char *name, int64_t n) {
    awqm_tensor_view x = tensor_of(io, name);
    void *x_rows = copy_of(x), *workspace;
    float *y = (float *)allocate((size_t)(x.shape[0] * n) * sizeof *y);
    awqm_run_args args = run_args(x_rows, x.dtype, y, AWQM_DTYPE_F32, x.shape[0]);
    size_t bytes = 0;
    OK(awqm_linear_workspace_bytes(linear, x.shape[0], x.dtype, &bytes));
    workspace = allocate(bytes);
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    free(workspace);
    free(x_rows);
    return y;
}

static void golden(const char *fixtures, const golden_case *which, const awqm_device *device) {
    static const struct {
        const char *x, *y, *with_bias;
    } ROWS[] = {{"x_m1", "y_m1", "y_bias_m1"}, {"x_m3", "y_m3", "y_bias_m3"}, {"x_m17", "y_m17", NULL}};
    awqm_checkpoint *io = open_tensors(fixtures, which->folder, "io.safetensors");
    int with_bias;
    for (with_bias = 0; with_bias < 2; with_bias++) {
        awqm_packed *packed = golden_packed(fixtures, which, with_bias);
        awqm_linear *linear = linear_on(device, packed);
        size_t r;
        STRUCT(awqm_linear_info, info);
        awqm_packed_free(packed); /* the layer keeps what it needs */
        OK(awqm_linear_get_info(linear, &info));
        CHECK(info.k == which->k && info.n == which->n && info.bits == which->bits && info.group_size == which->group_size);
        CHECK(info.has_bias == with_bias && info.layout == AWQM_LAYOUT_CPU && info.backend == AWQM_BACKEND_CPU && info.bytes > 0);
        for (r = 0; r < 3; r++) {
            const char *expected = with_bias ? ROWS[r].with_bias : ROWS[r].y;
            float *y;
            if (expected == NULL) continue;
            y = run_rows(linear, io, ROWS[r].x, which->n);
            /* The golden weights are rounded to half; ours are exact. */
            expect_rows(y, which->n, tensor_of(io, expected), 4e-3, which->loud_column);
            free(y);
        }
        if (!with_bias && which->bits == 4) {
            float *y = run_rows(linear, io, "x_m3", which->n);
            expect_rows(y, which->n, tensor_of(io, "y_exact_m3"), 2e-5, -1);
            free(y);
        }
        awqm_linear_free(linear);
    }
    awqm_checkpoint_free(io);
}

/* Both dtypes of 16 bits round the same result once; F32 activations give it unrounded. */
static void every_dtype(const char *fixtures, const awqm_device *device) {
    const golden_case *which = &GOLDEN[GOLDEN_K512];
    awqm_checkpoint *io = open_tensors(fixtures, which->folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, which, 0);
    awqm_linear *linear = linear_on(device, packed);
    awqm_tensor_view x16 = tensor_of(io, "x_m3"), exact = tensor_of(io, "y_exact_m3");
    int64_t elements = 3 * which->k, results = 3 * which->n, i, bad = 0;
    uint16_t *half = (uint16_t *)copy_of(x16), *y16 = (uint16_t *)allocate((size_t)results * 2);
    float *x32 = (float *)allocate((size_t)elements * sizeof *x32), *y32 = (float *)allocate((size_t)results * sizeof *y32);
    size_t bytes = 0;
    void *workspace;
    awqm_run_args args;
    for (i = 0; i < elements; i++) x32[i] = (float)f16_value(half[i]);
    OK(awqm_linear_workspace_bytes(linear, 3, AWQM_DTYPE_F32, &bytes));
    workspace = allocate(bytes);

    args = run_args(x32, AWQM_DTYPE_F32, y32, 0, 3); /* y_dtype 0: that of x */
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    expect_rows(y32, which->n, exact, 2e-5, -1);
    args = run_args(half, AWQM_DTYPE_F16, y16, AWQM_DTYPE_F16, 3);
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    for (i = 0; i < results; i++) {
        double expected = f64_at(exact, i);
        bad += !(fabs(f16_value(y16[i]) - expected) <= ldexp(fabs(expected), -10) + 1e-4);
    }
    CHECK(bad == 0);
    args = run_args(half, AWQM_DTYPE_F16, y16, AWQM_DTYPE_BF16, 3);
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    for (bad = 0, i = 0; i < results; i++) {
        double expected = f64_at(exact, i);
        bad += !(fabs(bf16_value(y16[i]) - expected) <= ldexp(fabs(expected), -8) + 1e-4);
    }
    CHECK(bad == 0);

    args = run_args(half, AWQM_DTYPE_I32, y16, AWQM_DTYPE_F16, 3);
    FAILS(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    args = run_args(half, 99, y16, AWQM_DTYPE_F16, 3);
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_linear_run(linear, &args, workspace, bytes, NULL));
    args = run_args(half, AWQM_DTYPE_F16, y16, 99, 3);
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_linear_run(linear, &args, workspace, bytes, NULL));

    free(half);
    free(y16);
    free(x32);
    free(y32);
    free(workspace);
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
}

/* Scales and activations in bfloat16. */
static void bfloat16(const char *fixtures, const awqm_device *device) {
    const golden_case *which = &GOLDEN[GOLDEN_K512];
    awqm_checkpoint *io = open_tensors(fixtures, which->folder, "io_bf16.safetensors");
    awqm_checkpoint *file = open_tensors(fixtures, which->folder, "awq_gemm.safetensors");
    awqm_tensor_view scales = tensor_of(io, "scales_bf16");
    awqm_layer_desc desc = golden_desc(which, AWQM_LAYOUT_AWQ_GEMM, 0);
    awqm_layer_tensors tensors = golden_tensors(file, 0);
    awqm_packed *packed = NULL;
    awqm_linear *linear;
    float *y;
    desc.scale_dtype = AWQM_DTYPE_BF16;
    tensors.scales = scales.data;
    tensors.scales_bytes = scales.bytes;
    MUST(awqm_packed_create(&desc, &tensors, &packed));
    linear = linear_on(device, packed);
    y = run_rows(linear, io, "x_bf16_m3", which->n);
    expect_rows(y, which->n, tensor_of(io, "y_m3"), 2e-2, -1); /* the golden weights are rounded to bfloat16 */
    free(y);
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    awqm_checkpoint_free(file);
    awqm_checkpoint_free(io);
}

/* Layers that nobody quantized run too. */
static void dense(const char *fixtures, const awqm_device *device) {
    const golden_case *which = &GOLDEN[GOLDEN_K512];
    awqm_checkpoint *source = open_tensors(fixtures, which->folder, "source.safetensors");
    awqm_checkpoint *io = open_tensors(fixtures, which->folder, "io.safetensors");
    awqm_tensor_view weight = tensor_of(source, "weight");
    awqm_layer_desc desc = golden_desc(which, AWQM_LAYOUT_DENSE, 0);
    awqm_packed *packed = NULL;
    awqm_linear *linear;
    float *y;
    STRUCT(awqm_layer_tensors, tensors);
    STRUCT(awqm_linear_info, info);
    tensors.qweight = weight.data;
    tensors.qweight_bytes = weight.bytes;
    MUST(awqm_packed_create(&desc, &tensors, &packed));
    linear = linear_on(device, packed);
    OK(awqm_linear_get_info(linear, &info));
    CHECK(info.layout == AWQM_LAYOUT_DENSE && info.bits == 0);
    y = run_rows(linear, io, "x_m3", which->n);
    expect_rows(y, which->n, tensor_of(io, "y_fp_m3"), 2e-5, -1);
    free(y);
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
    awqm_checkpoint_free(source);
}

/* Rows may lie apart; what lies between rows of x is not read, and that of y is not touched. */
static void strides(const char *fixtures, const awqm_device *device, awqm_compute compute) {
    const golden_case *which = &GOLDEN[GOLDEN_K512];
    enum { GAP = 5, ROWS = 3 };
    awqm_checkpoint *io = open_tensors(fixtures, which->folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, which, 1);
    awqm_linear *linear = computing(device, packed, compute);
    awqm_tensor_view x = tensor_of(io, "x_m3");
    int64_t k = which->k, n = which->n, m, i, touched = 0;
    /* Both end with the last row's last element, for the tools that look at every access. */
    int64_t x_elements = ROWS * (k + GAP) - GAP, y_elements = ROWS * (n + GAP) - GAP;
    uint16_t *apart = (uint16_t *)allocate((size_t)x_elements * 2);
    float *y = (float *)allocate((size_t)y_elements * sizeof *y), *together = run_rows(linear, io, "x_m3", n);
    awqm_run_args args = run_args(apart, AWQM_DTYPE_F16, y, AWQM_DTYPE_F32, ROWS);
    size_t bytes = 0;
    void *workspace;
    memset(apart, 0xff, (size_t)x_elements * 2); /* NaN, which would spoil a row */
    for (m = 0; m < ROWS; m++) memcpy(apart + m * (k + GAP), (const char *)x.data + m * k * 2, (size_t)k * 2);
    for (i = 0; i < y_elements; i++) y[i] = -77.0f;
    args.x_stride = k + GAP;
    args.y_stride = n + GAP;
    OK(awqm_linear_workspace_bytes(linear, ROWS, AWQM_DTYPE_F16, &bytes));
    workspace = allocate(bytes);
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    for (m = 0; m < ROWS; m++) {
        CHECK(memcmp(y + m * (n + GAP), together + m * n, (size_t)n * sizeof *y) == 0);
        for (i = n; m + 1 < ROWS && i < n + GAP; i++) touched += y[m * (n + GAP) + i] != -77.0f;
    }
    CHECK(touched == 0);
    args.m = 1; /* one row has no next one: any stride will do */
    args.x_stride = args.y_stride = 0;
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    memcpy(together, y, (size_t)n * sizeof *y);
    memset(y, 0xff, (size_t)n * sizeof *y);
    args.x_stride = 1;
    args.y_stride = INT64_MAX;
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    CHECK(memcmp(y, together, (size_t)n * sizeof *y) == 0);
    args.m = ROWS;
    args.y_stride = n + GAP;
    args.x_stride = k - 1;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_run(linear, &args, workspace, bytes, NULL));
    args.x_stride = -k;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_run(linear, &args, workspace, bytes, NULL));
    args.x_stride = 0;
    args.y_stride = n - 1;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_linear_run(linear, &args, workspace, bytes, NULL));
    free(apart);
    free(y);
    free(together);
    free(workspace);
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
}

/* Neither x nor y nor the workspace needs any alignment. */
static void unaligned(const char *fixtures, const awqm_device *device, awqm_compute compute) {
    const golden_case *which = &GOLDEN[GOLDEN_K512];
    awqm_checkpoint *io = open_tensors(fixtures, which->folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, which, 1);
    awqm_linear *linear = computing(device, packed, compute);
    awqm_tensor_view x = tensor_of(io, "x_m17");
    size_t y_bytes = (size_t)(17 * which->n) * sizeof(float), bytes = 0;
    char *shifted_x = (char *)allocate(x.bytes + 1), *shifted_y = (char *)allocate(y_bytes + 3), *workspace;
    float *y = run_rows(linear, io, "x_m17", which->n);
    awqm_run_args args = run_args(shifted_x + 1, AWQM_DTYPE_F16, shifted_y + 3, AWQM_DTYPE_F32, 17);
    memcpy(shifted_x + 1, x.data, x.bytes);
    OK(awqm_linear_workspace_bytes(linear, 17, AWQM_DTYPE_F16, &bytes));
    workspace = (char *)allocate(bytes + 1);
    OK(awqm_linear_run(linear, &args, workspace + 1, bytes, NULL));
    CHECK(memcmp(shifted_y + 3, y, y_bytes) == 0);
    free(shifted_x);
    free(shifted_y);
    free(workspace);
    free(y);
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
}

/* What is not finite spoils its own row and no other. */
static void not_finite(const char *fixtures, const awqm_device *device, awqm_compute compute) {
    static const uint16_t BAD[] = {0x7e00, 0x7c01, 0xfe00, 0x7c00, 0xfc00}; /* NaN of each kind, infinities */
    const golden_case *which = &GOLDEN[GOLDEN_K512];
    enum { ROWS = 3, ROW = 1, NANS = 3 };
    awqm_checkpoint *io = open_tensors(fixtures, which->folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, which, 1);
    awqm_linear *linear = computing(device, packed, compute);
    int64_t n = which->n, i;
    uint16_t *x = (uint16_t *)copy_of(tensor_of(io, "x_m3"));
    float *y = (float *)allocate((size_t)(ROWS * n) * sizeof *y), *clean = run_rows(linear, io, "x_m3", n);
    awqm_run_args args = run_args(x, AWQM_DTYPE_F16, y, AWQM_DTYPE_F32, ROWS);
    size_t bytes = 0, turn;
    void *workspace;
    OK(awqm_linear_workspace_bytes(linear, ROWS, AWQM_DTYPE_F16, &bytes));
    workspace = allocate(bytes);
    for (turn = 0; turn < sizeof BAD / sizeof BAD[0]; turn++) {
        int64_t at = ROW * which->k + (int64_t)(turn * 127) % which->k, spoilt = 0;
        uint16_t good = x[at];
        x[at] = BAD[turn];
        OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
        x[at] = good;
        for (i = ROW * n; i < (ROW + 1) * n; i++) spoilt += turn < NANS ? isnan(y[i]) != 0 : !isfinite(y[i]);
        CHECK(spoilt == n);
        CHECK(memcmp(y, clean, (size_t)(ROW * n) * sizeof *y) == 0);
        CHECK(memcmp(y + (ROW + 1) * n, clean + (ROW + 1) * n, (size_t)((ROWS - ROW - 1) * n) * sizeof *y) == 0);
    }
    free(x);
    free(y);
    free(clean);
    free(workspace);
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
}

static void run(const char *fixtures) {
    static const awqm_isa ISAS[] = {AWQM_ISA_PORTABLE, AWQM_ISA_AVX2, AWQM_ISA_AVX512, AWQM_ISA_NEON};
    awqm_compute compute;
    size_t i, c, ran = 0;
    for (i = 0; i < sizeof ISAS / sizeof ISAS[0]; i++) {
        awqm_device *device = NULL;
        int32_t status;
        STRUCT(awqm_cpu_options, options);
        options.threads = 1;
        options.isa = ISAS[i];
        status = (int32_t)awqm_device_create_cpu(&options, &device);
        if (status != 0) {
            CHECK(status == (int32_t)AWQM_STATUS_UNSUPPORTED); /* this machine lacks it */
            continue;
        }
        ran++;
        for (c = 0; c < GOLDEN_CASES; c++) golden(fixtures, &GOLDEN[c], device);
        every_dtype(fixtures, device);
        bfloat16(fixtures, device);
        dense(fixtures, device);
        for (compute = AWQM_COMPUTE_EXACT; compute <= AWQM_COMPUTE_INT8; compute++) {
            strides(fixtures, device, compute);
            unaligned(fixtures, device, compute);
            not_finite(fixtures, device, compute);
        }
        awqm_device_free(device);
    }
    CHECK(ran >= 1);
    awqm_linear_free(NULL);
}

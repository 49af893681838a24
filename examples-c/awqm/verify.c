/* awqm verify: every layer's kernels against a float64 product with the weights as the file states them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "commands.h"
#include "common.h"
#include "device_memory.h"
#include "json.h"
#include "layers.h"
#include "numbers.h"
#include "progress.h"

static const char SYNOPSIS[] = "verify DIR [--device D] [--threads T] [--json]";

/* Rows of activations: one for the GEMV, all for the GEMM. */
enum { ROWS = 8 };

/* Sums in float32 stay far below this share of the output's root mean square; a wrong weight does not. */
static const double LIMIT = 1e-4;

typedef struct outcome {
    double max_abs_error;
    double relative_error; /* largest error over the root mean square of the reference */
} outcome;

/* The reference: y [ROWS, N] = x [ROWS, K] W [K, N] in float64. */
static void reference_product(const float *x, const double *w, size_t k, size_t n, double *y) {
    for (size_t m = 0; m < ROWS; m++) {
        for (size_t i = 0; i < k; i++) {
            double xi = x[m * k + i];
            for (size_t j = 0; j < n; j++) y[m * n + j] += xi * w[i * n + j];
        }
    }
}

static void add_bias(const awqm_packed *packed, size_t n, double *y) {
    awqm_tensor_view bias = {.struct_size = sizeof bias};
    if (awqm_packed_get_tensor(packed, AWQM_ROLE_BIAS, &bias) != AWQM_STATUS_OK) return;
    float *values = allocate(n, sizeof *values);
    to_floats(values, bias.data, bias.dtype, n);
    for (size_t m = 0; m < ROWS; m++) {
        for (size_t j = 0; j < n; j++) y[m * n + j] += (double)values[j];
    }
    free(values);
}

/* Where layers run and in which memory. */
typedef struct place {
    awqm_device *device;
    device_memory *memory;
    bool gpu;
} place;

/* x in the dtype that the device takes: as it is on the CPU, F16 on a GPU. Its values are those of F16 in any case. */
static awqm_dtype x_dtype(const place *at) { return at->gpu ? AWQM_DTYPE_F16 : AWQM_DTYPE_F32; }

static awqm_status run_kernel(const place *at, const awqm_linear *linear, awqm_kernel kernel, int64_t m,
                              const void *x, float *y, size_t n) {
    awqm_plan *plan = NULL;
    awqm_plan_options options = {
        .struct_size = sizeof options, .kernel = kernel, .dtype = x_dtype(at), .m = m};
    awqm_status status = awqm_plan_create(linear, &options, &plan);
    if (status != AWQM_STATUS_OK) return status;
    awqm_plan_info info = {.struct_size = sizeof info};
    check(awqm_plan_get_info(plan, &info));
    size_t y_bytes = (size_t)m * n * sizeof *y;
    void *workspace = device_allocate(at->memory, info.workspace_bytes);
    void *device_y = device_allocate(at->memory, y_bytes);
    awqm_run_args args = {.struct_size = sizeof args,
                          .x = x,
                          .x_dtype = options.dtype,
                          .y_dtype = AWQM_DTYPE_F32,
                          .y = device_y,
                          .m = m};
    status = awqm_plan_run(plan, &args, workspace, info.workspace_bytes, NULL);
    if (status == AWQM_STATUS_OK) device_read(at->memory, y, device_y, y_bytes);
    device_release(at->memory, workspace);
    device_release(at->memory, device_y);
    awqm_plan_free(plan);
    return status;
}

static void compare(const float *y, const double *reference, size_t rows, size_t n, outcome *worst) {
    double square = 0, error = 0;
    for (size_t i = 0; i < rows * n; i++) {
        double difference = fabs((double)y[i] - reference[i]);
        square += reference[i] * reference[i];
        /* Written so that a NaN counts as the largest error. */
        if (!(difference <= error)) error = difference;
    }
    double rms = sqrt(square / (double)(rows * n));
    double relative = error == 0 ? 0 : error / rms;
    if (!(error <= worst->max_abs_error)) worst->max_abs_error = error;
    if (!(relative <= worst->relative_error)) worst->relative_error = relative;
}

static awqm_status verify_layer(const awqm_checkpoint *checkpoint, const char *name,
                                const awqm_layer_info *info, const place *at, outcome *result) {
    const awqm_device *device = at->device;
    size_t k = (size_t)info->k, n = (size_t)info->n;
    awqm_load_options as_stored = {.struct_size = sizeof as_stored, .layout = info->layout, .device = device};
    awqm_load_options to_run = {.struct_size = sizeof to_run, .device = device};
    awqm_packed *stored = NULL, *packed = NULL;
    awqm_linear *linear = NULL;
    awqm_status status = awqm_checkpoint_load(checkpoint, &name, 1, &as_stored, &stored);
    if (status == AWQM_STATUS_OK) status = awqm_checkpoint_load(checkpoint, &name, 1, &to_run, &packed);
    if (status == AWQM_STATUS_OK) status = awqm_linear_create(device, packed, NULL, &linear);
    awqm_packed_free(packed);
    if (status == AWQM_STATUS_OK) {
        uint64_t seed = 1;
        float *x = allocate(ROWS * k, sizeof *x), *y = allocate(ROWS * n, sizeof *y);
        double *w = allocate(k * n, sizeof *w), *reference = allocate(ROWS * n, sizeof *reference);
        uint16_t *halves = allocate(ROWS * k, sizeof *halves);
        for (size_t i = 0; i < ROWS * k; i++) {
            halves[i] = f16_from_float((float)random_normal(&seed));
            x[i] = float_from_f16(halves[i]);
        }
        void *device_x = at->gpu ? device_copy_of(at->memory, halves, ROWS * k * sizeof *halves)
                                 : device_copy_of(at->memory, x, ROWS * k * sizeof *x);
        check(awqm_packed_dequantize(stored, AWQM_DTYPE_F64, w, k * n * sizeof *w, device));
        reference_product(x, w, k, n, reference);
        add_bias(stored, n, reference);
        status = run_kernel(at, linear, AWQM_KERNEL_GEMV, 1, device_x, y, n);
        if (status == AWQM_STATUS_OK) {
            compare(y, reference, 1, n, result);
            /* GPUs have no other kernel yet: what the library chooses. */
            awqm_kernel many = at->gpu ? AWQM_KERNEL_AUTO : AWQM_KERNEL_GEMM;
            status = run_kernel(at, linear, many, ROWS, device_x, y, n);
        }
        if (status == AWQM_STATUS_OK) compare(y, reference, ROWS, n, result);
        device_release(at->memory, device_x);
        free(halves);
        free(x);
        free(y);
        free(w);
        free(reference);
    }
    awqm_linear_free(linear);
    awqm_packed_free(stored);
    return status;
}

static void write_layer(json *w, const char *name, const awqm_layer_info *info, const outcome *o,
                        const char *problem) {
    json_open_object(w, NULL);
    json_text(w, "name", name);
    json_bool(w, "quantized", info->quantized);
    json_int(w, "k", info->k);
    json_int(w, "n", info->n);
    json_real(w, "max_abs_error", problem && !o ? NAN : o->max_abs_error);
    json_real(w, "relative_error", problem && !o ? NAN : o->relative_error);
    json_bool(w, "ok", problem == NULL);
    json_text(w, "problem", problem);
    json_close_object(w);
}

int command_verify(int argc, char **argv) {
    const char *directory = NULL, *device_name = "cpu";
    uint64_t threads = 0;
    bool as_json = false;
    const char *const positionals[] = {"DIR", NULL};
    const option options[] = {
        {"--device", OPTION_TEXT, &device_name, "cpu|cuda:N", "where to run (cpu)", NULL},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, &directory, OPTIONS(options)});

    awqm_device *device = open_device(device_name, (uint32_t)threads);
    awqm_device_info device_info = {.struct_size = sizeof device_info};
    check(awqm_device_get_info(device, &device_info));
    place at = {device, device_memory_open(device), device_info.backend == AWQM_BACKEND_CUDA};
    awqm_checkpoint *checkpoint = NULL;
    check(awqm_checkpoint_open(directory, &checkpoint));
    size_t count = awqm_checkpoint_layer_count(checkpoint), failed = 0, left_out = 0;
    outcome worst = {0, 0};
    progress_bar bar = progress_begin();
    json w = {0};
    if (as_json) {
        w = json_begin();
        json_open_array(&w, "layers");
    }
    for (size_t i = 0; i < count; i++) {
        char *name, *reason, *problem = NULL;
        awqm_layer_info info = {.struct_size = sizeof info};
        outcome o = {0, 0};
        FETCH_TEXT(name, awqm_checkpoint_get_layer_name, checkpoint, i);
        FETCH_TEXT(reason, awqm_checkpoint_query_layer, checkpoint, name, &info);
        progress_show(&bar, i, count, name);
        if (at.gpu && !info.quantized) { /* the engine's own product runs it */
            left_out++;
            free(name);
            free(reason);
            continue;
        }
        awqm_status status = verify_layer(checkpoint, name, &info, &at, &o);
        if (status != AWQM_STATUS_OK) problem = copy_text(awqm_last_error_message());
        else if (!(o.relative_error <= LIMIT)) problem = copy_text("the error is beyond the limit");
        failed += problem != NULL;
        if (!(o.max_abs_error <= worst.max_abs_error)) worst.max_abs_error = o.max_abs_error;
        if (!(o.relative_error <= worst.relative_error)) worst.relative_error = o.relative_error;
        if (as_json) {
            write_layer(&w, name, &info, status == AWQM_STATUS_OK ? &o : NULL, problem);
        } else {
            if (bar.visible) progress_end(&bar);
            printf("%-44s max error %.3g, relative %.3g%s%s\n", name, o.max_abs_error, o.relative_error,
                   problem ? "  FAILED: " : "", problem ? problem : "");
        }
        free(problem);
        free(name);
        free(reason);
    }
    progress_end(&bar);
    if (as_json) {
        json_close_array(&w);
        json_int(&w, "layers_checked", (int64_t)(count - left_out));
        json_int(&w, "layers_failed", (int64_t)failed);
        json_real(&w, "max_abs_error", worst.max_abs_error);
        json_real(&w, "relative_error", worst.relative_error);
        json_real(&w, "limit", LIMIT);
        json_end(&w);
    } else {
        if (left_out) printf("%zu layers are not quantized and have no kernel on a GPU\n", left_out);
        printf("%zu layers, %zu failed; largest error %.3g, relative %.3g (limit %.0e)\n", count - left_out, failed,
               worst.max_abs_error, worst.relative_error, LIMIT);
    }
    awqm_checkpoint_free(checkpoint);
    awqm_device_free(device);
    device_memory_close(at.memory);
    return failed ? EXIT_WORK : EXIT_DONE;
}

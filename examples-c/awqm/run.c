/* awqm run: y = x W + bias for one layer, or for one rank's share of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "common.h"
#include "device_memory.h"
#include "json.h"
#include "layers.h"

static const char SYNOPSIS[] =
    "run DIR --layer PREFIX --input X.safetensors --output Y.safetensors\n"
    "                [--device D] [--kernel auto|gemv|gemm|marlin] [--compute exact|int8] [--threads T]\n"
    "                [--batch-invariant] [--tp-rank R --tp-world W --tp-dim column|row] [--json]";

static const choice TP_DIMS[] = {
    {"none", AWQM_TP_DIM_NONE},
    {"column", AWQM_TP_DIM_COLUMN},
    {"row", AWQM_TP_DIM_ROW},
    {NULL, 0},
};

/* Tensor "x" [M, K] of a safetensors file, copied to aligned memory that the caller frees. */
static void *read_input(const char *path, awqm_tensor_view *view) {
    awqm_checkpoint *file = NULL;
    check(awqm_checkpoint_open_files(&path, 1, NULL, &file));
    view->struct_size = sizeof *view;
    check(awqm_checkpoint_get_tensor(file, "x", view));
    if (view->rank != 2) fail("%s: x: has %u dimensions (needed 2: M, K)", path, (unsigned)view->rank);
    if (view->dtype != AWQM_DTYPE_F16 && view->dtype != AWQM_DTYPE_BF16 && view->dtype != AWQM_DTYPE_F32) {
        fail("%s: x: has dtype %s (needed F16, BF16 or F32)", path, awqm_dtype_name(view->dtype));
    }
    void *copy = allocate(view->bytes, 1);
    memcpy(copy, view->data, view->bytes);
    awqm_checkpoint_free(file);
    return copy;
}

int command_run(int argc, char **argv) {
    const char *directory = NULL, *layer = NULL, *input = NULL, *output = NULL, *device_name = "cpu";
    uint32_t kernel = AWQM_KERNEL_AUTO, compute = AWQM_COMPUTE_EXACT, tp_dim = AWQM_TP_DIM_NONE;
    uint64_t threads = 0, tp_rank = 0, tp_world = 1;
    bool as_json = false, batch_invariant = false;
    const char *const positionals[] = {"DIR", NULL};
    const option options[] = {
        {"--layer", OPTION_TEXT, &layer, "PREFIX", "the layer, such as model.layers.0.mlp.up_proj", NULL},
        {"--input", OPTION_TEXT, &input, "FILE", "tensor x [M, K] in f16, bf16 or f32", NULL},
        {"--output", OPTION_TEXT, &output, "FILE", "gets tensor y [M, N] in the dtype of x", NULL},
        {"--device", OPTION_TEXT, &device_name, "cpu|cuda:N", "where to run (cpu)", NULL},
        {"--kernel", OPTION_CHOICE, &kernel, "auto|gemv|gemm|marlin", "(auto)", KERNEL_CHOICES},
        {"--compute", OPTION_CHOICE, &compute, "exact|int8", "(exact)", COMPUTE_CHOICES},
        {"--batch-invariant", OPTION_FLAG, &batch_invariant, NULL, "on a GPU: results do not depend on M", NULL},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--tp-rank", OPTION_COUNT, &tp_rank, "R", "this rank of tensor parallelism (0)", NULL},
        {"--tp-world", OPTION_COUNT, &tp_world, "W", "number of ranks (1)", NULL},
        {"--tp-dim", OPTION_CHOICE, &tp_dim, "column|row", "the dimension that is split", TP_DIMS},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, &directory, OPTIONS(options)});
    if (layer == NULL) usage_error(SYNOPSIS, "--layer is missing");
    if (input == NULL) usage_error(SYNOPSIS, "--input is missing");
    if (output == NULL) usage_error(SYNOPSIS, "--output is missing");
    if (tp_world == 0 || tp_world > UINT32_MAX || tp_rank >= tp_world) {
        usage_error(SYNOPSIS, "--tp-rank %" PRIu64 " --tp-world %" PRIu64 ": there is no such rank", tp_rank,
                    tp_world);
    }
    if (tp_world > 1 && tp_dim == AWQM_TP_DIM_NONE) usage_error(SYNOPSIS, "--tp-world needs --tp-dim");

    /* Weights: from the checkpoint, in the form that the device wants. */
    awqm_device *device = open_device(device_name, (uint32_t)threads);
    awqm_checkpoint *checkpoint = NULL;
    check(awqm_checkpoint_open(directory, &checkpoint));
    awqm_load_options load = {
        .struct_size = sizeof load,
        .tp_dim = tp_dim,
        .tp_rank = (uint32_t)tp_rank,
        .tp_world = (uint32_t)tp_world,
        .device = device,
    };
    awqm_packed *packed = load_layer(checkpoint, layer, &load);
    awqm_linear_options linear_options = {.struct_size = sizeof linear_options, .compute = compute};
    awqm_linear *linear = NULL;
    check(awqm_linear_create(device, packed, &linear_options, &linear));
    awqm_packed_free(packed);
    awqm_linear_info shape = {.struct_size = sizeof shape};
    check(awqm_linear_get_info(linear, &shape));

    /* Input. A row-parallel rank takes its own columns of x, or picks them out of the whole x by the stride.
     */
    awqm_tensor_view x_view;
    char *x = read_input(input, &x_view);
    int64_t m = x_view.shape[0], x_columns = x_view.shape[1];
    size_t element = awqm_dtype_bytes(x_view.dtype), x_offset = 0;
    if (tp_dim == AWQM_TP_DIM_ROW && x_columns == shape.k * (int64_t)tp_world) {
        x_offset = (size_t)shape.k * (size_t)tp_rank * element;
    } else if (x_columns != shape.k) {
        fail("%s: x: has %" PRId64 " columns (needed %" PRId64 ", the inputs of %s)", input, x_columns,
             shape.k, layer);
    }

    /* The plan says which kernel runs and how much workspace it wants; then the run. */
    awqm_plan *plan = NULL;
    awqm_plan_options plan_options = {
        .struct_size = sizeof plan_options,
        .kernel = kernel,
        .dtype = x_view.dtype,
        .m = m,
        .flags = batch_invariant ? AWQM_BATCH_INVARIANT : 0,
    };
    check(awqm_plan_create(linear, &plan_options, &plan));
    awqm_plan_info chosen = {.struct_size = sizeof chosen};
    check(awqm_plan_get_info(plan, &chosen));
    char *reason;
    FETCH_TEXT(reason, awqm_plan_get_reason, plan);
    size_t y_bytes = (size_t)m * (size_t)shape.n * element;
    void *y = allocate(y_bytes, 1);
    device_memory *memory = device_memory_open(device);
    void *workspace = device_allocate(memory, chosen.workspace_bytes);
    char *device_x = device_copy_of(memory, x, x_view.bytes);
    void *device_y = device_allocate(memory, y_bytes);
    awqm_run_args args = {
        .struct_size = sizeof args,
        .x = device_x + x_offset,
        .x_dtype = x_view.dtype,
        .y = device_y,
        .y_dtype = x_view.dtype,
        .m = m,
        .x_stride = x_columns,
    };
    double started = seconds_now();
    check(awqm_plan_run(plan, &args, workspace, chosen.workspace_bytes, NULL));
    device_wait(memory); /* on a GPU the run has only been launched */
    double elapsed = seconds_now() - started;
    device_read(memory, y, device_y, y_bytes);
    device_release(memory, workspace);
    device_release(memory, device_x);
    device_release(memory, device_y);

    const char *y_name = "y";
    awqm_tensor_view y_view = {.struct_size = sizeof y_view,
                               .data = y,
                               .bytes = y_bytes,
                               .dtype = x_view.dtype,
                               .rank = 2,
                               .shape = {m, shape.n}};
    check(awqm_tensors_save(output, &y_name, &y_view, 1));

    if (as_json) {
        json w = json_begin();
        json_text(&w, "layer", layer);
        json_int(&w, "m", m);
        json_int(&w, "k", shape.k);
        json_int(&w, "n", shape.n);
        json_int(&w, "group_size", shape.group_size);
        json_text(&w, "dtype", awqm_dtype_name(x_view.dtype));
        json_bool(&w, "bias", shape.has_bias);
        json_text(&w, "device", device_name);
        json_text(&w, "kernel", awqm_kernel_name(chosen.kernel));
        json_text(&w, "code", chosen.code);
        json_text(&w, "compute", choice_word(COMPUTE_CHOICES, compute));
        json_text(&w, "reason", reason);
        json_real(&w, "microseconds", elapsed * 1e6);
        json_text(&w, "output", output);
        json_end(&w);
    } else {
        printf("%s: [%" PRId64 ", %" PRId64 "] times [%" PRId64 ", %" PRId64 "]%s by %s in %.0f us (%s)\n",
               layer, m, shape.k, shape.k, shape.n, shape.has_bias ? " plus bias" : "",
               awqm_kernel_name(chosen.kernel), elapsed * 1e6, reason);
    }
    free(reason);
    free(x);
    free(y);
    awqm_plan_free(plan);
    awqm_linear_free(linear);
    awqm_checkpoint_free(checkpoint);
    awqm_device_free(device);
    device_memory_close(memory);
    return EXIT_DONE;
}

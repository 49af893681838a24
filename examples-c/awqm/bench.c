/* awqm bench: latency of layers for several M, kernel by kernel, and what the library picks by itself.
 *
 * The weights are cold: runs go round copies of a layer that together exceed any cache. On the CPU the roof is the
 * bandwidth at which the same number of threads reads memory here; on a GPU, what its clock and bus say, or for many rows
 * the peak of its products. On a GPU a time is that of one launch among many in a CUDA graph. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "bench_case.h"
#include "bench_layer.h"
#include "bench_lists.h"
#include "bench_report.h"
#include "bench_table.h"
#include "commands.h"
#include "common.h"
#include "device_memory.h"
#include "gpu_timer.h"
#include "json.h"
#include "layers.h"
#include "numbers.h"

static const char SYNOPSIS[] =
    "bench [DIR [--layer PREFIX] | --shape KxN[,KxN...] --group-size G] [--m 1,16,256]\n"
    "                  [--device D] [--kernel both|auto|gemv|gemm|marlin] [--dtype f32|f16|bf16]\n"
    "                  [--compute exact|int8] [--batch-invariant] [--threads T] [--seconds S] [--json]\n"
    "       awqm bench --table [--shape KxN[,KxN...]] [--group-size G] [--m 1,16,256] [--threads T] [--seconds S] [--json]";

enum { MAX_LAYERS = 64 };
/* GEMV reads the weights again for each few rows; beyond this it is only timed when asked for by name. */
static const int64_t GPU_GEMV_ROWS = 64;

#define KERNEL_BOTH UINT32_MAX
static const choice KERNELS[] = {
    {"both", KERNEL_BOTH},      {"auto", AWQM_KERNEL_AUTO},     {"gemv", AWQM_KERNEL_GEMV},
    {"gemm", AWQM_KERNEL_GEMM}, {"marlin", AWQM_KERNEL_MARLIN}, {NULL, 0},
};

static const choice DTYPES[] = {
    {"f32", AWQM_DTYPE_F32},
    {"f16", AWQM_DTYPE_F16},
    {"bf16", AWQM_DTYPE_BF16},
    {NULL, 0},
};

/* Layers of models that many people run. */
static const char CPU_SHAPES[] = "4096x4096";
static const char GPU_SHAPES[] = "4096x4096,4096x14336,14336x4096,8192x28672";
static const char CPU_ROWS[] = "1,16,256", TABLE_ROWS[] = "1,4,16,64,256,512";
static const char GPU_ROWS[] = "1,2,4,8,16,32,64,128,256,512,1024,4096";

/* ---- what is timed ---- */

static void bench_rows(const bench *b, const bench_layer *layer, const char *name, int64_t m) {
    size_t element = awqm_dtype_bytes(b->how.dtype);
    size_t x_count = (size_t)(m * layer->info.k), y_count = (size_t)(m * layer->info.n);
    char *x = bench_random_x(b->how.dtype, x_count);
    void *device_x = device_copy_of(b->how.memory, x, x_count * element);
    void *y = device_allocate(b->how.memory, y_count * element);
    awqm_plan_info picked, info;
    bench_planned(&b->how, layer->copies[0], AWQM_KERNEL_AUTO, m, &picked);
    const awqm_kernel both[] = {AWQM_KERNEL_GEMV, AWQM_KERNEL_GEMM};
    const awqm_kernel *list = b->kernel == KERNEL_BOTH ? both : &b->kernel;
    for (size_t i = 0; i < (b->kernel == KERNEL_BOTH ? 2 : 1); i++) {
        bool too_many = b->how.timer && list[i] == AWQM_KERNEL_GEMV && m > GPU_GEMV_ROWS;
        if (b->kernel == KERNEL_BOTH && (too_many || !bench_planned(&b->how, layer->copies[0], list[i], m, &info))) continue;
        bench_result r = bench_measure(&b->how, layer, list[i], m, device_x, y);
        r.is_auto = r.plan.kernel == picked.kernel;
        bench_report(b, layer, name, &r);
    }
    device_release(b->how.memory, device_x);
    device_release(b->how.memory, y);
    free(x);
}

static void bench_one(const bench *b, const char *name, awqm_packed *packed) {
    bench_layer *layer = bench_layer_new(b->device, b->how.memory, b->compute, packed);
    awqm_packed_free(packed);
    if (!b->json) {
        printf("%s: K %" PRId64 ", N %" PRId64 ", group size %" PRId64 ", %.2f MB of weights, cold (%zu copies)\n",
               name ? name : "random weights", layer->info.k, layer->info.n, layer->info.group_size,
               (double)layer->info.bytes / 1e6, layer->copy_count);
    }
    const char *rows = b->rows;
    for (int64_t m; (m = next_m(SYNOPSIS, &rows)) != 0;) bench_rows(b, layer, name, m);
    bench_layer_free(layer);
}

static void bench_checkpoint(const bench *b, const char *directory, const char *layer_name) {
    awqm_checkpoint *checkpoint = NULL;
    awqm_load_options load = {.struct_size = sizeof load, .device = b->device};
    char *names[MAX_LAYERS];
    check(awqm_checkpoint_open(directory, &checkpoint));
    size_t count = 1;
    if (layer_name) names[0] = copy_text(layer_name);
    else count = bench_distinct_layers(checkpoint, names, MAX_LAYERS);
    if (count == 0) fail("%s: no layer is quantized", directory);
    for (size_t i = 0; i < count; i++) {
        bench_one(b, names[i], load_layer(checkpoint, names[i], &load));
        free(names[i]);
    }
    awqm_checkpoint_free(checkpoint);
}

int command_bench(int argc, char **argv) {
    const char *directory = NULL, *layer_name = NULL, *shapes = NULL, *device_name = "cpu";
    bench b = {.info = {.struct_size = sizeof b.info}};
    uint32_t kernel = KERNEL_BOTH, dtype = 0;
    uint64_t threads = 0;
    int64_t group_size = 128, k, n;
    double seconds = 0.5;
    bool as_json = false, batch_invariant = false, table = false;
    const char *const positionals[] = {"[DIR]", NULL};
    const option options[] = {
        {"--layer", OPTION_TEXT, &layer_name, "PREFIX", "a layer of DIR (one of each shape)", NULL},
        {"--shape", OPTION_TEXT, &shapes, "KxN,...", "random weights (4096x4096; on a GPU more)", NULL},
        {"--group-size", OPTION_NUMBER, &group_size, "G", "group size of the random weights (128)", NULL},
        {"--m", OPTION_TEXT, &b.rows, "LIST", "rows of activations (1,16,256; on a GPU 1 to 4096)", NULL},
        {"--device", OPTION_TEXT, &device_name, "cpu|cuda:N", "where to run (cpu)", NULL},
        {"--kernel", OPTION_CHOICE, &kernel, "both|auto|...", "which kernels (both: gemv and gemm)", KERNELS},
        {"--dtype", OPTION_CHOICE, &dtype, "f32|f16|bf16", "of the activations (f32; f16 on a GPU)", DTYPES},
        {"--compute", OPTION_CHOICE, &b.compute, "exact|int8", "arithmetic (exact)", COMPUTE_CHOICES},
        {"--batch-invariant", OPTION_FLAG, &batch_invariant, NULL, "results do not depend on M", NULL},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--seconds", OPTION_REAL, &seconds, "S", "how long each case is timed on the CPU (0.5)", NULL},
        {"--table", OPTION_FLAG, &table, NULL, "every arithmetic of the CPU, on one thread and on all", NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, &directory, OPTIONS(options)});
    if (layer_name && !directory) usage_error(SYNOPSIS, "--layer needs the DIR that it is in");
    if (directory && shapes)
        usage_error(SYNOPSIS, "a layer of a checkpoint has its own shape: --shape is one too many");
    for (const char *rest = b.rows ? b.rows : ""; next_m(SYNOPSIS, &rest);) continue;
    for (const char *rest = shapes ? shapes : ""; next_shape(SYNOPSIS, &rest, &k, &n);) continue;

    if (table && (directory || strcmp(device_name, "cpu") != 0 || batch_invariant))
        usage_error(SYNOPSIS, "--table is of random weights on the CPU");
    if (!(seconds >= 0)) usage_error(SYNOPSIS, "--seconds must not be negative");
    b.how.seconds = seconds;
    if (table) {
        bench_table_request request = {shapes ? shapes : CPU_SHAPES, b.rows ? b.rows : TABLE_ROWS, group_size,
                                       (uint32_t)threads};
        bench_table(&b, &request, SYNOPSIS, as_json);
        return EXIT_DONE;
    }
    b.device = open_device(device_name, (uint32_t)threads);
    b.device_name = device_name;
    check(awqm_device_get_info(b.device, &b.info));
    bool gpu = b.info.backend == AWQM_BACKEND_CUDA;
    b.how.memory = device_memory_open(b.device);
    b.how.timer = gpu ? gpu_timer_open() : NULL;
    b.kernel = kernel;
    b.how.dtype = dtype ? dtype : gpu ? AWQM_DTYPE_F16 : AWQM_DTYPE_F32;
    b.how.plan_flags = batch_invariant ? AWQM_BATCH_INVARIANT : 0;
    if (!b.rows) b.rows = gpu ? GPU_ROWS : CPU_ROWS;
    if (!shapes) shapes = gpu ? GPU_SHAPES : CPU_SHAPES;
    b.how.read_bytes_per_s = gpu ? 0 : bench_read_bandwidth(b.info.threads);
    json w = {0};
    bench_report_begin(&b, &w, as_json);
    if (directory) bench_checkpoint(&b, directory, layer_name);
    else
        while (next_shape(SYNOPSIS, &shapes, &k, &n)) bench_one(&b, NULL, bench_random_layer(k, n, group_size));
    bench_report_end(&b);
    gpu_timer_close(b.how.timer);
    awqm_device_free(b.device);
    device_memory_close(b.how.memory);
    return EXIT_DONE;
}

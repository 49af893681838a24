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
    "                  [--compute exact|int8] [--batch-invariant] [--threads T] [--json]";

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
static const char CPU_ROWS[] = "1,16,256";
static const char GPU_ROWS[] = "1,2,4,8,16,32,64,128,256,512,1024,4096";

/* What is timed, and how it is told. */
typedef struct bench {
    awqm_device *device;
    const char *device_name;
    awqm_device_info info;
    bench_setting how;
    const char *rows;
    awqm_kernel kernel;
    uint32_t compute;
    json *json; /* NULL: as lines */
} bench;


/* ---- output ---- */

static double gbps(const bench_result *r) { return (double)r->plan.bytes_moved / r->median_s / 1e9; }
static double gflops(const bench_result *r) { return (double)r->plan.operations / r->median_s / 1e9; }

static void print_result(const bench *b, const bench_result *r) {
    printf("%-7s M %-5" PRId64 " median %9.1f us  min %9.1f us  %7.2f GB/s  %8.2f GFLOP/s", awqm_kernel_name(r->plan.kernel),
           r->plan.m, r->median_s * 1e6, r->min_s * 1e6, gbps(r), gflops(r));
    if (r->roof_s > 0) printf("  %3.0f %% of the roof", 100 * r->roof_s / r->median_s);
    if (b->how.timer) printf("  (predicted %.1f us; %s, %u slices)", r->plan.predicted_us, r->plan.code, (unsigned)r->plan.splits);
    if (r->plan.prefers_dense) printf("  dense GEMM: %.1f us predicted", r->plan.dense_predicted_us);
    puts(r->is_auto ? "  <- auto" : "");
}

/* A time that may be unknown. */
static void write_us(json *w, const char *key, double us) {
    if (us > 0) json_real(w, key, us);
    else json_null(w, key);
}

static void write_result(const bench *b, const bench_layer *layer, const char *name, const bench_result *r) {
    json *w = b->json;
    json_open_object(w, NULL);
    json_text(w, "layer", name);
    json_text(w, "kernel", awqm_kernel_name(r->plan.kernel));
    json_bool(w, "auto", r->is_auto);
    json_int(w, "m", r->plan.m);
    json_int(w, "k", r->plan.k);
    json_int(w, "n", r->plan.n);
    json_int(w, "bits", layer->info.bits);
    json_int(w, "group_size", r->plan.group_size);
    json_text(w, "dtype", awqm_dtype_name(r->plan.dtype));
    json_int(w, "threads", b->info.threads);
    json_text(w, "device", b->device_name);
    json_text(w, "isa", awqm_isa_name(r->plan.isa));
    json_text(w, "compute", choice_word(COMPUTE_CHOICES, b->compute));
    json_int(w, "weight_bytes", (int64_t)layer->info.bytes);
    json_int(w, "copies", (int64_t)layer->copy_count);
    json_real(w, "median_us", r->median_s * 1e6);
    json_real(w, "min_us", r->min_s * 1e6);
    json_real(w, "gbps", gbps(r));
    json_real(w, "gflops", gflops(r));
    write_us(w, "roof_us", r->roof_s * 1e6);
    if (r->roof_s > 0) json_real(w, "roof_share", r->roof_s / r->median_s);
    else json_null(w, "roof_share");
    if (b->how.timer) {
        json_text(w, "code", r->plan.code);
        json_int(w, "splits", r->plan.splits);
        json_int(w, "workspace_bytes", (int64_t)r->plan.workspace_bytes);
        json_real(w, "predicted_us", r->plan.predicted_us);
        json_real(w, "dense_predicted_us", r->plan.dense_predicted_us);
        json_bool(w, "prefers_dense", r->plan.prefers_dense);
        json_bool(w, "batch_invariant", r->plan.batch_invariant);
    }
    json_close_object(w);
}

/* "1,16,256", one number at a time; 0 at the end. */
static int64_t next_m(const char **list) {
    char *end;
    if (**list == '\0') return 0;
    long long m = strtoll(*list, &end, 10);
    if (end == *list || m < 1 || m > 1 << 20 || (*end != ',' && *end != '\0')) {
        usage_error(SYNOPSIS, "--m %s: not a list of numbers from 1 to 1048576", *list);
    }
    *list = *end == ',' ? end + 1 : end;
    return m;
}

/* "4096x4096,4096x14336", one shape at a time; false at the end. */
static bool next_shape(const char **list, int64_t *k, int64_t *n) {
    int used = 0;
    if (**list == '\0') return false;
    int found = sscanf(*list, "%" SCNd64 "x%" SCNd64 "%n", k, n, &used);
    char after = found == 2 ? (*list)[used] : 'x';
    if (found != 2 || *k < 1 || *n < 1 || *k > 1 << 20 || *n > 1 << 20 || (after != ',' && after != '\0')) {
        usage_error(SYNOPSIS, "--shape %s: not a shape (needed KxN, such as 4096x11008)", *list);
    }
    *list += used + (after == ',');
    return true;
}

/* ---- what is timed ---- */

/* Activations near 1, whichever half format reads them. */
static void *random_x(awqm_dtype dtype, size_t count) {
    size_t element = awqm_dtype_bytes(dtype);
    char *x = allocate(count, element);
    uint64_t seed = 2;
    for (size_t i = 0; i < count; i++) {
        float value = (float)random_unit(&seed) - 0.5f;
        uint16_t half = (uint16_t)(0x3800 | (random_bits(&seed) & 0x07FF));
        memcpy(x + i * element, element == 4 ? (void *)&value : (void *)&half, element);
    }
    return x;
}

static void bench_rows(const bench *b, const bench_layer *layer, const char *name, int64_t m) {
    size_t element = awqm_dtype_bytes(b->how.dtype);
    size_t x_count = (size_t)(m * layer->info.k), y_count = (size_t)(m * layer->info.n);
    char *x = random_x(b->how.dtype, x_count);
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
        if (b->json) write_result(b, layer, name, &r);
        else print_result(b, &r);
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
    for (int64_t m; (m = next_m(&rows)) != 0;) bench_rows(b, layer, name, m);
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
    bool as_json = false, batch_invariant = false;
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
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, &directory, OPTIONS(options)});
    if (layer_name && !directory) usage_error(SYNOPSIS, "--layer needs the DIR that it is in");
    if (directory && shapes)
        usage_error(SYNOPSIS, "a layer of a checkpoint has its own shape: --shape is one too many");
    for (const char *rest = b.rows ? b.rows : ""; next_m(&rest);) continue;
    for (const char *rest = shapes ? shapes : ""; next_shape(&rest, &k, &n);) continue;

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
    double roof_gbps = gpu ? b.info.bandwidth_gbps : b.how.read_bytes_per_s / 1e9;

    json w = {0};
    if (as_json) {
        w = json_begin();
        b.json = &w;
        json_text(&w, "device_name", b.info.name);
        json_text(&w, "library", awqm_build_info());
        json_int(&w, "capability", b.info.capability);
        if (roof_gbps > 0) json_real(&w, "roof_gbps", roof_gbps);
        else json_null(&w, "roof_gbps");
        json_text(&w, "method", gpu ? "median per launch of CUDA-graph replays, weights rotated past L2"
                                    : "median per run, weights rotated past the caches");
        json_open_array(&w, "results");
    } else if (gpu) {
        printf("%s, memory of %.0f GB/s by its clock; times are of one launch in a CUDA graph\n", b.info.name, roof_gbps);
    } else {
        printf("%s, %u threads, reads memory at %.2f GB/s\n", b.info.name, (unsigned)b.info.threads, roof_gbps);
    }
    if (directory) bench_checkpoint(&b, directory, layer_name);
    else
        while (next_shape(&shapes, &k, &n)) bench_one(&b, NULL, bench_random_layer(k, n, group_size));
    if (as_json) {
        json_close_array(&w);
        json_end(&w);
    }
    gpu_timer_close(b.how.timer);
    awqm_device_free(b.device);
    device_memory_close(b.how.memory);
    return EXIT_DONE;
}

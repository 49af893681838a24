/* awqm bench: latency of one layer for several M, kernel by kernel, and what the library picks by itself.
 *
 * The weights are cold: runs go round copies of the layer that together exceed any cache, as in a model,
 * where the other layers run in between. The roof is the bandwidth at which the same number of threads
 * reads memory here; on a GPU, what its clock and bus say. A GPU gets rounds of launches, and a run's time is
 * its share of a round. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "common.h"
#include "device_memory.h"
#include "json.h"
#include "layers.h"
#include "numbers.h"

static const char SYNOPSIS[] =
    "bench [DIR --layer PREFIX | --shape KxN --group-size G] [--m 1,16,256]\n"
    "                  [--device D] [--kernel both|auto|gemv|gemm|marlin] [--dtype f32|f16|bf16]\n"
    "                  [--threads T] [--json]";

enum { LAUNCHES_OF_ROUND = 20, MAX_COPIES = 1024, MIN_RUNS = 5, MAX_RUNS = 2000, MAX_THREADS = 256 };
static const size_t COLD_BYTES = (size_t)256 << 20;
static const double SECONDS_PER_CASE = 0.5;

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

/* The layer under test, as many times as it takes to leave the caches. */
typedef struct bench_layer {
    device_memory *memory;
    size_t launches; /* runs that are timed together: 1 on the CPU */
    awqm_linear *copies[MAX_COPIES];
    size_t copy_count;
    awqm_linear_info info;
} bench_layer;

typedef struct measurement {
    awqm_plan_info plan;
    bool is_auto; /* what the library picks by itself */
    double median_s, min_s;
} measurement;

/* ---- the roof ---- */

typedef struct reader {
    const uint64_t *words;
    size_t count;
    uint64_t sum; /* so that the reading is not optimized away */
} reader;

static void *read_words(void *argument) {
    reader *r = argument;
    uint64_t sum = 0;
    for (size_t i = 0; i < r->count; i++) sum += r->words[i];
    r->sum = sum;
    return NULL;
}

/* Bytes per second that `threads` threads read together: the best pass of a few, over more than the caches.
 */
static double read_bandwidth(size_t threads) {
    size_t per_thread = COLD_BYTES / sizeof(uint64_t) / threads;
    uint64_t *memory = allocate(per_thread * threads, sizeof *memory);
    double best = 0;
    /* Written once, so that every page is really there. */
    memset(memory, 1, per_thread * threads * sizeof *memory);
    for (int pass = 0; pass < 5; pass++) {
        pthread_t ids[MAX_THREADS];
        reader readers[MAX_THREADS];
        double started = seconds_now();
        for (size_t t = 0; t < threads; t++) {
            readers[t] = (reader){memory + t * per_thread, per_thread, 0};
            if (pthread_create(&ids[t], NULL, read_words, &readers[t]) != 0)
                fail("a thread could not be started");
        }
        for (size_t t = 0; t < threads; t++) pthread_join(ids[t], NULL);
        double rate = (double)(per_thread * threads * sizeof *memory) / (seconds_now() - started);
        if (rate > best) best = rate;
    }
    free(memory);
    return best;
}

/* ---- the layer ---- */

static awqm_packed *random_layer(const awqm_device *device, awqm_layout layout, size_t k, size_t n,
                                 int64_t group_size) {
    uint64_t seed = 1;
    float *weight = allocate(k * n, sizeof *weight);
    for (size_t i = 0; i < k * n; i++) weight[i] = (float)(random_unit(&seed) - 0.5);
    awqm_quantize_options options = {
        .struct_size = sizeof options, .group_size = group_size, .device = device, .layout = layout};
    awqm_packed *packed = NULL;
    check(awqm_quantize_tensor(weight, k * n * sizeof *weight, AWQM_DTYPE_F32, (int64_t)n, (int64_t)k,
                               &options, &packed));
    free(weight);
    return packed;
}

static void make_copies(bench_layer *layer, const awqm_device *device, const awqm_packed *packed) {
    size_t wanted = 1;
    layer->info.struct_size = sizeof layer->info;
    for (layer->copy_count = 0; layer->copy_count < wanted; layer->copy_count++) {
        check(awqm_linear_create(device, packed, NULL, &layer->copies[layer->copy_count]));
        check(awqm_linear_get_info(layer->copies[0], &layer->info));
        wanted = layer->info.bytes ? COLD_BYTES / layer->info.bytes + 1 : 1;
        if (wanted > MAX_COPIES) wanted = MAX_COPIES;
    }
}

/* ---- one case ---- */

static measurement measure(const bench_layer *layer, awqm_kernel kernel, awqm_dtype dtype, int64_t m,
                           const void *x, void *y) {
    measurement result = {.plan = {.struct_size = sizeof result.plan}};
    awqm_plan *plans[MAX_COPIES];
    awqm_plan_options options = {.struct_size = sizeof options, .kernel = kernel, .dtype = dtype, .m = m};
    for (size_t i = 0; i < layer->copy_count; i++)
        check(awqm_plan_create(layer->copies[i], &options, &plans[i]));
    check(awqm_plan_get_info(plans[0], &result.plan));
    void *workspace = device_allocate(layer->memory, result.plan.workspace_bytes);
    awqm_run_args args = {
        .struct_size = sizeof args, .x = x, .x_dtype = dtype, .y_dtype = dtype, .y = y, .m = m};

    double times[MAX_RUNS], spent = 0;
    size_t runs = 0;
    for (size_t i = 0; runs < MAX_RUNS && (runs < MIN_RUNS || spent < SECONDS_PER_CASE); i++) {
        double started = seconds_now();
        for (size_t l = 0; l < layer->launches; l++) {
            const awqm_plan *plan = plans[(i * layer->launches + l) % layer->copy_count];
            check(awqm_plan_run(plan, &args, workspace, result.plan.workspace_bytes, NULL));
        }
        device_wait(layer->memory);
        double elapsed = (seconds_now() - started) / (double)layer->launches;
        if (i == 0) continue; /* the first run wakes the threads and touches x and y */
        times[runs++] = elapsed;
        spent += elapsed * (double)layer->launches;
    }
    result.median_s = median(times, runs);
    result.min_s = times[0];
    for (size_t i = 0; i < layer->copy_count; i++) awqm_plan_free(plans[i]);
    device_release(layer->memory, workspace);
    return result;
}

/* Whether a kernel can be forced for a layer. */
static bool has_kernel(const awqm_linear *linear, awqm_kernel kernel, awqm_dtype dtype) {
    awqm_plan *plan = NULL;
    awqm_plan_options options = {.struct_size = sizeof options, .kernel = kernel, .dtype = dtype, .m = 1};
    awqm_status status = awqm_plan_create(linear, &options, &plan);
    awqm_plan_free(plan);
    if (status != AWQM_STATUS_KERNEL_UNSUPPORTED) check(status);
    return status == AWQM_STATUS_OK;
}

static awqm_kernel picked_kernel(const awqm_linear *linear, awqm_dtype dtype, int64_t m) {
    awqm_plan *plan = NULL;
    awqm_plan_options options = {
        .struct_size = sizeof options, .kernel = AWQM_KERNEL_AUTO, .dtype = dtype, .m = m};
    awqm_plan_info info = {.struct_size = sizeof info};
    check(awqm_plan_create(linear, &options, &plan));
    check(awqm_plan_get_info(plan, &info));
    awqm_plan_free(plan);
    return info.kernel;
}

/* ---- output ---- */

static double gbps(const measurement *r) { return (double)r->plan.bytes_moved / r->median_s / 1e9; }
static double gflops(const measurement *r) { return (double)r->plan.operations / r->median_s / 1e9; }

static void print_result(const measurement *r, double roof) {
    printf("%-7s M %-5" PRId64
           " median %9.1f us  min %9.1f us  %7.2f GB/s (%3.0f %% of the roof)  %8.2f GFLOP/s%s\n",
           awqm_kernel_name(r->plan.kernel), r->plan.m, r->median_s * 1e6, r->min_s * 1e6, gbps(r),
           100 * gbps(r) * 1e9 / roof, gflops(r), r->is_auto ? "  <- auto" : "");
}

static void write_result(json *w, const measurement *r, const awqm_device_info *device,
                         const char *device_name, double roof) {
    json_open_object(w, NULL);
    json_text(w, "kernel", awqm_kernel_name(r->plan.kernel));
    json_bool(w, "auto", r->is_auto);
    json_int(w, "m", r->plan.m);
    json_int(w, "k", r->plan.k);
    json_int(w, "n", r->plan.n);
    json_int(w, "group_size", r->plan.group_size);
    json_text(w, "dtype", awqm_dtype_name(r->plan.dtype));
    json_int(w, "threads", device->threads);
    json_text(w, "device", device_name);
    json_text(w, "isa", awqm_isa_name(r->plan.isa));
    json_text(w, "compute", "exact");
    json_real(w, "median_us", r->median_s * 1e6);
    json_real(w, "min_us", r->min_s * 1e6);
    json_real(w, "gbps", gbps(r));
    json_real(w, "gflops", gflops(r));
    json_real(w, "roof_share", gbps(r) * 1e9 / roof);
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

int command_bench(int argc, char **argv) {
    const char *directory = NULL, *layer_name = NULL, *shape = NULL, *m_list = "1,16,256",
               *device_name = "cpu";
    uint32_t kernel = KERNEL_BOTH, dtype = 0;
    uint64_t threads = 0;
    int64_t group_size = 128;
    bool as_json = false;
    const char *const positionals[] = {"[DIR]", NULL};
    const option options[] = {
        {"--layer", OPTION_TEXT, &layer_name, "PREFIX", "a layer of DIR, such as model.layers.0.mlp.up_proj",
         NULL},
        {"--shape", OPTION_TEXT, &shape, "KxN", "random weights of this shape instead (4096x4096)", NULL},
        {"--group-size", OPTION_NUMBER, &group_size, "G", "group size of the random weights (128)", NULL},
        {"--m", OPTION_TEXT, &m_list, "LIST", "rows of activations (1,16,256)", NULL},
        {"--device", OPTION_TEXT, &device_name, "cpu|cuda:N", "where to run (cpu)", NULL},
        {"--kernel", OPTION_CHOICE, &kernel, "both|auto|...", "which kernels (both: gemv and gemm)", KERNELS},
        {"--dtype", OPTION_CHOICE, &dtype, "f32|f16|bf16", "of the activations (f32; f16 on a GPU)", DTYPES},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, &directory, OPTIONS(options)});
    for (const char *rest = m_list; next_m(&rest);) continue;
    uint64_t k = 4096, n = 4096;
    char rest;
    if (shape && (sscanf(shape, "%" SCNu64 "x%" SCNu64 "%c", &k, &n, &rest) != 2 || !k || !n || k > 1 << 20 ||
                  n > 1 << 20)) {
        usage_error(SYNOPSIS, "--shape %s: not a shape (needed KxN, such as 4096x11008)", shape);
    }
    if (!directory != !layer_name) usage_error(SYNOPSIS, "DIR and --layer need each other");
    if (directory && shape)
        usage_error(SYNOPSIS, "a layer of a checkpoint has its own shape: --shape is one too many");

    awqm_device *device = open_device(device_name, (uint32_t)threads);
    awqm_device_info device_info = {.struct_size = sizeof device_info};
    check(awqm_device_get_info(device, &device_info));
    bool gpu = device_info.backend == AWQM_BACKEND_CUDA;
    if (dtype == 0) dtype = gpu ? AWQM_DTYPE_F16 : AWQM_DTYPE_F32;
    awqm_packed *packed;
    if (directory) {
        awqm_checkpoint *checkpoint = NULL;
        awqm_load_options load = {.struct_size = sizeof load, .device = device};
        check(awqm_checkpoint_open(directory, &checkpoint));
        packed = load_layer(checkpoint, layer_name, &load);
        awqm_checkpoint_free(checkpoint);
    } else {
        awqm_layout layout = gpu ? AWQM_LAYOUT_MARLIN : AWQM_LAYOUT_CPU;
        packed = random_layer(device, layout, (size_t)k, (size_t)n, group_size);
    }
    bench_layer layer = {.memory = device_memory_open(device), .launches = gpu ? LAUNCHES_OF_ROUND : 1};
    make_copies(&layer, device, packed);
    awqm_packed_free(packed);
    size_t reading_threads = device_info.threads < 1 ? 1 : device_info.threads;
    double roof = gpu ? 1e9 * device_info.bandwidth_gbps
                      : read_bandwidth(reading_threads > MAX_THREADS ? MAX_THREADS : reading_threads);

    json w = {0};
    if (as_json) {
        w = json_begin();
        json_text(&w, "device_name", device_info.name);
        json_text(&w, "layer", layer_name);
        json_real(&w, "roof_gbps", roof / 1e9);
        json_int(&w, "weight_bytes", (int64_t)layer.info.bytes);
        json_int(&w, "copies", (int64_t)layer.copy_count);
        json_open_array(&w, "results");
    } else {
        char threads_text[32] = "";
        if (!gpu) snprintf(threads_text, sizeof threads_text, ", %u threads", (unsigned)device_info.threads);
        printf("%s: K %" PRId64 ", N %" PRId64 ", group size %" PRId64
               ", %.2f MB of weights, cold (%zu copies)\n"
               "%s%s, reads memory at %.2f GB/s\n",
               layer_name ? layer_name : "random weights", layer.info.k, layer.info.n, layer.info.group_size,
               (double)layer.info.bytes / 1e6, layer.copy_count, device_info.name,
               threads_text, roof / 1e9);
    }
    const char *ms = m_list;
    for (int64_t m; (m = next_m(&ms)) != 0;) {
        size_t element = awqm_dtype_bytes(dtype);
        size_t x_count = (size_t)m * (size_t)layer.info.k, y_count = (size_t)m * (size_t)layer.info.n;
        char *x = allocate(x_count, element);
        uint64_t seed = 2;
        for (size_t i = 0; i < x_count; i++) {
            float value = (float)random_unit(&seed) - 0.5f;
            /* Positive numbers near 1, whichever half format reads these bits. */
            uint16_t half = (uint16_t)(0x3800 | (random_bits(&seed) & 0x07FF));
            memcpy(x + i * element, element == 4 ? (void *)&value : (void *)&half, element);
        }
        void *device_x = device_copy_of(layer.memory, x, x_count * element);
        void *y = device_allocate(layer.memory, y_count * element);
        awqm_kernel picked = picked_kernel(layer.copies[0], dtype, m);
        const awqm_kernel both[] = {AWQM_KERNEL_GEMV, AWQM_KERNEL_GEMM};
        const awqm_kernel *list = kernel == KERNEL_BOTH ? both : &kernel;
        for (size_t i = 0; i < (kernel == KERNEL_BOTH ? 2 : 1); i++) {
            if (kernel == KERNEL_BOTH && !has_kernel(layer.copies[0], list[i], dtype)) continue;
            measurement r = measure(&layer, list[i], dtype, m, device_x, y);
            r.is_auto = r.plan.kernel == picked;
            if (as_json) write_result(&w, &r, &device_info, device_name, roof);
            else print_result(&r, roof);
        }
        device_release(layer.memory, device_x);
        device_release(layer.memory, y);
        free(x);
    }
    if (as_json) {
        json_close_array(&w);
        json_end(&w);
    }
    for (size_t i = 0; i < layer.copy_count; i++) awqm_linear_free(layer.copies[i]);
    awqm_device_free(device);
    device_memory_close(layer.memory);
    return EXIT_DONE;
}

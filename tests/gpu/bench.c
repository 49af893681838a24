/*
 * Measures the kernels on a GPU and writes JSON.
 *
 *     bench [--tune] [--small] [--tuning FILE] [-o FILE]
 *
 * A time is that of one launch among many in a CUDA graph, the median of several replays. Each launch reads another copy
 * of the weights, more of them than the L2 cache holds, so every read goes to memory. The roof is the memory's read
 * bandwidth as a plain kernel finds it on the same GPU. --tune also times every cut that a plan can have.
 * --tuning opens the device with a tuning table. --small takes one small layer: to try the program itself, on an emulated GPU say.
 */
#include "driver.h"
#include "layers.h"
#include "read_ptx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLAYS = 15, LAUNCHES = 64, MOST_COPIES = 64 };

static struct {
    awqm_device *device;
    awqm_dtype dtype;
    uint32_t capability;
    int l2_bytes, multiprocessors, small, tune;
    double read_gbps, copy_gbps;
    void *stream, *start, *end;
    FILE *out;
} bench;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Something that the stream can do many times. `i` counts up. */
typedef void work(void *data, int i);

/* Median microseconds of one of `count` launches, replayed as a graph. */
static double graph_us(work *launch, void *data, int count) {
    void *graph = NULL, *executable = NULL;
    double times[REPLAYS];
    int replays = bench.small ? 3 : REPLAYS;
    CU(StreamBeginCapture(bench.stream, CAPTURE_THREAD_LOCAL));
    for (int i = 0; i < count; i++) launch(data, i);
    CU(StreamEndCapture(bench.stream, &graph));
    CU(GraphInstantiate(&executable, graph, 0));
    CU(GraphLaunch(executable, bench.stream)); /* warm */
    for (int i = 0; i < replays; i++) {
        float milliseconds = 0;
        CU(EventRecord(bench.start, bench.stream));
        CU(GraphLaunch(executable, bench.stream));
        CU(EventRecord(bench.end, bench.stream));
        CU(EventSynchronize(bench.end));
        CU(EventElapsedTime(&milliseconds, bench.start, bench.end));
        times[i] = 1e3 * milliseconds / count;
    }
    CU(GraphExecDestroy(executable));
    CU(GraphDestroy(graph));
    return median(times, replays);
}

/* --- the roofs --- */

typedef struct transfer {
    void *function;
    uint64_t from, to, count;
    size_t bytes;
    unsigned blocks;
} transfer;

static void read_all(void *data, int i) {
    transfer *t = data;
    void *arguments[] = {&t->from, &t->count, &t->to};
    (void)i;
    CU(LaunchKernel(t->function, t->blocks, 1, 1, 256, 1, 1, 0, bench.stream, arguments, NULL));
}

static void copy_all(void *data, int i) {
    transfer *t = data;
    (void)i;
    CU(MemcpyDtoDAsync(t->to, t->from, t->bytes, bench.stream));
}

static void roofs(void) {
    if (!cu.MemcpyDtoDAsync || !cu.LaunchKernel) { /* no real driver */
        bench.read_gbps = bench.copy_gbps = 1;
        return;
    }
    transfer t = {.blocks = (unsigned)bench.multiprocessors * 8};
    size_t step = (size_t)t.blocks * 256 * 4 * 16, wanted = bench.small ? 32u << 20 : 1u << 30;
    void *module = NULL;
    t.bytes = wanted / step * step;
    t.count = t.bytes / 16;
    CU(MemAlloc(&t.from, t.bytes));
    CU(MemAlloc(&t.to, t.bytes));
    bench.copy_gbps = 2 * (double)t.bytes / graph_us(copy_all, &t, 4) / 1e3;
    if (cu.ModuleLoadData && cu.ModuleLoadData(&module, READ_PTX) == 0) {
        CU(ModuleGetFunction(&t.function, module, "read_all"));
        bench.read_gbps = (double)t.bytes / graph_us(read_all, &t, 4) / 1e3;
    } else {
        fprintf(stderr, "the driver compiles no PTX here; the roof is the bandwidth of a copy\n");
        bench.read_gbps = bench.copy_gbps;
    }
    CU(MemFree(t.from));
    CU(MemFree(t.to));
    printf("read %.0f GB/s, copy %.0f GB/s (read and written)\n", bench.read_gbps, bench.copy_gbps);
    fprintf(bench.out, " \"read_gbps\": %.1f,\n \"copy_gbps\": %.1f,\n", bench.read_gbps, bench.copy_gbps);
}

/* --- products --- */

static awqm_layer_desc desc_of(int64_t k, int64_t n, awqm_layout layout) {
    STRUCT(awqm_layer_desc, desc);
    desc.k = k;
    desc.n = n;
    desc.bits = 4;
    desc.zero_point = 1;
    desc.group_size = 128;
    desc.layout = layout;
    desc.scale_dtype = bench.dtype;
    return desc;
}

/* Random tensors of a layout on the device. Random bytes would make NaN scales, so those are numbers. */
static awqm_layer_tensors random_tensors(const awqm_layer_desc *desc) {
    STRUCT(awqm_repack_sizes, sizes);
    STRUCT(awqm_layer_tensors, tensors);
    uint64_t seed = 1;
    MUST(awqm_repack_query(desc, desc->layout, &sizes));
    size_t most = sizes.qweight_bytes > sizes.scales_bytes ? sizes.qweight_bytes : sizes.scales_bytes;
    uint8_t *host = allocate(most + 8);
    for (size_t i = 0; i < most; i += 8) {
        uint64_t bits = random_bits(&seed);
        memcpy(host + i, &bits, 8);
    }
    tensors.qweight = at(device_memory(host, sizes.qweight_bytes));
    tensors.qzeros = at(device_memory(host, sizes.qzeros_bytes));
    for (size_t i = 0; i < sizes.scales_bytes / 2; i++)
        set_element(host, desc->scale_dtype, i, 0.005 + 0.01 * random_unit(&seed));
    tensors.scales = at(device_memory(host, sizes.scales_bytes));
    tensors.qweight_bytes = sizes.qweight_bytes;
    tensors.qzeros_bytes = sizes.qzeros_bytes;
    tensors.scales_bytes = sizes.scales_bytes;
    free(host);
    return tensors;
}

static uint64_t address(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }

static void free_tensors(const awqm_layer_tensors *t) {
    CU(MemFree(address(t->qweight)));
    CU(MemFree(address(t->scales)));
    CU(MemFree(address(t->qzeros)));
}

/* Copies of one layer, and plans of the same cut for each. */
typedef struct rotation {
    int copies;
    awqm_layer_tensors tensors[MOST_COPIES];
    awqm_linear *layers[MOST_COPIES];
    awqm_plan *plans[MOST_COPIES];
    awqm_run_args args;
    uint64_t workspace;
    size_t workspace_bytes;
} rotation;

static uint64_t device_copy(const void *from, size_t bytes) {
    void *host = allocate(bytes);
    CU(MemcpyDtoH(host, address(from), bytes));
    uint64_t to = device_memory(host, bytes);
    free(host);
    return to;
}

static rotation *rotate(int64_t k, int64_t n) {
    rotation *r = allocate(sizeof *r);
    awqm_layer_desc desc = desc_of(k, n, AWQM_LAYOUT_MARLIN);
    r->tensors[0] = random_tensors(&desc);
    const awqm_layer_tensors *first = &r->tensors[0];
    size_t bytes = first->qweight_bytes + first->scales_bytes + first->qzeros_bytes;
    r->copies = (int)(3 * (size_t)bench.l2_bytes / bytes) + 2;
    if (r->copies > MOST_COPIES) r->copies = MOST_COPIES;
    for (int i = 0; i < r->copies; i++) {
        r->tensors[i] = *first;
        if (i) {
            r->tensors[i].qweight = at(device_copy(first->qweight, first->qweight_bytes));
            r->tensors[i].scales = at(device_copy(first->scales, first->scales_bytes));
            r->tensors[i].qzeros = at(device_copy(first->qzeros, first->qzeros_bytes));
        }
        MUST(awqm_linear_create_from_device(bench.device, &desc, &r->tensors[i], &r->layers[i]));
    }
    return r;
}

static void run_plan(void *data, int i) {
    rotation *r = data;
    MUST(awqm_plan_run(r->plans[i % r->copies], &r->args, at(r->workspace), r->workspace_bytes, bench.stream));
}

/* Time of the plans that r holds; frees them. */
static double time_plans(rotation *r, awqm_plan_info *info) {
    info->struct_size = sizeof *info;
    MUST(awqm_plan_get_info(r->plans[0], info));
    void *zeros = allocate(info->workspace_bytes);
    r->workspace_bytes = info->workspace_bytes;
    r->workspace = device_memory(zeros, info->workspace_bytes);
    free(zeros);
    int launches = bench.small ? r->copies : (LAUNCHES + r->copies - 1) / r->copies * r->copies;
    double us = graph_us(run_plan, r, launches);
    CU(MemFree(r->workspace));
    for (int i = 0; i < r->copies; i++) awqm_plan_free(r->plans[i]);
    return us;
}

/* Times one cut, put into the text of the plan that the library chose; 0: K or the GPU does not allow it. */
static double time_cut(rotation *r, const char *chosen, const char *cut_text) {
    const char *cut = strstr(chosen, "\"cut\":{");
    const char *rest = cut ? strchr(cut, '}') : NULL;
    char text[2048];
    awqm_plan_info info;
    int made = 0;
    if (!rest) return 0;
    snprintf(text, sizeof text, "%.*s\"cut\":{%s%s", (int)(cut - chosen), chosen, cut_text, rest);
    while (made < r->copies && awqm_plan_import(r->layers[made], text, &r->plans[made]) == AWQM_STATUS_OK) made++;
    if (made == r->copies) return time_plans(r, &info);
    while (made > 0) awqm_plan_free(r->plans[--made]);
    return 0;
}

/* Every cut that a plan of a kernel version can have. */
static void tune(rotation *r, awqm_kernel kernel, const char *chosen, int64_t k, int64_t n, int64_t m, int *first) {
    static const char *const GEMV[] = {"\"tiles\":1", "\"tiles\":2"};
    static const char *const TILES[] = {"\"tile\":\"m16n64\"", "\"tile\":\"m16n128\"", "\"tile\":\"m32n64\"",
                                        "\"tile\":\"m64n128\"", "\"tile\":\"m128n128\""};
    int gemv = kernel == AWQM_KERNEL_GEMV;
    for (int t = 0; t < (gemv ? 2 : 5); t++) {
        for (int splits = 1; splits <= 16; splits++) {
            char cut[64];
            snprintf(cut, sizeof cut, "%s,\"splits\":%d", gemv ? GEMV[t] : TILES[t], splits);
            double us = time_cut(r, chosen, cut);
            if (us <= 0) continue;
            printf("    %lldx%lld m %lld: %s %s: %8.2f us\n", (long long)k, (long long)n, (long long)m,
                   awqm_kernel_name(kernel), cut, us);
            fprintf(bench.out, "%s  {\"k\": %lld, \"n\": %lld, \"bits\": 4, \"m\": %lld, \"kernel\": \"%s\", \"cut\": {%s}, \"us\": %.3f}",
                    *first ? "" : ",\n", (long long)k, (long long)n, (long long)m, awqm_kernel_name(kernel), cut, us);
            *first = 0;
        }
    }
}

static const struct {
    int64_t k, n;
} SHAPES[] = {{4096, 4096}, {4096, 14336}, {14336, 4096}, {8192, 8192}, {8192, 28672}};
/* GEMV for few rows; the tiles for few, too, and for many. Cuts are tuned at ends of classes of rows. */
static const int64_t GEMV_ROWS[] = {1, 2, 4, 8, 16, 0}, TILE_ROWS[] = {1, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 0};
static const int64_t TUNED_GEMV_ROWS[] = {8, 12, 16, 0}, TUNED_TILE_ROWS[] = {8, 16, 32, 64, 128, 256, 0};
static const int64_t SMALL_ROWS[] = {1, 16, 0}, SMALL_TUNED_ROWS[] = {8, 0};
static const int64_t SMALL_K = 1024, SMALL_N = 128;
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES };

/* The numbers of rows that are timed; 0 at the end. */
static const int64_t *rows_of(awqm_kernel kernel, int tuning) {
    int gemv = kernel == AWQM_KERNEL_GEMV;
    if (bench.small) return tuning ? SMALL_TUNED_ROWS : SMALL_ROWS;
    if (tuning) return gemv ? TUNED_GEMV_ROWS : TUNED_TILE_ROWS;
    return gemv ? GEMV_ROWS : TILE_ROWS;
}

/* One shape by one kernel version for each number of rows. */
static void shape(int64_t k, int64_t n, awqm_kernel kernel, int tuning, int *first) {
    const int64_t *rows = rows_of(kernel, tuning);
    int64_t most = 0;
    for (int i = 0; rows[i]; i++) most = rows[i];
    rotation *r = rotate(k, n);
    uint8_t *x = allocate((size_t)(most * k) * 2);
    random_rows(x, bench.dtype, most, k, k, 1);
    uint64_t x_device = device_memory(x, (size_t)(most * k) * 2), y_device = device_memory(NULL, (size_t)(most * n) * 2);
    free(x);
    for (int i = 0; rows[i]; i++) {
        STRUCT(awqm_plan_options, options);
        char text[1024];
        awqm_plan_info info;
        options.m = rows[i];
        options.dtype = bench.dtype;
        options.kernel = kernel;
        memset(&r->args, 0, sizeof r->args);
        r->args.struct_size = sizeof r->args;
        r->args.x = at(x_device);
        r->args.y = at(y_device);
        r->args.x_dtype = bench.dtype;
        r->args.m = rows[i];
        for (int c = 0; c < r->copies; c++) MUST(awqm_plan_create(r->layers[c], &options, &r->plans[c]));
        MUST(awqm_plan_export(r->plans[0], text, sizeof text, NULL));
        if (tuning) {
            for (int c = 0; c < r->copies; c++) awqm_plan_free(r->plans[c]);
            tune(r, kernel, text, k, n, rows[i], first);
            continue;
        }
        double us = time_plans(r, &info), gbps = (double)info.bytes_moved / us / 1e3, tflops = (double)info.operations / us / 1e6;
        printf("%-6s %5lldx%-5lld m %4lld  %9.2f us (%9.2f predicted)  %6.0f GB/s, %3.0f %% of the roof  %6.1f TFLOP/s  %s, splits %u\n",
               awqm_kernel_name(info.kernel), (long long)k, (long long)n, (long long)rows[i], us, info.predicted_us, gbps,
               100 * gbps / bench.read_gbps, tflops, info.code, (unsigned)info.splits);
        fprintf(bench.out,
                "%s  {\"kernel\": \"%s\", \"k\": %lld, \"n\": %lld, \"m\": %lld, \"us\": %.3f, \"predicted_us\": %.3f, "
                "\"bytes\": %llu, \"gbps\": %.1f, \"share_of_read\": %.4f, \"tflops\": %.2f, \"code\": \"%s\", "
                "\"splits\": %u, \"copies\": %d}",
                *first ? "" : ",\n", awqm_kernel_name(info.kernel), (long long)k, (long long)n, (long long)rows[i], us,
                info.predicted_us, (unsigned long long)info.bytes_moved, gbps, gbps / bench.read_gbps, tflops, info.code,
                (unsigned)info.splits, r->copies);
        *first = 0;
    }
    for (int c = 0; c < r->copies; c++) {
        awqm_linear_free(r->layers[c]);
        free_tensors(&r->tensors[c]);
    }
    free(r);
    CU(MemFree(x_device));
    CU(MemFree(y_device));
}

/* Both kernel versions side by side, or every cut of both. */
static void products(int tuning) {
    static const awqm_kernel KERNELS[] = {AWQM_KERNEL_GEMV, AWQM_KERNEL_GEMM};
    int first = 1;
    fprintf(bench.out, " \"%s\": [\n", tuning ? "tuning" : "products");
    for (int s = 0; s < (bench.small ? 1 : SHAPE_COUNT); s++) {
        for (int i = 0; i < 2; i++)
            shape(bench.small ? SMALL_K : SHAPES[s].k, bench.small ? SMALL_N : SHAPES[s].n, KERNELS[i], tuning, &first);
    }
    fprintf(bench.out, "\n ],\n");
}

/* --- repacking and dequantizing --- */

typedef struct repacking {
    awqm_layer_desc desc;
    awqm_layer_tensors from, to;
    awqm_layout layout;
    awqm_linear *linear;
    uint64_t dense;
    size_t dense_bytes;
} repacking;

static void repack(void *data, int i) {
    repacking *r = data;
    (void)i;
    MUST(awqm_cuda_repack(bench.device, &r->desc, &r->from, r->layout, (void *)(uintptr_t)r->to.qweight, r->to.qweight_bytes,
                          (void *)(uintptr_t)r->to.scales, r->to.scales_bytes, (void *)(uintptr_t)r->to.qzeros,
                          r->to.qzeros_bytes, bench.stream));
}

static void copy_tensors(void *data, int i) {
    repacking *r = data;
    (void)i;
    CU(MemcpyDtoDAsync(address(r->to.qweight), address(r->from.qweight), r->from.qweight_bytes, bench.stream));
    CU(MemcpyDtoDAsync(address(r->to.scales), address(r->from.scales), r->from.scales_bytes, bench.stream));
    CU(MemcpyDtoDAsync(address(r->to.qzeros), address(r->from.qzeros), r->from.qzeros_bytes, bench.stream));
}

static void dequantize(void *data, int i) {
    repacking *r = data;
    (void)i;
    MUST(awqm_linear_dequantize(r->linear, bench.dtype, 0, at(r->dense), r->dense_bytes, bench.stream));
}

static void rearrangements(void) {
    static const struct {
        const char *name;
        awqm_layout layout;
    } FROM[] = {{"gemm", AWQM_LAYOUT_AWQ_GEMM}, {"compressed-tensors", AWQM_LAYOUT_COMPRESSED_TENSORS}};
    int64_t k = bench.small ? SMALL_K : 8192, n = bench.small ? SMALL_N : 28672;
    fprintf(bench.out, " \"repack\": [\n");
    for (int i = 0; i < 2; i++) {
        repacking r = {.desc = desc_of(k, n, FROM[i].layout), .layout = AWQM_LAYOUT_MARLIN};
        awqm_layer_desc marlin = desc_of(k, n, AWQM_LAYOUT_MARLIN);
        r.from = random_tensors(&r.desc);
        r.to = random_tensors(&marlin);
        double us = graph_us(repack, &r, 4), copy_us = cu.MemcpyDtoDAsync ? graph_us(copy_tensors, &r, 4) : us;
        printf("repack %s to marlin, %lldx%lld: %.1f us, %.2f times a copy (%.1f us)\n", FROM[i].name, (long long)k,
               (long long)n, us, us / copy_us, copy_us);
        fprintf(bench.out, "%s  {\"from\": \"%s\", \"k\": %lld, \"n\": %lld, \"us\": %.2f, \"copy_us\": %.2f}", i ? ",\n" : "",
                FROM[i].name, (long long)k, (long long)n, us, copy_us);
        if (i == 1) {
            r.dense_bytes = (size_t)(k * n) * 2;
            CU(MemAlloc(&r.dense, r.dense_bytes));
            MUST(awqm_linear_create_from_device(bench.device, &marlin, &r.to, &r.linear));
            us = graph_us(dequantize, &r, 4);
            double gbps = (double)(r.dense_bytes + r.to.qweight_bytes) / us / 1e3;
            printf("dequantize %lldx%lld: %.1f us, %.0f GB/s\n", (long long)k, (long long)n, us, gbps);
            fprintf(bench.out, "\n ],\n \"dequantize\": [\n  {\"k\": %lld, \"n\": %lld, \"us\": %.2f, \"gbps\": %.1f}\n ]\n",
                    (long long)k, (long long)n, us, gbps);
            awqm_linear_free(r.linear);
            CU(MemFree(r.dense));
        }
        free_tensors(&r.from);
        free_tensors(&r.to);
    }
}

/* A small file as text. */
static char *read_text(const char *path) {
    FILE *file = fopen(path, "r");
    size_t cap = 1 << 20, length;
    char *text = allocate(cap);
    if (!file) {
        perror(path);
        exit(1);
    }
    length = fread(text, 1, cap - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    void *context = NULL;
    const char *path = NULL;
    int driver_version = 0;
    STRUCT(awqm_cuda_options, options);
    STRUCT(awqm_device_info, info);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tune") == 0) bench.tune = 1;
        else if (strcmp(argv[i], "--small") == 0) bench.small = 1;
        else if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) path = argv[++i];
        else if (strcmp(argv[i], "--tuning") == 0 && i + 1 < argc) options.tuning = read_text(argv[++i]);
        else {
            fprintf(stderr, "usage: %s [--tune] [--small] [--tuning FILE] [-o FILE]\n", argv[0]);
            return 2;
        }
    }
    int ordinal = open_driver();
    if (!cu.GraphLaunch || !cu.EventElapsedTime) {
        fprintf(stderr, "no GPU here: this driver has no graphs or no clock\n");
        return 77;
    }
    bench.out = path ? fopen(path, "w") : tmpfile();
    if (!bench.out) {
        perror(path ? path : "tmpfile");
        return 1;
    }
    CU(DevicePrimaryCtxRetain(&context, ordinal));
    CU(CtxPushCurrent(context));
    CU(StreamCreate(&bench.stream, STREAM_NON_BLOCKING));
    CU(EventCreate(&bench.start, 0));
    CU(EventCreate(&bench.end, 0));
    CU(DriverGetVersion(&driver_version));
    MUST(awqm_device_create_cuda(&options, &bench.device));
    MUST(awqm_device_get_info(bench.device, &info));
    bench.capability = info.capability;
    bench.dtype = info.capability >= 80 ? AWQM_DTYPE_BF16 : AWQM_DTYPE_F16;
    bench.multiprocessors = device_attribute(ordinal, ATTRIBUTE_MULTIPROCESSORS);
    bench.l2_bytes = device_attribute(ordinal, ATTRIBUTE_L2_BYTES);
    double named = 2e3 * device_attribute(ordinal, ATTRIBUTE_MEMORY_CLOCK_KHZ) *
                   device_attribute(ordinal, ATTRIBUTE_BUS_BITS) / 8 / 1e9;
    printf("%s, capability %u, %d multiprocessors, %.1f MB of L2, %.0f GB/s by its clock\n", info.name,
           (unsigned)info.capability, bench.multiprocessors, bench.l2_bytes / 1e6, named);
    fprintf(bench.out,
            "{\n \"gpu\": \"%s\",\n \"capability\": %u,\n \"multiprocessors\": %d,\n \"l2_bytes\": %d,\n \"named_gbps\": %.1f,\n"
            " \"driver\": %d,\n \"library\": \"%s\",\n \"dtype\": \"%s\",\n \"bits\": 4,\n \"group_size\": 128,\n"
            " \"zero_point\": true,\n \"method\": \"median per launch of CUDA-graph replays, weights rotated past L2\",\n",
            info.name, (unsigned)info.capability, bench.multiprocessors, bench.l2_bytes, named, driver_version,
            awqm_build_info(), bench.dtype == AWQM_DTYPE_BF16 ? "bf16" : "f16");
    roofs();
    products(0);
    if (bench.tune) products(1);
    rearrangements();
    fprintf(bench.out, "}\n");
    if (fclose(bench.out)) {
        perror(path);
        return 1;
    }
    awqm_device_free(bench.device);
    CU(EventDestroy(bench.start));
    CU(EventDestroy(bench.end));
    CU(StreamDestroy(bench.stream));
    return 0;
}

/* awqm info: the library, the devices, and which kernel can run where. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "commands.h"
#include "common.h"
#include "json.h"

static const char SYNOPSIS[] = "info [--device cpu|cuda:N] [--capability 8.6] [--json]";

/* What a kernel version needs, and whether the CPU (capability 0) or a GPU of that capability gives it. */
typedef struct kernel_report {
    awqm_kernel kernel;
    uint32_t min_capability;
    bool available, f16, bf16, f32;
    char reason[320]; /* why it is not available, else empty */
} kernel_report;

/* The GPU that the answers are for: the device itself, or a typical product of a capability. */
typedef struct gpu {
    uint32_t capability; /* times ten; 0 = the CPU */
    uint32_t multiprocessors;
    double bandwidth_gbps;
    awqm_capability_info names;
} gpu;

/* Layers of models that many people run, and rows of one query, of a few, and of prompts. */
static const struct {
    int64_t k, n;
} SHAPES[] = {{4096, 4096}, {4096, 14336}, {8192, 28672}};
static const int64_t ROWS[] = {1, 8, 64, 512, 4096};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES, ROW_COUNT = sizeof ROWS / sizeof *ROWS };

/* Text for a report, cut to fit. */
static void set_reason(kernel_report *r, const char *text) { snprintf(r->reason, sizeof r->reason, "%s", text); }

/* A plan that some GPU of a capability would get. */
static awqm_cuda_plan_options plan_options(uint32_t capability, int64_t k, int64_t n, int64_t m) {
    return (awqm_cuda_plan_options){
        .struct_size = sizeof(awqm_cuda_plan_options),
        .capability = capability,
        .k = k,
        .n = n,
        .m = m,
        .bits = 4,
        .zero_point = 1,
        .group_size = 128,
        .dtype = AWQM_DTYPE_F16,
    };
}

static bool plans(uint32_t capability, uint32_t multiprocessors, awqm_kernel kernel, awqm_dtype dtype) {
    awqm_cuda_plan_info info = {.struct_size = sizeof info};
    awqm_cuda_plan_options options = plan_options(capability, 4096, 4096, 1);
    options.multiprocessors = multiprocessors;
    options.kernel = kernel;
    options.dtype = dtype;
    return awqm_query_cuda_plan(&options, &info, NULL, 0, NULL) == AWQM_STATUS_OK;
}

static kernel_report query_kernel(awqm_kernel kernel, const gpu *g) {
    kernel_report r = {.kernel = kernel};
    check(awqm_kernel_min_capability(kernel, &r.min_capability));
    if (g->capability) {
        r.bf16 = plans(g->capability, g->multiprocessors, kernel, AWQM_DTYPE_BF16);
        r.f16 = plans(g->capability, g->multiprocessors, kernel, AWQM_DTYPE_F16);
        r.available = r.f16;
        if (!g->names.supported) set_reason(&r, "needs compute capability 7.5 (Turing) or later");
        else if (!r.available) set_reason(&r, awqm_last_error_message());
        return r;
    }
    r.f16 = awqm_kernel_supports_dtype(kernel, 0, AWQM_DTYPE_F16);
    r.bf16 = awqm_kernel_supports_dtype(kernel, 0, AWQM_DTYPE_BF16);
    r.f32 = awqm_kernel_supports_dtype(kernel, 0, AWQM_DTYPE_F32);
    r.available = r.f16 || r.bf16 || r.f32;
    if (!r.available) {
        char text[64];
        snprintf(text, sizeof text, "needs a GPU of capability %u.%u or later", (unsigned)(r.min_capability / 10),
                 (unsigned)(r.min_capability % 10));
        set_reason(&r, text);
    }
    return r;
}

/* "8.6" to 86. */
static uint32_t parse_capability(const char *text) {
    unsigned major, minor;
    char rest;
    if (sscanf(text, "%u.%u%c", &major, &minor, &rest) != 2 || major > 99 || minor > 9) {
        usage_error(SYNOPSIS, "--capability %s: not a compute capability (needed such as 8.6)", text);
    }
    return major * 10 + minor;
}

static gpu describe_gpu(uint32_t capability, const awqm_device_info *device) {
    gpu g = {.capability = capability, .names = {.struct_size = sizeof g.names}};
    if (!capability) return g;
    check(awqm_query_capability(capability, &g.names));
    g.multiprocessors = g.names.multiprocessors;
    g.bandwidth_gbps = g.names.bandwidth_gbps;
    if (device) { /* what is there counts */
        g.multiprocessors = device->multiprocessors;
        g.bandwidth_gbps = device->bandwidth_gbps;
    } else if (!g.multiprocessors && g.names.supported) {
        g.multiprocessors = 100; /* a GPU of the future */
    }
    return g;
}

static void print_device(const awqm_device_info *d) {
    if (d->backend == AWQM_BACKEND_CPU) {
        printf("device   %s, %u threads, %s kernels\n", d->name, (unsigned)d->threads, awqm_isa_name(d->isa));
    } else {
        printf("device   %s, capability %u.%u, %u multiprocessors, %.1f GiB\n", d->name,
               (unsigned)(d->capability / 10), (unsigned)(d->capability % 10), (unsigned)d->multiprocessors,
               (double)d->memory_bytes / (1 << 30));
    }
}

static void print_kernel(const kernel_report *r) {
    printf("kernel   %-8s", awqm_kernel_name(r->kernel));
    if (r->available)
        printf("yes:%s%s%s\n", r->f16 ? " f16" : "", r->bf16 ? " bf16" : "", r->f32 ? " f32" : "");
    else printf("no: %s\n", r->reason);
}

static void print_gpu(const gpu *g, bool is_device) {
    printf("on a GPU of capability %u.%u", (unsigned)(g->capability / 10), (unsigned)(g->capability % 10));
    if (g->names.architecture[0]) printf(" (%s: %s)", g->names.architecture, g->names.products);
    printf(":\n");
    if (!g->names.supported) puts("none     below 7.5 (Turing), the least that any kernel runs on");
    else if (!is_device && g->names.typical[0])
        printf("typical  %s, %u multiprocessors, %.0f GB/s\n", g->names.typical, (unsigned)g->multiprocessors,
               g->bandwidth_gbps);
}

/* Calls `each` with the plan of every shape and number of rows. */
typedef void plan_visitor(void *context, const awqm_cuda_plan_options *asked, const awqm_cuda_plan_info *plan,
                          const char *reason);

static void visit_plans(const gpu *g, plan_visitor *each, void *context) {
    if (!g->capability || !g->names.supported) return;
    for (int i = 0; i < SHAPE_COUNT * ROW_COUNT; i++) {
        int64_t k = SHAPES[i / ROW_COUNT].k, n = SHAPES[i / ROW_COUNT].n;
        awqm_cuda_plan_options options = plan_options(g->capability, k, n, ROWS[i % ROW_COUNT]);
        awqm_cuda_plan_info plan = {.struct_size = sizeof plan};
        char reason[1024];
        options.multiprocessors = g->multiprocessors;
        options.bandwidth_gbps = g->bandwidth_gbps;
        check(awqm_query_cuda_plan(&options, &plan, reason, sizeof reason, NULL));
        each(context, &options, &plan, reason);
    }
}

static void print_plan(void *context, const awqm_cuda_plan_options *asked, const awqm_cuda_plan_info *plan,
                       const char *reason) {
    bool *started = context;
    char shape[32];
    snprintf(shape, sizeof shape, "%lldx%lld", (long long)asked->k, (long long)asked->n);
    if (!*started) {
        puts("plans    f16, 4 bits, groups of 128, zero points");
        printf("  %-12s %4s  %-6s %-14s %8s %6s %13s %10s %10s\n", "KxN", "m", "kernel", "grid", "tile", "splits",
               "workspace", "floor", "predicted");
    }
    *started = true;
    char grid[32], tile[32], floor[32] = "unknown";
    snprintf(grid, sizeof grid, "%ux%ux%u", (unsigned)plan->grid_x, (unsigned)plan->grid_y, (unsigned)plan->grid_z);
    snprintf(tile, sizeof tile, "%ux%u", (unsigned)plan->block_rows, (unsigned)plan->tiles * 64);
    if (plan->floor_us > 0) snprintf(floor, sizeof floor, "%.1f us", fmax(plan->floor_us, plan->products_floor_us));
    printf("  %-12s %4lld  %-6s %-14s %8s %6u %10.1f KB %10s %7.1f us%s\n", shape, (long long)asked->m,
           awqm_kernel_name(plan->kernel), grid, tile, (unsigned)plan->splits, (double)plan->workspace_bytes / 1e3, floor,
           plan->predicted_us, plan->prefers_dense ? "; dense GEMM predicted faster" : "");
    if (asked->m == ROWS[0]) printf("    %s\n", reason);
}

static void write_plan(void *context, const awqm_cuda_plan_options *asked, const awqm_cuda_plan_info *plan,
                       const char *reason) {
    json *w = context;
    json_open_object(w, NULL);
    json_int(w, "k", asked->k);
    json_int(w, "n", asked->n);
    json_int(w, "m", asked->m);
    json_text(w, "kernel", awqm_kernel_name(plan->kernel));
    json_open_array(w, "grid");
    json_int(w, NULL, plan->grid_x);
    json_int(w, NULL, plan->grid_y);
    json_int(w, NULL, plan->grid_z);
    json_close_array(w);
    json_int(w, "tiles", plan->tiles);
    json_int(w, "splits", plan->splits);
    json_int(w, "workspace_bytes", (int64_t)plan->workspace_bytes);
    json_int(w, "bytes_moved", (int64_t)plan->bytes_moved);
    json_int(w, "operations", (int64_t)plan->operations);
    if (plan->floor_us > 0) json_real(w, "floor_us", plan->floor_us);
    else json_null(w, "floor_us");
    json_text(w, "code", plan->code);
    json_int(w, "block_rows", plan->block_rows);
    json_real(w, "products_floor_us", plan->products_floor_us);
    json_real(w, "predicted_us", plan->predicted_us);
    json_real(w, "dense_predicted_us", plan->dense_predicted_us);
    json_bool(w, "prefers_dense", plan->prefers_dense);
    json_text(w, "reason", reason);
    json_close_object(w);
}

static void write_gpu(json *w, const gpu *g) {
    json_open_object(w, "gpu");
    json_bool(w, "supported", g->names.supported);
    json_text(w, "architecture", g->names.architecture);
    json_text(w, "products", g->names.products);
    json_text(w, "typical", g->names.typical);
    json_int(w, "multiprocessors", g->multiprocessors);
    if (g->bandwidth_gbps > 0) json_real(w, "bandwidth_gbps", g->bandwidth_gbps);
    else json_null(w, "bandwidth_gbps");
    json_close_object(w);
    json_open_array(w, "plans");
    visit_plans(g, write_plan, w);
    json_close_array(w);
}

static void write_device(json *w, const awqm_device_info *d, const char *id) {
    json_open_object(w, NULL);
    json_text(w, "id", id);
    json_text(w, "name", d->name);
    json_text(w, "backend", d->backend == AWQM_BACKEND_CPU ? "cpu" : "cuda");
    if (d->backend == AWQM_BACKEND_CPU) {
        json_int(w, "threads", d->threads);
        json_text(w, "isa", awqm_isa_name(d->isa));
    } else {
        json_int(w, "capability", d->capability);
        json_int(w, "multiprocessors", d->multiprocessors);
    }
    json_int(w, "memory_bytes", (int64_t)d->memory_bytes);
    json_close_object(w);
}

static void write_kernel(json *w, const kernel_report *r) {
    json_open_object(w, NULL);
    json_text(w, "kernel", awqm_kernel_name(r->kernel));
    json_bool(w, "available", r->available);
    json_text(w, "reason", r->reason);
    json_int(w, "min_capability", r->min_capability);
    json_open_array(w, "dtypes");
    if (r->f16) json_text(w, NULL, "f16");
    if (r->bf16) json_text(w, NULL, "bf16");
    if (r->f32) json_text(w, NULL, "f32");
    json_close_array(w);
    json_close_object(w);
}

int command_info(int argc, char **argv) {
    const char *device_name = "cpu", *capability_text = NULL;
    bool as_json = false;
    const char *const positionals[] = {NULL};
    const option options[] = {
        {"--device", OPTION_TEXT, &device_name, "cpu|cuda:N", "the device to look at (cpu)", NULL},
        {"--capability", OPTION_TEXT, &capability_text, "X.Y", "ask for a GPU of this capability instead",
         NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, NULL, OPTIONS(options)});
    uint32_t capability = capability_text ? parse_capability(capability_text) : 0;

    awqm_device_info device = {.struct_size = sizeof device};
    awqm_device *handle = open_device(device_name, 0);
    check(awqm_device_get_info(handle, &device));
    awqm_device_free(handle);
    if (!capability_text) capability = device.capability;

    gpu about = describe_gpu(capability, capability_text ? NULL : &device);

    awqm_cuda_info cuda = {.struct_size = sizeof cuda};
    char *cuda_reason;
    FETCH_TEXT(cuda_reason, awqm_cuda_get_info, &cuda);

    int64_t groups[32];
    size_t group_count = 0;
    check(awqm_marlin_group_sizes(groups, sizeof groups / sizeof *groups, &group_count));

    static const awqm_kernel KERNELS[] = {AWQM_KERNEL_GEMV, AWQM_KERNEL_GEMM, AWQM_KERNEL_MARLIN};
    enum { KERNEL_COUNT = sizeof KERNELS / sizeof *KERNELS };
    kernel_report kernels[KERNEL_COUNT];
    for (int i = 0; i < KERNEL_COUNT; i++) kernels[i] = query_kernel(KERNELS[i], &about);

    if (as_json) {
        json w = json_begin();
        json_text(&w, "version", awqm_version_string());
        json_int(&w, "abi", awqm_abi_version());
        json_text(&w, "build", awqm_build_info());
        json_open_array(&w, "devices");
        write_device(&w, &device, device_name);
        json_close_array(&w);
        json_open_object(&w, "cuda");
        json_bool(&w, "available", cuda.available);
        json_text(&w, "reason", cuda_reason);
        json_int(&w, "devices", cuda.device_count);
        json_int(&w, "driver_version", cuda.driver_version);
        json_int(&w, "needed_driver_version", cuda.needed_driver_version);
        json_text(&w, "images", cuda.images);
        json_close_object(&w);
        if (capability) json_int(&w, "capability", capability);
        else json_null(&w, "capability");
        if (capability) write_gpu(&w, &about);
        json_open_array(&w, "kernels");
        for (int i = 0; i < KERNEL_COUNT; i++) write_kernel(&w, &kernels[i]);
        json_close_array(&w);
        json_open_array(&w, "marlin_group_sizes");
        for (size_t i = 0; i < group_count; i++) json_int(&w, NULL, groups[i]);
        json_close_array(&w);
        json_end(&w);
        free(cuda_reason);
        return EXIT_DONE;
    }
    printf("library  %s\n", awqm_build_info());
    print_device(&device);
    if (cuda.available)
        printf("cuda     %u devices, driver %d.%d, kernels for %s\n", (unsigned)cuda.device_count,
               (int)cuda.driver_version / 1000, (int)cuda.driver_version % 1000 / 10, cuda.images);
    else printf("cuda     %s\n", cuda_reason);
    if (capability) print_gpu(&about, !capability_text);
    for (int i = 0; i < KERNEL_COUNT; i++) print_kernel(&kernels[i]);
    bool started = false;
    visit_plans(&about, print_plan, &started);
    printf("groups   Marlin kernels elsewhere take");
    for (size_t i = 0; i < group_count; i++) printf(" %lld", (long long)groups[i]);
    puts("; this library pads any other (-1: one group per channel)");
    free(cuda_reason);
    return EXIT_DONE;
}

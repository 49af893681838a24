/* awqm info: the library, the devices, and which kernel can run where. */
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
    char reason[128]; /* why it is not available, else empty */
} kernel_report;

static kernel_report query_kernel(awqm_kernel kernel, uint32_t capability) {
    kernel_report r = {.kernel = kernel};
    check(awqm_kernel_min_capability(kernel, &r.min_capability));
    r.f16 = awqm_kernel_supports_dtype(kernel, capability, AWQM_DTYPE_F16);
    r.bf16 = awqm_kernel_supports_dtype(kernel, capability, AWQM_DTYPE_BF16);
    r.f32 = awqm_kernel_supports_dtype(kernel, capability, AWQM_DTYPE_F32);
    r.available = r.f16 || r.bf16 || r.f32;
    if (!r.available) {
        snprintf(r.reason, sizeof r.reason, "needs a GPU of capability %u.%u or later",
                 (unsigned)(r.min_capability / 10), (unsigned)(r.min_capability % 10));
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

    /* The first GPU is only asked whether it is there, and why not. */
    awqm_device *cuda = NULL;
    char *cuda_reason = copy_text(awqm_device_create_cuda(0, &cuda) ? awqm_last_error_message() : "");
    awqm_device_free(cuda);

    int64_t groups[32];
    size_t group_count = 0;
    check(awqm_marlin_group_sizes(groups, sizeof groups / sizeof *groups, &group_count));

    static const awqm_kernel KERNELS[] = {AWQM_KERNEL_GEMV, AWQM_KERNEL_GEMM, AWQM_KERNEL_MARLIN};
    enum { KERNEL_COUNT = sizeof KERNELS / sizeof *KERNELS };
    kernel_report kernels[KERNEL_COUNT];
    for (int i = 0; i < KERNEL_COUNT; i++) kernels[i] = query_kernel(KERNELS[i], capability);

    if (as_json) {
        json w = json_begin();
        json_text(&w, "version", awqm_version_string());
        json_int(&w, "abi", awqm_abi_version());
        json_text(&w, "build", awqm_build_info());
        json_open_array(&w, "devices");
        write_device(&w, &device, device_name);
        json_close_array(&w);
        json_open_object(&w, "cuda");
        json_bool(&w, "available", cuda_reason[0] == '\0');
        json_text(&w, "reason", cuda_reason);
        json_close_object(&w);
        if (capability) json_int(&w, "capability", capability);
        else json_null(&w, "capability");
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
    printf("cuda     %s\n", cuda_reason[0] ? cuda_reason : "available");
    if (capability)
        printf("on a GPU of capability %u.%u:\n", (unsigned)(capability / 10), (unsigned)(capability % 10));
    for (int i = 0; i < KERNEL_COUNT; i++) print_kernel(&kernels[i]);
    printf("groups   Marlin kernels elsewhere take");
    for (size_t i = 0; i < group_count; i++) printf(" %lld", (long long)groups[i]);
    puts("; this library pads any other (-1: one group per channel)");
    free(cuda_reason);
    return EXIT_DONE;
}

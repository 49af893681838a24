#include "bench_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "args.h"
#include "common.h"

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

void bench_report(const bench *b, const bench_layer *layer, const char *name, const bench_result *r) {
    if (b->json) write_result(b, layer, name, r);
    else print_result(b, r);
}

void bench_report_begin(bench *b, json *w, bool as_json) {
    bool gpu = b->how.timer != NULL;
    double roof_gbps = gpu ? b->info.bandwidth_gbps : b->how.read_bytes_per_s / 1e9;
    if (!as_json) {
        if (gpu)
            printf("%s, memory of %.0f GB/s by its clock; times are of one launch in a CUDA graph\n", b->info.name,
                   roof_gbps);
        else printf("%s, %u threads, reads memory at %.2f GB/s\n", b->info.name, (unsigned)b->info.threads, roof_gbps);
        return;
    }
    *w = json_begin();
    b->json = w;
    json_text(w, "device_name", b->info.name);
    json_text(w, "library", awqm_build_info());
    json_int(w, "capability", b->info.capability);
    if (roof_gbps > 0) json_real(w, "roof_gbps", roof_gbps);
    else json_null(w, "roof_gbps");
    json_text(w, "method", gpu ? "median per launch of CUDA-graph replays, weights rotated past L2"
                               : "median per run, weights rotated past the caches");
    json_open_array(w, "results");
}

void bench_report_end(const bench *b) {
    if (!b->json) return;
    json_close_array(b->json);
    json_end(b->json);
}

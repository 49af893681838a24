/* awqm quantize, awqm convert: a checkpoint in, a checkpoint out, layer by layer. */
#include <inttypes.h>
#include <stdio.h>

#include "args.h"
#include "commands.h"
#include "common.h"
#include "json.h"
#include "layers.h"
#include "progress.h"

static const char QUANTIZE_SYNOPSIS[] =
    "quantize SRC DST [--method rtn] [--bits 4|8] [--group-size G] [--symmetric]\n"
    "                     [--format gemm|gemv|gemv_fast|compressed-tensors|marlin|awq_marlin] [--skip "
    "PATTERN]...\n"
    "                     [--max-shard-bytes B] [--overwrite] [--threads T] [--json]";
static const char CONVERT_SYNOPSIS[] =
    "convert DIR DST --to gemm|gemv|gemv_fast|compressed-tensors|marlin|awq_marlin\n"
    "                     [--max-shard-bytes B] [--overwrite] [--threads T] [--json]";

enum { METHOD_RTN, METHOD_AWQ };
static const choice METHODS[] = {{"rtn", METHOD_RTN}, {"awq", METHOD_AWQ}, {NULL, 0}};

typedef awqm_status rewrite_fn(const char *src, const char *dst, const awqm_quantize_options *options,
                               awqm_quantize_report *report);

/* Runs either job with a progress bar and reports what it did. */
static int rewrite(rewrite_fn *job, const char *const paths[2], awqm_quantize_options *options,
                   uint64_t threads, bool as_json) {
    awqm_device *device = open_device("cpu", (uint32_t)threads);
    awqm_quantize_report report = {.struct_size = sizeof report};
    progress_bar bar = progress_begin();
    double started = seconds_now();
    options->struct_size = sizeof *options;
    options->device = device;
    options->progress = progress_callback;
    options->user_data = &bar;
    awqm_status status = job(paths[0], paths[1], options, &report);
    progress_end(&bar);
    check(status);
    double elapsed = seconds_now() - started;
    awqm_device_free(device);

    if (as_json) {
        json w = json_begin();
        json_text(&w, "source", paths[0]);
        json_text(&w, "destination", paths[1]);
        json_text(&w, "format", awqm_layout_name(options->layout));
        json_int(&w, "layers_quantized", (int64_t)report.layers_quantized);
        json_int(&w, "layers_kept", (int64_t)report.layers_kept);
        json_int(&w, "bytes_before", (int64_t)report.bytes_before);
        json_int(&w, "bytes_after", (int64_t)report.bytes_after);
        json_real(&w, "seconds", elapsed);
        json_end(&w);
    } else {
        printf("%" PRIu64 " layers in %s, %" PRIu64 " kept as they were; %.1f MB became %.1f MB in %.1f s\n",
               report.layers_quantized, awqm_layout_name(options->layout), report.layers_kept,
               (double)report.bytes_before / 1e6, (double)report.bytes_after / 1e6, elapsed);
    }
    return EXIT_DONE;
}

int command_quantize(int argc, char **argv) {
    const char *paths[2] = {NULL, NULL}, *calibration = NULL;
    uint32_t method = METHOD_RTN, layout = AWQM_LAYOUT_AWQ_GEMM;
    uint64_t bits = 4, max_shard_bytes = 0, threads = 0;
    int64_t group_size = 128;
    text_list skip = {NULL, 0};
    bool symmetric = false, overwrite = false, as_json = false;
    const char *const positionals[] = {"SRC", "DST", NULL};
    const option options[] = {
        {"--method", OPTION_CHOICE, &method, "rtn|awq", "round to nearest, or the AWQ search (rtn)", METHODS},
        {"--bits", OPTION_COUNT, &bits, "4|8", "bits of a weight (4)", NULL},
        {"--group-size", OPTION_NUMBER, &group_size, "G", "inputs that share a scale; -1: all (128)", NULL},
        {"--symmetric", OPTION_FLAG, &symmetric, NULL, "no zero points", NULL},
        {"--format", OPTION_CHOICE, &layout, "gemm|gemv|...", "how the weights are packed (gemm)", LAYOUTS},
        {"--calibration", OPTION_TEXT, &calibration, "FILE", "activations for --method awq", NULL},
        {"--skip", OPTION_TEXTS, &skip, "PATTERN", "leave these layers: a name or whole parts of one", NULL},
        {"--max-shard-bytes", OPTION_COUNT, &max_shard_bytes, "B", "size of a file (4 GiB)", NULL},
        {"--overwrite", OPTION_FLAG, &overwrite, NULL, "write over what is in DST", NULL},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){QUANTIZE_SYNOPSIS, positionals, paths, OPTIONS(options)});
    if (method == METHOD_AWQ || calibration) {
        fail("the AWQ search and its calibration are not in version %s; use --method rtn",
             awqm_version_string());
    }
    awqm_quantize_options o = {
        .bits = bits > UINT32_MAX ? UINT32_MAX : (uint32_t)bits,
        .symmetric = symmetric,
        .group_size = group_size,
        .layout = layout,
        .range_rule = layout == AWQM_LAYOUT_COMPRESSED_TENSORS ? AWQM_RANGE_RULE_COMPRESSED_TENSORS
                                                               : AWQM_RANGE_RULE_AUTOAWQ,
        .skip = skip.items,
        .skip_count = skip.count,
        .max_shard_bytes = max_shard_bytes,
        .overwrite = overwrite,
    };
    /* To the library 0 stands for the default; on the command line it is a mistake. */
    if (bits == 0) usage_error(QUANTIZE_SYNOPSIS, "--bits 0: needed 4 or 8");
    if (group_size == 0) usage_error(QUANTIZE_SYNOPSIS, "--group-size 0: needed -1 or at least 1");
    return rewrite(awqm_quantize_checkpoint, paths, &o, threads, as_json);
}

int command_convert(int argc, char **argv) {
    const char *paths[2] = {NULL, NULL};
    uint32_t layout = 0;
    uint64_t max_shard_bytes = 0, threads = 0;
    bool overwrite = false, as_json = false;
    const char *const positionals[] = {"DIR", "DST", NULL};
    const option options[] = {
        {"--to", OPTION_CHOICE, &layout, "gemm|gemv|...", "how the weights are packed", LAYOUTS},
        {"--max-shard-bytes", OPTION_COUNT, &max_shard_bytes, "B", "size of a file (4 GiB)", NULL},
        {"--overwrite", OPTION_FLAG, &overwrite, NULL, "write over what is in DST", NULL},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){CONVERT_SYNOPSIS, positionals, paths, OPTIONS(options)});
    if (layout == 0) usage_error(CONVERT_SYNOPSIS, "--to is missing");
    awqm_quantize_options o = {.layout = layout, .max_shard_bytes = max_shard_bytes, .overwrite = overwrite};
    return rewrite(awqm_convert_checkpoint, paths, &o, threads, as_json);
}

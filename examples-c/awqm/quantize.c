/* awqm quantize, awqm convert: a checkpoint in, a checkpoint out, layer by layer. */
#include <inttypes.h>
#include <stdio.h>

#include "args.h"
#include "awq.h"
#include "commands.h"
#include "common.h"
#include "json.h"
#include "layers.h"
#include "progress.h"

static const char QUANTIZE_SYNOPSIS[] =
    "quantize SRC DST [--method awq|rtn] [--text FILE | --calibration FILE.safetensors]\n"
    "                     [--awq-mode better|faithful] [--bits 4|8] [--group-size G] [--symmetric]\n"
    "                     [--format gemm|gemv|gemv_fast|compressed-tensors|marlin|awq_marlin] [--skip "
    "PATTERN]...\n"
    "                     [--windows N] [--window T] [--architecture FILE.json] [--resume]\n"
    "                     [--max-shard-bytes B] [--overwrite] [--threads T] [--json]";
static const char CONVERT_SYNOPSIS[] =
    "convert DIR DST --to gemm|gemv|gemv_fast|compressed-tensors|marlin|awq_marlin\n"
    "                     [--max-shard-bytes B] [--overwrite] [--threads T] [--json]";

enum { METHOD_AUTO, METHOD_RTN, METHOD_AWQ };
static const choice METHODS[] = {{"rtn", METHOD_RTN}, {"awq", METHOD_AWQ}, {NULL, 0}};
static const choice AWQ_MODES[] = {
    {"better", AWQM_AWQ_MODE_BETTER}, {"faithful", AWQM_AWQ_MODE_FAITHFUL}, {NULL, 0}};

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
    const char *paths[2] = {NULL, NULL};
    uint32_t method = METHOD_AUTO, layout = AWQM_LAYOUT_AWQ_GEMM;
    uint64_t bits = 4, threads = 0;
    int64_t group_size = 128;
    text_list skip = {NULL, 0};
    bool symmetric = false, overwrite = false, resume = false, as_json = false;
    uint64_t max_shard_bytes = 0;
    awq_request awq = {.text = {.windows = 128, .window = 512}, .options = {.mode = AWQM_AWQ_MODE_BETTER}};
    const char *const positionals[] = {"SRC", "DST", NULL};
    const option options[] = {
        {"--method", OPTION_CHOICE, &method, "awq|rtn",
         "activation-aware, or round to nearest (awq with --text or --calibration, else rtn)", METHODS},
        {"--text", OPTION_TEXT, &awq.text.path, "FILE", "what the model reads to be calibrated", NULL},
        {"--windows", OPTION_COUNT, &awq.text.windows, "N", "at most so many pieces of the text (128)", NULL},
        {"--window", OPTION_COUNT, &awq.text.window, "T", "tokens of a piece (512)", NULL},
        {"--calibration", OPTION_TEXT, &awq.calibration, "FILE",
         "a saved calibration, or inputs [.., K] under the names of their layers", NULL},
        {"--awq-mode", OPTION_CHOICE, &awq.options.mode, "better|faithful",
         "the least error, or AutoAWQ's own choices (better)", AWQ_MODES},
        {"--architecture", OPTION_TEXT, &awq.options.architecture, "FILE", "JSON: what scales fold into",
         NULL},
        {"--resume", OPTION_FLAG, &resume, NULL, "go on with an interrupted job, and let this one be", NULL},
        {"--bits", OPTION_COUNT, &bits, "4|8", "bits of a weight (4)", NULL},
        {"--group-size", OPTION_NUMBER, &group_size, "G", "inputs that share a scale; -1: all (128)", NULL},
        {"--symmetric", OPTION_FLAG, &symmetric, NULL, "no zero points", NULL},
        {"--format", OPTION_CHOICE, &layout, "gemm|gemv|...", "how the weights are packed (gemm)", LAYOUTS},
        {"--skip", OPTION_TEXTS, &skip, "PATTERN", "leave these layers: a name or whole parts of one", NULL},
        {"--max-shard-bytes", OPTION_COUNT, &max_shard_bytes, "B", "size of a file (4 GiB)", NULL},
        {"--overwrite", OPTION_FLAG, &overwrite, NULL, "write over what is in DST", NULL},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){QUANTIZE_SYNOPSIS, positionals, paths, OPTIONS(options)});
    bool calibrated = awq.text.path || awq.calibration;
    if (method == METHOD_AUTO) method = calibrated ? METHOD_AWQ : METHOD_RTN;
    /* To the library 0 stands for the default; on the command line it is a mistake. */
    if (bits == 0) usage_error(QUANTIZE_SYNOPSIS, "--bits 0: needed 4 or 8");
    if (group_size == 0) usage_error(QUANTIZE_SYNOPSIS, "--group-size 0: needed -1 or at least 1");
    uint32_t narrow_bits = bits > UINT32_MAX ? UINT32_MAX : (uint32_t)bits;

    if (method == METHOD_RTN) {
        if (calibrated) usage_error(QUANTIZE_SYNOPSIS, "--method rtn looks at no activations");
        if (resume || awq.options.architecture) {
            usage_error(QUANTIZE_SYNOPSIS, "--resume and --architecture are of --method awq");
        }
        awqm_quantize_options o = {
            .bits = narrow_bits,
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
        return rewrite(awqm_quantize_checkpoint, paths, &o, threads, as_json);
    }
    if (!calibrated) usage_error(QUANTIZE_SYNOPSIS, "--method awq needs --text or --calibration");
    if (awq.text.path && awq.calibration) {
        usage_error(QUANTIZE_SYNOPSIS, "--text and --calibration: needed one of them");
    }
    if (awq.text.windows == 0) usage_error(QUANTIZE_SYNOPSIS, "--windows 0: needed at least 1");
    if (awq.text.window < 2) usage_error(QUANTIZE_SYNOPSIS, "--window: needed at least 2 tokens");
    awq.source = paths[0];
    awq.destination = paths[1];
    awq.options.bits = narrow_bits;
    awq.options.symmetric = symmetric;
    awq.options.group_size = group_size;
    awq.options.layout = layout;
    awq.options.skip = skip.items;
    awq.options.skip_count = skip.count;
    awq.options.max_shard_bytes = max_shard_bytes;
    awq.options.overwrite = overwrite;
    awq.options.resume = resume;
    return quantize_awq(&awq, (uint32_t)threads, as_json);
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

#include "awq.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common.h"
#include "json.h"
#include "progress.h"

/* Gathers activations and quantizes by them. Returns how many tokens were read, 0 for those of a file. */
static uint64_t quantize(awqm_quantizer *quantizer, const awq_request *request, const awqm_device *device,
                         progress_bar *bar) {
    awqm_calibrator_options options = {.struct_size = sizeof options};
    if (request->text.path) {
        return quantize_by_text(quantizer, request->source, &request->text, &options, device, bar);
    }
    awqm_calibrator *calibrator = read_calibration(request->calibration, &options, device);
    check(awqm_quantizer_run(quantizer, calibrator, NULL));
    awqm_calibrator_free(calibrator);
    return 0;
}

int quantize_awq(const awq_request *request, uint32_t threads, bool as_json) {
    progress_bar bar = progress_begin();
    double started = seconds_now();
    awqm_device *device = open_device("cpu", threads);
    awqm_quantizer_options options = request->options;
    options.struct_size = sizeof options;
    options.device = device;
    options.progress = progress_callback;
    options.user_data = &bar;
    awqm_quantizer *quantizer = NULL;
    check(awqm_quantizer_create(request->source, request->destination, &options, &quantizer));
    awqm_quantizer_info info = {.struct_size = sizeof info};
    check(awqm_quantizer_get_info(quantizer, &info));
    uint64_t resumed = info.groups_done;

    uint64_t tokens = quantize(quantizer, request, device, &bar);
    awqm_quantize_report report = {.struct_size = sizeof report};
    check(awqm_quantizer_finish(quantizer, &report));
    progress_end(&bar);
    double elapsed = seconds_now() - started;

    char *details;
    if (as_json) {
        FETCH_TEXT(details, awqm_quantizer_report_json, quantizer);
        json w = json_begin();
        json_text(&w, "source", request->source);
        json_text(&w, "destination", request->destination);
        json_text(&w, "format", awqm_layout_name(options.layout));
        json_int(&w, "layers_quantized", (int64_t)report.layers_quantized);
        json_int(&w, "layers_kept", (int64_t)report.layers_kept);
        json_int(&w, "groups_resumed", (int64_t)resumed);
        json_int(&w, "calibration_tokens", (int64_t)tokens);
        json_int(&w, "bytes_before", (int64_t)report.bytes_before);
        json_int(&w, "bytes_after", (int64_t)report.bytes_after);
        json_real(&w, "seconds", elapsed);
        json_raw(&w, "awq", details);
        json_end(&w);
    } else {
        FETCH_TEXT(details, awqm_quantizer_report_text, quantizer);
        fputs(details, stdout);
        if (resumed > 0)
            printf("\n%" PRIu64 " of %" PRIu64 " groups were done already\n", resumed, info.groups);
        printf("\n%" PRIu64 " layers in %s, %" PRIu64
               " kept as they were; %.1f MB became %.1f MB in %.1f s\n",
               report.layers_quantized, awqm_layout_name(options.layout), report.layers_kept,
               (double)report.bytes_before / 1e6, (double)report.bytes_after / 1e6, elapsed);
    }
    free(details);
    awqm_quantizer_free(quantizer);
    awqm_device_free(device);
    return EXIT_DONE;
}

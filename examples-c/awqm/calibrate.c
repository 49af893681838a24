#include "calibrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "engine/engine.h"
#include "layers.h"
#include "text.h"

enum { NAME_BYTES = 128 };

/* Where the engine's rows go. */
typedef struct sink {
    awqm_calibrator *calibrator;
    const awqm_device *device;
} sink;

static void observe(void *data, const char *layer, const float *x, size_t rows, size_t k) {
    sink *s = data;
    check(awqm_calibrator_observe(s->calibrator, layer, x, AWQM_DTYPE_F32, (int64_t)rows, (int64_t)k, 0,
                                  s->device));
}

/* Whether a group of the block still has to be quantized. */
static bool is_pending(const awqm_quantizer *quantizer, const char *block) {
    awqm_quantizer_info info = {.struct_size = sizeof info};
    check(awqm_quantizer_get_info(quantizer, &info));
    for (uint64_t i = 0; i < info.groups; i++) {
        awqm_group_info group = {.struct_size = sizeof group};
        check(awqm_quantizer_get_group(quantizer, i, &group));
        if (!group.done && strcmp(group.block, block) == 0) return true;
    }
    return false;
}

/* The windows of the text one after the other; *windows becomes how many there are. */
static uint32_t *read_windows(const char *directory, const calibration_text *text, uint64_t *windows) {
    size_t count;
    uint32_t *ids = read_tokens(directory, text->path, &count);
    uint64_t whole = count / text->window;
    if (whole == 0) {
        fail("%s: has %zu tokens (needed at least %" PRIu64 ", one window)", text->path, count, text->window);
    }
    *windows = text->windows < whole ? text->windows : whole;
    for (uint64_t w = 0; w < *windows; w++) {
        uint64_t from = w * whole / *windows;
        memmove(ids + w * text->window, ids + from * text->window, text->window * sizeof *ids);
    }
    return ids;
}

uint64_t quantize_by_text(awqm_quantizer *quantizer, const char *directory, const calibration_text *text,
                          const awqm_calibrator_options *options, const awqm_device *device,
                          progress_bar *bar) {
    uint64_t windows;
    uint32_t *ids = read_windows(directory, text, &windows);
    /* The device has threads of its own, so attention has none. */
    engine_options size = {.positions = text->window, .batch = text->window};
    engine *e = engine_open(directory, device, NULL, &size);
    size_t layers = engine_config(e)->layers, row = engine_config(e)->hidden_size, window = text->window;
    float *hidden = allocate(windows * window, row * sizeof *hidden);
    for (uint64_t w = 0; w < windows; w++) {
        engine_embed(e, ids + w * window, window, hidden + w * window * row);
    }
    free(ids);

    sink s = {.device = device};
    check(awqm_calibrator_create(options, &s.calibrator));
    for (size_t layer = 0; layer < layers; layer++) {
        char block[NAME_BYTES], what[2 * NAME_BYTES];
        snprintf(block, sizeof block, "model.layers.%zu", layer);
        bool pending = is_pending(quantizer, block);
        engine_observe(e, pending ? observe : NULL, &s);
        /* The block's quantization is taken to last about as long as its calibration. */
        uint64_t done = 2 * layer * windows, total = 2 * layers * windows;
        snprintf(what, sizeof what, "%s: activations", block);
        for (uint64_t w = 0; w < windows; w++) {
            progress_show(bar, done + w, total, what);
            engine_run_block(e, layer, hidden + w * window * row, window);
        }
        if (!pending) continue;
        progress_hold(bar, done + windows, total);
        check(awqm_quantizer_run(quantizer, s.calibrator, block));
        check(awqm_calibrator_clear(s.calibrator));
    }
    progress_hold(bar, 0, 0);
    awqm_calibrator_free(s.calibrator);
    free(hidden);
    engine_free(e);
    return windows * window;
}

/* Observes every tensor of a safetensors file under its own name. */
static void observe_file(const char *path, awqm_calibrator *calibrator, const awqm_device *device) {
    awqm_checkpoint *file = NULL;
    check(awqm_checkpoint_open_files(&path, 1, NULL, &file));
    size_t count = awqm_checkpoint_tensor_count(file);
    if (count == 0)
        fail("%s: holds no tensor (needed the inputs of each layer, under the layer's name)", path);
    for (size_t i = 0; i < count; i++) {
        char *name;
        awqm_tensor_view x = {.struct_size = sizeof x};
        FETCH_TEXT(name, awqm_checkpoint_get_tensor_name, file, i);
        check(awqm_checkpoint_get_tensor(file, name, &x));
        if (x.rank < 2)
            fail("%s: %s: has %u dimensions (needed at least 2: rows, K)", path, name, (unsigned)x.rank);
        int64_t k = x.shape[x.rank - 1];
        int64_t rows = k > 0 ? (int64_t)element_count(&x) / k : 0;
        /* A tensor may begin at any byte of the file. */
        void *copy = allocate(x.bytes, 1);
        memcpy(copy, x.data, x.bytes);
        check(awqm_calibrator_observe(calibrator, name, copy, x.dtype, rows, k, 0, device));
        free(copy);
        free(name);
    }
    awqm_checkpoint_free(file);
}

awqm_calibrator *read_calibration(const char *path, const awqm_calibrator_options *options,
                                  const awqm_device *device) {
    awqm_calibrator *calibrator = NULL;
    awqm_status status = awqm_calibrator_load(path, options, &calibrator);
    if (status == AWQM_STATUS_CONTAINER) {
        check(awqm_calibrator_create(options, &calibrator));
        observe_file(path, calibrator, device);
    } else {
        check(status);
    }
    return calibrator;
}

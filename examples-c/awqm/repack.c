/* awqm repack: one layer in another layout, as PREFIX.qweight, .scales, .qzeros of a safetensors file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "commands.h"
#include "common.h"
#include "json.h"
#include "layers.h"

static const char SYNOPSIS[] = "repack DIR --layer PREFIX [--to marlin|gemm|gemv|...] -o "
                               "OUT.safetensors [--threads T] [--json]";

static const struct {
    awqm_role role;
    const char *suffix;
} ROLES[] = {
    {AWQM_ROLE_QWEIGHT, "qweight"},
    {AWQM_ROLE_SCALES, "scales"},
    {AWQM_ROLE_QZEROS, "qzeros"},
    {AWQM_ROLE_BIAS, "bias"},
};
enum { ROLE_COUNT = sizeof ROLES / sizeof *ROLES };

int command_repack(int argc, char **argv) {
    const char *directory = NULL, *layer = NULL, *out = NULL;
    uint32_t layout = AWQM_LAYOUT_MARLIN;
    uint64_t threads = 0;
    bool as_json = false;
    const char *const positionals[] = {"DIR", NULL};
    const option options[] = {
        {"--layer", OPTION_TEXT, &layer, "PREFIX", "the layer, such as model.layers.0.mlp.up_proj", NULL},
        {"--to", OPTION_CHOICE, &layout, "gemm|gemv|...", "the layout (marlin)", LAYOUTS},
        {"-o", OPTION_TEXT, &out, "FILE", "the safetensors file to write", NULL},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, &directory, OPTIONS(options)});
    if (layer == NULL) usage_error(SYNOPSIS, "--layer is missing");
    if (out == NULL) usage_error(SYNOPSIS, "-o is missing");

    awqm_device *device = open_device("cpu", (uint32_t)threads);
    awqm_checkpoint *checkpoint = NULL;
    check(awqm_checkpoint_open(directory, &checkpoint));
    awqm_layer_info info = {.struct_size = sizeof info};
    check(awqm_checkpoint_query_layer(checkpoint, layer, &info, NULL, 0, NULL));
    if (!info.quantized) fail("%s is not quantized: there is nothing to repack", layer);
    awqm_load_options load = {.struct_size = sizeof load, .layout = layout, .device = device};
    awqm_packed *packed = load_layer(checkpoint, layer, &load);
    awqm_packed_info stored = {.struct_size = sizeof stored};
    check(awqm_packed_get_info(packed, &stored));

    char *names[ROLE_COUNT];
    awqm_tensor_view views[ROLE_COUNT];
    size_t count = 0;
    for (int i = 0; i < ROLE_COUNT; i++) {
        awqm_tensor_view view = {.struct_size = sizeof view};
        awqm_status status = awqm_packed_get_tensor(packed, ROLES[i].role, &view);
        if (status == AWQM_STATUS_NOT_FOUND) continue;
        check(status);
        int length = snprintf(NULL, 0, "%s.%s", layer, ROLES[i].suffix);
        names[count] = allocate((size_t)length + 1, 1);
        snprintf(names[count], (size_t)length + 1, "%s.%s", layer, ROLES[i].suffix);
        views[count++] = view;
    }
    check(awqm_tensors_save(out, (const char *const *)names, views, count));

    if (as_json) {
        json w = json_begin();
        json_text(&w, "layer", layer);
        json_text(&w, "layout", awqm_layout_name(stored.layout));
        json_int(&w, "k", stored.k);
        json_int(&w, "n", stored.n);
        json_int(&w, "padded_k", stored.padded_k);
        json_int(&w, "padded_n", stored.padded_n);
        json_int(&w, "group_size", stored.group_size);
        json_int(&w, "padded_group", stored.padded_group);
        json_int(&w, "groups", stored.groups);
        json_text(&w, "output", out);
        json_open_array(&w, "tensors");
        for (size_t i = 0; i < count; i++) {
            json_open_object(&w, NULL);
            json_text(&w, "name", names[i]);
            json_text(&w, "dtype", awqm_dtype_name(views[i].dtype));
            json_open_array(&w, "shape");
            for (uint32_t d = 0; d < views[i].rank; d++) json_int(&w, NULL, views[i].shape[d]);
            json_close_array(&w);
            json_close_object(&w);
        }
        json_close_array(&w);
        json_end(&w);
    } else {
        printf("%s: %" PRId64 " x %" PRId64 " in layout %s, stored as %" PRId64 " x %" PRId64 "\n", layer,
               stored.k, stored.n, awqm_layout_name(stored.layout), stored.padded_k, stored.padded_n);
        for (size_t i = 0; i < count; i++) {
            printf("  %s %s [", names[i], awqm_dtype_name(views[i].dtype));
            for (uint32_t d = 0; d < views[i].rank; d++)
                printf("%s%" PRId64, d ? ", " : "", views[i].shape[d]);
            puts("]");
        }
    }
    for (size_t i = 0; i < count; i++) free(names[i]);
    awqm_packed_free(packed);
    awqm_checkpoint_free(checkpoint);
    awqm_device_free(device);
    return EXIT_DONE;
}

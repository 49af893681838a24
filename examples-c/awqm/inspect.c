/* awqm inspect: which dialect a checkpoint speaks, its normalized config, and what each layer is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "commands.h"
#include "common.h"
#include "json.h"

static const char SYNOPSIS[] = "inspect DIR [--config-only] [--json]";

static void write_config(json *w, const awqm_config *config) {
    if (config == NULL) {
        json_text(w, "quant_method", NULL);
        json_null(w, "bits");
        json_null(w, "group_size");
        json_null(w, "zero_point");
        json_null(w, "version");
        json_null(w, "source");
        return;
    }
    awqm_config_info info = {.struct_size = sizeof info};
    char *source;
    check(awqm_config_get_info(config, &info));
    FETCH_TEXT(source, awqm_config_get_source, config);
    json_text(w, "quant_method", awqm_method_name(info.method));
    json_int(w, "bits", info.bits);
    json_int(w, "group_size", info.group_size);
    json_bool(w, "zero_point", info.zero_point);
    json_text(w, "version", awqm_layout_name(info.layout));
    json_text(w, "source", source);
    free(source);
}

static void print_config(const awqm_config *config) {
    if (config == NULL) {
        puts("not quantized: no quantization section in the config");
        return;
    }
    awqm_config_info info = {.struct_size = sizeof info};
    char *source;
    check(awqm_config_get_info(config, &info));
    FETCH_TEXT(source, awqm_config_get_source, config);
    printf("%s, version %s: %u bits, group size %" PRId64 ", %s\nfrom %s\n", awqm_method_name(info.method),
           awqm_layout_name(info.layout), (unsigned)info.bits, info.group_size,
           info.zero_point ? "zero points" : "symmetric", source);
    for (size_t i = 0; i < awqm_config_skip_count(config); i++) {
        char *entry;
        FETCH_TEXT(entry, awqm_config_get_skip, config, i);
        printf("skips %s\n", entry);
        free(entry);
    }
    free(source);
}

/* The warnings of the config and of the checkpoint (each may be NULL), to the JSON array or as lines. */
static void each_warning(const awqm_config *config, const awqm_checkpoint *checkpoint, json *w) {
    size_t of_config = config ? awqm_config_warning_count(config) : 0;
    size_t of_checkpoint = checkpoint ? awqm_checkpoint_warning_count(checkpoint) : 0;
    for (size_t i = 0; i < of_config + of_checkpoint; i++) {
        char *text;
        if (i < of_config) FETCH_TEXT(text, awqm_config_get_warning, config, i);
        else FETCH_TEXT(text, awqm_checkpoint_get_warning, checkpoint, i - of_config);
        if (w) json_text(w, NULL, text);
        else printf("warning: %s\n", text);
        free(text);
    }
}

static void write_layer(json *w, const char *name, const awqm_layer_info *layer, const char *reason) {
    json_open_object(w, NULL);
    json_text(w, "name", name);
    json_bool(w, "quantized", layer->quantized);
    json_int(w, "k", layer->k);
    json_int(w, "n", layer->n);
    if (layer->quantized) {
        json_int(w, "group_size", layer->group_size);
        json_int(w, "bits", layer->bits);
    } else {
        json_null(w, "group_size");
        json_int(w, "bits", (int64_t)(8 * awqm_dtype_bytes(layer->scale_dtype)));
    }
    json_text(w, "reason", reason);
    json_close_object(w);
}

static void print_layer(const char *name, const awqm_layer_info *layer, const char *reason) {
    printf("%-44s %6" PRId64 " x %-6" PRId64 " ", name, layer->k, layer->n);
    if (layer->quantized) {
        printf("%-18s %u bits, group %" PRId64 "%s", awqm_layout_name(layer->layout), (unsigned)layer->bits,
               layer->group_size, layer->has_bias ? ", bias" : "");
    } else {
        printf("%-18s %s", awqm_dtype_name(layer->scale_dtype), reason);
    }
    putchar('\n');
}

static void each_layer(const awqm_checkpoint *checkpoint, json *w) {
    if (checkpoint == NULL) return;
    for (size_t i = 0; i < awqm_checkpoint_layer_count(checkpoint); i++) {
        awqm_layer_info layer = {.struct_size = sizeof layer};
        char *name, *reason;
        FETCH_TEXT(name, awqm_checkpoint_get_layer_name, checkpoint, i);
        FETCH_TEXT(reason, awqm_checkpoint_query_layer, checkpoint, name, &layer);
        if (w) write_layer(w, name, &layer, reason);
        else print_layer(name, &layer, reason);
        free(name);
        free(reason);
    }
}

int command_inspect(int argc, char **argv) {
    const char *directory = NULL;
    bool config_only = false, as_json = false;
    const char *const positionals[] = {"DIR", NULL};
    const option options[] = {
        {"--config-only", OPTION_FLAG, &config_only, NULL, "stop before the tensors; needs only the config",
         NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, &directory, OPTIONS(options)});

    awqm_checkpoint *checkpoint = NULL;
    awqm_config *owned = NULL;
    const awqm_config *config = NULL;
    if (config_only) {
        awqm_status status = awqm_config_load_directory(directory, &owned);
        /* A model without a quantization section is an answer, not a failure. */
        if (status != AWQM_STATUS_NOT_FOUND) check(status);
        config = owned;
    } else {
        check(awqm_checkpoint_open(directory, &checkpoint));
        check(awqm_checkpoint_get_config(checkpoint, &config));
    }

    if (as_json) {
        json w = json_begin();
        write_config(&w, config);
        json_open_array(&w, "warnings");
        each_warning(config, checkpoint, &w);
        json_close_array(&w);
        json_open_array(&w, "layers");
        each_layer(checkpoint, &w);
        json_close_array(&w);
        json_end(&w);
    } else {
        print_config(config);
        each_warning(config, checkpoint, NULL);
        each_layer(checkpoint, NULL);
    }
    awqm_checkpoint_free(checkpoint);
    awqm_config_free(owned);
    return EXIT_DONE;
}

/* Quantizing a tensor and a checkpoint, converting a checkpoint, progress, cancelling, and refusing. */
#include "fixtures.h"
#include "folders.h"

#include <sys/stat.h>
#include <unistd.h>

/* --- one tensor --- */

static void tensor(const char *fixtures) {
    const golden_case *golden = &GOLDEN[0];
    awqm_checkpoint *source = open_tensors(fixtures, golden->folder, "source.safetensors");
    awqm_checkpoint *file = open_tensors(fixtures, golden->folder, "dequant.safetensors");
    awqm_tensor_view weight = tensor_of(source, "weight"), expected = tensor_of(file, "w_deq");
    uint16_t *found = (uint16_t *)allocate(expected.bytes), bits;
    int64_t elements = golden->k * golden->n, i, differ = 0;
    awqm_packed *packed = NULL;
    STRUCT(awqm_packed_info, info);
    STRUCT(awqm_quantize_options, options);

    options.group_size = golden->group_size;
    MUST(awqm_quantize_tensor(weight.data, weight.bytes, AWQM_DTYPE_F16, golden->n, golden->k, &options, &packed));
    OK(awqm_packed_get_info(packed, &info));
    CHECK(info.k == golden->k && info.n == golden->n && info.bits == 4 && info.zero_point == 1);
    CHECK(info.layout == AWQM_LAYOUT_AWQ_GEMM && info.scale_dtype == AWQM_DTYPE_F16);
    OK(awqm_packed_dequantize(packed, AWQM_DTYPE_F16, found, expected.bytes, NULL));
    for (i = 0; i < elements; i++) {
        memcpy(&bits, (const char *)expected.data + 2 * i, 2);
        differ += !(fabs(f16_value(found[i]) - f16_value(bits)) <= 1e-3 * (1 + fabs(f16_value(bits))));
    }
    CHECK(differ * 50 < elements); /* rounding in another precision moves up to one code in a hundred by one */
    awqm_packed_free(packed);

    options.symmetric = 1;
    options.layout = AWQM_LAYOUT_MARLIN;
    MUST(awqm_quantize_tensor(weight.data, weight.bytes, AWQM_DTYPE_F16, golden->n, golden->k, &options, &packed));
    OK(awqm_packed_get_info(packed, &info));
    CHECK(info.layout == AWQM_LAYOUT_MARLIN && info.zero_point == 0);
    awqm_packed_free(packed);
    packed = NULL;

    FAILS(awqm_quantize_tensor(weight.data, weight.bytes - 2, AWQM_DTYPE_F16, golden->n, golden->k, NULL, &packed));
    FAILS(awqm_quantize_tensor(weight.data, weight.bytes, AWQM_DTYPE_I32, golden->n, golden->k, NULL, &packed));
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_quantize_tensor(weight.data, weight.bytes, 99, golden->n, golden->k, NULL, &packed));
    options.range_rule = 99;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM,
           awqm_quantize_tensor(weight.data, weight.bytes, AWQM_DTYPE_F16, golden->n, golden->k, &options, &packed));
    options.range_rule = AWQM_RANGE_RULE_COMPRESSED_TENSORS;
    options.bits = 3;
    STATUS(AWQM_STATUS_UNSUPPORTED,
           awqm_quantize_tensor(weight.data, weight.bytes, AWQM_DTYPE_F16, golden->n, golden->k, &options, &packed));
    { /* NaN: refused, and the message says where */
        float *nan = (float *)allocate(8 * 128 * sizeof *nan);
        nan[3 * 128 + 5] = (float)NAN;
        STATUS(AWQM_STATUS_TENSOR, awqm_quantize_tensor(nan, 8 * 128 * sizeof *nan, AWQM_DTYPE_F32, 8, 128, NULL, &packed));
        free(nan);
    }
    CHECK(packed == NULL);
    free(found);
    awqm_checkpoint_free(file);
    awqm_checkpoint_free(source);
}

/* --- a whole checkpoint, made here --- */

static const char CONFIG[] =
    "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"hidden_size\": 128, \"intermediate_size\": 256,"
    " \"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"num_key_value_heads\": 2, \"vocab_size\": 64,"
    " \"torch_dtype\": \"float32\"}";

static void write_model(const char *folder) {
    static const struct {
        const char *name;
        int64_t rows, columns;
    } WEIGHTS[] = {{"model.layers.0.mlp.gate_proj.weight", 256, 128}, {"model.layers.0.mlp.down_proj.weight", 128, 256},
                   {"model.layers.0.self_attn.o_proj.weight", 128, 128}, {"model.embed_tokens.weight", 64, 128},
                   {"lm_head.weight", 64, 128}};
    enum { COUNT = sizeof WEIGHTS / sizeof WEIGHTS[0] };
    static float values[256 * 128];
    const char *names[COUNT];
    awqm_tensor_view views[COUNT];
    char path[1024];
    FILE *config;
    int i;
    memset(views, 0, sizeof views);
    for (i = 0; i < 256 * 128; i++) values[i] = (float)((i * 7919) % 2003 - 1001) / 5000.0f;
    for (i = 0; i < COUNT; i++) {
        names[i] = WEIGHTS[i].name;
        views[i].struct_size = sizeof views[i];
        views[i].data = values;
        views[i].bytes = (size_t)(WEIGHTS[i].rows * WEIGHTS[i].columns) * sizeof(float);
        views[i].dtype = AWQM_DTYPE_F32;
        views[i].rank = 2;
        views[i].shape[0] = WEIGHTS[i].rows;
        views[i].shape[1] = WEIGHTS[i].columns;
    }
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    MUST(awqm_tensors_save(path, names, views, COUNT));
    snprintf(path, sizeof path, "%s/config.json", folder);
    config = fopen(path, "w");
    if (config == NULL || fputs(CONFIG, config) < 0 || fclose(config) != 0) exit(1);
}

typedef struct witness {
    int calls, bad, stop_at;
    uint64_t last;
} witness;

static int32_t watch(void *user_data, const awqm_progress *progress) {
    witness *w = (witness *)user_data;
    w->calls++;
    if (progress->struct_size < sizeof *progress || progress->stage == NULL || progress->layer == NULL ||
        progress->index >= progress->count || progress->bytes_done > progress->bytes_total || progress->bytes_done < w->last)
        w->bad = 1;
    w->last = progress->bytes_done;
    return w->calls == w->stop_at;
}

static void checkpoint(void) {
    static const char *const SKIP[] = {"o_proj"};
    char base[] = "/tmp/awqm_quantize_XXXXXX", src[64], dst[64], converted[64];
    witness seen = {0, 0, 0, 0};
    awqm_checkpoint *opened = NULL;
    STRUCT(awqm_quantize_options, options);
    STRUCT(awqm_quantize_report, report);
    STRUCT(awqm_layer_info, layer);
    if (mkdtemp(base) == NULL) exit(1);
    snprintf(src, sizeof src, "%s/src", base);
    snprintf(dst, sizeof dst, "%s/dst", base);
    snprintf(converted, sizeof converted, "%s/converted", base);
    if (mkdir(src, 0700) != 0) exit(1);
    write_model(src);

    options.group_size = 64;
    options.skip = SKIP;
    options.skip_count = 1;
    options.progress = watch;
    options.user_data = &seen;

    /* Stopped at the first step: nothing is left behind. */
    seen.stop_at = 1;
    STATUS(AWQM_STATUS_CANCELLED, awqm_quantize_checkpoint(src, dst, &options, &report));
    CHECK(seen.calls == 1 && !exists(dst));

    memset(&seen, 0, sizeof seen);
    OK(awqm_quantize_checkpoint(src, dst, &options, &report));
    CHECK(seen.calls >= 2 && !seen.bad);
    CHECK(report.layers_quantized == 2 && report.layers_kept >= 1);
    CHECK(report.bytes_after > 0 && report.bytes_after < report.bytes_before);
    MUST(awqm_checkpoint_open(dst, &opened));
    OK(awqm_checkpoint_query_layer(opened, "model.layers.0.mlp.down_proj", &layer, NULL, 0, NULL));
    CHECK(layer.quantized == 1 && layer.bits == 4 && layer.group_size == 64 && layer.k == 256 && layer.n == 128);
    OK(awqm_checkpoint_query_layer(opened, "model.layers.0.self_attn.o_proj", &layer, NULL, 0, NULL));
    CHECK(layer.quantized == 0);
    awqm_checkpoint_free(opened);

    /* A destination that is there already is refused, unless it may be replaced. */
    FAILS(awqm_quantize_checkpoint(src, dst, &options, NULL));
    options.overwrite = 1;
    OK(awqm_quantize_checkpoint(src, dst, &options, NULL));
    options.overwrite = 0;

    options.layout = AWQM_LAYOUT_COMPRESSED_TENSORS;
    memset(&seen, 0, sizeof seen);
    OK(awqm_convert_checkpoint(dst, converted, &options, &report));
    CHECK(report.layers_quantized == 2 && seen.calls >= 2 && !seen.bad);
    MUST(awqm_checkpoint_open(converted, &opened));
    OK(awqm_checkpoint_query_layer(opened, "model.layers.0.mlp.down_proj", &layer, NULL, 0, NULL));
    CHECK(layer.quantized == 1 && layer.layout == AWQM_LAYOUT_COMPRESSED_TENSORS && layer.group_size == 64);
    awqm_checkpoint_free(opened);

    remove_folder(converted);
    options.layout = 99;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_convert_checkpoint(dst, converted, &options, NULL));
    options.layout = 0;
    FAILS(awqm_quantize_checkpoint("/no/such/folder", converted, &options, NULL));
    FAILS(awqm_convert_checkpoint(src, converted, &options, NULL)); /* nothing is quantized there */
    CHECK(!exists(converted));

    remove_folder(dst);
    remove_folder(src);
    CHECK(rmdir(base) == 0); /* nothing but what we made was there */
}

static void run(const char *fixtures) {
    tensor(fixtures);
    checkpoint();
}

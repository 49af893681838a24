/* awqm_checkpoint: layers and tensors of a directory, fused and sliced loads, and damaged files. */
#include "fixtures.h"

#define CHECKPOINT "checkpoint/llama2l_gemm"
#define LAYER "model.layers.0.self_attn.q_proj"

static awqm_checkpoint *open_llama(const char *fixtures) {
    awqm_checkpoint *checkpoint = NULL;
    MUST(awqm_checkpoint_open(in_fixtures(fixtures, CHECKPOINT), &checkpoint));
    return checkpoint;
}

static void what_it_lists(const awqm_checkpoint *checkpoint) {
    char text[4096];
    size_t i, quantized = 0, kept = 0;
    const awqm_config *config = NULL;
    STRUCT(awqm_config_info, info);
    STRUCT(awqm_layer_info, layer);

    OK(awqm_checkpoint_get_config(checkpoint, &config));
    CHECK(config != NULL);
    OK(awqm_config_get_info(config, &info));
    CHECK(info.group_size == 64);

    CHECK(awqm_checkpoint_layer_count(checkpoint) >= 14); /* seven projections in each of two layers */
    for (i = 0; i < awqm_checkpoint_layer_count(checkpoint); i++) {
        TEXT_PROTOCOL(text, awqm_checkpoint_get_layer_name(checkpoint, i, buf, cap, out));
        OK(awqm_checkpoint_query_layer(checkpoint, text, &layer, NULL, 0, NULL));
        CHECK(layer.k > 0 && layer.n > 0);
        *(layer.quantized ? &quantized : &kept) += 1;
    }
    CHECK(quantized == 12);
    CHECK(kept >= 2); /* o_proj of both layers */
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_checkpoint_get_layer_name(checkpoint, i, NULL, 0, NULL));

    OK(awqm_checkpoint_query_layer(checkpoint, LAYER, &layer, NULL, 0, NULL));
    CHECK(layer.quantized == 1 && layer.bits == 4 && layer.k == 256 && layer.n == 256 && layer.group_size == 64);
    CHECK(layer.zero_point == 1 && layer.layout == AWQM_LAYOUT_AWQ_GEMM);
    CHECK(layer.scale_dtype == AWQM_DTYPE_F16 && layer.has_bias == 0);
    TEXT_PROTOCOL(text, awqm_checkpoint_query_layer(checkpoint, "model.layers.1.self_attn.o_proj", &layer, buf, cap, out));
    CHECK(layer.quantized == 0 && layer.bits == 0 && layer.scale_dtype == AWQM_DTYPE_F16 && text[0] != '\0');
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_checkpoint_query_layer(checkpoint, "no.such.layer", &layer, NULL, 0, NULL));
    MESSAGE_HAS("no.such.layer");

    CHECK(awqm_checkpoint_tensor_count(checkpoint) == 45);
    for (i = 0; i < awqm_checkpoint_tensor_count(checkpoint); i++) {
        TEXT_PROTOCOL(text, awqm_checkpoint_get_tensor_name(checkpoint, i, buf, cap, out));
        CHECK(tensor_of(checkpoint, text).data != NULL);
    }
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_checkpoint_get_tensor_name(checkpoint, i, NULL, 0, NULL));
    for (i = 0; i < awqm_checkpoint_warning_count(checkpoint); i++) {
        TEXT_PROTOCOL(text, awqm_checkpoint_get_warning(checkpoint, i, buf, cap, out));
    }
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_checkpoint_get_warning(checkpoint, i, NULL, 0, NULL));
}

static void tensors(const awqm_checkpoint *checkpoint) {
    STRUCT(awqm_tensor_view, view);
    OK(awqm_checkpoint_get_tensor(checkpoint, LAYER ".qweight", &view));
    CHECK(view.dtype == AWQM_DTYPE_I32 && view.rank == 2 && view.shape[0] == 256 && view.shape[1] == 32);
    CHECK(view.shape[2] == 0 && view.bytes == 256 * 32 * 4 && view.data != NULL);
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_checkpoint_get_tensor(checkpoint, "no.such.tensor", &view));
    MESSAGE_HAS("no.such.tensor");
}

/* Runs two rows of a golden input through a loaded layer and compares columns from..from+n of the golden output. */
static void compare_run(const awqm_packed *packed, awqm_tensor_view x, int64_t x_from, awqm_tensor_view golden, int64_t y_from, int64_t y_columns,
                        float *sum) {
    STRUCT(awqm_packed_info, info);
    awqm_device *device = cpu_with_threads(2);
    awqm_linear *linear = NULL;
    awqm_run_args args;
    size_t bytes = 0;
    int64_t m, n;
    float *y;
    void *workspace, *x_rows;

    OK(awqm_packed_get_info(packed, &info));
    MUST(awqm_linear_create(device, packed, NULL, &linear));
    OK(awqm_linear_workspace_bytes(linear, 2, AWQM_DTYPE_F16, &bytes));
    workspace = allocate(bytes);
    y = (float *)allocate((size_t)(2 * info.n) * sizeof *y);
    x_rows = allocate(x.bytes);
    memcpy(x_rows, x.data, x.bytes);
    args = run_args((const uint16_t *)x_rows + x_from, AWQM_DTYPE_F16, y, AWQM_DTYPE_F32, 2);
    args.x_stride = x.shape[1];
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    for (m = 0; m < 2; m++) {
        for (n = 0; n < y_columns; n++) {
            double expected = f64_at(golden, m * golden.shape[1] + n);
            float found = y[m * info.n + y_from + n];
            if (sum != NULL) sum[m * y_columns + n] += found;
            else CHECK(fabs(found - expected) <= 4e-3 * (1 + fabs(expected)));
        }
    }
    free(x_rows);
    free(y);
    free(workspace);
    awqm_linear_free(linear);
    awqm_device_free(device);
}

static void fused(const awqm_checkpoint *checkpoint, const awqm_checkpoint *golden) {
    static const char *const QKV[] = {"model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj", "model.layers.0.self_attn.v_proj"};
    static const char *const MIXED[] = {"model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.o_proj"};
    static const char *const ODD[] = {"model.layers.0.self_attn.q_proj", "model.layers.0.mlp.down_proj"};
    char name[128];
    int64_t from = 0;
    size_t i;
    awqm_packed *packed = NULL;
    STRUCT(awqm_packed_info, info);
    STRUCT(awqm_load_options, options);

    MUST(awqm_checkpoint_load(checkpoint, QKV, 3, NULL, &packed));
    OK(awqm_packed_get_info(packed, &info));
    CHECK(info.k == 256 && info.n == 512 && info.layout == AWQM_LAYOUT_CPU);
    for (i = 0; i < 3; i++) {
        awqm_tensor_view y;
        snprintf(name, sizeof name, "y.%s", QKV[i]);
        y = tensor_of(golden, name);
        compare_run(packed, tensor_of(golden, "x_k256"), 0, y, from, y.shape[1], NULL);
        from += y.shape[1];
    }
    awqm_packed_free(packed);
    packed = NULL;

    options.layout = AWQM_LAYOUT_MARLIN;
    MUST(awqm_checkpoint_load(checkpoint, QKV, 3, &options, &packed));
    OK(awqm_packed_get_info(packed, &info));
    CHECK(info.layout == AWQM_LAYOUT_MARLIN && info.n == 512 && info.groups == 4);
    awqm_packed_free(packed);
    packed = NULL;

    STATUS(AWQM_STATUS_MIXED_FUSED, awqm_checkpoint_load(checkpoint, MIXED, 2, NULL, &packed));
    FAILS(awqm_checkpoint_load(checkpoint, ODD, 2, NULL, &packed)); /* K 256 and K 512 cannot be joined along N */
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_checkpoint_load(checkpoint, QKV, 0, NULL, &packed));
    CHECK(packed == NULL);
}

static void sliced(const awqm_checkpoint *checkpoint, const awqm_checkpoint *golden) {
    static const char *const DOWN[] = {"model.layers.0.mlp.down_proj"};
    awqm_tensor_view x = tensor_of(golden, "x_k512"), y = tensor_of(golden, "y.model.layers.0.mlp.down_proj"), half;
    float *sum = (float *)allocate(2 * 256 * sizeof *sum);
    uint32_t rank;
    int64_t i;
    awqm_packed *packed = NULL;
    STRUCT(awqm_load_options, options);
    STRUCT(awqm_packed_info, info);

    /* Column: each rank has its own outputs. */
    options.tp_dim = AWQM_TP_DIM_COLUMN;
    options.tp_world = 2;
    for (rank = 0; rank < 2; rank++) {
        options.tp_rank = rank;
        MUST(awqm_checkpoint_load(checkpoint, DOWN, 1, &options, &packed));
        OK(awqm_packed_get_info(packed, &info));
        CHECK(info.k == 512 && info.n == 128);
        half = y;
        half.data = (const char *)y.data + rank * 128 * sizeof(double);
        compare_run(packed, x, 0, half, 0, 128, NULL);
        awqm_packed_free(packed);
    }
    /* Row: the outputs of the ranks add up. */
    options.tp_dim = AWQM_TP_DIM_ROW;
    for (rank = 0; rank < 2; rank++) {
        options.tp_rank = rank;
        MUST(awqm_checkpoint_load(checkpoint, DOWN, 1, &options, &packed));
        OK(awqm_packed_get_info(packed, &info));
        CHECK(info.k == 256 && info.n == 256);
        compare_run(packed, x, 256 * rank, y, 0, 256, sum);
        awqm_packed_free(packed);
    }
    for (i = 0; i < 2 * 256; i++) CHECK(fabs(sum[i] - f64_at(y, i)) <= 4e-3 * (1 + fabs(f64_at(y, i))));
    free(sum);

    packed = NULL;
    options.tp_rank = 2;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_checkpoint_load(checkpoint, DOWN, 1, &options, &packed));
    options.tp_rank = 0;
    options.tp_world = 0;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_checkpoint_load(checkpoint, DOWN, 1, &options, &packed));
    options.tp_world = 2;
    options.tp_dim = 9;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_checkpoint_load(checkpoint, DOWN, 1, &options, &packed));
    CHECK(packed == NULL);
}

static void dense(const awqm_checkpoint *checkpoint) {
    static const char *const O[] = {"model.layers.0.self_attn.o_proj"};
    awqm_packed *packed = NULL;
    STRUCT(awqm_packed_info, info);
    MUST(awqm_checkpoint_load(checkpoint, O, 1, NULL, &packed));
    OK(awqm_packed_get_info(packed, &info));
    CHECK(info.layout == AWQM_LAYOUT_DENSE && info.k == 256 && info.n == 256 && info.bits == 0);
    awqm_packed_free(packed);
}

static void files_without_a_config(const char *fixtures) {
    char path[1024];
    const char *paths[] = {path};
    awqm_checkpoint *file = NULL;
    const awqm_config *config;
    snprintf(path, sizeof path, "%s/%s/source.safetensors", fixtures, GOLDEN[0].folder);
    MUST(awqm_checkpoint_open_files(paths, 1, NULL, &file));
    config = (const awqm_config *)file; /* anything but NULL */
    CHECK(awqm_checkpoint_tensor_count(file) == 2);
    OK(awqm_checkpoint_get_config(file, &config));
    CHECK(config == NULL);
    awqm_checkpoint_free(file);
    file = NULL;
    /* Packed tensors mean nothing without one. */
    snprintf(path, sizeof path, "%s/%s/awq_gemm.safetensors", fixtures, GOLDEN[0].folder);
    STATUS(AWQM_STATUS_MISSING, awqm_checkpoint_open_files(paths, 1, NULL, &file));
    MESSAGE_HAS("config");
    CHECK(file == NULL);
}

static void damaged(const char *fixtures) {
    static const char *const CONTAINERS[] = {"seven_bytes",     "header_len_u64_max", "header_len_100mb", "header_not_json",
                                             "truncated_data",  "offsets_past_end",   "offsets_negative", "offsets_hole",
                                             "shape_mismatch",  "shape_negative",     "dtype_unknown",    "header_deep_nesting"};
    char name[128];
    size_t i;
    awqm_checkpoint *checkpoint = NULL;
    for (i = 0; i < sizeof CONTAINERS / sizeof CONTAINERS[0]; i++) {
        snprintf(name, sizeof name, "bad/container/%s.safetensors", CONTAINERS[i]);
        FAILS(awqm_checkpoint_open(in_fixtures(fixtures, name), &checkpoint));
        CHECK(strstr(awqm_last_error_message(), CONTAINERS[i]) != NULL); /* names the file */
    }
    STATUS(AWQM_STATUS_MISSING, awqm_checkpoint_open(in_fixtures(fixtures, "no/such/folder"), &checkpoint));
    FAILS(awqm_checkpoint_open(in_fixtures(fixtures, "bad/index/missing_shard"), &checkpoint));
    CHECK(checkpoint == NULL);
}

static void run(const char *fixtures) {
    awqm_checkpoint *checkpoint = open_llama(fixtures);
    awqm_checkpoint *golden = open_tensors(fixtures, "checkpoint", "llama2l_gemm.expected.safetensors");
    what_it_lists(checkpoint);
    tensors(checkpoint);
    fused(checkpoint, golden);
    sliced(checkpoint, golden);
    dense(checkpoint);
    awqm_checkpoint_free(golden);
    awqm_checkpoint_free(checkpoint);
    files_without_a_config(fixtures);
    damaged(fixtures);
    CHECK(awqm_checkpoint_layer_count(NULL) == 0);
    CHECK(awqm_checkpoint_tensor_count(NULL) == 0);
    CHECK(awqm_checkpoint_warning_count(NULL) == 0);
    awqm_checkpoint_free(NULL);
}

/* The AWQ quantizer: block by block, resumed, cancelled, on a disk that is full, and every misuse. */
#include "fixtures.h"
#include "folders.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HIDDEN = 32, WIDE = 64, BLOCKS = 2 };

static char src[64], dst[80], folder[112];

/* A Llama of two blocks whose weights are a pattern. */
static void write_model(void) {
    static const struct {
        const char *name;
        int64_t rows, columns;
    } WEIGHTS[] = {{"self_attn.q_proj", HIDDEN, HIDDEN}, {"self_attn.k_proj", HIDDEN, HIDDEN},
                   {"self_attn.v_proj", HIDDEN, HIDDEN}, {"self_attn.o_proj", HIDDEN, HIDDEN},
                   {"mlp.gate_proj", WIDE, HIDDEN},      {"mlp.up_proj", WIDE, HIDDEN},
                   {"mlp.down_proj", HIDDEN, WIDE},      {"input_layernorm", HIDDEN, 0},
                   {"post_attention_layernorm", HIDDEN, 0}};
    enum { EACH = sizeof WEIGHTS / sizeof WEIGHTS[0], COUNT = BLOCKS * EACH };
    static float values[WIDE * HIDDEN];
    static char names[COUNT][64];
    const char *pointers[COUNT];
    awqm_tensor_view views[COUNT];
    char path[128];
    FILE *config;
    memset(views, 0, sizeof views);
    for (int i = 0; i < WIDE * HIDDEN; i++) values[i] = (float)((i * 7919) % 2003 - 1001) / 2000.0f;
    for (int i = 0; i < COUNT; i++) {
        int64_t columns = WEIGHTS[i % EACH].columns, rows = WEIGHTS[i % EACH].rows;
        snprintf(names[i], sizeof names[i], "model.layers.%d.%s.weight", i / EACH, WEIGHTS[i % EACH].name);
        pointers[i] = names[i];
        views[i].struct_size = sizeof views[i];
        views[i].data = values;
        views[i].bytes = (size_t)(rows * (columns ? columns : 1)) * sizeof(float);
        views[i].dtype = AWQM_DTYPE_F32;
        views[i].rank = columns ? 2 : 1;
        views[i].shape[0] = rows;
        views[i].shape[1] = columns;
    }
    snprintf(path, sizeof path, "%s/model.safetensors", src);
    MUST(awqm_tensors_save(path, pointers, views, COUNT));
    snprintf(path, sizeof path, "%s/config.json", src);
    config = fopen(path, "w");
    if (!config || fputs("{\"model_type\": \"llama\", \"num_attention_heads\": 4}", config) < 0 || fclose(config) != 0) exit(1);
}

static awqm_quantizer_options options_of(awqm_awq_mode mode) {
    STRUCT(awqm_quantizer_options, options);
    options.mode = mode;
    options.group_size = 16;
    return options;
}

/* Observes made-up inputs for every group of a block, or of all. */
static void observe(const awqm_quantizer *quantizer, awqm_calibrator *calibrator, const char *block) {
    static float x[40 * WIDE];
    STRUCT(awqm_quantizer_info, info);
    STRUCT(awqm_group_info, group);
    MUST(awqm_quantizer_get_info(quantizer, &info));
    for (size_t i = 0; i < info.groups; i++) {
        MUST(awqm_quantizer_get_group(quantizer, i, &group));
        if (block && !same_text(group.block, block)) continue;
        for (int64_t j = 0; j < 40 * group.k; j++) x[j] = (float)((j * 104729) % 997 - 498) / (float)(100 + j % group.k);
        MUST(awqm_calibrator_observe(calibrator, group.name, x, AWQM_DTYPE_F32, 40, group.k, 0, NULL));
    }
}

static int32_t stop_at_third(void *user_data, const awqm_progress *progress) {
    CHECK(progress->index < progress->count && progress->bytes_done <= progress->bytes_total);
    return ++*(int *)user_data == 3;
}

static void block_by_block(void) {
    awqm_quantizer_options options = options_of(AWQM_AWQ_MODE_BETTER);
    awqm_quantizer *quantizer = NULL;
    awqm_calibrator *calibrator = NULL;
    awqm_checkpoint *opened = NULL;
    static char text[65536];
    STRUCT(awqm_quantizer_info, info);
    STRUCT(awqm_group_info, group);
    STRUCT(awqm_quantize_report, report);
    STRUCT(awqm_layer_info, layer);
    MUST(awqm_calibrator_create(NULL, &calibrator));
    MUST(awqm_quantizer_create(src, dst, &options, &quantizer));
    OK(awqm_quantizer_get_info(quantizer, &info));
    CHECK(info.groups == 8 && info.groups_done == 0 && info.layers == 14 && info.layers_kept == 0);
    CHECK(same_text(info.architecture, "llama"));
    OK(awqm_quantizer_get_group(quantizer, 6, &group));
    CHECK(group.layers == 2 && group.k == HIDDEN && group.n == 2 * WIDE && group.scaled && !group.done);
    CHECK(same_text(group.name, "model.layers.1.mlp.gate_proj") && same_text(group.block, "model.layers.1"));
    TEXT_PROTOCOL(text, awqm_quantizer_get_group_layer(quantizer, 6, 1, buf, cap, out));
    CHECK(same_text(text, "model.layers.1.mlp.up_proj"));
    for (int b = 0; b < BLOCKS; b++) {
        snprintf(text, sizeof text, "model.layers.%d", b);
        observe(quantizer, calibrator, text);
        OK(awqm_quantizer_run(quantizer, calibrator, text));
        OK(awqm_calibrator_clear(calibrator));
        CHECK(exists(folder) && !exists(dst));
    }
    OK(awqm_quantizer_finish(quantizer, &report));
    CHECK(report.layers_quantized == 14 && report.layers_kept == 0 && report.bytes_after < report.bytes_before);
    CHECK(exists(dst) && !exists(folder));
    TEXT_PROTOCOL(text, awqm_quantizer_report_json(quantizer, buf, cap, out));
    CHECK(strstr(text, "\"error_rtn\"") && strstr(text, "\"worst_channels\""));
    TEXT_PROTOCOL(text, awqm_quantizer_report_text(quantizer, buf, cap, out));
    CHECK(strstr(text, "model.layers.1.mlp.down_proj") != NULL);
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_quantizer_finish(quantizer, NULL)); /* twice */
    awqm_quantizer_free(quantizer);
    awqm_calibrator_free(calibrator);

    MUST(awqm_checkpoint_open(dst, &opened));
    OK(awqm_checkpoint_query_layer(opened, "model.layers.0.self_attn.o_proj", &layer, NULL, 0, NULL));
    CHECK(layer.quantized && layer.group_size == 16);
    awqm_checkpoint_free(opened);
    quantizer = NULL;
    STATUS(AWQM_STATUS_IO, awqm_quantizer_create(src, dst, &options, &quantizer)); /* there is one */
    remove_folder(dst);
}

static void cancelled_and_resumed(void) {
    awqm_quantizer_options options = options_of(AWQM_AWQ_MODE_FAITHFUL);
    awqm_quantizer *quantizer = NULL;
    awqm_calibrator *calibrator = NULL;
    int calls = 0;
    STRUCT(awqm_quantizer_info, info);
    options.resume = 1;
    options.progress = stop_at_third;
    options.user_data = &calls;
    MUST(awqm_calibrator_create(NULL, &calibrator));
    MUST(awqm_quantizer_create(src, dst, &options, &quantizer));
    observe(quantizer, calibrator, NULL);
    STATUS(AWQM_STATUS_CANCELLED, awqm_quantizer_run(quantizer, calibrator, NULL));
    OK(awqm_quantizer_run(quantizer, calibrator, "model.layers.0"));
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_quantizer_finish(quantizer, NULL));
    MESSAGE_HAS("model.layers.1");
    awqm_quantizer_free(quantizer);
    quantizer = NULL;
    CHECK(exists(folder) && !exists(dst));

    options.progress = NULL;
    options.group_size = 8;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_quantizer_create(src, dst, &options, &quantizer));
    MESSAGE_HAS("group_size");
    options.group_size = 16;
    MUST(awqm_quantizer_create(src, dst, &options, &quantizer));
    OK(awqm_quantizer_get_info(quantizer, &info));
    CHECK(info.groups_done == 4);
    OK(awqm_quantizer_run(quantizer, calibrator, NULL));
    OK(awqm_quantizer_finish(quantizer, NULL));
    awqm_quantizer_free(quantizer);
    awqm_calibrator_free(calibrator);
    CHECK(!exists(folder));
    remove_folder(dst);
}

/* No file may grow beyond a few bytes: writing fails as on a full disk. */
static void a_full_disk(void) {
    awqm_quantizer_options options = options_of(AWQM_AWQ_MODE_FAITHFUL);
    awqm_quantizer *quantizer = NULL;
    awqm_calibrator *calibrator = NULL;
    struct rlimit before, full;
    void (*handler)(int);
    awqm_status status;
    MUST(awqm_calibrator_create(NULL, &calibrator));
    MUST(awqm_quantizer_create(src, dst, &options, &quantizer));
    observe(quantizer, calibrator, NULL);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    full = before;
    full.rlim_cur = 2000;
    handler = signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &full) == 0);
    status = awqm_quantizer_run(quantizer, calibrator, NULL);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    STATUS(AWQM_STATUS_IO, status);
    CHECK(!exists(dst));

    /* There is room again: run what is not done; then it is full while the checkpoint is put together. */
    OK(awqm_quantizer_run(quantizer, calibrator, NULL));
    CHECK(setrlimit(RLIMIT_FSIZE, &full) == 0);
    status = awqm_quantizer_finish(quantizer, NULL);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    STATUS(AWQM_STATUS_IO, status);
    CHECK(!exists(dst));
    OK(awqm_quantizer_finish(quantizer, NULL));
    signal(SIGXFSZ, handler);
    awqm_quantizer_free(quantizer);
    awqm_calibrator_free(calibrator);
    remove_folder(dst);
}

static void misuse(void) {
    awqm_quantizer_options options = options_of(AWQM_AWQ_MODE_BETTER);
    awqm_quantizer *quantizer = NULL;
    awqm_calibrator *calibrator = NULL;
    static const char *const HOLE[] = {NULL};
    char text[8];
    STRUCT(awqm_quantizer_info, info);
    STRUCT(awqm_group_info, group);
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_create(NULL, dst, NULL, &quantizer));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_create(src, NULL, NULL, &quantizer));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_create(src, dst, NULL, NULL));
    options.skip = HOLE;
    options.skip_count = 1;
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_create(src, dst, &options, &quantizer));
    options.skip_count = 0;
    options.mode = 9;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_quantizer_create(src, dst, &options, &quantizer));
    options.mode = AWQM_AWQ_MODE_FAITHFUL;
    options.layout = 99;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_quantizer_create(src, dst, &options, &quantizer));
    options.layout = 0;
    options.bits = 3;
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_quantizer_create(src, dst, &options, &quantizer));
    options.bits = 0;
    options.struct_size = 3;
    STATUS(AWQM_STATUS_BAD_STRUCT_SIZE, awqm_quantizer_create(src, dst, &options, &quantizer));
    options.struct_size = sizeof options;
    options.group_size = 24; /* K is no multiple */
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_quantizer_create(src, dst, &options, &quantizer));
    MESSAGE_HAS("model.layers.0");
    options.group_size = 16;
    options.architecture = "/no/such/description.json";
    STATUS(AWQM_STATUS_MISSING, awqm_quantizer_create(src, dst, &options, &quantizer));
    options.architecture = NULL;
    FAILS(awqm_quantizer_create("/no/such/folder", dst, &options, &quantizer));
    FAILS(awqm_quantizer_create(src, src, &options, &quantizer));
    CHECK(quantizer == NULL && !exists(dst) && !exists(folder));

    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_get_info(NULL, &info));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_get_group(NULL, 0, &group));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_get_group_layer(NULL, 0, 0, text, sizeof text, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_run(NULL, NULL, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_finish(NULL, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_report_json(NULL, NULL, 0, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_report_text(NULL, NULL, 0, NULL));
    awqm_quantizer_free(NULL);

    MUST(awqm_quantizer_create(src, dst, &options, &quantizer));
    MUST(awqm_calibrator_create(NULL, &calibrator));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_get_info(quantizer, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_quantizer_get_group(quantizer, 0, NULL));
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_quantizer_get_group(quantizer, 8, &group));
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_quantizer_get_group_layer(quantizer, 0, 3, text, sizeof text, NULL));
    STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, awqm_quantizer_get_group_layer(quantizer, 0, 0, text, sizeof text, NULL));
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_quantizer_run(quantizer, NULL, NULL)); /* no calibration */
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_quantizer_run(quantizer, calibrator, NULL)); /* an empty one */
    MESSAGE_HAS("empty");
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_quantizer_run(quantizer, calibrator, "model.layers.9"));
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_quantizer_finish(quantizer, NULL));
    awqm_quantizer_free(quantizer);
    awqm_calibrator_free(calibrator);
    CHECK(!exists(dst) && !exists(folder));
}

static void run(const char *fixtures) {
    char base[] = "/tmp/awqm_quantizer_XXXXXX";
    (void)fixtures;
    if (!mkdtemp(base)) exit(1);
    snprintf(src, sizeof src, "%s/src", base);
    snprintf(dst, sizeof dst, "%s/dst", base);
    snprintf(folder, sizeof folder, "%s.awqm-unfinished", dst);
    if (mkdir(src, 0700) != 0) exit(1);
    write_model();
    block_by_block();
    cancelled_and_resumed();
    a_full_disk();
    misuse();
    remove_folder(src);
    CHECK(rmdir(base) == 0); /* nothing but what we made was there */
}

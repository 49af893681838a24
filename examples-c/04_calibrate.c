/*
 * Quantizes a model by its own activations. Here "the model" is one MLP of made-up weights in a Llama's clothes, small enough
 * to run in a few lines of C; an engine does the same with the hidden states that it has anyway.
 *
 *     04_calibrate NEW-FOLDER        writes NEW-FOLDER/fp32 and, quantized by AWQ, NEW-FOLDER/awq
 */
#include <awq_marlin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ROWS = 256, K = 128, WIDE = 256 };
static float norm[K], gate[WIDE][K], up[WIDE][K], down[K][WIDE]; /* weights, [N, K] each */
static float x[ROWS][K], hidden[ROWS][WIDE];                    /* inputs of gate and up, and of down */

static void check(awqm_status status) {
    if (status == AWQM_STATUS_OK) return;
    fprintf(stderr, "%s\n", awqm_last_error_message());
    exit(1);
}

static float noise(void) {
    static unsigned state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 8388608.0f - 1.0f;
}

static void fill(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = noise();
}

static awqm_tensor_view view(const float *data, int64_t n, int64_t k) {
    awqm_tensor_view v = {sizeof v, data, (size_t)(n * (k ? k : 1)) * sizeof *data, AWQM_DTYPE_F32, k ? 2 : 1, {n, k}};
    return v;
}

static void write_model(const char *folder) {
    const char *names[] = {"model.layers.0.post_attention_layernorm.weight", "model.layers.0.mlp.gate_proj.weight",
                           "model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.down_proj.weight"};
    awqm_tensor_view views[] = {view(norm, K, 0), view(gate[0], WIDE, K), view(up[0], WIDE, K), view(down[0], K, WIDE)};
    char path[1024];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    check(awqm_tensors_save(path, names, views, 4));
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *config = fopen(path, "w");
    if (!config || fputs("{\"model_type\": \"llama\"}\n", config) < 0 || fclose(config) != 0) exit(1);
}

/* Runs the model on rows of made-up data; a few channels are louder, as in real models. */
static void run_model(void) {
    for (int r = 0; r < ROWS; r++) {
        for (int k = 0; k < K; k++) x[r][k] = norm[k] * noise() * (k % 31 == 5 ? 20.0f : 1.0f);
        for (int n = 0; n < WIDE; n++) {
            float g = 0, u = 0;
            for (int k = 0; k < K; k++) g += gate[n][k] * x[r][k], u += up[n][k] * x[r][k];
            hidden[r][n] = g > 0 ? g * u : 0;
        }
    }
}

int main(int argc, char **argv) {
    char src[512], dst[512];
    awqm_calibrator *calibrator = NULL;
    awqm_quantizer *quantizer = NULL;
    if (argc != 2 || mkdir(argv[1], 0777) != 0) return fprintf(stderr, "usage: 04_calibrate NEW-FOLDER\n"), 2;
    snprintf(src, sizeof src, "%s/fp32", argv[1]);
    snprintf(dst, sizeof dst, "%s/awq", argv[1]);
    if (mkdir(src, 0777) != 0) return 1;
    for (int k = 0; k < K; k++) norm[k] = 1;
    fill(gate[0], WIDE * K), fill(up[0], WIDE * K), fill(down[0], K * WIDE);
    write_model(src);

    /* The inputs of linear layers, as they flow by: once for all layers that share an input. */
    check(awqm_calibrator_create(NULL, &calibrator));
    run_model();
    check(awqm_calibrator_observe(calibrator, "model.layers.0.mlp.gate_proj", x, AWQM_DTYPE_F32, ROWS, K, K, NULL));
    check(awqm_calibrator_observe(calibrator, "model.layers.0.mlp.down_proj", hidden, AWQM_DTYPE_F32, ROWS, WIDE, WIDE, NULL));

    awqm_quantizer_options options = {.struct_size = sizeof options, .group_size = 64};
    check(awqm_quantizer_create(src, dst, &options, &quantizer));
    check(awqm_quantizer_run(quantizer, calibrator, NULL));
    check(awqm_quantizer_finish(quantizer, NULL));
    static char report[4096];
    check(awqm_quantizer_report_text(quantizer, report, sizeof report, NULL));
    printf("%s", report);
    awqm_quantizer_free(quantizer);
    awqm_calibrator_free(calibrator);
    return 0;
}

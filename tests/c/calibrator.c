/* The calibrator: observing, merging, saving, loading, limits, and every misuse. */
#include "fixtures.h"

#include <unistd.h>

enum { K = 64, M = 40 };

static float x[M][K];

static void fill(void) {
    for (int i = 0; i < M * K; i++) x[i / K][i % K] = (float)((i * 7919) % 2003 - 1001) / 500.0f;
}

static awqm_calibrator *made(uint64_t rows) {
    awqm_calibrator *calibrator = NULL;
    STRUCT(awqm_calibrator_options, options);
    options.rows = rows;
    MUST(awqm_calibrator_create(&options, &calibrator));
    return calibrator;
}

static uint64_t rows_of(const awqm_calibrator *calibrator, size_t index, const char *expected_name) {
    char name[64];
    STRUCT(awqm_calibrator_layer_info, info);
    MUST(awqm_calibrator_get_layer(calibrator, index, &info, name, sizeof name, NULL));
    CHECK(same_text(name, expected_name) && info.k == K && !info.not_finite);
    return info.rows;
}

static void observing(void) {
    awqm_calibrator *whole = made(0), *cut = made(0), *loaded = NULL;
    char path[] = "/tmp/awqm_calibrator_XXXXXX", name[64];
    uint64_t bytes = 0;
    int fd = mkstemp(path);
    STRUCT(awqm_calibrator_info, info);
    CHECK(fd >= 0);
    close(fd);

    OK(awqm_calibrator_layer_bytes(NULL, K, &bytes));
    CHECK(bytes >= 8 * K * (K + 1) / 2);
    OK(awqm_calibrator_observe(whole, "a", x, AWQM_DTYPE_F32, M, K, 0, NULL));
    OK(awqm_calibrator_observe(whole, "a", x, AWQM_DTYPE_F32, 0, K, 0, NULL));
    OK(awqm_calibrator_observe(cut, "a", x, AWQM_DTYPE_F32, M / 2, K, K, NULL));
    OK(awqm_calibrator_observe(cut, "b", x, AWQM_DTYPE_F32, M / 2, K / 2, K, NULL));
    OK(awqm_calibrator_get_info(whole, &info));
    CHECK(info.layers == 1 && info.bytes == bytes && info.rows == 0);

    OK(awqm_calibrator_merge(whole, cut, NULL));
    CHECK(rows_of(whole, 0, "a") == M + M / 2);
    OK(awqm_calibrator_save(whole, path));
    OK(awqm_calibrator_load(path, NULL, &loaded));
    CHECK(rows_of(loaded, 0, "a") == M + M / 2);
    OK(awqm_calibrator_observe(loaded, "a", x, AWQM_DTYPE_F32, M, K, 0, NULL));
    CHECK(rows_of(loaded, 0, "a") == 2 * M + M / 2);
    TEXT_PROTOCOL(name, awqm_calibrator_get_layer(loaded, 1, NULL, buf, cap, out));
    CHECK(same_text(name, "b"));
    OK(awqm_calibrator_clear(loaded));
    OK(awqm_calibrator_get_info(loaded, &info));
    CHECK(info.layers == 0 && info.bytes == 0);

    unlink(path);
    awqm_calibrator_free(loaded);
    awqm_calibrator_free(cut);
    awqm_calibrator_free(whole);
    awqm_calibrator_free(NULL);
}

static void a_sample_of_rows(void) {
    awqm_calibrator *calibrator = made(16);
    STRUCT(awqm_calibrator_layer_info, info);
    OK(awqm_calibrator_observe(calibrator, "a", x, AWQM_DTYPE_F32, M, K, 0, NULL));
    OK(awqm_calibrator_get_layer(calibrator, 0, &info, NULL, 0, NULL));
    CHECK(info.rows == M && info.rows_kept > 8 && info.rows_kept <= 16);
    awqm_calibrator_free(calibrator);
}

static void not_finite(void) {
    static const uint16_t half[4] = {0x3c00, 0x7e00, 0x3c00, 0x7c00}; /* 1, NaN, 1, infinity */
    awqm_calibrator *calibrator = made(0);
    STRUCT(awqm_calibrator_options, options);
    STRUCT(awqm_calibrator_layer_info, info);
    STATUS(AWQM_STATUS_TENSOR, awqm_calibrator_observe(calibrator, "q_proj", half, AWQM_DTYPE_F16, 2, 2, 0, NULL));
    MESSAGE_HAS("q_proj");
    MESSAGE_HAS("row 0, channel 1");
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_calibrator_get_layer(calibrator, 0, &info, NULL, 0, NULL));
    awqm_calibrator_free(calibrator);

    options.skip_not_finite = 1;
    MUST(awqm_calibrator_create(&options, &calibrator));
    OK(awqm_calibrator_observe(calibrator, "q_proj", half, AWQM_DTYPE_F16, 2, 2, 0, NULL));
    OK(awqm_calibrator_get_layer(calibrator, 0, &info, NULL, 0, NULL));
    CHECK(info.not_finite && info.bad_row == 0 && info.bad_channel == 1 && info.rows == 0);
    awqm_calibrator_free(calibrator);
}

static void misuse(void) {
    awqm_calibrator *calibrator = made(0), *rows = made(8), *none = NULL;
    uint64_t bytes = 0;
    STRUCT(awqm_calibrator_options, options);
    STRUCT(awqm_calibrator_info, info);
    STRUCT(awqm_calibrator_layer_info, layer);
    MUST(awqm_calibrator_observe(calibrator, "a", x, AWQM_DTYPE_F32, M, K, 0, NULL));

    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_create(NULL, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_layer_bytes(NULL, K, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_observe(NULL, "a", x, AWQM_DTYPE_F32, M, K, 0, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_observe(calibrator, NULL, x, AWQM_DTYPE_F32, M, K, 0, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_observe(calibrator, "a", NULL, AWQM_DTYPE_F32, M, K, 0, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_merge(NULL, rows, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_merge(rows, NULL, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_clear(NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_save(NULL, "file"));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_save(calibrator, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_load(NULL, NULL, &none));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_load("file", NULL, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_get_info(NULL, &info));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_get_info(calibrator, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_calibrator_get_layer(NULL, 0, &layer, NULL, 0, NULL));

    FAILS(awqm_calibrator_observe(calibrator, "a", x, AWQM_DTYPE_F32, M, K / 2, K, NULL)); /* another K */
    MESSAGE_HAS("K = 64");
    FAILS(awqm_calibrator_observe(calibrator, "a", x, AWQM_DTYPE_F32, -1, K, 0, NULL));
    FAILS(awqm_calibrator_observe(calibrator, "a", x, AWQM_DTYPE_F32, M, 0, 0, NULL));
    FAILS(awqm_calibrator_observe(calibrator, "a", x, AWQM_DTYPE_F32, M, K, K - 1, NULL));
    FAILS(awqm_calibrator_observe(calibrator, "", x, AWQM_DTYPE_F32, M, K, 0, NULL));
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_calibrator_observe(calibrator, "a", x, AWQM_DTYPE_I32, M, K, 0, NULL));
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_calibrator_observe(calibrator, "a", x, 99, M, K, 0, NULL));
    STATUS(AWQM_STATUS_SIZE_OVERFLOW,
           awqm_calibrator_observe(calibrator, "a", x, AWQM_DTYPE_F32, INT64_MAX, INT64_MAX, 0, NULL));
    FAILS(awqm_calibrator_layer_bytes(NULL, 0, &bytes));
    STATUS(AWQM_STATUS_SIZE_OVERFLOW, awqm_calibrator_layer_bytes(NULL, INT64_MAX, &bytes));
    STATUS(AWQM_STATUS_OVERLAP, awqm_calibrator_merge(calibrator, calibrator, NULL));
    FAILS(awqm_calibrator_merge(calibrator, rows, NULL)); /* rows and Gram matrices */
    CHECK(rows_of(calibrator, 0, "a") == M);
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_calibrator_get_layer(calibrator, 1, &layer, NULL, 0, NULL));

    STATUS(AWQM_STATUS_MISSING, awqm_calibrator_load("/no/such/file", NULL, &none));
    FAILS(awqm_calibrator_save(calibrator, "/tmp"));
    options.struct_size = 4;
    STATUS(AWQM_STATUS_BAD_STRUCT_SIZE, awqm_calibrator_create(&options, &none));
    options.struct_size = sizeof options;
    options.max_bytes = 1000;
    MUST(awqm_calibrator_create(&options, &none));
    STATUS(AWQM_STATUS_OUT_OF_MEMORY, awqm_calibrator_observe(none, "a", x, AWQM_DTYPE_F32, M, K, 0, NULL));
    MESSAGE_HAS("1000 bytes");
    STATUS(AWQM_STATUS_OUT_OF_MEMORY, awqm_calibrator_merge(none, calibrator, NULL));
    awqm_calibrator_free(none);
    awqm_calibrator_free(rows);
    awqm_calibrator_free(calibrator);
}

static void damaged_files(const char *fixtures) {
    awqm_calibrator *none = NULL;
    STATUS(AWQM_STATUS_CONTAINER,
           awqm_calibrator_load(in_fixtures(fixtures, "linear/k128_n64_g128/source.safetensors"), NULL, &none));
    MESSAGE_HAS("no calibration");
    FAILS(awqm_calibrator_load(in_fixtures(fixtures, "README.md"), NULL, &none));
    CHECK(none == NULL);
}

static void run(const char *fixtures) {
    fill();
    observing();
    a_sample_of_rows();
    not_finite();
    misuse();
    damaged_files(fixtures);
}

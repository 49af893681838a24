/* Plans for GPUs, asked for by numbers: no GPU and no driver are needed. */
#include "harness.h"

static awqm_cuda_plan_options of(uint32_t capability, int64_t k, int64_t n, int64_t m) {
    STRUCT(awqm_cuda_plan_options, options);
    options.capability = capability;
    options.k = k;
    options.n = n;
    options.m = m;
    options.bits = 4;
    options.zero_point = 1;
    options.group_size = 128;
    options.dtype = AWQM_DTYPE_F16;
    return options;
}

static void names(void) {
    static const struct {
        uint32_t capability;
        int32_t supported;
        const char *architecture, *product;
    } CASES[] = {
        {61, 0, "Pascal", "GTX 10"}, {70, 0, "Volta", "V100"},       {75, 1, "Turing", "RTX 20"},
        {80, 1, "Ampere", "A100"},   {86, 1, "Ampere", "RTX 30"},    {89, 1, "Ada Lovelace", "RTX 40"},
        {90, 1, "Hopper", "H100"},   {100, 1, "Blackwell", "B200"},  {120, 1, "Blackwell", "RTX 50"},
    };
    size_t i;
    STRUCT(awqm_capability_info, info);
    for (i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        OK(awqm_query_capability(CASES[i].capability, &info));
        CHECK(info.supported == CASES[i].supported && same_text(info.architecture, CASES[i].architecture));
        CHECK(strstr(info.products, CASES[i].product) != NULL);
        CHECK((info.multiprocessors > 0 && info.bandwidth_gbps > 0 && info.typical[0] != '\0') == CASES[i].supported);
        CHECK((info.tflops > 0 && info.shared_bytes >= 64 << 10) == CASES[i].supported);
    }
    OK(awqm_query_capability(999, &info)); /* newer than this library */
    CHECK(info.supported == 1 && info.architecture[0] == '\0' && info.multiprocessors == 0);
    OK(awqm_query_capability(0, &info));
    CHECK(info.supported == 0);
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_query_capability(75, NULL));
    info.struct_size = 1;
    STATUS(AWQM_STATUS_BAD_STRUCT_SIZE, awqm_query_capability(75, &info));
}

static void plans(void) {
    static const uint32_t CAPABILITIES[] = {75, 80, 86, 87, 89, 90, 100, 103, 110, 120, 121};
    static const int64_t ROWS[] = {1, 8, 64, 4096};
    char text[1024];
    size_t i, j;
    STRUCT(awqm_cuda_plan_info, info);
    awqm_cuda_plan_options options;
    for (i = 0; i < sizeof CAPABILITIES / sizeof CAPABILITIES[0]; i++) {
        for (j = 0; j < sizeof ROWS / sizeof ROWS[0]; j++) {
            options = of(CAPABILITIES[i], 4096, 14336, ROWS[j]);
            OK(awqm_query_cuda_plan(&options, &info, NULL, 0, NULL));
            CHECK(info.block > 0 && info.block % 32 == 0 && strncmp(info.code, "awqm_", 5) == 0);
            CHECK(info.grid_x * info.tiles == 14336 / 64 && info.grid_y == info.splits);
            CHECK(info.block_rows % 8 == 0);
            CHECK(info.grid_z == ((uint32_t)ROWS[j] + info.block_rows - 1) / info.block_rows);
            CHECK(info.predicted_us > info.floor_us && info.predicted_us > info.products_floor_us);
            CHECK(info.prefers_dense == 0 || info.dense_predicted_us < info.predicted_us);
            if (ROWS[j] == 4096)
                CHECK(info.kernel == (CAPABILITIES[i] == 75 ? AWQM_KERNEL_GEMM : AWQM_KERNEL_MARLIN));
            CHECK(info.counter_bytes <= info.workspace_bytes && (info.workspace_bytes == 0) == (info.splits == 1));
            CHECK(info.bytes_moved > 4096u * 14336u / 2 && info.operations == 2ull * 4096 * 14336 * (uint64_t)ROWS[j]);
            CHECK(fabs(info.floor_us - (double)info.bytes_moved / info.bandwidth_gbps / 1e3) < 1e-6);
        }
    }
    options = of(90, 4096, 4096, 1);
    options.multiprocessors = 132;
    OK(awqm_query_cuda_plan(&options, &info, NULL, 0, NULL));
    CHECK(info.floor_us == 0.0 && info.bandwidth_gbps == 0.0 && info.multiprocessors == 132);
    options.bandwidth_gbps = 3350;
    TEXT_PROTOCOL(text, awqm_query_cuda_plan(&options, &info, buf, cap, out));
    CHECK(strstr(text, "132 multiprocessors") != NULL && info.floor_us > 2.5 && info.floor_us < 2.7);
    options.flags = AWQM_BATCH_INVARIANT;
    OK(awqm_query_cuda_plan(&options, &info, NULL, 0, NULL));
    CHECK(info.batch_invariant == 1 && info.kernel == AWQM_KERNEL_MARLIN);
    options.flags = 0;
    options.kernel = AWQM_KERNEL_GEMM; /* another name for Marlin's code */
    OK(awqm_query_cuda_plan(&options, &info, NULL, 0, NULL));
    CHECK(info.kernel == AWQM_KERNEL_MARLIN && strncmp(info.code, "awqm_marlin_f16_w4_m", 20) == 0);
    options.kernel = AWQM_KERNEL_AUTO;
    options.tuning = "{\"tuning\": 1, \"gpu\": {\"capability\": \"9.0\", \"multiprocessors\": 132}, \"basis\": \"a test\","
                     " \"entries\": [{\"k\": 4096, \"n\": 4096, \"bits\": 4, \"m\": 8, \"kernel\": \"gemv\","
                     " \"cut\": {\"tiles\": 2, \"splits\": 5}}]}";
    TEXT_PROTOCOL(text, awqm_query_cuda_plan(&options, &info, buf, cap, out));
    CHECK(info.tiles == 2 && info.splits == 5 && strstr(text, "tuning table") != NULL);
    options.tuning = "{\"tuning\": 1";
    STATUS(AWQM_STATUS_JSON, awqm_query_cuda_plan(&options, &info, NULL, 0, NULL));
    options.tuning = "{}";
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_query_cuda_plan(&options, &info, NULL, 0, NULL));
    options.tuning = NULL;
    options.capability = 143; /* a GPU of the future, with its number of multiprocessors */
    OK(awqm_query_cuda_plan(&options, &info, NULL, 0, NULL));
    options.multiprocessors = 0;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_query_cuda_plan(&options, &info, NULL, 0, NULL));
    MESSAGE_HAS("multiprocessors");
}

static awqm_status asked(const awqm_cuda_plan_options *options) {
    STRUCT(awqm_cuda_plan_info, info);
    return awqm_query_cuda_plan(options, &info, NULL, 0, NULL);
}

static void refusals(void) {
    STRUCT(awqm_cuda_plan_info, info);
    awqm_cuda_plan_options options = of(61, 4096, 4096, 1);
    STATUS(AWQM_STATUS_CAPABILITY_TOO_LOW, asked(&options));
    MESSAGE_HAS("6.1 (Pascal");
    MESSAGE_HAS("7.5");
    options = of(75, 4096, 4096, 1);
    options.dtype = AWQM_DTYPE_BF16;
    STATUS(AWQM_STATUS_UNSUPPORTED, asked(&options));
    MESSAGE_HAS("Turing");
    options.dtype = AWQM_DTYPE_F16;
    options.kernel = AWQM_KERNEL_MARLIN;
    STATUS(AWQM_STATUS_KERNEL_UNSUPPORTED, asked(&options));
    MESSAGE_HAS("8.0");

#define REFUSED(status, field, value)                                                                                  \
    do {                                                                                                               \
        options = of(90, 4096, 4096, 1);                                                                               \
        options.field = value;                                                                                         \
        STATUS(status, asked(&options));                                                                               \
    } while (0)
    REFUSED(AWQM_STATUS_UNKNOWN_ENUM, flags, 6);
    REFUSED(AWQM_STATUS_UNKNOWN_ENUM, kernel, 17);
    REFUSED(AWQM_STATUS_UNKNOWN_ENUM, dtype, 0);
    REFUSED(AWQM_STATUS_UNSUPPORTED, dtype, AWQM_DTYPE_F32);
    REFUSED(AWQM_STATUS_UNSUPPORTED, dtype, AWQM_DTYPE_I8);
    REFUSED(AWQM_STATUS_UNKNOWN_ENUM, scale_dtype, 99);
    REFUSED(AWQM_STATUS_TENSOR, scale_dtype, AWQM_DTYPE_I8);
    REFUSED(AWQM_STATUS_UNSUPPORTED, bits, 3);
    REFUSED(AWQM_STATUS_INVALID_ARGUMENT, group_size, 0);
    REFUSED(AWQM_STATUS_INVALID_ARGUMENT, k, 0);
    REFUSED(AWQM_STATUS_INVALID_ARGUMENT, n, -64);
    REFUSED(AWQM_STATUS_INVALID_ARGUMENT, m, 0);
    REFUSED(AWQM_STATUS_SIZE_OVERFLOW, k, (int64_t)1 << 31);
    REFUSED(AWQM_STATUS_SIZE_OVERFLOW, n, INT64_MAX);
    REFUSED(AWQM_STATUS_UNSUPPORTED, m, 0x7fffffff);
    MESSAGE_HAS("run it in parts");
    REFUSED(AWQM_STATUS_INVALID_ARGUMENT, multiprocessors, 0xffffffffu);
    REFUSED(AWQM_STATUS_INVALID_ARGUMENT, bandwidth_gbps, -5.0);
    REFUSED(AWQM_STATUS_BAD_STRUCT_SIZE, struct_size, 8);

    options = of(90, 4096, 4096, 1);
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_query_cuda_plan(NULL, &info, NULL, 0, NULL));
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_query_cuda_plan(&options, NULL, NULL, 0, NULL));
}

static void run(const char *fixtures) {
    (void)fixtures;
    names();
    plans();
    refusals();
}

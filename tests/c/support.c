/* What can run where: quantizations, shapes, kernels, dtypes, workspaces. */
#include "harness.h"

static void quantizations(void) {
    static const struct {
        uint32_t bits;
        int64_t group_size;
        int32_t zero_point;
        awqm_layout layout;
        awqm_support answer;
    } CASES[] = {
        {4, 128, 1, AWQM_LAYOUT_MARLIN, AWQM_SUPPORT_YES},    {8, 128, 1, AWQM_LAYOUT_MARLIN, AWQM_SUPPORT_YES},
        {4, -1, 1, AWQM_LAYOUT_AWQ_GEMM, AWQM_SUPPORT_YES},   {4, 128, 0, AWQM_LAYOUT_CPU, AWQM_SUPPORT_YES},
        {3, 128, 1, AWQM_LAYOUT_MARLIN, AWQM_SUPPORT_NO},     {4, 0, 1, AWQM_LAYOUT_MARLIN, AWQM_SUPPORT_NO},
        {4, -2, 1, AWQM_LAYOUT_AWQ_GEMM, AWQM_SUPPORT_NO},    {4, 128, 1, AWQM_LAYOUT_AWQ_MARLIN, AWQM_SUPPORT_NO},
        {8, 128, 1, AWQM_LAYOUT_AWQ_GEMV, AWQM_SUPPORT_NO},
    };
    char text[1024];
    size_t i;
    awqm_support answer;
    for (i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        answer = 99;
        OK(awqm_query_quantization_support(CASES[i].bits, CASES[i].group_size, CASES[i].zero_point, CASES[i].layout, &answer, NULL, 0,
                                           NULL));
        CHECK(answer == CASES[i].answer);
    }
    TEXT_PROTOCOL(text, awqm_query_quantization_support(3, 128, 1, AWQM_LAYOUT_MARLIN, &answer, buf, cap, out));
    CHECK(text[0] != '\0');
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_query_quantization_support(4, 128, 1, 99, &answer, NULL, 0, NULL));
}

static void shapes(void) {
    char text[1024];
    awqm_support answer = 99;
    OK(awqm_query_shape_support(4096, 4096, 4, 128, 1, AWQM_LAYOUT_MARLIN, &answer, NULL, 0, NULL));
    CHECK(answer == AWQM_SUPPORT_YES);
    TEXT_PROTOCOL(text, awqm_query_shape_support(576, 96, 4, 32, 1, AWQM_LAYOUT_MARLIN, &answer, buf, cap, out));
    CHECK(answer == AWQM_SUPPORT_PADDED && text[0] != '\0');
    OK(awqm_query_shape_support(4096, 4096, 4, 128, 1, AWQM_LAYOUT_CPU, &answer, NULL, 0, NULL));
    CHECK(answer == AWQM_SUPPORT_YES);
    TEXT_PROTOCOL(text, awqm_query_shape_support(100, 60, 4, 128, 1, AWQM_LAYOUT_AWQ_GEMM, &answer, buf, cap, out));
    CHECK(answer == AWQM_SUPPORT_NO && text[0] != '\0'); /* 60 columns are not whole words */
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_query_shape_support(128, 64, 4, 128, 1, 99, &answer, NULL, 0, NULL));
    FAILS(awqm_query_shape_support(-1, 64, 4, 128, 1, AWQM_LAYOUT_MARLIN, &answer, NULL, 0, NULL));
}

static void kernels(void) {
    uint32_t capability = 0;
    int64_t sizes[16];
    size_t count = 0, i, found = 0, bytes = 0;
    OK(awqm_kernel_min_capability(AWQM_KERNEL_GEMV, &capability));
    CHECK(capability == 75);
    OK(awqm_kernel_min_capability(AWQM_KERNEL_GEMM, &capability));
    CHECK(capability == 75);
    OK(awqm_kernel_min_capability(AWQM_KERNEL_MARLIN, &capability));
    CHECK(capability == 80);
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_kernel_min_capability(AWQM_KERNEL_AUTO, &capability));
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_kernel_min_capability(99, &capability));

    CHECK(awqm_kernel_supports_dtype(AWQM_KERNEL_GEMV, 0, AWQM_DTYPE_F32) == 1);
    CHECK(awqm_kernel_supports_dtype(AWQM_KERNEL_MARLIN, 0, AWQM_DTYPE_F32) == 0);
    CHECK(awqm_kernel_supports_dtype(AWQM_KERNEL_MARLIN, 86, AWQM_DTYPE_F16) == 1);
    CHECK(awqm_kernel_supports_dtype(AWQM_KERNEL_MARLIN, 75, AWQM_DTYPE_F16) == 0);
    CHECK(awqm_kernel_supports_dtype(AWQM_KERNEL_GEMM, 75, AWQM_DTYPE_BF16) == 0);
    CHECK(awqm_kernel_supports_dtype(AWQM_KERNEL_AUTO, 75, AWQM_DTYPE_F16) == 1);
    CHECK(awqm_kernel_supports_dtype(AWQM_KERNEL_GEMV, 0, AWQM_DTYPE_I32) == 0);
    CHECK(awqm_kernel_supports_dtype(99, 0, AWQM_DTYPE_F16) == 0);
    CHECK(awqm_kernel_supports_dtype(AWQM_KERNEL_GEMV, 0, 99) == 0);

    OK(awqm_marlin_group_sizes(NULL, 0, &count));
    CHECK(count >= 1 && count <= 16);
    OK(awqm_marlin_group_sizes(sizes, 16, &count));
    for (i = 0; i < count; i++) found += sizes[i] == 128 || sizes[i] == -1;
    CHECK(found == 2);
    STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, awqm_marlin_group_sizes(sizes, count - 1, &count));

    OK(awqm_marlin_workspace_bytes(4096, 108, &bytes));
    CHECK(bytes == 108 * 4); /* one int32 lock for each multiprocessor */
    FAILS(awqm_marlin_workspace_bytes(-64, 108, &bytes));
    FAILS(awqm_marlin_workspace_bytes(64, 0, &bytes));
}

static void run(const char *fixtures) {
    (void)fixtures;
    quantizations();
    shapes();
    kernels();
}

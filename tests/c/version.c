/* Version, ABI, build info, backends, and the names of enum values. */
#include "harness.h"

static void run(const char *fixtures) {
    char expected[64];
    uint32_t code;
    (void)fixtures;

    CHECK(awqm_version_number() == AWQM_VERSION_NUMBER);
    CHECK(AWQM_VERSION_NUMBER == AWQM_VERSION_MAJOR * 1000000 + AWQM_VERSION_MINOR * 1000 + AWQM_VERSION_PATCH);
    snprintf(expected, sizeof expected, "%d.%d.%d", AWQM_VERSION_MAJOR, AWQM_VERSION_MINOR, AWQM_VERSION_PATCH);
    CHECK(same_text(awqm_version_string(), expected));
    CHECK(awqm_abi_version() == AWQM_ABI_VERSION);
    CHECK(strstr(awqm_build_info(), expected) != NULL);
    CHECK(strstr(awqm_build_info(), "cpu") != NULL);

    CHECK(awqm_backend_available(AWQM_BACKEND_CPU) == 1);
    CHECK(awqm_backend_available(0) == 0);
    CHECK(awqm_backend_available(UINT32_MAX) == 0);

    CHECK(same_text(awqm_dtype_name(AWQM_DTYPE_F16), "F16"));
    CHECK(same_text(awqm_dtype_name(AWQM_DTYPE_BOOL), "BOOL"));
    CHECK(awqm_dtype_name(0) == NULL);
    CHECK(awqm_dtype_name(UINT32_MAX) == NULL);
    CHECK(awqm_dtype_bytes(AWQM_DTYPE_BF16) == 2);
    CHECK(awqm_dtype_bytes(AWQM_DTYPE_F64) == 8);
    CHECK(awqm_dtype_bytes(0) == 0);
    CHECK(awqm_dtype_bytes(UINT32_MAX) == 0);
    for (code = AWQM_DTYPE_F16; code <= AWQM_DTYPE_BOOL; code++) CHECK(awqm_dtype_name(code) && awqm_dtype_bytes(code));

    CHECK(same_text(awqm_layout_name(AWQM_LAYOUT_AWQ_GEMM), "gemm"));
    CHECK(same_text(awqm_layout_name(AWQM_LAYOUT_MARLIN), "marlin"));
    CHECK(awqm_layout_name(0) == NULL);
    CHECK(awqm_layout_name(99) == NULL);
    for (code = AWQM_LAYOUT_DENSE; code <= AWQM_LAYOUT_CPU; code++) CHECK(awqm_layout_name(code) != NULL);

    CHECK(same_text(awqm_kernel_name(AWQM_KERNEL_AUTO), "auto"));
    CHECK(same_text(awqm_kernel_name(AWQM_KERNEL_MARLIN), "marlin"));
    CHECK(awqm_kernel_name(77) == NULL);
    CHECK(same_text(awqm_method_name(AWQM_METHOD_AWQ), "awq"));
    CHECK(same_text(awqm_method_name(AWQM_METHOD_COMPRESSED_TENSORS), "compressed-tensors"));
    CHECK(awqm_method_name(77) == NULL);
    CHECK(same_text(awqm_isa_name(AWQM_ISA_PORTABLE), "portable"));
    CHECK(awqm_isa_name(77) == NULL);
}

/* The building blocks of Marlin repacking, each against the tensors that other projects' code made. */
#include "fixtures.h"

static void golden(const char *fixtures, const golden_case *which, const awqm_device *device) {
    awqm_checkpoint *gemm = open_tensors(fixtures, which->folder, "awq_gemm.safetensors");
    awqm_checkpoint *marlin = open_tensors(fixtures, which->folder, "marlin.safetensors");
    awqm_tensor_view qweight = tensor_of(gemm, "qweight"), qzeros = tensor_of(gemm, "qzeros"), scales = tensor_of(gemm, "scales"),
                     bias = tensor_of(gemm, "bias"), expected;
    int64_t k = which->k, n = which->n, group_size = which->group_size, groups = group_size < 0 ? 1 : k / group_size;
    uint32_t bits = which->bits;
    void *out = allocate(qweight.bytes), *copy;

    expected = tensor_of(marlin, "qweight");
    CHECK(expected.bytes == qweight.bytes);
    OK(awqm_awq_marlin_repack(qweight.data, out, qweight.bytes, k, n, bits, device));
    CHECK(memcmp(out, expected.data, expected.bytes) == 0);
    FAILS(awqm_awq_marlin_repack(qweight.data, out, qweight.bytes - 4, k, n, bits, device));
    FAILS(awqm_awq_marlin_repack(qweight.data, out, qweight.bytes, k, n, 5, device));
    FAILS(awqm_awq_marlin_repack(qweight.data, out, qweight.bytes, k - 8, n, bits, device));
    FAILS(awqm_awq_marlin_repack(qweight.data, out, qweight.bytes, k, -n, bits, device));
    STATUS(AWQM_STATUS_OVERLAP, awqm_awq_marlin_repack(out, out, qweight.bytes, k, n, bits, device));

    expected = tensor_of(marlin, "qzeros");
    OK(awqm_awq_to_marlin_zero_points(qzeros.data, out, qzeros.bytes, groups, n, bits));
    CHECK(expected.bytes == qzeros.bytes && memcmp(out, expected.data, expected.bytes) == 0);
    FAILS(awqm_awq_to_marlin_zero_points(qzeros.data, out, qzeros.bytes, groups + 1, n, bits));

    expected = tensor_of(marlin, "scales");
    OK(awqm_marlin_permute_scales(scales.data, out, scales.bytes, AWQM_DTYPE_F16, k, n, group_size));
    CHECK(expected.bytes == scales.bytes && memcmp(out, expected.data, expected.bytes) == 0);
    FAILS(awqm_marlin_permute_scales(scales.data, out, scales.bytes - 2, AWQM_DTYPE_F16, k, n, group_size));
    FAILS(awqm_marlin_permute_scales(scales.data, out, scales.bytes, AWQM_DTYPE_F16, k, n, 0));
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_marlin_permute_scales(scales.data, out, scales.bytes, 99, k, n, group_size));

    expected = tensor_of(marlin, "bias_permuted");
    OK(awqm_marlin_permute_bias(bias.data, out, bias.bytes, AWQM_DTYPE_F16, n));
    CHECK(expected.bytes == bias.bytes && memcmp(out, expected.data, expected.bytes) == 0);
    copy = allocate(bias.bytes);
    STATUS(AWQM_STATUS_OVERLAP, awqm_marlin_permute_bias(copy, copy, bias.bytes, AWQM_DTYPE_F16, n));
    free(copy);
    free(out);
    awqm_checkpoint_free(gemm);
    awqm_checkpoint_free(marlin);
}

/* From plain zero points [G, N]: the same words as by way of AutoAWQ's packing. */
static void zero_points_from_integers(const char *fixtures, const golden_case *which) {
    awqm_checkpoint *ints = open_tensors(fixtures, which->folder, "ints.safetensors");
    awqm_checkpoint *marlin = open_tensors(fixtures, which->folder, "marlin.safetensors");
    awqm_tensor_view zeros = tensor_of(ints, "z"), expected = tensor_of(marlin, "qzeros");
    void *out = allocate(expected.bytes);
    OK(awqm_marlin_zero_points((const uint8_t *)zeros.data, zeros.bytes, which->k / which->group_size, which->n, which->bits, out,
                               expected.bytes));
    CHECK(memcmp(out, expected.data, expected.bytes) == 0);
    FAILS(awqm_marlin_zero_points((const uint8_t *)zeros.data, zeros.bytes, which->k / which->group_size, which->n, which->bits,
                                  out, expected.bytes - 1));
    free(out);
    awqm_checkpoint_free(ints);
    awqm_checkpoint_free(marlin);
}

/* GPTQ and AWQ words of the same codes repack to the same Marlin words. */
static void gptq_and_awq_agree(const char *fixtures) {
    const golden_case *which = &GOLDEN[0];
    awqm_packed *gemm = golden_packed(fixtures, which, 0), *gptq = NULL;
    awqm_checkpoint *marlin = open_tensors(fixtures, which->folder, "marlin.safetensors");
    awqm_tensor_view expected = tensor_of(marlin, "qweight"), words;
    void *out = allocate(expected.bytes);
    MUST(awqm_packed_convert(gemm, AWQM_LAYOUT_GPTQ_V2, NULL, &gptq));
    words = part_of(gptq, AWQM_ROLE_QWEIGHT);
    OK(awqm_gptq_marlin_repack(words.data, out, words.bytes, which->k, which->n, which->bits, NULL));
    CHECK(expected.bytes == words.bytes && memcmp(out, expected.data, expected.bytes) == 0);
    FAILS(awqm_gptq_marlin_repack(words.data, out, words.bytes, which->k, which->n + 64, which->bits, NULL));
    free(out);
    awqm_packed_free(gemm);
    awqm_packed_free(gptq);
    awqm_checkpoint_free(marlin);
}

static void columns(void) {
    uint8_t codes[2 * 16], back[2 * 16];
    uint32_t words[2 * 4];
    int i;
    for (i = 0; i < 32; i++) codes[i] = (uint8_t)(i * 7 % 16);
    OK(awqm_pack_columns(codes, sizeof codes, 2, 16, 4, words, 16));
    /* Nibble i of word c is column 8c + i: 0, 7, 14, 5, 12, 3, 10, 1. */
    CHECK(words[0] == 0x1A3C5E70u);
    OK(awqm_unpack_columns(words, 16, 2, 16, 4, back, sizeof back));
    CHECK(memcmp(codes, back, sizeof codes) == 0);
    OK(awqm_pack_columns(codes, sizeof codes, 2, 16, 8, words, 32));
    CHECK(words[0] == 0x050E0700u);
    OK(awqm_unpack_columns(words, 32, 2, 16, 8, back, sizeof back));
    CHECK(memcmp(codes, back, sizeof codes) == 0);

    FAILS(awqm_pack_columns(codes, sizeof codes, 2, 16, 4, words, 12));
    FAILS(awqm_pack_columns(codes, sizeof codes - 1, 2, 16, 4, words, 16));
    FAILS(awqm_pack_columns(codes, sizeof codes, 2, 15, 4, words, 16));
    FAILS(awqm_pack_columns(codes, sizeof codes, 2, 16, 3, words, 16));
    FAILS(awqm_pack_columns(codes, sizeof codes, INT64_MAX, INT64_MAX, 4, words, 16));
    FAILS(awqm_unpack_columns(words, 16, -2, 16, 4, back, sizeof back));
    STATUS(AWQM_STATUS_OVERLAP, awqm_unpack_columns(words, 16, 2, 16, 4, (uint8_t *)words, 32));
    codes[3] = 16; /* does not fit 4 bits */
    FAILS(awqm_pack_columns(codes, sizeof codes, 2, 16, 4, words, 16));
}

static void permutations(void) {
    uint32_t permutation[64], i;
    size_t count = 0;
    OK(awqm_marlin_scale_permutation(1, NULL, 0, &count));
    CHECK(count == 64);
    OK(awqm_marlin_scale_permutation(1, permutation, 64, &count));
    for (i = 0; i < 64; i++) CHECK(permutation[i] == i / 8 + 8 * (i % 8));
    OK(awqm_marlin_scale_permutation(0, NULL, 0, &count));
    CHECK(count == 32);
    OK(awqm_marlin_scale_permutation(0, permutation, 32, &count));
    CHECK(permutation[0] == 0 && permutation[1] == 1 && permutation[2] == 8 && permutation[8] == 2);
    STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, awqm_marlin_scale_permutation(1, permutation, 63, &count));
    CHECK(count == 64);
}

static void run(const char *fixtures) {
    awqm_device *device = cpu_with_threads(2);
    size_t i;
    for (i = 0; i < GOLDEN_CASES; i++) {
        if (!GOLDEN[i].has_marlin) continue;
        golden(fixtures, &GOLDEN[i], NULL);
        golden(fixtures, &GOLDEN[i], device);
    }
    awqm_device_free(device);
    zero_points_from_integers(fixtures, &GOLDEN[0]);
    zero_points_from_integers(fixtures, &GOLDEN[6]);
    gptq_and_awq_agree(fixtures);
    columns();
    permutations();
}

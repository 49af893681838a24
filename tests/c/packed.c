/* awqm_packed: from the host's tensors, between layouts, back to numbers, to a file and back. */
#include "fixtures.h"

#include <unistd.h>

/* The golden Marlin tensors are what conversion gives, byte for byte. */
static void expect_marlin(const awqm_packed *packed, const awqm_checkpoint *marlin) {
    CHECK(same_bytes(part_of(packed, AWQM_ROLE_QWEIGHT), tensor_of(marlin, "qweight")));
    CHECK(same_bytes(part_of(packed, AWQM_ROLE_SCALES), tensor_of(marlin, "scales")));
    CHECK(same_bytes(part_of(packed, AWQM_ROLE_QZEROS), tensor_of(marlin, "qzeros")));
}

static awqm_packed *convert(const awqm_packed *packed, awqm_layout to) {
    awqm_packed *converted = NULL;
    MUST(awqm_packed_convert(packed, to, NULL, &converted));
    return converted;
}

static void golden_marlin(const char *fixtures) {
    size_t i;
    for (i = 0; i < GOLDEN_CASES; i++) {
        awqm_packed *gemm, *marlin, *back, *cpu;
        awqm_checkpoint *golden;
        STRUCT(awqm_packed_info, info);
        if (!GOLDEN[i].has_marlin) continue;
        golden = open_tensors(fixtures, GOLDEN[i].folder, "marlin.safetensors");
        gemm = golden_packed(fixtures, &GOLDEN[i], 1);
        marlin = convert(gemm, AWQM_LAYOUT_MARLIN);
        expect_marlin(marlin, golden);

        OK(awqm_packed_get_info(marlin, &info));
        CHECK(info.k == GOLDEN[i].k && info.n == GOLDEN[i].n && info.padded_k == info.k && info.padded_n == info.n);
        CHECK(info.bits == GOLDEN[i].bits && info.zero_point == 1 && info.layout == AWQM_LAYOUT_MARLIN);
        CHECK(info.groups == (GOLDEN[i].group_size < 0 ? 1 : info.k / GOLDEN[i].group_size));
        CHECK(info.scale_dtype == AWQM_DTYPE_F16 && info.has_bias == 1 && info.bias_dtype == AWQM_DTYPE_F16);
        CHECK(info.bytes >= part_of(marlin, AWQM_ROLE_QWEIGHT).bytes);

        /* By way of the CPU layout too, and back to where it came from. */
        cpu = convert(gemm, AWQM_LAYOUT_CPU);
        back = convert(cpu, AWQM_LAYOUT_MARLIN);
        expect_marlin(back, golden);
        awqm_packed_free(back);
        back = convert(marlin, AWQM_LAYOUT_AWQ_GEMM);
        CHECK(same_bytes(part_of(back, AWQM_ROLE_QWEIGHT), part_of(gemm, AWQM_ROLE_QWEIGHT)));
        CHECK(same_bytes(part_of(back, AWQM_ROLE_SCALES), part_of(gemm, AWQM_ROLE_SCALES)));
        CHECK(same_bytes(part_of(back, AWQM_ROLE_QZEROS), part_of(gemm, AWQM_ROLE_QZEROS)));
        CHECK(same_bytes(part_of(back, AWQM_ROLE_BIAS), part_of(gemm, AWQM_ROLE_BIAS)));

        awqm_packed_free(gemm);
        awqm_packed_free(marlin);
        awqm_packed_free(back);
        awqm_packed_free(cpu);
        awqm_checkpoint_free(golden);
    }
}

/* The other layouts of AutoAWQ hold the same layer, so they give the same Marlin bytes. */
static void other_layouts(const char *fixtures) {
    static const struct {
        const char *file;
        awqm_layout layout;
    } FILES[] = {{"awq_gemv.safetensors", AWQM_LAYOUT_AWQ_GEMV}, {"awq_gemv_fast.safetensors", AWQM_LAYOUT_AWQ_GEMV_FAST}};
    const golden_case *golden = &GOLDEN[GOLDEN_K512];
    awqm_checkpoint *marlin = open_tensors(fixtures, golden->folder, "marlin.safetensors");
    size_t i;
    for (i = 0; i < 2; i++) {
        awqm_checkpoint *file = open_tensors(fixtures, golden->folder, FILES[i].file);
        awqm_layer_desc desc = golden_desc(golden, FILES[i].layout, 0);
        awqm_layer_tensors tensors = golden_tensors(file, 0);
        awqm_packed *packed = NULL, *converted;
        MUST(awqm_packed_create(&desc, &tensors, &packed));
        awqm_checkpoint_free(file);
        converted = convert(packed, AWQM_LAYOUT_MARLIN);
        expect_marlin(converted, marlin);
        awqm_packed_free(packed);
        awqm_packed_free(converted);
    }
    awqm_checkpoint_free(marlin);
}

static void compressed_tensors(const char *fixtures) {
    const char *folder = "compressed_tensors/asym_g64_k256_n64_bf16";
    awqm_checkpoint *file = open_tensors(fixtures, folder, "layer.safetensors");
    awqm_checkpoint *marlin = open_tensors(fixtures, folder, "marlin.safetensors");
    awqm_tensor_view codes = tensor_of(file, "weight_packed"), scales = tensor_of(file, "weight_scale"),
                     zeros = tensor_of(file, "weight_zero_point");
    awqm_packed *packed = NULL, *converted;
    STRUCT(awqm_layer_desc, desc);
    STRUCT(awqm_layer_tensors, tensors);
    desc.k = 256;
    desc.n = 64;
    desc.bits = 4;
    desc.group_size = 64;
    desc.zero_point = 1;
    desc.layout = AWQM_LAYOUT_COMPRESSED_TENSORS;
    desc.scale_dtype = AWQM_DTYPE_BF16;
    tensors.qweight = codes.data;
    tensors.qweight_bytes = codes.bytes;
    tensors.scales = scales.data;
    tensors.scales_bytes = scales.bytes;
    tensors.qzeros = zeros.data;
    tensors.qzeros_bytes = zeros.bytes;
    MUST(awqm_packed_create(&desc, &tensors, &packed));
    converted = convert(packed, AWQM_LAYOUT_MARLIN);
    expect_marlin(converted, marlin);
    awqm_packed_free(packed);
    awqm_packed_free(converted);
    awqm_checkpoint_free(file);
    awqm_checkpoint_free(marlin);
}

static void dequantized(const char *fixtures) {
    static const size_t SMALL[] = {0, 4, 5, 7}; /* the cases that come with their numbers */
    size_t i;
    int64_t e;
    for (i = 0; i < sizeof SMALL / sizeof SMALL[0]; i++) {
        const golden_case *golden = &GOLDEN[SMALL[i]];
        awqm_checkpoint *file = open_tensors(fixtures, golden->folder, "dequant.safetensors");
        awqm_tensor_view expected = tensor_of(file, "w_deq");
        awqm_packed *gemm = golden_packed(fixtures, golden, 0), *cpu = convert(gemm, AWQM_LAYOUT_CPU);
        uint16_t *half = (uint16_t *)allocate(expected.bytes);
        double *exact = (double *)allocate(expected.bytes * 4);
        OK(awqm_packed_dequantize(gemm, AWQM_DTYPE_F16, half, expected.bytes, NULL));
        CHECK(memcmp(half, expected.data, expected.bytes) == 0);
        memset(half, 0, expected.bytes);
        OK(awqm_packed_dequantize(cpu, AWQM_DTYPE_F16, half, expected.bytes, NULL));
        CHECK(memcmp(half, expected.data, expected.bytes) == 0);
        OK(awqm_packed_dequantize(cpu, AWQM_DTYPE_F64, exact, expected.bytes * 4, NULL));
        for (e = 0; e < golden->k * golden->n; e += 37) {
            double rounded = f16_value(half[e]);
            CHECK(fabs(rounded - exact[e]) <= ldexp(fabs(exact[e]), -11) + 3e-8 || !isfinite(rounded));
        }
        FAILS(awqm_packed_dequantize(gemm, AWQM_DTYPE_F32, half, expected.bytes, NULL)); /* half of what it needs */
        FAILS(awqm_packed_dequantize(gemm, AWQM_DTYPE_I32, exact, expected.bytes * 4, NULL));
        STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_packed_dequantize(gemm, 99, exact, expected.bytes * 4, NULL));
        free(half);
        free(exact);
        awqm_packed_free(gemm);
        awqm_packed_free(cpu);
        awqm_checkpoint_free(file);
    }
}

/* A layer that Marlin's kernels refuse is padded inside and comes back as it was. */
static void padded(const char *fixtures) {
    const golden_case *odd = &GOLDEN[4];
    awqm_packed *gemm = golden_packed(fixtures, odd, 0), *marlin = convert(gemm, AWQM_LAYOUT_MARLIN), *back;
    STRUCT(awqm_packed_info, info);
    OK(awqm_packed_get_info(marlin, &info));
    CHECK(info.k == 288 && info.n == 96 && info.padded_k % 128 == 0 && info.padded_k > 288 && info.padded_n == 128);
    back = convert(marlin, AWQM_LAYOUT_AWQ_GEMM);
    CHECK(same_bytes(part_of(back, AWQM_ROLE_QWEIGHT), part_of(gemm, AWQM_ROLE_QWEIGHT)));
    awqm_packed_free(gemm);
    awqm_packed_free(marlin);
    awqm_packed_free(back);
}

static void saved_and_loaded(const char *fixtures) {
    char path[] = "/tmp/awqm_packed_XXXXXX";
    int file = mkstemp(path);
    awqm_packed *gemm = golden_packed(fixtures, &GOLDEN[GOLDEN_K512], 1), *loaded = NULL;
    awqm_packed *marlin = convert(gemm, AWQM_LAYOUT_MARLIN);
    STRUCT(awqm_packed_info, before);
    STRUCT(awqm_packed_info, after);
    CHECK(file >= 0 && close(file) == 0);
    OK(awqm_packed_save(marlin, path, "layer"));
    MUST(awqm_packed_load(path, "layer", &loaded));
    OK(awqm_packed_get_info(marlin, &before));
    OK(awqm_packed_get_info(loaded, &after));
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    CHECK(same_bytes(part_of(loaded, AWQM_ROLE_QWEIGHT), part_of(marlin, AWQM_ROLE_QWEIGHT)));
    CHECK(same_bytes(part_of(loaded, AWQM_ROLE_QZEROS), part_of(marlin, AWQM_ROLE_QZEROS)));
    CHECK(same_bytes(part_of(loaded, AWQM_ROLE_SCALES), part_of(marlin, AWQM_ROLE_SCALES)));
    CHECK(same_bytes(part_of(loaded, AWQM_ROLE_BIAS), part_of(marlin, AWQM_ROLE_BIAS)));
    awqm_packed_free(loaded);
    loaded = NULL;
    FAILS(awqm_packed_load(path, "another", &loaded));
    FAILS(awqm_packed_load(in_fixtures(fixtures, "bad/container/truncated_data.safetensors"), "x", &loaded));
    FAILS(awqm_packed_save(marlin, "/dev/null/file.safetensors", "layer"));
    CHECK(loaded == NULL);
    remove(path);
    awqm_packed_free(marlin);
    awqm_packed_free(gemm);
}

static void refused(const char *fixtures) {
    const golden_case *golden = &GOLDEN[GOLDEN_K512];
    awqm_checkpoint *file = open_tensors(fixtures, golden->folder, "awq_gemm.safetensors");
    awqm_layer_desc desc = golden_desc(golden, AWQM_LAYOUT_AWQ_GEMM, 1);
    awqm_layer_tensors tensors = golden_tensors(file, 1);
    awqm_packed *packed = NULL;
    STRUCT(awqm_tensor_view, view);

    tensors.qweight_bytes -= 4;
    STATUS(AWQM_STATUS_TENSOR, awqm_packed_create(&desc, &tensors, &packed));
    MESSAGE_HAS("qweight");
    tensors.qweight_bytes += 4;
    tensors.bias_bytes -= 2;
    STATUS(AWQM_STATUS_TENSOR, awqm_packed_create(&desc, &tensors, &packed));
    MESSAGE_HAS("bias");
    tensors.bias_bytes += 2;
    desc.layout = 99;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_packed_create(&desc, &tensors, &packed));
    desc.layout = AWQM_LAYOUT_AWQ_GEMM;
    desc.scale_dtype = 99;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_packed_create(&desc, &tensors, &packed));
    desc.scale_dtype = AWQM_DTYPE_F16;
    desc.bits = 3;
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_packed_create(&desc, &tensors, &packed));
    desc.bits = 4;
    CHECK(packed == NULL);

    packed = golden_packed(fixtures, golden, 0);
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_packed_get_tensor(packed, AWQM_ROLE_BIAS, &view));
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_packed_get_tensor(packed, 99, &view));
    awqm_packed_free(packed);
    awqm_checkpoint_free(file);
    awqm_packed_free(NULL);
}

static void run(const char *fixtures) {
    golden_marlin(fixtures);
    other_layouts(fixtures);
    compressed_tensors(fixtures);
    dequantized(fixtures);
    padded(fixtures);
    saved_and_loaded(fixtures);
    refused(fixtures);
}

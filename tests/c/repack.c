/* awqm_repack on the host's own memory: size query, fill, and the golden Marlin bytes. */
#include "fixtures.h"

typedef struct buffers {
    void *qweight, *scales, *qzeros;
} buffers;

static buffers allocate_for(const awqm_repack_sizes *sizes) {
    buffers b;
    b.qweight = allocate(sizes->qweight_bytes);
    b.scales = allocate(sizes->scales_bytes);
    b.qzeros = allocate(sizes->qzeros_bytes);
    return b;
}

static void release(buffers b) {
    free(b.qweight);
    free(b.scales);
    free(b.qzeros);
}

static int is(const void *memory, size_t bytes, awqm_tensor_view view) {
    return bytes == view.bytes && memcmp(memory, view.data, bytes) == 0;
}

static void golden(const char *fixtures, const golden_case *which, awqm_device *device) {
    awqm_checkpoint *file = open_tensors(fixtures, which->folder, "awq_gemm.safetensors");
    awqm_checkpoint *marlin = open_tensors(fixtures, which->folder, "marlin.safetensors");
    awqm_layer_desc from = golden_desc(which, AWQM_LAYOUT_AWQ_GEMM, 0);
    awqm_layer_tensors in = golden_tensors(file, 0);
    buffers out;
    STRUCT(awqm_repack_sizes, sizes);

    MUST(awqm_repack_query(&from, AWQM_LAYOUT_MARLIN, &sizes));
    CHECK(sizes.padded_k == which->k && sizes.padded_n == which->n);
    CHECK(sizes.qweight_bytes == (size_t)(which->k * which->n) * which->bits / 8);
    out = allocate_for(&sizes);
    OK(awqm_repack(&from, &in, AWQM_LAYOUT_MARLIN, out.qweight, sizes.qweight_bytes, out.scales, sizes.scales_bytes, out.qzeros,
                   sizes.qzeros_bytes, device));
    CHECK(is(out.qweight, sizes.qweight_bytes, tensor_of(marlin, "qweight")));
    CHECK(is(out.scales, sizes.scales_bytes, tensor_of(marlin, "scales")));
    CHECK(is(out.qzeros, sizes.qzeros_bytes, tensor_of(marlin, "qzeros")));
    release(out);
    awqm_checkpoint_free(file);
    awqm_checkpoint_free(marlin);
}

/* Inputs need no alignment: safetensors does not promise any. */
static void unaligned(const char *fixtures) {
    const golden_case *which = &GOLDEN[0];
    awqm_checkpoint *file = open_tensors(fixtures, which->folder, "awq_gemm.safetensors");
    awqm_checkpoint *marlin = open_tensors(fixtures, which->folder, "marlin.safetensors");
    awqm_layer_desc from = golden_desc(which, AWQM_LAYOUT_AWQ_GEMM, 0);
    awqm_layer_tensors in = golden_tensors(file, 0);
    char *shifted = (char *)allocate(in.qweight_bytes + 1);
    buffers out;
    STRUCT(awqm_repack_sizes, sizes);
    memcpy(shifted + 1, in.qweight, in.qweight_bytes);
    in.qweight = shifted + 1;
    MUST(awqm_repack_query(&from, AWQM_LAYOUT_MARLIN, &sizes));
    out = allocate_for(&sizes);
    OK(awqm_repack(&from, &in, AWQM_LAYOUT_MARLIN, out.qweight, sizes.qweight_bytes, out.scales, sizes.scales_bytes, out.qzeros,
                   sizes.qzeros_bytes, NULL));
    CHECK(is(out.qweight, sizes.qweight_bytes, tensor_of(marlin, "qweight")));
    release(out);
    free(shifted);
    awqm_checkpoint_free(file);
    awqm_checkpoint_free(marlin);
}

/* A symmetric layer gets zero points in layouts that always have them, and the query counts them. */
static void symmetric_to_gemm(void) {
    static const uint32_t MIDDLES = 0x88888888u;
    enum { K = 64, N = 16, GROUP = 32, GROUPS = K / GROUP };
    uint32_t codes[N * K / 8], zeros[GROUPS * N / 8];
    uint16_t scales[N * GROUPS];
    awqm_layer_tensors in;
    awqm_layer_desc from;
    buffers out;
    size_t i;
    STRUCT(awqm_repack_sizes, sizes);
    for (i = 0; i < sizeof codes / sizeof codes[0]; i++) codes[i] = (uint32_t)i * 2654435761u;
    for (i = 0; i < sizeof scales / sizeof scales[0]; i++) scales[i] = 0x2c00; /* 1/16 */
    memset(&from, 0, sizeof from);
    from.struct_size = sizeof from;
    from.k = K;
    from.n = N;
    from.bits = 4;
    from.group_size = GROUP;
    from.layout = AWQM_LAYOUT_COMPRESSED_TENSORS;
    from.scale_dtype = AWQM_DTYPE_F16;
    memset(&in, 0, sizeof in);
    in.struct_size = sizeof in;
    in.qweight = codes;
    in.qweight_bytes = sizeof codes;
    in.scales = scales;
    in.scales_bytes = sizeof scales;
    MUST(awqm_repack_query(&from, AWQM_LAYOUT_AWQ_GEMM, &sizes));
    CHECK(sizes.qweight_bytes == sizeof codes && sizes.qzeros_bytes == sizeof zeros);
    out = allocate_for(&sizes);
    OK(awqm_repack(&from, &in, AWQM_LAYOUT_AWQ_GEMM, out.qweight, sizes.qweight_bytes, out.scales, sizes.scales_bytes, out.qzeros,
                   sizes.qzeros_bytes, NULL));
    memcpy(zeros, out.qzeros, sizeof zeros);
    for (i = 0; i < sizeof zeros / sizeof zeros[0]; i++) CHECK(zeros[i] == MIDDLES);
    release(out);
    from.layout = AWQM_LAYOUT_DENSE;
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_repack_query(&from, AWQM_LAYOUT_MARLIN, &sizes));
}

static void refused(const char *fixtures) {
    const golden_case *which = &GOLDEN[0];
    awqm_checkpoint *file = open_tensors(fixtures, which->folder, "awq_gemm.safetensors");
    awqm_layer_desc from = golden_desc(which, AWQM_LAYOUT_AWQ_GEMM, 0);
    awqm_layer_tensors in = golden_tensors(file, 0);
    buffers out;
    STRUCT(awqm_repack_sizes, sizes);
    MUST(awqm_repack_query(&from, AWQM_LAYOUT_MARLIN, &sizes));
    out = allocate_for(&sizes);

#define REPACK(qweight, qweight_bytes)                                                                                 \
    awqm_repack(&from, &in, AWQM_LAYOUT_MARLIN, qweight, qweight_bytes, out.scales, sizes.scales_bytes, out.qzeros,        \
                sizes.qzeros_bytes, NULL)
    STATUS(AWQM_STATUS_BUFFER_TOO_SMALL, REPACK(out.qweight, sizes.qweight_bytes - 1));
    STATUS(AWQM_STATUS_NULL_POINTER, REPACK(NULL, sizes.qweight_bytes));
    /* In place, and with one byte in common. */
    {
        char *memory = (char *)allocate(2 * sizes.qweight_bytes);
        memcpy(memory, in.qweight, in.qweight_bytes);
        in.qweight = memory;
        STATUS(AWQM_STATUS_OVERLAP, REPACK(memory, sizes.qweight_bytes));
        STATUS(AWQM_STATUS_OVERLAP, REPACK(memory + in.qweight_bytes - 1, sizes.qweight_bytes));
        OK(REPACK(memory + in.qweight_bytes, sizes.qweight_bytes));
        free(memory);
        in = golden_tensors(file, 0);
    }
    /* Two outputs in the same place. */
    STATUS(AWQM_STATUS_OVERLAP, awqm_repack(&from, &in, AWQM_LAYOUT_MARLIN, out.qweight, sizes.qweight_bytes, out.qweight,
                                            sizes.scales_bytes, out.qzeros, sizes.qzeros_bytes, NULL));
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_repack_query(&from, 99, &sizes));
    in.scales_bytes -= 2;
    STATUS(AWQM_STATUS_TENSOR, REPACK(out.qweight, sizes.qweight_bytes));
    MESSAGE_HAS("scales");
#undef REPACK
    release(out);
    awqm_checkpoint_free(file);
}

/* Shapes that cannot be: K*N overflows, is zero, is negative. */
static void impossible_shapes(void) {
    static const struct {
        int64_t k, n;
    } SHAPES[] = {{INT64_MAX, 8}, {8, INT64_MAX}, {INT64_MAX, INT64_MAX}, {INT64_C(1) << 62, 64}, {0, 64}, {64, 0},
                  {-1, 64},       {64, -1},       {INT64_MIN, INT64_MIN}, {INT64_MAX / 8 + 1, 16}};
    static const int64_t GROUPS[] = {0, -2, INT64_MIN, INT64_MAX};
    awqm_layer_desc desc = golden_desc(&GOLDEN[0], AWQM_LAYOUT_AWQ_GEMM, 0);
    size_t i;
    uint32_t layout;
    STRUCT(awqm_repack_sizes, sizes);
    for (i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        for (layout = AWQM_LAYOUT_AWQ_GEMM; layout <= AWQM_LAYOUT_CPU; layout++) {
            int32_t status;
            desc.k = SHAPES[i].k;
            desc.n = SHAPES[i].n;
            status = (int32_t)awqm_repack_query(&desc, layout, &sizes);
            CHECK(status == (int32_t)AWQM_STATUS_SIZE_OVERFLOW || status == (int32_t)AWQM_STATUS_INVALID_ARGUMENT ||
                  status == (int32_t)AWQM_STATUS_UNSUPPORTED);
        }
    }
    desc = golden_desc(&GOLDEN[0], AWQM_LAYOUT_AWQ_GEMM, 0);
    for (i = 0; i < sizeof GROUPS / sizeof GROUPS[0]; i++) {
        desc.group_size = GROUPS[i];
        STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_repack_query(&desc, AWQM_LAYOUT_MARLIN, &sizes));
    }
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
    unaligned(fixtures);
    symmetric_to_gemm();
    refused(fixtures);
    impossible_shapes();
}

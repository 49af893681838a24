/* Dequantizing and repacking on the GPU give the CPU's bytes; wrong pointers are refused before anything is launched. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

/* Dense weights in both orders and dtypes. */
static void dequantized(const setting *s, const awqm_packed *packed, const layer_shape *shape) {
    size_t k = (size_t)shape->k, n = (size_t)shape->n, bytes = k * n * 2;
    awqm_linear *linear = on_device(s->device, packed);
    uint16_t *wanted = allocate(bytes), *found = allocate(bytes);
    for (int bf16 = 0; bf16 <= s->bf16; bf16++) {
        awqm_dtype dtype = bf16 ? AWQM_DTYPE_BF16 : AWQM_DTYPE_F16;
        MUST(awqm_packed_dequantize(packed, dtype, wanted, bytes, NULL));
        for (int transposed = 0; transposed <= 1; transposed++) {
            banded w = banded_memory(0xff, bytes);
            size_t same = 0;
            STATUS(AWQM_STATUS_OK, awqm_linear_dequantize(linear, dtype, transposed, at(w.inner), bytes, NULL));
            CU(CtxSynchronize());
            read_banded(&w, found);
            for (size_t i = 0; i < k * n; i++) same += found[transposed ? i % n * k + i / n : i] == wanted[i];
            CHECK(same == k * n);
            free_banded(&w);
        }
    }
    free(wanted);
    free(found);
    awqm_linear_free(linear);
}

static const awqm_role ROLES[] = {AWQM_ROLE_QWEIGHT, AWQM_ROLE_SCALES, AWQM_ROLE_QZEROS};

/* The tensors of a layer on the device, or poisoned memory of their sizes. */
static void tensors_of(const awqm_packed *packed, int copy, banded memory[3], awqm_tensor_view views[3]) {
    for (int i = 0; i < 3; i++) {
        views[i].struct_size = sizeof views[i];
        memory[i] = (banded){0, 0, 0};
        if (awqm_packed_get_tensor(packed, ROLES[i], &views[i])) {
            views[i].bytes = 0;
            continue;
        }
        memory[i] = banded_memory(0xff, views[i].bytes);
        if (copy) CU(MemcpyHtoD(memory[i].inner, views[i].data, views[i].bytes));
    }
}

static awqm_layer_tensors device_tensors(const banded memory[3]) {
    STRUCT(awqm_layer_tensors, tensors);
    tensors.qweight = at(memory[0].inner);
    tensors.qweight_bytes = memory[0].bytes;
    tensors.scales = at(memory[1].inner);
    tensors.scales_bytes = memory[1].bytes;
    tensors.qzeros = memory[2].bytes ? at(memory[2].inner) : NULL;
    tensors.qzeros_bytes = memory[2].bytes;
    return tensors;
}

static awqm_layer_desc desc_of(const awqm_packed *packed) {
    STRUCT(awqm_packed_info, info);
    STRUCT(awqm_layer_desc, desc);
    MUST(awqm_packed_get_info(packed, &info));
    desc.k = info.k;
    desc.n = info.n;
    desc.bits = info.bits;
    desc.zero_point = info.zero_point;
    desc.group_size = info.group_size;
    desc.layout = info.layout;
    desc.scale_dtype = info.scale_dtype;
    return desc;
}

/* From one layout to another on the device: the bytes that the CPU makes. Runs what becomes Marlin. */
static void repacked(const setting *s, const awqm_packed *packed, awqm_layout from, awqm_layout to) {
    awqm_packed *before = NULL, *after = NULL;
    if (awqm_packed_convert(packed, from, NULL, &before) || awqm_packed_convert(before, to, NULL, &after)) {
        awqm_packed_free(before);
        return; /* one of the layouts cannot hold this layer */
    }
    awqm_layer_desc desc = desc_of(before), other = desc_of(after);
    if (desc.zero_point != other.zero_point) { /* zero points are not invented on the GPU */
        awqm_packed_free(before);
        awqm_packed_free(after);
        return;
    }
    banded in[3], out[3];
    awqm_tensor_view in_views[3], wanted[3];
    tensors_of(before, 1, in, in_views);
    tensors_of(after, 0, out, wanted);
    awqm_layer_tensors tensors = device_tensors(in);
    STATUS(AWQM_STATUS_OK, awqm_cuda_repack(s->device, &desc, &tensors, to, at(out[0].inner), out[0].bytes,
                                            at(out[1].inner), out[1].bytes, at(out[2].inner), out[2].bytes, NULL));
    CU(CtxSynchronize());
    for (int i = 0; i < 3; i++) {
        if (!wanted[i].bytes) continue;
        void *found = allocate(wanted[i].bytes);
        read_banded(&out[i], found);
        CHECK(memcmp(found, wanted[i].data, wanted[i].bytes) == 0);
        free(found);
    }
    if (to == AWQM_LAYOUT_MARLIN) { /* a layer over these very bytes */
        awqm_linear *linear = NULL;
        product p = {AWQM_DTYPE_F16, AWQM_DTYPE_F32, 2, 0, 0, 9};
        tensors = device_tensors(out);
        MUST(awqm_linear_create_from_device(s->device, &other, &tensors, &linear));
        prepared it = prepare(linear, &p);
        STATUS(AWQM_STATUS_OK, launch(&it, NULL));
        CU(CtxSynchronize());
        void *y = result(&it);
        compare(&it, packed, y, "over the host's memory");
        free(y);
        release(&it);
        awqm_linear_free(linear);
    }
    for (int i = 0; i < 3; i++) {
        if (in[i].whole) free_banded(&in[i]);
        if (out[i].whole) free_banded(&out[i]);
    }
    awqm_packed_free(before);
    awqm_packed_free(after);
}

void dequantized_and_repacked(const setting *s) {
    static const layer_shape SHAPES[] = {
        {256, 128, 64, 4, 1, AWQM_DTYPE_F16, 0},  {256, 64, -1, 4, 0, AWQM_DTYPE_F16, 0},
        {128, 128, 32, 8, 1, AWQM_DTYPE_F16, 0},  {100, 72, 48, 4, 1, AWQM_DTYPE_F16, 0},
        {640, 192, 128, 4, 1, AWQM_DTYPE_F16, 0}, {1024, 512, 128, 8, 0, AWQM_DTYPE_F32, 0},
        {96, 60, 32, 4, 1, AWQM_DTYPE_BF16, 0},
    };
    static const awqm_layout OTHERS[] = {AWQM_LAYOUT_AWQ_GEMM, AWQM_LAYOUT_AWQ_GEMV, AWQM_LAYOUT_COMPRESSED_TENSORS};
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        awqm_packed *packed = random_layer(&SHAPES[i], 100 + i);
        dequantized(s, packed, &SHAPES[i]);
        for (size_t j = 0; j < 3; j++) {
            repacked(s, packed, OTHERS[j], AWQM_LAYOUT_MARLIN);
            repacked(s, packed, AWQM_LAYOUT_MARLIN, OTHERS[j]);
        }
        awqm_packed_free(packed);
    }
    section("dequantized and repacked, bit for bit");
}

/* A product whose pointers are wrong in one way: the status, and y as it was. */
static void refused(const prepared *it, awqm_status wanted, const void *x, size_t workspace_bytes, int64_t m) {
    STRUCT(awqm_run_args, args);
    args.x = x;
    args.x_dtype = it->p.x_dtype;
    args.y = at(it->y.inner);
    args.y_dtype = it->p.y_dtype;
    args.m = m;
    STATUS(wanted, awqm_linear_run(it->linear, &args, at(it->workspace.inner), workspace_bytes, NULL));
    CU(CtxSynchronize());
    uint8_t *y = result(it);
    size_t poisoned = 0;
    for (size_t i = 0; i < it->y.bytes; i++) poisoned += y[i] == 0xff;
    CHECK(poisoned == it->y.bytes);
    free(y);
}

void wrong_memory(const setting *s) {
    layer_shape shape = {8192, 64, 128, 4, 1, AWQM_DTYPE_F16, 0}; /* long enough to be split */
    product p = {AWQM_DTYPE_F16, AWQM_DTYPE_F16, 1, 0, 0, 1};
    awqm_packed *packed = random_layer(&shape, 1);
    awqm_linear *linear = on_device(s->checked, packed);
    prepared it = prepare(linear, &p);
    CHECK(it.workspace.bytes > 0);
    refused(&it, AWQM_STATUS_INVALID_ARGUMENT, it.x_host, it.workspace.bytes, 1); /* a host pointer */
    refused(&it, AWQM_STATUS_INVALID_ARGUMENT, at(it.x + 1), it.workspace.bytes, 1);
    refused(&it, AWQM_STATUS_NULL_POINTER, NULL, it.workspace.bytes, 1);
    refused(&it, AWQM_STATUS_BUFFER_TOO_SMALL, at(it.x), it.workspace.bytes - 1, 1);
    refused(&it, AWQM_STATUS_INVALID_ARGUMENT, at(it.x), it.workspace.bytes, 0);
    STATUS(AWQM_STATUS_OK, launch(&it, NULL)); /* and the layer works on */
    CU(CtxSynchronize());
    void *y = result(&it);
    compare(&it, packed, y, "after refusals");
    free(y);
    release(&it);
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    section("wrong pointers refused");
}

/*
 * Results of fixed cases, recorded on one machine and compared on another: what the emulation of the kernels gives must
 * be what a GPU gives. Dequantizing and repacking to the bit; products within the rounding of sums, whose order inside a
 * tensor-core instruction is the hardware's affair.
 *
 *     golden record FILE      golden compare FILE
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    FILE *file;
    int recording;
    double worst; /* largest difference of a product, as a share of what is allowed */
    int cases;
} golden;

static void must_read(void *to, size_t bytes) {
    if (fread(to, 1, bytes, golden.file) != bytes) {
        fprintf(stderr, "the file of results ends early: it was recorded by another version of this program\n");
        exit(1);
    }
}

/* Writes the result, or gives the recorded one, which the caller frees. */
static void *exchange(const char *name, const void *found, size_t bytes) {
    char header[96] = {0}, recorded[96];
    snprintf(header, sizeof header, "%s %zu", name, bytes);
    golden.cases++;
    if (golden.recording) {
        if (fwrite(header, 1, sizeof header, golden.file) != sizeof header || fwrite(found, 1, bytes, golden.file) != bytes) {
            perror("writing");
            exit(1);
        }
        return NULL;
    }
    must_read(recorded, sizeof recorded);
    if (memcmp(header, recorded, sizeof header) != 0) {
        fprintf(stderr, "recorded %.95s, found %s\n", recorded, header);
        exit(1);
    }
    void *wanted = allocate(bytes);
    must_read(wanted, bytes);
    return wanted;
}

static void same(const char *name, const void *found, size_t bytes) {
    void *wanted = exchange(name, found, bytes);
    if (wanted && memcmp(found, wanted, bytes) != 0) fprintf(stderr, "%s differs\n", name);
    if (wanted) CHECK(memcmp(found, wanted, bytes) == 0);
    free(wanted);
}

/* A product by a kernel version with a cut, whatever the GPU would choose. None where it has no room for the cut's tile. */
static void product_of(const char *name, const awqm_linear *linear, const awqm_packed *packed, awqm_dtype dtype, int64_t m,
                      awqm_kernel kernel, const char *wanted_cut) {
    product p = {dtype, AWQM_DTYPE_F32, m, 0, 0, 40};
    prepared it = prepare(linear, &p);
    awqm_plan *chosen = NULL, *plan = NULL;
    STRUCT(awqm_plan_options, options);
    STRUCT(awqm_plan_info, info);
    STRUCT(awqm_run_args, args);
    char text[1024], cut[1200];
    options.dtype = dtype;
    options.m = m;
    options.kernel = kernel;
    MUST(awqm_plan_create(linear, &options, &chosen));
    MUST(awqm_plan_export(chosen, text, sizeof text, NULL));
    const char *at_cut = strstr(text, "\"cut\":{"), *rest = at_cut ? strchr(at_cut, '}') : NULL;
    CHECK(rest != NULL);
    if (!rest) return;
    snprintf(cut, sizeof cut, "%.*s\"cut\":{%s%s", (int)(at_cut - text), text, wanted_cut, rest);
    awqm_status imported = awqm_plan_import(linear, cut, &plan);
    if (imported != AWQM_STATUS_OK) {
        CHECK(imported == AWQM_STATUS_INVALID_ARGUMENT && strstr(awqm_last_error_message(), "shared memory") != NULL);
        if (!golden.recording) free(exchange(name, NULL, it.y.bytes)); /* goes past what was recorded */
        release(&it);
        awqm_plan_free(chosen);
        return;
    }
    MUST(awqm_plan_get_info(plan, &info));
    banded workspace = banded_memory(0, info.workspace_bytes);
    args.x = at(it.x);
    args.x_dtype = dtype;
    args.y = at(it.y.inner);
    args.y_dtype = AWQM_DTYPE_F32;
    args.m = m;
    STATUS(AWQM_STATUS_OK, awqm_plan_run(plan, &args, at(workspace.inner), workspace.bytes, NULL));
    CU(CtxSynchronize());
    void *y = result(&it);
    compare(&it, packed, y, name);
    float *wanted = exchange(name, y, it.y.bytes);
    if (wanted) {
        expected e = reference(packed, it.x_host, dtype, m, it.x_stride);
        size_t wrong = 0;
        for (size_t i = 0; i < (size_t)(m * it.n); i++) {
            double share = fabs(((float *)y)[i] - wanted[i]) / (0.1 * tolerance(e.y[i], e.magnitude[i], AWQM_DTYPE_F32));
            if (share > golden.worst) golden.worst = share;
            wrong += !(share <= 1);
        }
        if (wrong) fprintf(stderr, "%s: %zu of %zu differ\n", name, wrong, (size_t)(m * it.n));
        CHECK(wrong == 0);
        free_expected(&e);
    }
    free(wanted);
    free(y);
    free_banded(&workspace);
    release(&it);
    awqm_plan_free(plan);
    awqm_plan_free(chosen);
}

/* Every tile of the Marlin GEMM, with K whole and in slices, for a full tile of rows and for a few more. */
static void tiles_of(size_t shape, const awqm_linear *linear, const awqm_packed *packed, awqm_dtype dtype) {
    static const struct {
        const char *name;
        int rows;
    } TILES[] = {{"m16n64", 16}, {"m16n128", 16}, {"m32n64", 32}, {"m64n128", 64}, {"m128n128", 128}};
    for (size_t t = 0; t < sizeof TILES / sizeof *TILES; t++) {
        /* K of 1024 and more has two slices of every tile. */
        for (int splits = 1; splits <= (shape == 2 ? 2 : 1); splits++) {
            char name[64], cut[64];
            int64_t m = (t + shape) % 2 ? TILES[t].rows + 3 : TILES[t].rows - 2;
            snprintf(name, sizeof name, "product %zu, %s, tile %s, splits %d", shape, dtype == AWQM_DTYPE_BF16 ? "bf16" : "f16",
                     TILES[t].name, splits);
            snprintf(cut, sizeof cut, "\"tile\":\"%s\",\"splits\":%d", TILES[t].name, splits);
            product_of(name, linear, packed, dtype, m, AWQM_KERNEL_GEMM, cut);
        }
    }
}

static void dense_of(const char *name, const awqm_linear *linear, const layer_shape *shape, awqm_dtype dtype, int transposed) {
    size_t bytes = (size_t)(shape->k * shape->n) * 2;
    banded w = banded_memory(0xff, bytes);
    void *found = allocate(bytes);
    STATUS(AWQM_STATUS_OK, awqm_linear_dequantize(linear, dtype, transposed, at(w.inner), bytes, NULL));
    CU(CtxSynchronize());
    read_banded(&w, found);
    same(name, found, bytes);
    free(found);
    free_banded(&w);
}

int main(int argc, char **argv) {
    static const layer_shape SHAPES[] = {
        {512, 128, 128, 4, 1, AWQM_DTYPE_F16, AWQM_DTYPE_F16}, {512, 192, 64, 4, 0, AWQM_DTYPE_F16, 0},
        {1024, 64, -1, 4, 1, AWQM_DTYPE_F16, 0},               {384, 128, 32, 8, 1, AWQM_DTYPE_BF16, AWQM_DTYPE_F32},
        {256, 64, 128, 8, 0, AWQM_DTYPE_F32, 0},               {300, 100, 48, 4, 1, AWQM_DTYPE_F16, AWQM_DTYPE_BF16},
    };
    void *context = NULL, *current = NULL;
    awqm_device *device = NULL;
    STRUCT(awqm_device_info, info);
    if (argc != 3 || (strcmp(argv[1], "record") != 0 && strcmp(argv[1], "compare") != 0)) {
        fprintf(stderr, "usage: %s record|compare FILE\n", argv[0]);
        return 2;
    }
    golden.recording = strcmp(argv[1], "record") == 0;
    golden.file = fopen(argv[2], golden.recording ? "wb" : "rb");
    if (!golden.file) {
        perror(argv[2]);
        return 1;
    }
    int ordinal = open_driver();
    CU(DevicePrimaryCtxRetain(&context, ordinal));
    CU(CtxPushCurrent(context));
    MUST(awqm_device_create_cuda(NULL, &device));
    MUST(awqm_device_get_info(device, &info));
    /* F16 first: Turing, which has no bfloat16, compares that much of the file. */
    for (int bf16 = 0; bf16 <= (info.capability >= 80); bf16++) {
        awqm_dtype dtype = bf16 ? AWQM_DTYPE_BF16 : AWQM_DTYPE_F16;
        for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
            awqm_packed *packed = random_layer(&SHAPES[i], 300 + i);
            awqm_linear *linear = on_device(device, packed);
            char name[64];
            for (int tiles = 1; tiles <= 2; tiles++) {
                for (int splits = 1; splits <= 2; splits++) {
                    int64_t m = tiles + splits == 4 ? 9 : tiles == splits ? 1 : 8;
                    snprintf(name, sizeof name, "product %zu, %s, tiles %d, splits %d", i, bf16 ? "bf16" : "f16", tiles, splits);
                    char cut[64];
                    snprintf(cut, sizeof cut, "\"tiles\":%d,\"splits\":%d", tiles, splits);
                    product_of(name, linear, packed, dtype, m, AWQM_KERNEL_GEMV, cut);
                }
            }
            tiles_of(i, linear, packed, dtype);
            snprintf(name, sizeof name, "dense %zu, %s", i, bf16 ? "bf16" : "f16");
            dense_of(name, linear, &SHAPES[i], dtype, (int)(i % 2));
            awqm_linear_free(linear);
            awqm_packed_free(packed);
        }
    }
    awqm_device_free(device);
    CU(CtxPopCurrent(&current));
    CU(DevicePrimaryCtxRelease(ordinal));
    if (fclose(golden.file)) {
        perror(argv[2]);
        return 1;
    }
    printf("%d results %s", golden.cases, golden.recording ? "recorded" : "compared");
    if (!golden.recording) printf(", largest difference %.1e of what is allowed", golden.worst);
    printf(", %ld of %ld checks failed\n", checks_failed, checks_done);
    return checks_failed != 0;
}

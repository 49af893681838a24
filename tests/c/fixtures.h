/* The golden layers under tests/fixtures, opened through the public interface. */
#ifndef FIXTURES_H
#define FIXTURES_H

#include "harness.h"

typedef struct golden_case {
    const char *folder;
    int64_t k, n, group_size;
    uint32_t bits;
    int has_marlin;      /* a file marlin.safetensors made by other projects' code */
    int64_t loud_column; /* outputs there pass half's range and cancel, so rounded weights say little; -1: none */
} golden_case;

static const golden_case GOLDEN[] = {
    {"linear/k128_n64_g128", 128, 64, 128, 4, 1, -1},     {"linear/k256_n256_g32", 256, 256, 32, 4, 1, -1},
    {"linear/k512_n192_g64", 512, 192, 64, 4, 1, -1},     {"linear/k1024_n128_channel", 1024, 128, -1, 4, 1, -1},
    {"linear/k288_n96_g32_odd", 288, 96, 32, 4, 0, -1},   {"linear/edge_k256_n64_g64", 256, 64, 64, 4, 1, 8},
    {"linear8/w8_k256_n128_g64", 256, 128, 64, 8, 1, -1}, {"linear8/w8_k128_n64_g128", 128, 64, 128, 8, 1, -1},
};
#define GOLDEN_CASES (sizeof GOLDEN / sizeof GOLDEN[0])
/* The index of linear/k512_n192_g64, the case that most tests take. */
#define GOLDEN_K512 2

/*
 * Opens one file as a list of tensors. A file with packed tensors is not opened without a config, so it gets one; as no
 * layer is asked for, what it says of bits and groups does not matter.
 */
static inline awqm_checkpoint *open_tensors(const char *fixtures, const char *folder, const char *file) {
    static const char SECTION[] = "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128, \"zero_point\": true}";
    char path[1024];
    const char *paths[1];
    awqm_checkpoint *opened = NULL;
    awqm_config *config = NULL;
    MUST(awqm_config_parse(SECTION, sizeof SECTION - 1, "any config", &config));
    snprintf(path, sizeof path, "%s/%s/%s", fixtures, folder, file);
    paths[0] = path;
    MUST(awqm_checkpoint_open_files(paths, 1, config, &opened));
    awqm_config_free(config);
    return opened;
}

/* A tensor that must be there. */
static inline awqm_tensor_view tensor_of(const awqm_checkpoint *checkpoint, const char *name) {
    STRUCT(awqm_tensor_view, view);
    if (!OK(awqm_checkpoint_get_tensor(checkpoint, name, &view))) exit(1);
    return view;
}

static inline awqm_tensor_view part_of(const awqm_packed *packed, awqm_role role) {
    STRUCT(awqm_tensor_view, view);
    if (!OK(awqm_packed_get_tensor(packed, role, &view))) exit(1);
    return view;
}

static inline int same_bytes(awqm_tensor_view a, awqm_tensor_view b) {
    return a.bytes == b.bytes && memcmp(a.data, b.data, a.bytes) == 0;
}

static inline awqm_layer_desc golden_desc(const golden_case *golden, awqm_layout layout, int with_bias) {
    STRUCT(awqm_layer_desc, desc);
    desc.k = golden->k;
    desc.n = golden->n;
    desc.bits = golden->bits;
    desc.group_size = golden->group_size;
    desc.zero_point = 1;
    desc.layout = layout;
    desc.scale_dtype = AWQM_DTYPE_F16;
    if (with_bias) desc.bias_dtype = AWQM_DTYPE_F16;
    return desc;
}

/* The tensors qweight, scales, qzeros (and bias) of an opened file. */
static inline awqm_layer_tensors golden_tensors(const awqm_checkpoint *file, int with_bias) {
    awqm_tensor_view part;
    STRUCT(awqm_layer_tensors, tensors);
    part = tensor_of(file, "qweight");
    tensors.qweight = part.data;
    tensors.qweight_bytes = part.bytes;
    part = tensor_of(file, "scales");
    tensors.scales = part.data;
    tensors.scales_bytes = part.bytes;
    part = tensor_of(file, "qzeros");
    tensors.qzeros = part.data;
    tensors.qzeros_bytes = part.bytes;
    if (with_bias) {
        part = tensor_of(file, "bias");
        tensors.bias = part.data;
        tensors.bias_bytes = part.bytes;
    }
    return tensors;
}

/* A golden layer as AutoAWQ packed it. */
static inline awqm_packed *golden_packed(const char *fixtures, const golden_case *golden, int with_bias) {
    awqm_checkpoint *file = open_tensors(fixtures, golden->folder, "awq_gemm.safetensors");
    awqm_layer_desc desc = golden_desc(golden, AWQM_LAYOUT_AWQ_GEMM, with_bias);
    awqm_layer_tensors tensors = golden_tensors(file, with_bias);
    awqm_packed *packed = NULL;
    MUST(awqm_packed_create(&desc, &tensors, &packed));
    awqm_checkpoint_free(file); /* packed has its own copy */
    return packed;
}

/* A CPU device with that many threads. */
static inline awqm_device *cpu_with_threads(uint32_t threads) {
    awqm_device *device = NULL;
    STRUCT(awqm_cpu_options, options);
    options.threads = threads;
    MUST(awqm_device_create_cpu(&options, &device));
    return device;
}

/* A golden layer, with its bias, ready to run on one thread. */
static inline awqm_linear *golden_linear(const char *fixtures, const golden_case *golden) {
    awqm_packed *packed = golden_packed(fixtures, golden, 1);
    awqm_device *device = cpu_with_threads(1);
    awqm_linear *linear = NULL;
    MUST(awqm_linear_create(device, packed, NULL, &linear));
    awqm_device_free(device);
    awqm_packed_free(packed);
    return linear;
}

/* Element i of a tensor of doubles that may lie unaligned. */
static inline double f64_at(awqm_tensor_view view, int64_t i) {
    double value;
    memcpy(&value, (const char *)view.data + (size_t)i * sizeof value, sizeof value);
    return value;
}

static inline double f16_value(uint16_t bits) {
    int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    double magnitude = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                       : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                      : ldexp(fraction, -24);
    return bits & 0x8000 ? -magnitude : magnitude;
}

static inline double bf16_value(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

/* Arguments for a run over dense rows. */
static inline awqm_run_args run_args(const void *x, awqm_dtype x_dtype, void *y, awqm_dtype y_dtype, int64_t m) {
    STRUCT(awqm_run_args, args);
    args.x = x;
    args.x_dtype = x_dtype;
    args.y = y;
    args.y_dtype = y_dtype;
    args.m = m;
    return args;
}

#endif

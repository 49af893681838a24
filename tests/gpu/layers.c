#include "layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double random_unit(uint64_t *state) { return (double)(random_bits(state) >> 11) * 0x1p-53; }

void *allocate(size_t bytes) {
    void *memory = calloc(bytes ? bytes : 1, 1);
    if (!memory) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return memory;
}

void must(awqm_status status, const char *call) {
    if (status == AWQM_STATUS_OK) return;
    fprintf(stderr, "%s\n    gives %s: %s\n", call, awqm_status_name(status), awqm_last_error_message());
    exit(1);
}

size_t element_bytes(awqm_dtype dtype) { return dtype == AWQM_DTYPE_F32 ? 4 : 2; }

static double f16_value(uint16_t bits) {
    int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    double magnitude = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                       : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                      : ldexp(fraction, -24);
    return bits & 0x8000 ? -magnitude : magnitude;
}

double element(const void *values, awqm_dtype dtype, size_t i) {
    uint16_t half;
    uint32_t wide;
    float value;
    if (dtype == AWQM_DTYPE_F32) {
        memcpy(&value, (const char *)values + 4 * i, 4);
        return value;
    }
    memcpy(&half, (const char *)values + 2 * i, 2);
    if (dtype == AWQM_DTYPE_F16) return f16_value(half);
    wide = (uint32_t)half << 16;
    memcpy(&value, &wide, 4);
    return value;
}

/* The bits of a finite value in a format of 1 + exponent_bits + fraction_bits, at least its least normal number. */
static uint16_t rounded(double value, int fraction_bits, int bias) {
    int exponent;
    double fraction = frexp(fabs(value), &exponent); /* in [0.5, 1) */
    uint32_t sign = signbit(value) ? 0x8000u : 0, bits;
    if (value == 0) return (uint16_t)sign;
    if (exponent - 1 + bias < 1) { /* subnormal */
        bits = (uint32_t)nearbyint(ldexp(fabs(value), bias - 1 + fraction_bits));
        return (uint16_t)(sign | bits);
    }
    bits = (uint32_t)nearbyint(ldexp(fraction, fraction_bits + 1)); /* with the leading 1; may round up to a power */
    return (uint16_t)(sign | (((uint32_t)(exponent - 2 + bias) << fraction_bits) + bits));
}

void set_element(void *values, awqm_dtype dtype, size_t i, double value) {
    if (dtype == AWQM_DTYPE_F32) {
        float narrow = (float)value;
        memcpy((char *)values + 4 * i, &narrow, 4);
        return;
    }
    uint16_t half = dtype == AWQM_DTYPE_F16 ? rounded(value, 10, 15) : rounded(value, 7, 127);
    memcpy((char *)values + 2 * i, &half, 2);
}

awqm_packed *random_layer(const layer_shape *shape, uint64_t seed) {
    STRUCT(awqm_layer_desc, desc);
    STRUCT(awqm_repack_sizes, sizes);
    STRUCT(awqm_layer_tensors, tensors);
    awqm_packed *packed = NULL;
    desc.k = shape->k;
    desc.n = shape->n;
    desc.bits = shape->bits;
    desc.zero_point = shape->zero_point;
    desc.group_size = shape->group_size;
    desc.layout = AWQM_LAYOUT_COMPRESSED_TENSORS;
    desc.scale_dtype = shape->scale_dtype;
    desc.bias_dtype = shape->bias_dtype;
    MUST(awqm_repack_query(&desc, desc.layout, &sizes));
    uint8_t *codes = allocate(sizes.qweight_bytes), *zeros = allocate(sizes.qzeros_bytes);
    void *scales = allocate(sizes.scales_bytes), *bias = allocate((size_t)shape->n * 4);
    for (size_t i = 0; i < sizes.qweight_bytes; i++) codes[i] = (uint8_t)random_bits(&seed);
    for (size_t i = 0; i < sizes.qzeros_bytes; i++) zeros[i] = (uint8_t)random_bits(&seed);
    for (size_t i = 0; i < sizes.scales_bytes / element_bytes(shape->scale_dtype); i++)
        set_element(scales, shape->scale_dtype, i, (0.002 + 0.018 * random_unit(&seed)) / (shape->bits == 8 ? 16 : 1));
    for (int64_t i = 0; shape->bias_dtype && i < shape->n; i++)
        set_element(bias, shape->bias_dtype, (size_t)i, 2 * random_unit(&seed) - 1);
    tensors.qweight = codes;
    tensors.qweight_bytes = sizes.qweight_bytes;
    tensors.scales = scales;
    tensors.scales_bytes = sizes.scales_bytes;
    tensors.qzeros = sizes.qzeros_bytes ? zeros : NULL;
    tensors.qzeros_bytes = sizes.qzeros_bytes;
    tensors.bias = shape->bias_dtype ? bias : NULL;
    tensors.bias_bytes = shape->bias_dtype ? (size_t)shape->n * element_bytes(shape->bias_dtype) : 0;
    MUST(awqm_packed_create(&desc, &tensors, &packed));
    free(codes);
    free(zeros);
    free(scales);
    free(bias);
    return packed;
}

awqm_packed *converted(const awqm_packed *packed, awqm_layout layout) {
    awqm_packed *other = NULL;
    MUST(awqm_packed_convert(packed, layout, NULL, &other));
    return other;
}

void random_rows(void *x, awqm_dtype dtype, int64_t m, int64_t columns, int64_t stride, uint64_t seed) {
    for (int64_t row = 0; row < m; row++) {
        for (int64_t i = 0; i < columns; i++) {
            double value = random_bits(&seed) % 16 ? 2 * random_unit(&seed) - 1 : 0;
            set_element(x, dtype, (size_t)(row * stride + i), value);
        }
    }
}

expected reference(const awqm_packed *packed, const void *x, awqm_dtype dtype, int64_t m, int64_t stride) {
    STRUCT(awqm_packed_info, info);
    STRUCT(awqm_tensor_view, bias);
    MUST(awqm_packed_get_info(packed, &info));
    size_t k = (size_t)info.k, n = (size_t)info.n, rows = (size_t)m;
    float *w = allocate(k * n * sizeof *w);
    expected e = {allocate(rows * n * sizeof(double)), allocate(rows * n * sizeof(double))};
    MUST(awqm_packed_dequantize(packed, AWQM_DTYPE_F32, w, k * n * sizeof *w, NULL));
    for (size_t row = 0; row < rows; row++) {
        double *y = e.y + row * n, *magnitude = e.magnitude + row * n;
        for (size_t i = 0; i < k; i++) {
            double value = element(x, dtype, row * (size_t)stride + i);
            for (size_t j = 0; j < n; j++) {
                double product = value * w[i * n + j];
                y[j] += product;
                magnitude[j] += fabs(product);
            }
        }
    }
    if (info.has_bias) {
        MUST(awqm_packed_get_tensor(packed, AWQM_ROLE_BIAS, &bias));
        for (size_t i = 0; i < rows * n; i++) {
            double value = element(bias.data, info.bias_dtype, i % n);
            e.y[i] += value;
            e.magnitude[i] += fabs(value);
        }
    }
    free(w);
    return e;
}

void free_expected(expected *e) {
    free(e->y);
    free(e->magnitude);
}

double tolerance(double y, double magnitude, awqm_dtype dtype) {
    double rounding = dtype == AWQM_DTYPE_F16 ? 0x1p-11 : dtype == AWQM_DTYPE_BF16 ? 0x1p-8 : 0x1p-24;
    /* The kernels subtract zero points from sums, which are up to some ten times as large as the results. */
    return 1.01 * rounding * fabs(y) + 1e-4 * magnitude + 1e-7;
}

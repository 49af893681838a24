/*
 * The host's allocator gets every large buffer, a layer's weights are copied at most once, and not at all where they need
 * no repacking or the host lends them. malloc and its relatives are ours here, so nothing goes past.
 */
#include "fixtures.h"

#include <dlfcn.h>

enum { LARGE = 64 << 10, K = 1024, N = 1024, CODES = K * N / 2 };

/* --- the C library's allocator, watched --- */

static size_t largest_past; /* the largest block that came from malloc while the host's allocator was set */
static int watching;

static void note(size_t bytes) {
    if (watching && bytes > largest_past) largest_past = bytes;
}

#define NEXT(type, name)                                                                                               \
    static __typeof__(type) *next;                                                                                                  \
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, name)

void *malloc(size_t bytes) {
    NEXT(void *(size_t), "malloc");
    note(bytes);
    return next(bytes);
}
void *realloc(void *old, size_t bytes) {
    NEXT(void *(void *, size_t), "realloc");
    note(bytes);
    return next(old, bytes);
}
int posix_memalign(void **out, size_t alignment, size_t bytes) {
    NEXT(int(void **, size_t, size_t), "posix_memalign");
    note(bytes);
    return next(out, alignment, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
    NEXT(void *(size_t, size_t), "aligned_alloc");
    note(bytes);
    return next(alignment, bytes);
}
/* calloc cannot be looked up by dlsym, which calls it. */
extern void *__libc_calloc(size_t count, size_t bytes);
void *calloc(size_t count, size_t bytes) {
    note(count * bytes);
    return __libc_calloc(count, bytes);
}

/* --- the host's allocator --- */

typedef struct heap {
    size_t blocks, bytes, given, refuse, crooked;
} heap;

static void *give(void *user_data, size_t bytes, size_t alignment) {
    heap *h = (heap *)user_data;
    int was = watching;
    void *memory = NULL;
    if (h->refuse) return NULL;
    watching = 0;
    CHECK(alignment == 64 && bytes > 0);
    if (posix_memalign(&memory, alignment, bytes + alignment) == 0) memset(memory, 0xa5, bytes + alignment);
    watching = was;
    h->blocks++;
    h->bytes += bytes;
    h->given += bytes;
    return (char *)memory + h->crooked;
}

static void take(void *user_data, void *memory, size_t bytes, size_t alignment) {
    heap *h = (heap *)user_data;
    CHECK(alignment == 64 && h->blocks > 0);
    h->blocks--;
    h->bytes -= bytes;
    free((char *)memory - h->crooked);
}

static awqm_allocator allocator_of(heap *h) {
    STRUCT(awqm_allocator, allocator);
    allocator.alloc = give;
    allocator.release = take;
    allocator.user_data = h;
    return allocator;
}

/* --- a layer whose weights are far larger than anything else --- */

static unsigned char qweight[CODES] __attribute__((aligned(64)));
static unsigned char qzeros[K / 128 * N / 2], scales[K / 128 * N * 2];

static awqm_layer_desc gemm_desc(void) {
    STRUCT(awqm_layer_desc, desc);
    desc.k = K;
    desc.n = N;
    desc.bits = 4;
    desc.zero_point = 1;
    desc.group_size = 128;
    desc.layout = AWQM_LAYOUT_AWQ_GEMM;
    return desc;
}

static awqm_layer_tensors tensors_in(void *q, void *s, size_t s_bytes, void *z, size_t z_bytes, size_t q_bytes) {
    STRUCT(awqm_layer_tensors, tensors);
    tensors.qweight = q;
    tensors.qweight_bytes = q_bytes;
    tensors.scales = s;
    tensors.scales_bytes = s_bytes;
    tensors.qzeros = z;
    tensors.qzeros_bytes = z_bytes;
    return tensors;
}

static void run_once(const awqm_linear *linear, float *y) {
    static float x[K];
    static unsigned char workspace[1 << 20];
    awqm_run_args args = run_args(x, AWQM_DTYPE_F32, y, AWQM_DTYPE_F32, 1);
    int i;
    for (i = 0; i < K; i++) x[i] = (float)(i % 13) - 6;
    OK(awqm_linear_run(linear, &args, workspace, sizeof workspace, NULL));
}

static void run(const char *fixtures) {
    static float expected[N], y[N];
    heap h, other;
    awqm_allocator allocator = allocator_of(&h), second = allocator_of(&other);
    awqm_layer_desc desc = gemm_desc(), cpu_desc = gemm_desc();
    awqm_layer_tensors tensors = tensors_in(qweight, scales, sizeof scales, qzeros, sizeof qzeros, sizeof qweight);
    awqm_device *device = cpu_with_threads(2);
    awqm_packed *packed = NULL, *cpu = NULL, *lent = NULL, *marlin = NULL;
    awqm_linear *linear = NULL;
    awqm_checkpoint *checkpoint = NULL;
    static const char *NAME[] = {"model.layers.0.mlp.up_proj"};
    size_t i, before;
    memset(&h, 0, sizeof h);
    memset(&other, 0, sizeof other);
    for (i = 0; i < sizeof qweight; i++) qweight[i] = (unsigned char)(i * 37 >> 3);
    for (i = 0; i < sizeof scales; i += 2) scales[i] = (unsigned char)i, scales[i + 1] = 0x2c;
    for (i = 0; i < sizeof qzeros; i++) qzeros[i] = (unsigned char)(i * 11);

    /* With the system's allocator, to compare with. */
    MUST(awqm_packed_create(&desc, &tensors, &packed));
    MUST(awqm_linear_create(device, packed, NULL, &linear));
    run_once(linear, expected);
    awqm_linear_free(linear);
    awqm_packed_free(packed);

    OK(awqm_set_allocator(&allocator));
    memset(&allocator, 0xff, sizeof allocator); /* it was copied */
    watching = 1;
    /* packed_create copies once, whatever the layout. */
    MUST(awqm_packed_create(&desc, &tensors, &packed));
    CHECK(h.given >= CODES && h.given < CODES + CODES / 4);
    /* A layer from another layout: one copy of the weights, the repacked one. */
    before = h.given;
    MUST(awqm_linear_create(device, packed, NULL, &linear));
    CHECK(h.given - before >= CODES && h.given - before < CODES + CODES / 4);
    memset(y, 0, sizeof y);
    run_once(linear, y);
    CHECK(memcmp(y, expected, sizeof y) == 0);
    awqm_linear_free(linear);
    /* From the CPU's own layout: none. */
    MUST(awqm_packed_convert(packed, AWQM_LAYOUT_CPU, device, &cpu));
    MUST(awqm_packed_convert(packed, AWQM_LAYOUT_MARLIN, device, &marlin));
    before = h.given;
    MUST(awqm_linear_create(device, cpu, NULL, &linear));
    CHECK(h.given == before);
    run_once(linear, y);
    CHECK(memcmp(y, expected, sizeof y) == 0);
    awqm_linear_free(linear);
    /* Lent by the host, in the CPU's layout: none, and the layer runs from the host's very bytes. */
    {
        awqm_tensor_view q = part_of(cpu, AWQM_ROLE_QWEIGHT), s = part_of(cpu, AWQM_ROLE_SCALES);
        awqm_tensor_view z = part_of(cpu, AWQM_ROLE_QZEROS);
        static unsigned char room[CODES + 128 * 1024] __attribute__((aligned(64)));
        unsigned char *s_at = room + (q.bytes + 63) / 64 * 64, *z_at = s_at + (s.bytes + 63) / 64 * 64;
        CHECK(z_at + z.bytes <= room + sizeof room);
        memcpy(room, q.data, q.bytes);
        memcpy(s_at, s.data, s.bytes);
        memcpy(z_at, z.data, z.bytes);
        cpu_desc.layout = AWQM_LAYOUT_CPU;
        tensors = tensors_in(room, s_at, s.bytes, z_at, z.bytes, q.bytes);
        MUST(awqm_packed_create_borrowed(&cpu_desc, &tensors, &lent));
        CHECK(part_of(lent, AWQM_ROLE_QWEIGHT).data == room);
        MUST(awqm_linear_create(device, lent, NULL, &linear));
        CHECK(h.given == before);
        awqm_packed_free(lent); /* the layer still reads the host's memory */
        run_once(linear, y);
        CHECK(memcmp(y, expected, sizeof y) == 0);
        awqm_linear_free(linear);
        tensors.qweight = room + 1; /* a layer could not run from there */
        lent = NULL;
        STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_packed_create_borrowed(&cpu_desc, &tensors, &lent));
        MESSAGE_HAS("qweight");
        CHECK(lent == NULL);
        tensors = tensors_in(qweight, scales, sizeof scales, qzeros, sizeof qzeros, sizeof qweight);
        tensors.qweight_bytes--;
        STATUS(AWQM_STATUS_TENSOR, awqm_packed_create_borrowed(&desc, &tensors, &lent));
        tensors.qweight_bytes++;
        STATUS(AWQM_STATUS_NULL_POINTER, awqm_packed_create_borrowed(NULL, &tensors, &lent));
        STATUS(AWQM_STATUS_NULL_POINTER, awqm_packed_create_borrowed(&desc, NULL, &lent));
        STATUS(AWQM_STATUS_NULL_POINTER, awqm_packed_create_borrowed(&desc, &tensors, NULL));
    }
    /* Lent in a file's layout, unaligned: repacked from there, one copy. */
    before = h.given;
    MUST(awqm_packed_create_borrowed(&desc, &tensors, &lent));
    CHECK(h.given == before);
    MUST(awqm_linear_create(device, lent, NULL, &linear));
    CHECK(h.given - before >= CODES && h.given - before < CODES + CODES / 4);
    run_once(linear, y);
    CHECK(memcmp(y, expected, sizeof y) == 0);
    awqm_linear_free(linear);
    awqm_packed_free(lent);
    /* A checkpoint's layer: read into the layout that runs, once. */
    MUST(awqm_checkpoint_open(in_fixtures(fixtures, "checkpoint/llama2l_gemm"), &checkpoint));
    before = h.given;
    MUST(awqm_checkpoint_load(checkpoint, NAME, 1, NULL, &lent));
    MUST(awqm_linear_create(device, lent, NULL, &linear));
    CHECK(h.given - before >= 256 * 512 / 2 && h.given - before < 256 * 512);
    awqm_linear_free(linear);
    awqm_packed_free(lent);
    awqm_checkpoint_free(checkpoint);
    CHECK(largest_past < LARGE); /* nothing large went past the host's allocator */

    /* Another allocator, then none: buffers go back to where they came from. */
    before = h.blocks;
    OK(awqm_set_allocator(&second));
    MUST(awqm_packed_convert(packed, AWQM_LAYOUT_MARLIN, NULL, &lent));
    CHECK(other.blocks > 0 && h.blocks == before);
    awqm_packed_free(packed);
    CHECK(h.blocks < before);
    OK(awqm_set_allocator(NULL));
    awqm_packed_free(lent);
    awqm_packed_free(marlin);
    awqm_packed_free(cpu);
    CHECK(h.blocks == 0 && h.bytes == 0 && other.blocks == 0 && other.bytes == 0);
    largest_past = 0;
    MUST(awqm_packed_create(&desc, &tensors, &packed));
    CHECK(largest_past >= LARGE); /* the watch sees what goes past */
    awqm_packed_free(packed);

    /* Allocators that fail or give crooked memory, and structs that are none. */
    other.refuse = 1;
    OK(awqm_set_allocator(&second));
    STATUS(AWQM_STATUS_OUT_OF_MEMORY, awqm_packed_create(&desc, &tensors, &packed));
    other.refuse = 0;
    other.crooked = 8;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_packed_create(&desc, &tensors, &packed));
    MESSAGE_HAS("allocator");
    CHECK(other.blocks == 0); /* it got its memory back */
    second.release = NULL;
    STATUS(AWQM_STATUS_NULL_POINTER, awqm_set_allocator(&second));
    second.struct_size = 1;
    STATUS(AWQM_STATUS_BAD_STRUCT_SIZE, awqm_set_allocator(&second));
    OK(awqm_set_allocator(NULL));
    awqm_device_free(device);
}

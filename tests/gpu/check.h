/* Checks that count themselves, and products on the GPU in memory whose surroundings are watched. */
#ifndef GPU_CHECK_H
#define GPU_CHECK_H

#include "driver.h"
#include "layers.h"

typedef struct setting {
    awqm_device *device;   /* on the context that is current */
    awqm_device *checked;  /* the same with AWQM_CUDA_CHECK_POINTERS */
    int ordinal;
    int bf16;              /* the GPU takes bfloat16 */
    int small;             /* fewer and smaller cases: for an emulated GPU and for tools that slow it down */
    const char *fixtures;
} setting;

extern long checks_done, checks_failed;
void check_that(int holds, const char *what, const char *file, int line);
void check_status(awqm_status found, awqm_status wanted, const char *call, const char *file, int line);
#define CHECK(condition) check_that((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define STATUS(wanted, call) check_status((call), (wanted), #call, __FILE__, __LINE__)

/* Says on one line what was checked since the last line. */
void section(const char *format, ...);

/* Device memory between two bands that nobody may write. */
typedef struct banded {
    uint64_t whole, inner;
    size_t bytes;
} banded;
banded banded_memory(int byte, size_t bytes); /* filled with `byte` */
void read_banded(const banded *memory, void *to); /* also checks the bands */
void free_banded(banded *memory);

/* Everything of one product but the layer. */
typedef struct product {
    awqm_dtype x_dtype, y_dtype;
    int64_t m, x_stride, y_stride; /* strides 0: dense */
    uint64_t seed;
} product;

/* A product that is set up: x on the device, y poisoned, a workspace of the exact size. */
typedef struct prepared {
    const awqm_linear *linear;
    product p;
    int64_t k, n, x_stride, y_stride;
    void *x_host;
    uint64_t x;
    banded y, workspace;
} prepared;
prepared prepare(const awqm_linear *linear, const product *p);
awqm_status launch(const prepared *it, void *stream);
void *result(const prepared *it); /* y, read back; call when the stream is done */
void release(prepared *it);

/* Checks y against the reference, and that nothing between the rows was written. */
void compare(const prepared *it, const awqm_packed *packed, const void *y, const char *what);

awqm_linear *on_device(const awqm_device *device, const awqm_packed *packed);

/* --- the parts of check.c --- */

/* check_versions.c */
void versions(const setting *s);
void batch_invariance(const setting *s);
/* check_memory.c */
void dequantized_and_repacked(const setting *s);
void wrong_memory(const setting *s);
/* check_streams.c */
void captured(const setting *s);
void streams(const setting *s);
void threads(const setting *s);
void foreign_context(const setting *s);

#endif

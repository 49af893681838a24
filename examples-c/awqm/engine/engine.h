/* A small engine for networks of the Llama family (llama, mistral, qwen2, qwen3), built on the library.
 *
 * It is meant to be read. model.c shows how weights get from a checkpoint into linear layers; forward.c is
 * the network; attention.c and ops.c the arithmetic between the layers, pool.c its threads; sampler.c picks
 * tokens. One engine holds one conversation: its keys and values of all positions so far.
 */
#ifndef AWQM_ENGINE_H
#define AWQM_ENGINE_H

#include <awq_marlin.h>
#include <stddef.h>
#include <stdint.h>

#include "../../tokenizer/awqm_tokenizer.h"
#include "pool.h"

typedef struct engine engine;

typedef struct engine_options {
    size_t positions;     /* the longest conversation */
    size_t batch;         /* how many tokens go through the network at once */
    awqm_compute compute; /* arithmetic of the quantized layers */
    uint32_t head_bits;   /* 4 or 8: a head that is not quantized is, by rounding to nearest; 0: it stays as it is */
} engine_options;

/* Opens a model directory, dense or quantized. The device and the threads, which work on attention (NULL: the calling
 * thread alone does), must outlive the engine. */
engine *engine_open(const char *directory, const awqm_device *device, pool *threads, const engine_options *options);
void engine_free(engine *e);

const hf_config *engine_config(const engine *e);

/* Bytes of all linear layers as they lie on the device. */
size_t engine_weight_bytes(const engine *e);

/* Forgets the conversation. */
void engine_reset(engine *e);

/* Runs count tokens (1 to the engine's batch) behind those so far. */
void engine_forward(engine *e, const uint32_t *ids, size_t count);

/* Calibration: a network taken block by block, so that all rows of a text pass a block before the next one is
 * looked at. First engine_embed, then for each layer engine_run_block on the same rows [count, hidden]; the
 * rows are one text from its beginning, and both forget the conversation. count is at most the engine's
 * batch. */
void engine_embed(engine *e, const uint32_t *ids, size_t count, float *rows);
void engine_run_block(engine *e, size_t layer, float *rows, size_t count);

/* Sees x [rows, k], which flows into the linear layer of that name; of layers that share an input only the
 * first is named. x is valid during the call. */
typedef void engine_observer(void *data, const char *layer, const float *x, size_t rows, size_t k);

/* From now on every pass shows its rows to the observer; NULL ends it. */
void engine_observe(engine *e, engine_observer *observer, void *data);

/* What each token of the vocabulary scores as the successor of the last batch's tokens first .. first +
 * count: [count, vocab_size], valid until the next call. count is at most ENGINE_LOGIT_ROWS. */
enum { ENGINE_LOGIT_ROWS = 32 };
const float *engine_logits(engine *e, size_t first, size_t count);

#endif

/* A small engine for networks of the Llama family (llama, mistral, qwen2, qwen3), built on the library.
 *
 * It is meant to be read. model.c shows how weights get from a checkpoint into linear layers; forward.c is
 * the network; ops.c the arithmetic between the layers; sampler.c picks tokens. One engine holds one
 * conversation: its keys and values of all positions so far.
 */
#ifndef AWQM_ENGINE_H
#define AWQM_ENGINE_H

#include <awq_marlin.h>
#include <stddef.h>
#include <stdint.h>

#include "../../tokenizer/awqm_tokenizer.h"

typedef struct engine engine;

/* Opens a model directory, dense or quantized. `positions` is the longest conversation; `batch` is how many
 * tokens go through the network at once. The device must outlive the engine. */
engine *engine_open(const char *directory, const awqm_device *device, size_t positions, size_t batch);
void engine_free(engine *e);

const hf_config *engine_config(const engine *e);

/* Bytes of all linear layers as they lie on the device. */
size_t engine_weight_bytes(const engine *e);

/* Forgets the conversation. */
void engine_reset(engine *e);

/* Runs count tokens (1 to the engine's batch) behind those so far. */
void engine_forward(engine *e, const uint32_t *ids, size_t count);

/* What each token of the vocabulary scores as the successor of the last batch's tokens first .. first +
 * count: [count, vocab_size], valid until the next call. count is at most ENGINE_LOGIT_ROWS. */
enum { ENGINE_LOGIT_ROWS = 32 };
const float *engine_logits(engine *e, size_t first, size_t count);

#endif

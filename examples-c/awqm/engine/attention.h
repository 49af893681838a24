/* Keys and values of a conversation, and attention over them. */
#ifndef AWQM_ENGINE_ATTENTION_H
#define AWQM_ENGINE_ATTENTION_H

#include <stddef.h>

#include "pool.h"

/* Positions lie in blocks of KV_BLOCK. A block's keys are stored turned, [head_dim][KV_BLOCK], so that the scores of
 * neighbouring positions are neighbouring lanes; its values are rows [KV_BLOCK][value_stride]. */
enum { KV_BLOCK = 64, MAX_HEAD_DIM = 256 };

typedef struct kv_cache {
    size_t kv_heads, head_dim, value_stride, blocks;
    float *keys, *values; /* [layers][kv_heads][blocks] blocks */
} kv_cache;

kv_cache kv_cache_new(size_t layers, size_t positions, size_t kv_heads, size_t head_dim);
void kv_cache_free(kv_cache *c);

/* Stores one position's keys and values of all heads, [kv_heads][head_dim] each. */
void kv_cache_put(kv_cache *c, size_t layer, size_t position, const float *keys, const float *values);

/* Attention of `rows` tokens at positions first, first + 1, ...: query and out hold [heads][head_dim] for each row, rows
 * `query_stride` and `out_stride` floats apart. heads / kv_heads heads share keys; a window of 0 means all positions. */
typedef struct attention_call {
    const kv_cache *cache;
    size_t layer, heads, window, first, rows;
    const float *query;
    size_t query_stride;
    float *out;
    size_t out_stride;
} attention_call;

void attention(const attention_call *call, pool *threads);

#endif

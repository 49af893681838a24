/* Queries that share keys are taken together, a block of positions at a time: scores, their exponentials, and what they
 * weigh of the values are added to sums that are scaled down whenever a larger score turns up. So nothing is as long as
 * the conversation, and the order of the sums depends on positions alone: not on batches, nor on threads. */
#include "attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../common.h"
#include "vector.h"

enum { TILE = 24, TOGETHER = 4 };        /* queries of a task, and of a product */
static const size_t WORTH_A_THREAD = 1 << 14; /* multiplications */

kv_cache kv_cache_new(size_t layers, size_t positions, size_t kv_heads, size_t head_dim) {
    kv_cache c = {.kv_heads = kv_heads, .head_dim = head_dim};
    if (head_dim > MAX_HEAD_DIM) fail("heads of %zu are too large (at most %d)", head_dim, MAX_HEAD_DIM);
    c.value_stride = (head_dim + LANES - 1) / LANES * LANES;
    c.blocks = (positions + KV_BLOCK - 1) / KV_BLOCK;
    c.keys = allocate_vectors(layers * kv_heads * c.blocks * KV_BLOCK * head_dim);
    c.values = allocate_vectors(layers * kv_heads * c.blocks * KV_BLOCK * c.value_stride);
    return c;
}

void kv_cache_free(kv_cache *c) {
    free(c->keys);
    free(c->values);
}

/* Which block of all: of a layer, a head and a position's block. */
static size_t block_index(const kv_cache *c, size_t layer, size_t head, size_t block) {
    return (layer * c->kv_heads + head) * c->blocks + block;
}

void kv_cache_put(kv_cache *c, size_t layer, size_t position, const float *keys, const float *values) {
    size_t d = c->head_dim, at = position % KV_BLOCK;
    for (size_t h = 0; h < c->kv_heads; h++) {
        size_t block = block_index(c, layer, h, position / KV_BLOCK);
        float *k = c->keys + block * KV_BLOCK * d + at;
        for (size_t i = 0; i < d; i++) k[i * KV_BLOCK] = keys[h * d + i];
        memcpy(c->values + (block * KV_BLOCK + at) * c->value_stride, values + h * d, d * sizeof *values);
    }
}

/* scores[a][t] = queries[a] . keys[t] for four queries and a block. */
HOT static void block_scores(float *scores, const float *queries, const float *keys, size_t d) {
    for (size_t t = 0; t < KV_BLOCK; t += LANES) {
        lanes s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        for (size_t i = 0; i < d; i++) {
            lanes k = *(const lanes *)(keys + i * KV_BLOCK + t);
            s0 += queries[i] * k;
            s1 += queries[MAX_HEAD_DIM + i] * k;
            s2 += queries[2 * MAX_HEAD_DIM + i] * k;
            s3 += queries[3 * MAX_HEAD_DIM + i] * k;
        }
        *(lanes *)(scores + t) = s0;
        *(lanes *)(scores + KV_BLOCK + t) = s1;
        *(lanes *)(scores + 2 * KV_BLOCK + t) = s2;
        *(lanes *)(scores + 3 * KV_BLOCK + t) = s3;
    }
}

/* sums[a] = scale[a] * sums[a] + shares[a] . values, for four queries and the block's positions from `low` to `high`. */
HOT static void block_values(float *sums, const float *scale, const float *shares, const float *values, size_t stride,
                             size_t low, size_t high) {
    for (size_t i = 0; i < stride; i += LANES) {
        lanes *o0 = (lanes *)(sums + i), *o1 = (lanes *)(sums + MAX_HEAD_DIM + i),
              *o2 = (lanes *)(sums + 2 * MAX_HEAD_DIM + i), *o3 = (lanes *)(sums + 3 * MAX_HEAD_DIM + i);
        lanes s0 = *o0 * scale[0], s1 = *o1 * scale[1], s2 = *o2 * scale[2], s3 = *o3 * scale[3];
        for (size_t t = low; t < high; t++) {
            lanes v = *(const lanes *)(values + t * stride + i);
            s0 += shares[t] * v;
            s1 += shares[KV_BLOCK + t] * v;
            s2 += shares[2 * KV_BLOCK + t] * v;
            s3 += shares[3 * KV_BLOCK + t] * v;
        }
        *o0 = s0, *o1 = s1, *o2 = s2, *o3 = s3;
    }
}

/* Turns the visible scores of one query into shares relative to the largest so far; the others are 0. Returns what the
 * sums so far are to be scaled by. */
HOT static float block_shares(float *scores, size_t low, size_t high, float *largest, float *total) {
    if (low >= high) {
        memset(scores, 0, KV_BLOCK * sizeof *scores);
        return 1;
    }
    float top = scores[low], sum[LANES] = {0};
    for (size_t t = low + 1; t < high; t++) top = scores[t] > top ? scores[t] : top;
    if (*largest > top) top = *largest;
    for (size_t t = 0; t < KV_BLOCK; t += LANES)
        for (size_t l = 0; l < LANES; l++) {
            float share = fast_exp(scores[t + l] - top);
            share = t + l >= low && t + l < high ? share : 0;
            scores[t + l] = share;
            sum[l] += share;
        }
    float scale = *total > 0 ? fast_exp(*largest - top) : 1;
    *total *= scale;
    for (size_t l = 0; l < LANES; l++) *total += sum[l];
    *largest = top;
    return scale;
}

/* Up to TILE queries that share one head of keys. */
typedef struct tile {
    _Alignas(64) float queries[TILE * MAX_HEAD_DIM], sums[TILE * MAX_HEAD_DIM];
    _Alignas(64) float scores[TOGETHER * KV_BLOCK];
    size_t positions[TILE];
    float largest[TILE], total[TILE];
} tile;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* The four queries from `at` on against one block. */
static void visit_block(tile *t, const attention_call *call, size_t at, size_t head, size_t block) {
    const kv_cache *c = call->cache;
    size_t index = block_index(c, call->layer, head, block), start = block * KV_BLOCK, from = KV_BLOCK, to = 0;
    float scale[TOGETHER];
    block_scores(t->scores, t->queries + at * MAX_HEAD_DIM, c->keys + index * KV_BLOCK * c->head_dim, c->head_dim);
    for (size_t a = 0; a < TOGETHER; a++) {
        size_t last = t->positions[at + a], first = call->window && last >= call->window ? last + 1 - call->window : 0;
        size_t low = first > start ? smaller(first - start, KV_BLOCK) : 0;
        size_t high = last >= start ? smaller(last - start + 1, KV_BLOCK) : 0;
        scale[a] = block_shares(t->scores + a * KV_BLOCK, low, high, &t->largest[at + a], &t->total[at + a]);
        if (low < high) {
            from = smaller(from, low);
            to = high > to ? high : to;
        }
    }
    if (from < to) {
        block_values(t->sums + at * MAX_HEAD_DIM, scale, t->scores, c->values + index * KV_BLOCK * c->value_stride,
                     c->value_stride, from, to);
    }
}

/* Rows of a tile: as many as TILE queries hold. */
static size_t tile_rows(const attention_call *call) {
    size_t sharing = call->heads / call->cache->kv_heads;
    return sharing < TILE ? TILE / sharing : 1;
}

/* Queries `from` to `from + count` (row by row, of `sharing` heads each) of one head of keys. */
static void run_queries(tile *t, const attention_call *call, size_t head, size_t row, size_t from, size_t count) {
    const kv_cache *c = call->cache;
    size_t d = c->head_dim, sharing = call->heads / c->kv_heads, padded = (count + TOGETHER - 1) / TOGETHER * TOGETHER;
    float scale = 1.0f / sqrtf((float)d);
    for (size_t i = 0; i < padded; i++) {
        /* A last group of four is filled with its last query over again. */
        size_t q = from + smaller(i, count - 1), at = row + q / sharing;
        const float *query = call->query + at * call->query_stride + (head * sharing + q % sharing) * d;
        for (size_t j = 0; j < d; j++) t->queries[i * MAX_HEAD_DIM + j] = scale * query[j];
        memset(t->sums + i * MAX_HEAD_DIM, 0, c->value_stride * sizeof(float));
        t->positions[i] = call->first + at;
        t->largest[i] = -INFINITY;
        t->total[i] = 0;
    }
    for (size_t at = 0; at < padded; at += TOGETHER) {
        size_t last = t->positions[at + TOGETHER - 1], first = t->positions[at];
        size_t begin = call->window && first >= call->window ? (first + 1 - call->window) / KV_BLOCK : 0;
        for (size_t block = begin; block <= last / KV_BLOCK; block++) visit_block(t, call, at, head, block);
    }
    for (size_t i = 0; i < count; i++) {
        size_t q = from + i;
        float *out = call->out + (row + q / sharing) * call->out_stride + (head * sharing + q % sharing) * d;
        for (size_t j = 0; j < d; j++) out[j] = t->sums[i * MAX_HEAD_DIM + j] / t->total[i];
    }
}

/* Task `index`: some rows and one head of keys. The later rows, which see more, come first. */
static void run_tile(void *data, size_t index) {
    const attention_call *call = data;
    size_t rows = tile_rows(call), tiles = (call->rows + rows - 1) / rows, head = index % call->cache->kv_heads;
    size_t row = (tiles - 1 - index / call->cache->kv_heads) * rows;
    size_t queries = smaller(rows, call->rows - row) * (call->heads / call->cache->kv_heads);
    tile t;
    for (size_t from = 0; from < queries; from += TILE)
        run_queries(&t, call, head, row, from, smaller(TILE, queries - from));
}

void attention(const attention_call *call, pool *threads) {
    size_t rows = tile_rows(call), tasks = (call->rows + rows - 1) / rows * call->cache->kv_heads;
    size_t work = call->rows * (call->first + call->rows) * call->heads * call->cache->head_dim;
    pool_run(work / WORTH_A_THREAD > 1 ? threads : NULL, tasks, run_tile, (void *)call);
}

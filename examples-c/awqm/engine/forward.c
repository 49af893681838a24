/* The network: token ids in, hidden rows and then scores out. All buffers are made once, in engine_open;
 * running a token allocates nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common.h"
#include "../numbers.h"
#include "attention.h"
#include "engine.h"
#include "model.h"
#include "ops.h"

struct engine {
    model model;
    pool *threads;
    rope_table rope;
    size_t positions, batch; /* room in the buffers */
    size_t used;             /* positions so far */
    kv_cache cache;
    float *x;                /* [batch, hidden], the residual stream; after a forward pass the final rows */
    float *normed;           /* [batch, hidden] */
    float *qkv;              /* [batch, (heads + 2 kv_heads) * head_dim] */
    float *mixed;            /* [batch, heads * head_dim], what attention gives */
    float *gate_up;          /* [batch, 2 * intermediate] */
    float *inner;            /* [batch, intermediate] */
    float *logits;           /* [ENGINE_LOGIT_ROWS, vocab] */
    void *workspace;         /* enough for every layer at every M up to the batch */
    size_t workspace_bytes;
    engine_observer *observer;
    void *observer_data;
};

/* y [m, N] = x [m, K] W + bias. The library picks the kernel by m: GEMV for a token, GEMM for a prompt. */
static void run_linear(engine *e, const awqm_linear *linear, const float *x, size_t m, float *y) {
    awqm_run_args args = {
        .struct_size = sizeof args,
        .x = x,
        .x_dtype = AWQM_DTYPE_F32,
        .y = y,
        .y_dtype = AWQM_DTYPE_F32,
        .m = (int64_t)m,
    };
    check(awqm_linear_run(linear, &args, e->workspace, e->workspace_bytes, NULL));
}

/* Shows the input of layer `index`'s linear layer to who wants to see it. */
static void show(engine *e, size_t index, const char *linear, const float *x, size_t rows, size_t k) {
    char name[96];
    if (e->observer == NULL) return;
    snprintf(name, sizeof name, "model.layers.%zu.%s", index, linear);
    e->observer(e->observer_data, name, x, rows, k);
}

/* One workspace serves all layers, since they run one after the other: as large as the hungriest asks. */
static void grow_workspace(const awqm_linear *linear, void *data) {
    engine *e = data;
    size_t bytes = 0;
    check(awqm_linear_workspace_bytes(linear, (int64_t)e->batch, AWQM_DTYPE_F32, &bytes));
    if (bytes > e->workspace_bytes) e->workspace_bytes = bytes;
}

engine *engine_open(const char *directory, const awqm_device *device, pool *threads, const engine_options *options) {
    engine *e = allocate(1, sizeof *e);
    size_t positions = options->positions, batch = options->batch;
    e->model = model_load(directory, device, options->compute, options->head_bits);
    e->threads = threads;
    const hf_config *c = &e->model.config;
    size_t q = (size_t)c->heads * c->head_dim, kv = (size_t)c->kv_heads * c->head_dim;
    e->positions = positions;
    e->batch = batch < ENGINE_LOGIT_ROWS ? ENGINE_LOGIT_ROWS : batch;
    e->rope = rope_table_new(c, positions);
    e->cache = kv_cache_new(c->layers, positions, c->kv_heads, c->head_dim);
    e->x = allocate(e->batch, c->hidden_size * sizeof(float));
    e->normed = allocate(e->batch, c->hidden_size * sizeof(float));
    e->qkv = allocate(e->batch, (q + 2 * kv) * sizeof(float));
    e->mixed = allocate(e->batch, q * sizeof(float));
    e->gate_up = allocate(e->batch, 2 * (size_t)c->intermediate_size * sizeof(float));
    e->inner = allocate(e->batch, c->intermediate_size * sizeof(float));
    e->logits = allocate(ENGINE_LOGIT_ROWS, c->vocab_size * sizeof(float));
    model_each_linear(&e->model, grow_workspace, e);
    e->workspace = allocate(e->workspace_bytes, 1);
    return e;
}

void engine_free(engine *e) {
    if (e == NULL) return;
    model_free(&e->model);
    free(e->rope.cos);
    free(e->rope.sin);
    kv_cache_free(&e->cache);
    free(e->x);
    free(e->normed);
    free(e->qkv);
    free(e->mixed);
    free(e->gate_up);
    free(e->inner);
    free(e->logits);
    free(e->workspace);
    free(e);
}

const hf_config *engine_config(const engine *e) { return &e->model.config; }

static void add_bytes(const awqm_linear *linear, void *data) {
    awqm_linear_info info = {.struct_size = sizeof info};
    check(awqm_linear_get_info(linear, &info));
    *(size_t *)data += info.bytes;
}

size_t engine_weight_bytes(const engine *e) {
    size_t bytes = 0;
    model_each_linear(&e->model, add_bytes, &bytes);
    return bytes;
}

void engine_reset(engine *e) { e->used = 0; }

static void embed(engine *e, const uint32_t *ids, size_t count, float *rows) {
    const awqm_tensor_view *table = &e->model.embedding;
    size_t hidden = e->model.config.hidden_size, row_bytes = hidden * awqm_dtype_bytes(table->dtype);
    for (size_t i = 0; i < count; i++) {
        if (ids[i] >= e->model.config.vocab_size) {
            fail("token %u is beyond the vocabulary of %u", (unsigned)ids[i],
                 (unsigned)e->model.config.vocab_size);
        }
        to_floats(rows + i * hidden, (const char *)table->data + ids[i] * row_bytes, table->dtype, hidden);
    }
}

/* One step of a layer, row by row. A task is ROWS of them. */
enum { ROWS = 8 };
typedef struct row_work {
    engine *e;
    const block *block;
    size_t layer, count;
    void (*row)(const struct row_work *w, size_t row);
} row_work;

static void run_rows(void *data, size_t task) {
    const row_work *w = data;
    size_t end = (task + 1) * ROWS < w->count ? (task + 1) * ROWS : w->count;
    for (size_t row = task * ROWS; row < end; row++) w->row(w, row);
}

static void each_row(row_work *w, void (*row)(const row_work *, size_t)) {
    w->row = row;
    pool_run(w->e->threads, (w->count + ROWS - 1) / ROWS, run_rows, w);
}

static void norm_heads(float *x, const float *weight, float eps, size_t heads, size_t n) {
    if (weight == NULL) return;
    for (size_t h = 0; h < heads; h++) rms_norm(x + h * n, x + h * n, weight, eps, n);
}

static void norm_before_attention(const row_work *w, size_t row) {
    const hf_config *c = &w->e->model.config;
    size_t at = row * c->hidden_size;
    rms_norm(w->e->normed + at, w->e->x + at, w->block->attention_norm, c->rms_norm_eps, c->hidden_size);
}

/* Floats of a row of qkv. */
static size_t qkv_width(const hf_config *c) { return ((size_t)c->heads + 2 * (size_t)c->kv_heads) * c->head_dim; }

/* Queries and keys get their positions, keys and values go to the cache. */
static void place(const row_work *w, size_t row) {
    engine *e = w->e;
    const hf_config *c = &e->model.config;
    size_t d = c->head_dim, position = e->used + row;
    float *q = e->qkv + row * qkv_width(c), *k = q + c->heads * d, *v = k + c->kv_heads * d;
    norm_heads(q, w->block->query_norm, c->rms_norm_eps, c->heads, d);
    norm_heads(k, w->block->key_norm, c->rms_norm_eps, c->kv_heads, d);
    rope(q, &e->rope, c->heads, position);
    rope(k, &e->rope, c->kv_heads, position);
    kv_cache_put(&e->cache, w->layer, position, k, v);
}

/* The residual gets what attention gave; then comes the other half of the layer. */
static void norm_before_mlp(const row_work *w, size_t row) {
    const hf_config *c = &w->e->model.config;
    size_t at = row * c->hidden_size;
    add(w->e->x + at, w->e->normed + at, c->hidden_size);
    rms_norm(w->e->normed + at, w->e->x + at, w->block->mlp_norm, c->rms_norm_eps, c->hidden_size);
}

static void activate(const row_work *w, size_t row) {
    size_t inner = w->e->model.config.intermediate_size;
    swiglu(w->e->inner + row * inner, w->e->gate_up + row * 2 * inner, inner);
}

static void add_mlp(const row_work *w, size_t row) {
    size_t hidden = w->e->model.config.hidden_size;
    add(w->e->x + row * hidden, w->e->normed + row * hidden, hidden);
}

/* x += o_proj(attention(qkv_proj(norm(x)))), then x += down_proj(silu(gate_proj(norm(x))) * up_proj(norm(x))) */
static void run_block(engine *e, size_t layer, size_t count) {
    const hf_config *c = &e->model.config;
    const block *b = &e->model.blocks[layer];
    row_work w = {.e = e, .block = b, .layer = layer, .count = count};
    size_t q_width = (size_t)c->heads * c->head_dim;

    each_row(&w, norm_before_attention);
    show(e, layer, "self_attn.q_proj", e->normed, count, c->hidden_size);
    run_linear(e, b->qkv, e->normed, count, e->qkv);
    each_row(&w, place);
    attention_call call = {&e->cache, layer,  c->heads,     c->sliding_window, e->used,
                           count,     e->qkv, qkv_width(c), e->mixed,          q_width};
    attention(&call, e->threads);
    show(e, layer, "self_attn.o_proj", e->mixed, count, q_width);
    run_linear(e, b->attention, e->mixed, count, e->normed);

    each_row(&w, norm_before_mlp);
    show(e, layer, "mlp.gate_proj", e->normed, count, c->hidden_size);
    run_linear(e, b->gate_up, e->normed, count, e->gate_up);
    each_row(&w, activate);
    show(e, layer, "mlp.down_proj", e->inner, count, c->intermediate_size);
    run_linear(e, b->down, e->inner, count, e->normed);
    each_row(&w, add_mlp);
}

static void norm_at_the_end(const row_work *w, size_t row) {
    const hf_config *c = &w->e->model.config;
    float *x = w->e->x + row * c->hidden_size;
    rms_norm(x, x, w->e->model.norm, c->rms_norm_eps, c->hidden_size);
}

static void check_room(const engine *e, size_t count) {
    if (count == 0 || count > e->batch || count > e->positions - e->used) {
        fail("%zu tokens do not fit: the batch holds %zu, the conversation %zu more", count, e->batch,
             e->positions - e->used);
    }
}

void engine_forward(engine *e, const uint32_t *ids, size_t count) {
    const hf_config *c = &e->model.config;
    check_room(e, count);
    embed(e, ids, count, e->x);
    for (size_t layer = 0; layer < c->layers; layer++) run_block(e, layer, count);
    row_work w = {.e = e, .count = count};
    each_row(&w, norm_at_the_end);
    e->used += count;
}

void engine_observe(engine *e, engine_observer *observer, void *data) {
    e->observer = observer;
    e->observer_data = data;
}

void engine_embed(engine *e, const uint32_t *ids, size_t count, float *rows) {
    engine_reset(e);
    check_room(e, count);
    embed(e, ids, count, rows);
}

void engine_run_block(engine *e, size_t layer, float *rows, size_t count) {
    size_t bytes = count * e->model.config.hidden_size * sizeof *rows;
    engine_reset(e);
    check_room(e, count);
    memcpy(e->x, rows, bytes);
    run_block(e, layer, count);
    memcpy(rows, e->x, bytes);
}

const float *engine_logits(engine *e, size_t first, size_t count) {
    if (count > ENGINE_LOGIT_ROWS || first + count > e->batch) fail("logits of rows that no batch has");
    run_linear(e, e->model.head, e->x + first * e->model.config.hidden_size, count, e->logits);
    return e->logits;
}

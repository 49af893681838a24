/* From a model directory to linear layers: open the checkpoint, load each layer in the device's layout, hand
 * it to the device. Fused layers (q, k, v; gate, up) come from their names alone. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#include "../common.h"
#include "../layers.h"
#include "../numbers.h"

enum { NAME_BYTES = 128, MAX_FUSED = 3, HEAD_GROUP = 32 };

/* Where layers go, and how they compute. */
typedef struct target {
    const awqm_device *device;
    awqm_compute compute;
} target;

static awqm_linear *to_device(const target *to, awqm_packed *packed) {
    awqm_linear *linear = NULL;
    awqm_packed_info info = {.struct_size = sizeof info};
    check(awqm_packed_get_info(packed, &info));
    awqm_linear_options options = {.struct_size = sizeof options};
    /* Dense layers are always exact. */
    options.compute = info.layout == AWQM_LAYOUT_DENSE ? AWQM_COMPUTE_EXACT : to->compute;
    check(awqm_linear_create(to->device, packed, &options, &linear));
    awqm_packed_free(packed);
    return linear;
}

static void check_shape(const awqm_linear *linear, const char *name, size_t k, size_t n) {
    awqm_linear_info info = {.struct_size = sizeof info};
    check(awqm_linear_get_info(linear, &info));
    if (info.k != (int64_t)k || info.n != (int64_t)n) {
        fail("%s: is %lld x %lld (config.json asks for %zu x %zu)", name, (long long)info.k,
             (long long)info.n, k, n);
    }
}

/* The projections `suffixes` of block `index` as one layer with their outputs side by side. */
static awqm_linear *load_linear(const model *m, const target *to, size_t index,
                                const char *const *suffixes, size_t count, size_t k, size_t n) {
    char names[MAX_FUSED][NAME_BYTES];
    const char *pointers[MAX_FUSED];
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], NAME_BYTES, "model.layers.%zu.%s", index, suffixes[i]);
        pointers[i] = names[i];
    }
    awqm_load_options options = {.struct_size = sizeof options, .device = to->device};
    awqm_packed *packed = NULL;
    check(awqm_checkpoint_load(m->checkpoint, pointers, count, &options, &packed));
    awqm_linear *linear = to_device(to, packed);
    check_shape(linear, names[0], k, n);
    return linear;
}

/* A small tensor as floats; NULL when it is optional and absent. */
static float *load_vector(const model *m, const char *name, size_t n, bool optional) {
    awqm_tensor_view view = {.struct_size = sizeof view};
    awqm_status status = awqm_checkpoint_get_tensor(m->checkpoint, name, &view);
    if (optional && status == AWQM_STATUS_NOT_FOUND) return NULL;
    check(status);
    if (element_count(&view) != n) fail("%s: has %zu values (needed %zu)", name, element_count(&view), n);
    float *values = allocate(n, sizeof *values);
    to_floats(values, view.data, view.dtype, n);
    return values;
}

static float *load_block_vector(const model *m, size_t index, const char *suffix, size_t n, bool optional) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "model.layers.%zu.%s.weight", index, suffix);
    return load_vector(m, name, n, optional);
}

static block load_block(const model *m, const target *to, size_t index) {
    static const char *const QKV[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    static const char *const ATTENTION[] = {"self_attn.o_proj"};
    static const char *const GATE_UP[] = {"mlp.gate_proj", "mlp.up_proj"};
    static const char *const DOWN[] = {"mlp.down_proj"};
    const hf_config *c = &m->config;
    size_t hidden = c->hidden_size, inner = c->intermediate_size, d = c->head_dim;
    size_t q = (size_t)c->heads * d, kv = (size_t)c->kv_heads * d;
    return (block){
        .attention_norm = load_block_vector(m, index, "input_layernorm", hidden, false),
        .query_norm = load_block_vector(m, index, "self_attn.q_norm", d, true),
        .key_norm = load_block_vector(m, index, "self_attn.k_norm", d, true),
        .mlp_norm = load_block_vector(m, index, "post_attention_layernorm", hidden, false),
        .qkv = load_linear(m, to, index, QKV, 3, hidden, q + 2 * kv),
        .attention = load_linear(m, to, index, ATTENTION, 1, q, hidden),
        .gate_up = load_linear(m, to, index, GATE_UP, 2, hidden, 2 * inner),
        .down = load_linear(m, to, index, DOWN, 1, inner, hidden),
    };
}

/* The embedding over again, rounded to fewer bits. */
static awqm_packed *quantized_head(const model *m, const target *to, uint32_t bits) {
    const hf_config *c = &m->config;
    awqm_packed *packed = NULL;
    awqm_quantize_options options = {
        .struct_size = sizeof options,
        .bits = bits,
        .group_size = HEAD_GROUP,
        .symmetric = bits == 8,
        .device = to->device,
    };
    check(awqm_quantize_tensor(m->embedding.data, m->embedding.bytes, m->embedding.dtype, c->vocab_size,
                               c->hidden_size, &options, &packed));
    return packed;
}

/* The last layer: its own weights, quantized or not, or the embedding over again. */
static awqm_linear *load_head(const model *m, const target *to, uint32_t bits) {
    const hf_config *c = &m->config;
    const char *name = "lm_head";
    awqm_packed *packed = NULL;
    if (c->tied_embeddings && bits) {
        packed = quantized_head(m, to, bits);
    } else if (c->tied_embeddings) {
        awqm_layer_desc desc = {
            .struct_size = sizeof desc,
            .k = c->hidden_size,
            .n = c->vocab_size,
            .layout = AWQM_LAYOUT_DENSE,
            .scale_dtype = m->embedding.dtype,
        };
        awqm_layer_tensors tensors = {
            .struct_size = sizeof tensors, .qweight = m->embedding.data, .qweight_bytes = m->embedding.bytes};
        check(awqm_packed_create(&desc, &tensors, &packed));
    } else {
        awqm_load_options options = {.struct_size = sizeof options, .device = to->device};
        check(awqm_checkpoint_load(m->checkpoint, &name, 1, &options, &packed));
    }
    awqm_linear *head = to_device(to, packed);
    check_shape(head, name, c->hidden_size, c->vocab_size);
    return head;
}

model model_load(const char *directory, const awqm_device *device, awqm_compute compute, uint32_t head_bits) {
    const target to = {device, compute};
    model m = {.embedding = {.struct_size = sizeof m.embedding}};
    check_hf(hf_config_read(directory, &m.config));
    check(awqm_checkpoint_open(directory, &m.checkpoint));
    check(awqm_checkpoint_get_tensor(m.checkpoint, "model.embed_tokens.weight", &m.embedding));
    if (element_count(&m.embedding) != (size_t)m.config.vocab_size * m.config.hidden_size) {
        fail("model.embed_tokens.weight: has %zu values (config.json asks for %u x %u)",
             element_count(&m.embedding), (unsigned)m.config.vocab_size, (unsigned)m.config.hidden_size);
    }
    m.norm = load_vector(&m, "model.norm.weight", m.config.hidden_size, false);
    m.head = load_head(&m, &to, head_bits);
    m.blocks = allocate(m.config.layers, sizeof *m.blocks);
    for (size_t i = 0; i < m.config.layers; i++) m.blocks[i] = load_block(&m, &to, i);
    return m;
}

void model_free(model *m) {
    for (size_t i = 0; i < m->config.layers; i++) {
        block *b = &m->blocks[i];
        free(b->attention_norm);
        free(b->query_norm);
        free(b->key_norm);
        free(b->mlp_norm);
        awqm_linear_free(b->qkv);
        awqm_linear_free(b->attention);
        awqm_linear_free(b->gate_up);
        awqm_linear_free(b->down);
    }
    free(m->blocks);
    free(m->norm);
    awqm_linear_free(m->head);
    awqm_checkpoint_free(m->checkpoint);
}

void model_each_linear(const model *m, void (*visit)(const awqm_linear *linear, void *data), void *data) {
    for (size_t i = 0; i < m->config.layers; i++) {
        const block *b = &m->blocks[i];
        visit(b->qkv, data);
        visit(b->attention, data);
        visit(b->gate_up, data);
        visit(b->down, data);
    }
    visit(m->head, data);
}

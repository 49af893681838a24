/* The weights of a network as linear layers on a device. Only the engine's own files use this. */
#ifndef AWQM_ENGINE_MODEL_H
#define AWQM_ENGINE_MODEL_H

#include <awq_marlin.h>

#include "../../tokenizer/awqm_tokenizer.h"

typedef struct block {
    float *attention_norm; /* [hidden] */
    float *query_norm;     /* [head_dim] or NULL: qwen3 normalizes each head of q and of k */
    float *key_norm;
    float *mlp_norm;        /* [hidden] */
    awqm_linear *qkv;       /* hidden -> (heads + 2 kv_heads) head_dim: q, k, v side by side */
    awqm_linear *attention; /* heads head_dim -> hidden: o_proj */
    awqm_linear *gate_up;   /* hidden -> 2 intermediate: gate, up side by side */
    awqm_linear *down;      /* intermediate -> hidden */
} block;

typedef struct model {
    hf_config config;
    awqm_checkpoint *checkpoint; /* stays open: the embedding is read where it is mapped */
    awqm_tensor_view embedding;  /* [vocab, hidden] */
    block *blocks;
    float *norm;       /* [hidden] */
    awqm_linear *head; /* hidden -> vocab */
} model;

/* head_bits as in engine_options. */
model model_load(const char *directory, const awqm_device *device, awqm_compute compute, uint32_t head_bits);
void model_free(model *m);

/* Every linear layer, for what must be known of all of them. */
void model_each_linear(const model *m, void (*visit)(const awqm_linear *linear, void *data), void *data);

#endif

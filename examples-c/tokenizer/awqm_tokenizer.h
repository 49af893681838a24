/* What an engine reads from a Hugging Face model directory besides weights: tokenizer, chat template, end
 * tokens, and the numbers of config.json. A part of the awqm tool, not of the library: it is a static
 * library in Rust (this folder) over the crates `tokenizers` and `minijinja`.
 *
 * Functions that return int return HF_OK, or HF_FAILED with the reason in hf_error(), or HF_TOO_SMALL.
 * A tokenizer may be used from many threads at once; a stream by one thread at a time.
 */
#ifndef AWQM_TOKENIZER_H
#define AWQM_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

enum { HF_OK = 0, HF_FAILED = 1, HF_TOO_SMALL = 2 };

/* Why the last call on this thread failed; valid until the next failure. Never NULL. */
const char *hf_error(void);

/* ---- config.json ---- */

enum { HF_ROPE_PLAIN = 0, HF_ROPE_LINEAR = 1, HF_ROPE_LLAMA3 = 2 };

/* The shape of a Llama-family network (llama, mistral, qwen2, qwen3), checked for sanity. */
typedef struct hf_config {
    char model_type[32];
    uint32_t vocab_size;
    uint32_t hidden_size;
    uint32_t intermediate_size;
    uint32_t layers;
    uint32_t heads;
    uint32_t kv_heads; /* divides heads */
    uint32_t head_dim; /* even */
    uint32_t max_positions;
    uint32_t sliding_window; /* 0: each token sees all before it */
    uint32_t tied_embeddings;
    float rms_norm_eps;
    uint32_t rope_scaling; /* HF_ROPE_... */
    double rope_theta;
    double rope_factor;
    double rope_low_freq_factor;
    double rope_high_freq_factor;
    uint32_t rope_original_positions;
} hf_config;

int hf_config_read(const char *directory, hf_config *out);

/* ---- tokenizer ---- */

typedef struct hf_tokenizer hf_tokenizer;

/* Needs tokenizer.json; takes the chat template and the end tokens from the files beside it. */
int hf_tokenizer_open(const char *directory, hf_tokenizer **out);
void hf_tokenizer_free(hf_tokenizer *tokenizer);

/* Ids of text[0 .. length). With ids NULL only the count. add_special adds what the model expects around
 * plain text (such as a beginning-of-text token); a chat prompt has those already. */
int hf_tokenizer_encode(const hf_tokenizer *tokenizer, const char *text, size_t length, int add_special,
                        uint32_t *ids, size_t capacity, size_t *count);

/* The prompt that asks for the answer to one user message; system may be NULL. Not NUL-terminated. With
 * out NULL only the length; length 0 says that the model has no chat template. */
int hf_tokenizer_chat(const hf_tokenizer *tokenizer, const char *system, const char *user, char *out,
                      size_t capacity, size_t *length);

/* 1 when the token ends a text, else 0. */
int hf_tokenizer_is_end(const hf_tokenizer *tokenizer, uint32_t id);

/* ---- ids to text, as they come ---- */

typedef struct hf_stream hf_stream;

hf_stream *hf_stream_new(void);
void hf_stream_free(hf_stream *stream);

/* The text that token id completes: UTF-8, not NUL-terminated, valid until the stream's next call, empty
 * while a character is unfinished and for special tokens. */
int hf_stream_next(hf_stream *stream, const hf_tokenizer *tokenizer, uint32_t id, const char **piece,
                   size_t *length);

/* What is still held back at the end, with U+FFFD for bytes that never became a character. */
int hf_stream_finish(hf_stream *stream, const hf_tokenizer *tokenizer, const char **piece, size_t *length);

#endif

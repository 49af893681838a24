/* awqm generate: text from a prompt, token by token. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "bench_network.h"
#include "commands.h"
#include "common.h"
#include "engine/engine.h"
#include "engine/sampler.h"
#include "json.h"

static const char SYNOPSIS[] =
    "generate DIR --prompt TEXT [--chat] [--system TEXT] [--tokens N] [--temperature T] [--top-p P]\n"
    "                     [--seed S] [--compute exact|int8] [--head-bits 0|4|8] [--device D] [--threads T] [--json]\n"
    "       awqm generate DIR --bench [--prompt-tokens P] [--tokens N] [--repeat R] ...";

/* How many prompt tokens go through the network at once. */
enum { PROMPT_BATCH = 512 };

/* Text that grows, for --json. */
typedef struct text {
    char *bytes;
    size_t length, capacity;
} text;

static void append(text *t, const char *piece, size_t length) {
    if (t->length + length + 1 > t->capacity) {
        t->capacity = 2 * (t->length + length + 1);
        t->bytes = realloc(t->bytes, t->capacity);
        if (t->bytes == NULL) fail("out of memory");
    }
    memcpy(t->bytes + t->length, piece, length);
    t->length += length;
    t->bytes[t->length] = '\0';
}

/* Ids of the prompt, in the model's chat form or as it is. The caller frees them. */
static uint32_t *encode_prompt(const hf_tokenizer *tokenizer, const char *prompt, const char *system,
                               bool chat, size_t *count) {
    size_t length = strlen(prompt);
    char *rendered = NULL;
    if (chat) {
        check_hf(hf_tokenizer_chat(tokenizer, system, prompt, NULL, 0, &length));
        if (length == 0) fail("the model has no chat template; leave --chat out");
        rendered = allocate(length, 1);
        check_hf(hf_tokenizer_chat(tokenizer, system, prompt, rendered, length, &length));
    }
    const char *content = rendered ? rendered : prompt;
    check_hf(hf_tokenizer_encode(tokenizer, content, length, !chat, NULL, 0, count));
    if (*count == 0) fail("the prompt holds no token");
    uint32_t *ids = allocate(*count, sizeof *ids);
    check_hf(hf_tokenizer_encode(tokenizer, content, length, !chat, ids, *count, count));
    free(rendered);
    return ids;
}

/* Shows the piece as it comes, or keeps it for --json. */
static void emit(text *kept, bool as_json, const char *piece, size_t length) {
    if (as_json) {
        append(kept, piece, length);
    } else {
        fwrite(piece, 1, length, stdout);
        fflush(stdout);
    }
}

static double rate(size_t tokens, double elapsed) { return elapsed > 0 ? (double)tokens / elapsed : 0; }

int command_generate(int argc, char **argv) {
    const char *directory = NULL, *prompt = NULL, *system = NULL, *device_name = "cpu";
    uint64_t limit = 128, threads = 0, prompt_tokens = 512, repeat = 3;
    uint32_t compute = AWQM_COMPUTE_EXACT, head_bits = 0;
    sampler picker = {.temperature = 0, .top_p = 1, .seed = 1};
    bool chat = false, as_json = false, bench = false;
    const char *const positionals[] = {"DIR", NULL};
    const option options[] = {
        {"--prompt", OPTION_TEXT, &prompt, "TEXT", "what to answer or to continue", NULL},
        {"--chat", OPTION_FLAG, &chat, NULL, "put the prompt in the model's chat form", NULL},
        {"--system", OPTION_TEXT, &system, "TEXT", "the system message of the chat", NULL},
        {"--tokens", OPTION_COUNT, &limit, "N", "at most so many new tokens (128)", NULL},
        {"--temperature", OPTION_REAL, &picker.temperature, "T", "0: always the likeliest token (0)", NULL},
        {"--top-p", OPTION_REAL, &picker.top_p, "P",
         "draw from the likeliest tokens that hold this share (1)", NULL},
        {"--seed", OPTION_COUNT, &picker.seed, "S", "of the random draw (1)", NULL},
        {"--compute", OPTION_CHOICE, &compute, "exact|int8", "arithmetic of the quantized layers (exact)", COMPUTE_CHOICES},
        {"--head-bits", OPTION_CHOICE, &head_bits, "0|4|8", "quantize a tied head (0: leave it as it is)", HEAD_BITS_CHOICES},
        {"--bench", OPTION_FLAG, &bench, NULL, "only time a prompt and an answer of random tokens", NULL},
        {"--prompt-tokens", OPTION_COUNT, &prompt_tokens, "P", "tokens of that prompt (512)", NULL},
        {"--repeat", OPTION_COUNT, &repeat, "R", "how often each is timed; the median counts (3)", NULL},
        {"--device", OPTION_TEXT, &device_name, "cpu", "where to run (cpu)", NULL},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object instead of the text", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, &directory, OPTIONS(options)});
    if (bench && (prompt || chat || system)) usage_error(SYNOPSIS, "--bench makes its own prompt");
    if (bench) {
        if (prompt_tokens == 0 || limit == 0 || repeat == 0)
            usage_error(SYNOPSIS, "--bench needs at least one token of each kind, timed once");
        network_bench b = {directory, device_name, threads, compute, head_bits, prompt_tokens, limit, repeat};
        return bench_network(&b, as_json);
    }
    if (prompt == NULL) usage_error(SYNOPSIS, "--prompt is missing");
    if (system && !chat) usage_error(SYNOPSIS, "--system needs --chat");
    if (!(picker.temperature >= 0)) usage_error(SYNOPSIS, "--temperature must not be negative");
    if (!(picker.top_p > 0 && picker.top_p <= 1))
        usage_error(SYNOPSIS, "--top-p must be above 0 and at most 1");

    double started = seconds_now();
    hf_tokenizer *tokenizer = NULL;
    hf_config config;
    size_t prompt_count;
    check_hf(hf_config_read(directory, &config));
    check_hf(hf_tokenizer_open(directory, &tokenizer));
    uint32_t *prompt_ids = encode_prompt(tokenizer, prompt, system, chat, &prompt_count);
    if (prompt_count > config.max_positions) {
        fail("the prompt has %zu tokens (the model reads %u)", prompt_count, (unsigned)config.max_positions);
    }
    if (limit > config.max_positions - prompt_count) limit = config.max_positions - prompt_count;

    pool *workers = pool_new(threads);
    awqm_device *device = pool_device(workers, device_name);
    awqm_device_info device_info = {.struct_size = sizeof device_info};
    check(awqm_device_get_info(device, &device_info));
    engine_options how = {prompt_count + limit, PROMPT_BATCH, compute, head_bits};
    engine *e = engine_open(directory, device, workers, &how);
    double loaded = seconds_now();

    /* The prompt, in batches: each is one matrix product for each layer. */
    size_t last_batch = 0;
    for (size_t done = 0; done < prompt_count; done += last_batch) {
        last_batch = prompt_count - done < PROMPT_BATCH ? prompt_count - done : PROMPT_BATCH;
        engine_forward(e, prompt_ids + done, last_batch);
    }
    uint32_t id = sample(&picker, engine_logits(e, last_batch - 1, 1), config.vocab_size);
    double prompted = seconds_now();

    /* The answer, token by token: each token is one product of a vector for each layer. */
    hf_stream *stream = hf_stream_new();
    text answer = {NULL, 0, 0};
    append(&answer, "", 0);
    const char *piece, *stop = "length";
    size_t length, generated = 0;
    uint32_t *answer_ids = allocate(limit, sizeof *answer_ids);
    while (generated < limit) {
        if (hf_tokenizer_is_end(tokenizer, id)) {
            stop = "end";
            break;
        }
        answer_ids[generated++] = id;
        check_hf(hf_stream_next(stream, tokenizer, id, &piece, &length));
        emit(&answer, as_json, piece, length);
        if (generated == limit) break;
        engine_forward(e, &id, 1);
        id = sample(&picker, engine_logits(e, 0, 1), config.vocab_size);
    }
    check_hf(hf_stream_finish(stream, tokenizer, &piece, &length));
    emit(&answer, as_json, piece, length);
    double finished = seconds_now();
    /* The first token is the prompt's work; each further one, and the end, was a pass of its own. */
    size_t passes = stop[0] == 'e' ? generated : generated ? generated - 1 : 0;

    if (as_json) {
        json w = json_begin();
        json_text(&w, "model", directory);
        json_text(&w, "prompt", prompt);
        json_text(&w, "text", answer.bytes);
        json_text(&w, "stop", stop);
        json_int(&w, "prompt_tokens", (int64_t)prompt_count);
        json_int(&w, "tokens", (int64_t)generated);
        json_open_array(&w, "ids");
        for (size_t i = 0; i < generated; i++) json_int(&w, NULL, answer_ids[i]);
        json_close_array(&w);
        json_text(&w, "device", device_name);
        json_int(&w, "threads", device_info.threads);
        json_int(&w, "weight_bytes", (int64_t)engine_weight_bytes(e));
        json_real(&w, "load_seconds", loaded - started);
        json_real(&w, "prompt_tokens_per_second", rate(prompt_count, prompted - loaded));
        json_real(&w, "tokens_per_second", rate(passes, finished - prompted));
        json_end(&w);
    } else {
        putchar('\n');
        fflush(stdout);
        fprintf(stderr,
                "awqm: loaded in %.2f s, %.1f MB of weights; prompt %zu tokens, %.1f tokens/s; "
                "answer %zu tokens, %.1f tokens/s (%u threads)\n",
                loaded - started, (double)engine_weight_bytes(e) / 1e6, prompt_count,
                rate(prompt_count, prompted - loaded), generated, rate(passes, finished - prompted),
                (unsigned)device_info.threads);
    }
    free(answer.bytes);
    free(answer_ids);
    free(prompt_ids);
    hf_stream_free(stream);
    engine_free(e);
    awqm_device_free(device);
    pool_free(workers);
    hf_tokenizer_free(tokenizer);
    return EXIT_DONE;
}

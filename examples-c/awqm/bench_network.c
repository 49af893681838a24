/* A prompt of random tokens goes through in batches, and its last token is scored; an answer of random tokens, behind
 * nothing, goes through one by one, and each is scored. Nothing is drawn. */
#include "bench_network.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "common.h"
#include "engine/engine.h"
#include "json.h"
#include "numbers.h"

enum { BATCH = 512 };

static double time_prompt(engine *e, const uint32_t *ids, size_t count) {
    double started = seconds_now();
    size_t batch = 0;
    engine_reset(e);
    for (size_t done = 0; done < count; done += batch) {
        batch = count - done < BATCH ? count - done : BATCH;
        engine_forward(e, ids + done, batch);
    }
    engine_logits(e, batch - 1, 1);
    return seconds_now() - started;
}

static double time_answer(engine *e, const uint32_t *ids, size_t count) {
    double started = seconds_now();
    engine_reset(e);
    for (size_t i = 0; i < count; i++) {
        engine_forward(e, ids + i, 1);
        engine_logits(e, 0, 1);
    }
    return seconds_now() - started;
}

/* Tokens per second of the median run; the first one only warms up. */
static double rate(double time(engine *, const uint32_t *, size_t), engine *e, const uint32_t *ids, size_t count,
                   size_t repeat) {
    double *times = allocate(repeat, sizeof *times);
    time(e, ids, count);
    for (size_t i = 0; i < repeat; i++) times[i] = time(e, ids, count);
    double middle = median(times, repeat);
    free(times);
    return (double)count / middle;
}

int bench_network(const network_bench *b, bool as_json) {
    hf_config config;
    check_hf(hf_config_read(b->directory, &config));
    size_t longest = b->prompt > b->answer ? b->prompt : b->answer;
    if (longest > config.max_positions) fail("%zu tokens: the model reads %u", longest, (unsigned)config.max_positions);
    uint32_t *ids = allocate(longest, sizeof *ids);
    uint64_t seed = 3;
    for (size_t i = 0; i < longest; i++) ids[i] = (uint32_t)(random_bits(&seed) % config.vocab_size);

    pool *workers = pool_new(b->threads);
    awqm_device *device = pool_device(workers, b->device);
    engine_options how = {longest, BATCH, b->compute, b->head_bits};
    engine *e = engine_open(b->directory, device, workers, &how);
    double prompt = rate(time_prompt, e, ids, b->prompt, b->repeat);
    double answer = rate(time_answer, e, ids, b->answer, b->repeat);

    if (as_json) {
        json w = json_begin();
        json_text(&w, "model", b->directory);
        json_text(&w, "compute", choice_word(COMPUTE_CHOICES, b->compute));
        json_int(&w, "head_bits", b->head_bits);
        json_int(&w, "threads", (int64_t)pool_threads(workers));
        json_int(&w, "weight_bytes", (int64_t)engine_weight_bytes(e));
        json_int(&w, "prompt_tokens", (int64_t)b->prompt);
        json_real(&w, "prompt_tokens_per_second", prompt);
        json_int(&w, "tokens", (int64_t)b->answer);
        json_real(&w, "tokens_per_second", answer);
        json_end(&w);
    } else {
        printf("%s, %s, %zu threads, %.1f MB of weights: prompt of %" PRIu64 " tokens %.1f tokens/s, answer of %" PRIu64
               " %.1f tokens/s\n",
               b->directory, choice_word(COMPUTE_CHOICES, b->compute), pool_threads(workers),
               (double)engine_weight_bytes(e) / 1e6, b->prompt, prompt, b->answer, answer);
    }
    engine_free(e);
    awqm_device_free(device);
    pool_free(workers);
    free(ids);
    return EXIT_DONE;
}

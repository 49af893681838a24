/* awqm perplexity: how well a model predicts a text.
 *
 * The text is cut into windows that do not overlap; a last, partial window is left out, unless it is the only
 * one. Each window starts from an empty context and is scored from its second token on. The result is
 * exp(mean negative log-likelihood) over all scored tokens. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "commands.h"
#include "common.h"
#include "engine/engine.h"
#include "json.h"
#include "progress.h"
#include "text.h"

static const char SYNOPSIS[] =
    "perplexity DIR --text FILE [--window 512] [--windows N] [--compute exact|int8] [--head-bits 0|4|8]\n"
    "                     [--device D] [--threads T] [--json]";

enum { BATCH = 256 };

/* Negative log-likelihood, in nats, of token `next`. */
static double surprise(const float *logits, size_t n, uint32_t next) {
    float top = logits[0];
    double sum = 0;
    for (size_t i = 1; i < n; i++) top = logits[i] > top ? logits[i] : top;
    for (size_t i = 0; i < n; i++) sum += (double)expf(logits[i] - top);
    return log(sum) + (double)(top - logits[next]);
}

/* The sum over the window's tokens but the first. */
static double score_window(engine *e, const uint32_t *ids, size_t count) {
    size_t vocab = engine_config(e)->vocab_size;
    double total = 0;
    engine_reset(e);
    for (size_t done = 0, batch; done < count; done += batch) {
        batch = count - done < BATCH ? count - done : BATCH;
        engine_forward(e, ids + done, batch);
        for (size_t row = 0, rows; row < batch; row += rows) {
            rows = batch - row < ENGINE_LOGIT_ROWS ? batch - row : ENGINE_LOGIT_ROWS;
            const float *logits = engine_logits(e, row, rows);
            for (size_t i = 0; i < rows && done + row + i + 1 < count; i++) {
                total += surprise(logits + i * vocab, vocab, ids[done + row + i + 1]);
            }
        }
    }
    return total;
}

int command_perplexity(int argc, char **argv) {
    const char *directory = NULL, *text_path = NULL, *device_name = "cpu";
    uint64_t window = 512, windows = 0, threads = 0;
    uint32_t compute = AWQM_COMPUTE_EXACT, head_bits = 0;
    bool as_json = false;
    const char *const positionals[] = {"DIR", NULL};
    const option options[] = {
        {"--text", OPTION_TEXT, &text_path, "FILE", "the text, UTF-8", NULL},
        {"--window", OPTION_COUNT, &window, "T", "tokens of a window (512)", NULL},
        {"--windows", OPTION_COUNT, &windows, "N", "how many windows at most (all)", NULL},
        {"--compute", OPTION_CHOICE, &compute, "exact|int8", "arithmetic of the quantized layers (exact)", COMPUTE_CHOICES},
        {"--head-bits", OPTION_CHOICE, &head_bits, "0|4|8", "quantize a tied head (0: leave it as it is)", HEAD_BITS_CHOICES},
        {"--device", OPTION_TEXT, &device_name, "cpu", "where to run (cpu)", NULL},
        {"--threads", OPTION_COUNT, &threads, "T", "threads (all cores)", NULL},
        {"--json", OPTION_FLAG, &as_json, NULL, "one JSON object", NULL},
    };
    parse_command_line(argc, argv, &(command_line){SYNOPSIS, positionals, &directory, OPTIONS(options)});
    if (text_path == NULL) usage_error(SYNOPSIS, "--text is missing");

    hf_config config;
    size_t count;
    check_hf(hf_config_read(directory, &config));
    if (window < 2 || window > config.max_positions) {
        usage_error(SYNOPSIS, "--window %" PRIu64 ": needed 2 to %u, what the model reads", window,
                    (unsigned)config.max_positions);
    }
    uint32_t *ids = read_tokens(directory, text_path, &count);
    uint64_t whole = count / window;
    if (whole == 0) {
        whole = 1;
        window = count;
    }
    if (windows == 0 || windows > whole) windows = whole;

    pool *workers = pool_new(threads);
    awqm_device *device = pool_device(workers, device_name);
    engine_options how = {.positions = window, .batch = BATCH, .compute = compute, .head_bits = head_bits};
    engine *e = engine_open(directory, device, workers, &how);
    progress_bar bar = progress_begin();
    double total = 0, started = seconds_now();
    for (uint64_t w = 0; w < windows; w++) {
        char so_far[64] = "";
        if (w > 0)
            snprintf(so_far, sizeof so_far, "perplexity %.3f so far",
                     exp(total / (double)(w * (window - 1))));
        progress_show(&bar, w, windows, so_far);
        total += score_window(e, ids + w * window, window);
    }
    progress_end(&bar);
    double elapsed = seconds_now() - started;
    uint64_t scored = windows * (window - 1);
    double perplexity = exp(total / (double)scored);

    if (as_json) {
        json w = json_begin();
        json_real(&w, "perplexity", perplexity);
        json_int(&w, "tokens", (int64_t)scored);
        json_int(&w, "windows", (int64_t)windows);
        json_int(&w, "window", (int64_t)window);
        json_real(&w, "seconds", elapsed);
        json_real(&w, "tokens_per_second", (double)(windows * window) / elapsed);
        json_end(&w);
    } else {
        printf("perplexity %.4f over %" PRIu64 " tokens in %" PRIu64 " windows of %" PRIu64
               " (%.0f tokens/s)\n",
               perplexity, scored, windows, window, (double)(windows * window) / elapsed);
    }
    free(ids);
    engine_free(e);
    awqm_device_free(device);
    pool_free(workers);
    return EXIT_DONE;
}

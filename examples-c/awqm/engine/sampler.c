#include "sampler.h"

#include <math.h>
#include <stdlib.h>

#include "../common.h"
#include "../numbers.h"

typedef struct candidate {
    uint32_t id;
    double weight;
} candidate;

static int heavier_first(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return x->id < y->id ? -1 : 1; /* so that equal weights fall the same way everywhere */
}

static uint32_t best_token(const float *logits, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++) best = logits[i] > logits[best] ? i : best;
    return (uint32_t)best;
}

uint32_t sample(sampler *s, const float *logits, size_t n) {
    uint32_t best = best_token(logits, n);
    if (s->temperature <= 0) return best;

    candidate *list = allocate(n, sizeof *list);
    double total = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        double weight = exp((double)(logits[i] - logits[best]) / s->temperature);
        /* A token a million times less likely than the best is never picked; not to sort it saves most of the
         * time. */
        if (weight < 1e-6) continue;
        list[count++] = (candidate){(uint32_t)i, weight};
        total += weight;
    }
    qsort(list, count, sizeof *list, heavier_first);

    double kept = 0;
    size_t last = 0;
    while (last < count && kept < s->top_p * total) kept += list[last++].weight;
    double aim = random_unit(&s->seed) * kept;
    size_t pick = 0;
    while (pick + 1 < last && (aim -= list[pick].weight) >= 0) pick++;
    uint32_t id = list[pick].id;
    free(list);
    return id;
}

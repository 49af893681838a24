#define _POSIX_C_SOURCE 200809L
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "common.h"

enum { BAR_WIDTH = 30 };
static const double REDRAW_SECONDS = 0.05;
static const double SECONDS_TO_KNOW = 2; /* before that the rest is a guess */

progress_bar progress_begin(void) {
    return (progress_bar){.visible = isatty(STDERR_FILENO), .started = seconds_now()};
}

void progress_show(progress_bar *bar, uint64_t done, uint64_t total, const char *what) {
    double now;
    if (!bar->visible || total == 0 || (now = seconds_now()) - bar->drawn < REDRAW_SECONDS) return;
    bar->drawn = now;
    double share = done < total ? (double)done / (double)total : 1.0;
    char cells[BAR_WIDTH + 1];
    for (int i = 0; i < BAR_WIDTH; i++) cells[i] = i < share * BAR_WIDTH ? '#' : '.';
    cells[BAR_WIDTH] = '\0';
    char left[32] = "";
    double elapsed = now - bar->started;
    if (share > 0 && elapsed > SECONDS_TO_KNOW) {
        snprintf(left, sizeof left, ", %.0fs left", elapsed * (1 - share) / share);
    }
    fprintf(stderr, "\r\033[K[%s] %3.0f%%  %.0fs%s  %.60s", cells, 100 * share, elapsed, left, what);
    fflush(stderr);
}

void progress_hold(progress_bar *bar, uint64_t done, uint64_t total) {
    bar->held_done = done;
    bar->held_total = total;
}

void progress_end(progress_bar *bar) {
    if (bar->visible) fputs("\r\033[K", stderr);
}

int32_t progress_callback(void *user_data, const awqm_progress *progress) {
    progress_bar *bar = user_data;
    const char *what = progress->layer ? progress->layer : progress->stage ? progress->stage : "";
    /* Layers differ in size a thousandfold, so bytes are the better measure where they are known. */
    bool bytes = progress->bytes_total > 0;
    if (bar->held_total > 0) progress_show(bar, bar->held_done, bar->held_total, what);
    else if (bytes) progress_show(bar, progress->bytes_done, progress->bytes_total, what);
    else progress_show(bar, progress->index, progress->count, what);
    return 0;
}

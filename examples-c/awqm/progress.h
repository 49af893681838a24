/* A progress bar on stderr, when stderr is a terminal: share, seconds so far, seconds left, and what is being
 * done. */
#ifndef AWQM_TOOL_PROGRESS_H
#define AWQM_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <awq_marlin.h>

typedef struct progress_bar {
    bool visible;
    double started, drawn;
    uint64_t held_done, held_total; /* what progress_hold said */
} progress_bar;

progress_bar progress_begin(void);
void progress_show(progress_bar *bar, uint64_t done, uint64_t total, const char *what);
/* From now on the library's callback changes only the words, because its job is a part of a longer one that
 * stands at done of total. A total of 0 ends that. */
void progress_hold(progress_bar *bar, uint64_t done, uint64_t total);
void progress_end(progress_bar *bar); /* wipes the line */

/* The library's callback; user_data is the progress_bar. */
int32_t progress_callback(void *user_data, const awqm_progress *progress);

#endif

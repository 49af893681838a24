/* A progress bar on stderr, when stderr is a terminal. */
#ifndef AWQM_TOOL_PROGRESS_H
#define AWQM_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <awq_marlin.h>

typedef struct progress_bar {
    bool visible;
    double started, drawn;
} progress_bar;

progress_bar progress_begin(void);
void progress_show(progress_bar *bar, uint64_t done, uint64_t total, const char *what);
void progress_end(progress_bar *bar); /* wipes the line */

/* The library's callback; user_data is the progress_bar. */
int32_t progress_callback(void *user_data, const awqm_progress *progress);

#endif

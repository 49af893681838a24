/* Lists on the command line of awqm bench. */
#ifndef AWQM_TOOL_BENCH_LISTS_H
#define AWQM_TOOL_BENCH_LISTS_H

#include <stdbool.h>
#include <stdint.h>

/* "1,16,256", one number at a time; 0 at the end. A wrong list is a usage error of the command of `synopsis`. */
int64_t next_m(const char *synopsis, const char **list);

/* "4096x4096,4096x14336", one shape at a time; false at the end. */
bool next_shape(const char *synopsis, const char **list, int64_t *k, int64_t *n);

#endif

#include "bench_lists.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"

int64_t next_m(const char *synopsis, const char **list) {
    char *end;
    if (**list == '\0') return 0;
    long long m = strtoll(*list, &end, 10);
    if (end == *list || m < 1 || m > 1 << 20 || (*end != ',' && *end != '\0')) {
        usage_error(synopsis, "--m %s: not a list of numbers from 1 to 1048576", *list);
    }
    *list = *end == ',' ? end + 1 : end;
    return m;
}

bool next_shape(const char *synopsis, const char **list, int64_t *k, int64_t *n) {
    int used = 0;
    if (**list == '\0') return false;
    int found = sscanf(*list, "%" SCNd64 "x%" SCNd64 "%n", k, n, &used);
    char after = found == 2 ? (*list)[used] : 'x';
    if (found != 2 || *k < 1 || *n < 1 || *k > 1 << 20 || *n > 1 << 20 || (after != ',' && after != '\0')) {
        usage_error(synopsis, "--shape %s: not a shape (needed KxN, such as 4096x11008)", *list);
    }
    *list += used + (after == ',');
    return true;
}

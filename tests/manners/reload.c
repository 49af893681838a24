/* Loads the library, works with it and unloads it, over and over: reload LIBRARY FIXTURES ROUNDS. Run under valgrind. */
#include "loaded.h"

#include <pthread.h>

typedef struct round {
    const char *path, *fixtures;
} round_;

static int is_mapped(const char *path) {
    char line[4096], *name = strdup(path), *base = strrchr(name, '/');
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) found |= strstr(line, base) != NULL;
    fclose(maps);
    free(name);
    return found;
}

/* On a thread of its own, as a plugin's would be: what belongs to a thread goes when the thread goes. */
static void *one_round(void *data) {
    round_ *r = data;
    library l = load(r->path, RTLD_LOCAL);
    NEED(work(&l, r->fixtures, 2) != 0);
    NEED(dlclose(l.handle) == 0);
    return NULL;
}

int main(int argc, char **argv) {
    int i, rounds = argc == 4 ? atoi(argv[3]) : 0;
    round_ r = {argv[1], argv[2]};
    for (i = 0; i < rounds; i++) {
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, one_round, &r) == 0);
        NEED(pthread_join(thread, NULL) == 0);
        NEED(!is_mapped(argv[1])); /* it is really gone */
    }
    NEED(rounds > 0);
    puts("ok");
    return 0;
}

/* Loads the library, works with it and unloads it, over and over: reload LIBRARY FIXTURES ROUNDS. Run under valgrind. */
#include "loaded.h"

#include <pthread.h>

typedef struct visitor {
    library loaded;
    const char *fixtures;
} visitor;

static int is_mapped(const char *path) {
    char line[4096], *name = strdup(path), *base = strrchr(name, '/');
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) found |= strstr(line, base) != NULL;
    fclose(maps);
    free(name);
    return found;
}

/* On a thread that ends before the library goes: what belongs to a thread goes with it. */
static void *visit(void *data) {
    visitor *v = data;
    NEED(work(&v->loaded, v->fixtures, 2) != 0);
    return NULL;
}

int main(int argc, char **argv) {
    int i, rounds = argc == 4 ? atoi(argv[3]) : 0;
    for (i = 0; i < rounds; i++) {
        pthread_t thread;
        visitor v = {load(argv[1], RTLD_LOCAL), argv[2]};
        NEED(pthread_create(&thread, NULL, visit, &v) == 0);
        NEED(pthread_join(thread, NULL) == 0);
        NEED(dlclose(v.loaded.handle) == 0);
        NEED(!is_mapped(argv[1])); /* it is really gone */
    }
    /* And from the thread that works, after which the system keeps the library until that thread ends. */
    for (i = 0; i < rounds; i++) {
        library l = load(argv[1], RTLD_LOCAL);
        NEED(work(&l, argv[2], 2) != 0);
        NEED(dlclose(l.handle) == 0);
    }
    NEED(rounds > 0);
    puts("ok");
    return 0;
}

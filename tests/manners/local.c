/* RTLD_LOCAL: every function is found by name in the handle, none in the program: local LIBRARY FIXTURES SYMBOLS */
#include "loaded.h"

int main(int argc, char **argv) {
    char name[256];
    int count = 0;
    library l = load(argv[1], RTLD_LOCAL);
    FILE *symbols = fopen(argc == 4 ? argv[3] : "", "r");
    NEED(symbols != NULL);
    while (fscanf(symbols, "%255s", name) == 1) {
        if (!dlsym(l.handle, name)) FAIL("%s is not there", name);
        if (dlsym(RTLD_DEFAULT, name)) FAIL("%s leaks out of the library", name);
        count++;
    }
    fclose(symbols);
    NEED(count > 50);
    NEED(work(&l, argv[2], 2) != 0);
    NEED(dlclose(l.handle) == 0);
    puts("ok");
    return 0;
}

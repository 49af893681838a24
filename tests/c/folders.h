/* Folders that a test makes and removes. */
#ifndef FOLDERS_H
#define FOLDERS_H

#include "harness.h"

#include <dirent.h>
#include <unistd.h>

static inline int exists(const char *path) {
    return access(path, F_OK) == 0;
}

/* Removes a folder of files, when it is there. */
static inline void remove_folder(const char *folder) {
    DIR *listing = opendir(folder);
    struct dirent *entry;
    char path[2048];
    if (listing == NULL) return;
    while ((entry = readdir(listing)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) remove(path);
    }
    closedir(listing);
    rmdir(folder);
}

#endif

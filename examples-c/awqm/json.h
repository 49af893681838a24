/* Writes one JSON value to stdout, key by key. Inside an array the key is NULL. */
#ifndef AWQM_TOOL_JSON_H
#define AWQM_TOOL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct json {
    FILE *out;
    int depth;
    bool has_items; /* whether the innermost container has any yet */
} json;

json json_begin(void);       /* opens the outermost object */
void json_end(json *writer); /* closes it and ends the line */

void json_open_object(json *writer, const char *key);
void json_close_object(json *writer);
void json_open_array(json *writer, const char *key);
void json_close_array(json *writer);

void json_text(json *writer, const char *key, const char *value); /* NULL is null */
void json_int(json *writer, const char *key, int64_t value);
void json_real(json *writer, const char *key, double value); /* infinities and NaN are null */
void json_bool(json *writer, const char *key, bool value);
void json_raw(json *writer, const char *key, const char *value); /* JSON already */
void json_null(json *writer, const char *key);

#endif

#include "json.h"

#include <inttypes.h>
#include <math.h>

static void quoted(FILE *out, const char *text) {
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        switch (*c) {
        case '"': fputs("\\\"", out); break;
        case '\\': fputs("\\\\", out); break;
        case '\n': fputs("\\n", out); break;
        case '\r': fputs("\\r", out); break;
        case '\t': fputs("\\t", out); break;
        default:
            if (*c < 0x20) fprintf(out, "\\u%04x", *c);
            else fputc(*c, out);
        }
    }
    fputc('"', out);
}

/* Everything that stands before a value: comma, line break, key. */
static void lead(json *w, const char *key) {
    if (w->has_items) fputc(',', w->out);
    fprintf(w->out, "\n%*s", w->depth, "");
    if (key) {
        quoted(w->out, key);
        fputs(": ", w->out);
    }
    w->has_items = true;
}

static void open_container(json *w, const char *key, char bracket) {
    lead(w, key);
    fputc(bracket, w->out);
    w->depth++;
    w->has_items = false;
}

static void close_container(json *w, char bracket) {
    w->depth--;
    if (w->has_items) fprintf(w->out, "\n%*s", w->depth, "");
    fputc(bracket, w->out);
    w->has_items = true;
}

json json_begin(void) {
    json w = {stdout, 1, false};
    fputc('{', w.out);
    return w;
}

void json_end(json *w) {
    close_container(w, '}');
    fputc('\n', w->out);
}

void json_open_object(json *w, const char *key) { open_container(w, key, '{'); }
void json_close_object(json *w) { close_container(w, '}'); }
void json_open_array(json *w, const char *key) { open_container(w, key, '['); }
void json_close_array(json *w) { close_container(w, ']'); }

void json_text(json *w, const char *key, const char *value) {
    if (value == NULL) {
        json_null(w, key);
        return;
    }
    lead(w, key);
    quoted(w->out, value);
}

void json_int(json *w, const char *key, int64_t value) {
    lead(w, key);
    fprintf(w->out, "%" PRId64, value);
}

void json_real(json *w, const char *key, double value) {
    if (!isfinite(value)) {
        json_null(w, key);
        return;
    }
    lead(w, key);
    fprintf(w->out, "%.9g", value);
}

void json_bool(json *w, const char *key, bool value) {
    lead(w, key);
    fputs(value ? "true" : "false", w->out);
}

void json_raw(json *w, const char *key, const char *value) {
    lead(w, key);
    fputs(value, w->out);
}

void json_null(json *w, const char *key) {
    lead(w, key);
    fputs("null", w->out);
}

#include "args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

const choice KERNEL_CHOICES[] = {
    {"auto", AWQM_KERNEL_AUTO},
    {"gemv", AWQM_KERNEL_GEMV},
    {"gemm", AWQM_KERNEL_GEMM},
    {"marlin", AWQM_KERNEL_MARLIN},
    {NULL, 0},
};

const choice COMPUTE_CHOICES[] = {
    {"exact", AWQM_COMPUTE_EXACT},
    {"int8", AWQM_COMPUTE_INT8},
    {NULL, 0},
};

const choice HEAD_BITS_CHOICES[] = {
    {"0", 0},
    {"4", 4},
    {"8", 8},
    {NULL, 0},
};

_Noreturn void usage_error(const char *synopsis, const char *format, ...) {
    va_list args;
    int name = (int)strcspn(synopsis, " ");
    fprintf(stderr, "awqm %.*s: ", name, synopsis);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nusage: awqm %s\n", synopsis);
    exit(EXIT_USAGE);
}

const char *choice_word(const choice *choices, uint32_t value) {
    while (choices->word && choices->value != value) choices++;
    return choices->word ? choices->word : "unknown";
}

static void print_help(const command_line *line) {
    printf("usage: awqm %s\n\noptions:\n", line->synopsis);
    for (size_t i = 0; i < line->option_count; i++) {
        const option *o = &line->options[i];
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-24s %s\n", left, o->help);
    }
    printf("  %-24s %s\n", "--help", "print this");
}

static const option *find_option(const command_line *line, const char *name, size_t length) {
    for (size_t i = 0; i < line->option_count; i++) {
        const char *known = line->options[i].name;
        if (strlen(known) == length && memcmp(known, name, length) == 0) return &line->options[i];
    }
    return NULL;
}

static void append(text_list *list, const char *item) {
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items == NULL) fail("out of memory");
    items[list->count++] = item;
    list->items = items;
}

static void set_choice(const command_line *line, const option *o, const char *value) {
    for (const choice *c = o->choices; c->word; c++) {
        if (strcmp(c->word, value) == 0) {
            *(uint32_t *)o->target = c->value;
            return;
        }
    }
    char known[256] = "";
    for (const choice *c = o->choices; c->word; c++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", c->word);
    }
    usage_error(line->synopsis, "%s %s: no such choice (needed one of %s)", o->name, value, known);
}

static void set_number(const command_line *line, const option *o, const char *value) {
    char *end = NULL;
    errno = 0;
    if (o->kind == OPTION_REAL) {
        *(double *)o->target = strtod(value, &end);
    } else {
        long long number = strtoll(value, &end, 10);
        if (o->kind == OPTION_COUNT && number < 0) {
            usage_error(line->synopsis, "%s %s: must not be negative", o->name, value);
        }
        if (o->kind == OPTION_COUNT) *(uint64_t *)o->target = (uint64_t)number;
        else *(int64_t *)o->target = number;
    }
    if (end == value || *end != '\0' || errno != 0) {
        usage_error(line->synopsis, "%s %s: not a number", o->name, value);
    }
}

static void set_option(const command_line *line, const option *o, const char *value) {
    switch (o->kind) {
    case OPTION_FLAG: *(bool *)o->target = true; break;
    case OPTION_TEXT: *(const char **)o->target = value; break;
    case OPTION_TEXTS: append(o->target, value); break;
    case OPTION_CHOICE: set_choice(line, o, value); break;
    case OPTION_COUNT:
    case OPTION_NUMBER:
    case OPTION_REAL: set_number(line, o, value); break;
    }
}

void parse_command_line(int argc, char **argv, const command_line *line) {
    size_t given = 0, known = 0;
    while (line->positionals[known]) known++;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0') {
            if (given == known) usage_error(line->synopsis, "one argument too many: %s", word);
            line->values[given++] = word;
            continue;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(line);
            exit(EXIT_DONE);
        }
        size_t length = strcspn(word, "=");
        const option *o = find_option(line, word, length);
        if (o == NULL) usage_error(line->synopsis, "unknown option: %s", word);
        const char *value = word[length] == '=' ? word + length + 1 : NULL;
        if (o->kind == OPTION_FLAG && value) usage_error(line->synopsis, "%s takes no value", o->name);
        if (o->kind != OPTION_FLAG && value == NULL) {
            if (i + 1 == argc) usage_error(line->synopsis, "%s needs a value: %s", o->name, o->value);
            value = argv[++i];
        }
        set_option(line, o, value);
    }
    if (given < known && line->positionals[given][0] != '[') {
        usage_error(line->synopsis, "%s is missing", line->positionals[given]);
    }
}

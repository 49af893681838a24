/* The command line of a subcommand: positional arguments, and options described by a table. */
#ifndef AWQM_TOOL_ARGS_H
#define AWQM_TOOL_ARGS_H

#include <stddef.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_FLAG,   /* bool *; no value */
    OPTION_TEXT,   /* const char ** */
    OPTION_TEXTS,  /* text_list *; may be given many times */
    OPTION_COUNT,  /* uint64_t *; at least 0 */
    OPTION_NUMBER, /* int64_t * */
    OPTION_REAL,   /* double * */
    OPTION_CHOICE, /* uint32_t *; one of `choices` */
} option_kind;

/* A word of the command line and the number that it stands for; a list ends with word NULL. */
typedef struct choice {
    const char *word;
    uint32_t value;
} choice;

typedef struct text_list {
    const char **items;
    size_t count;
} text_list;

typedef struct option {
    const char *name; /* with its dashes */
    option_kind kind;
    void *target;          /* what the kind says; left alone when the option is absent */
    const char *value;     /* what the help calls the value */
    const char *help;      /* one line */
    const choice *choices; /* for OPTION_CHOICE */
} option;

typedef struct command_line {
    const char *synopsis;           /* "run DIR --layer PREFIX ..." */
    const char *const *positionals; /* their names in order, NULL at the end; "[NAME]" may be absent */
    const char **values;            /* where they go */
    const option *options;
    size_t option_count;
} command_line;

#define OPTIONS(table) (table), sizeof(table) / sizeof *(table)

/* Reads argv[1 ..]. --help prints the help and exits with 0; a wrong line says why, and the exit code is 2.
 */
void parse_command_line(int argc, char **argv, const command_line *line);

/* Says what is wrong with the command line of `synopsis`'s subcommand and exits with EXIT_USAGE. */
_Noreturn void usage_error(const char *synopsis, const char *format, ...);

/* The word that stands for a value. */
const char *choice_word(const choice *choices, uint32_t value);

/* Lists that several subcommands share. */
extern const choice KERNEL_CHOICES[];
extern const choice COMPUTE_CHOICES[];
extern const choice HEAD_BITS_CHOICES[];

#endif

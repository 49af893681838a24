#include "text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../tokenizer/awqm_tokenizer.h"
#include "common.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r';
}

/* Where the first line that begins with `mark` begins; NULL when there is none. */
static char *find_line(char *text, const char *mark) {
    for (char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, mark, strlen(mark)) == 0) return line;
    }
    return NULL;
}

/* What counts of a text: a byte order mark is dropped, line ends become \n, and of a Project Gutenberg book
 * only what lies between its START and END lines is taken, without blank space at either end. */
static char *clean(char *text, size_t *length) {
    char *from = text, *to = text;
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0) from += 3;
    while ((*to = *from) != '\0') {
        from++;
        if (!(*to == '\r' && *from == '\n')) to++;
    }
    char *start = find_line(text, "*** START OF"), *end = find_line(text, "*** END OF");
    if (end) *end = '\0';
    if (start) start += strcspn(start, "\n");
    else start = text;
    while (is_blank(*start)) start++;
    end = start + strlen(start);
    while (end > start && is_blank(end[-1])) end--;
    *length = (size_t)(end - start);
    return start;
}

uint32_t *read_tokens(const char *directory, const char *path, size_t *count) {
    hf_tokenizer *tokenizer = NULL;
    size_t length;
    check_hf(hf_tokenizer_open(directory, &tokenizer));
    char *file = read_file(path, &length);
    if (memchr(file, '\0', length)) fail("%s: is not a text: it holds a NUL byte", path);
    const char *text = clean(file, &length);
    check_hf(hf_tokenizer_encode(tokenizer, text, length, 0, NULL, 0, count));
    if (*count < 2) fail("%s: has %zu tokens (needed at least 2)", path, *count);
    uint32_t *ids = allocate(*count, sizeof *ids);
    check_hf(hf_tokenizer_encode(tokenizer, text, length, 0, ids, *count, count));
    free(file);
    hf_tokenizer_free(tokenizer);
    return ids;
}

/* A text as tokens of a model. */
#ifndef AWQM_TOOL_TEXT_H
#define AWQM_TOOL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The tokens of the UTF-8 text at `path`, by the tokenizer of the model directory, with nothing put around
 * them; at least 2. A byte order mark is dropped, line ends become \n, and of a Project Gutenberg book only
 * what lies between its START and END lines counts, without blank space at either end. The caller frees them.
 */
uint32_t *read_tokens(const char *directory, const char *path, size_t *count);

#endif

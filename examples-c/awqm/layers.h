/* Layers and tensors by name, and the words for layouts, as several subcommands need them. */
#ifndef AWQM_TOOL_LAYERS_H
#define AWQM_TOOL_LAYERS_H

#include "args.h"
#include "common.h"

/* The layouts by the names that the library gives them. "marlin" is what GPU engines run; "awq_marlin" is
 * AutoAWQ's `version: marlin`, for symmetric weights only. */
extern const choice LAYOUTS[];

/* One layer, converted to a layout; NULL options mean no tensor parallelism. The caller frees it. */
awqm_packed *load_layer(const awqm_checkpoint *checkpoint, const char *name,
                        const awqm_load_options *options);

/* Number of elements of a tensor. */
size_t element_count(const awqm_tensor_view *view);

#endif

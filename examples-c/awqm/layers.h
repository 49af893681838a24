/* Layers and tensors by name, and the words for layouts, as several subcommands need them. */
#ifndef AWQM_TOOL_LAYERS_H
#define AWQM_TOOL_LAYERS_H

#include "args.h"
#include "common.h"

/* What `--to` of repack means: tensors of one layer. "marlin" is the layout that GPU engines run. */
extern const choice LAYER_LAYOUTS[];

/* What `--format` and `--to` of whole checkpoints mean: dialects that other programs read back. "marlin" is
 * AutoAWQ's `version: marlin`. */
extern const choice CHECKPOINT_LAYOUTS[];

/* One layer, converted to a layout; NULL options mean no tensor parallelism. The caller frees it. */
awqm_packed *load_layer(const awqm_checkpoint *checkpoint, const char *name,
                        const awqm_load_options *options);

/* Number of elements of a tensor. */
size_t element_count(const awqm_tensor_view *view);

#endif

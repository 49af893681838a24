/* What flows into the linear layers of a model: gathered by running the model itself, or read from a file. */
#ifndef AWQM_TOOL_CALIBRATE_H
#define AWQM_TOOL_CALIBRATE_H

#include <awq_marlin.h>
#include <stdint.h>

#include "progress.h"

/* Text that the model reads: `windows` pieces of `window` tokens, spread evenly over it (fewer where it is
 * short). */
typedef struct calibration_text {
    const char *path;
    uint64_t windows, window;
} calibration_text;

/* Runs the dense model in `directory` on the text and quantizes each block as soon as its inputs are known,
 * so that the statistics of one block are all that is kept. Blocks that are done already are run but not
 * quantized again. The caller finishes the quantizer. Returns how many tokens were read. */
uint64_t quantize_by_text(awqm_quantizer *quantizer, const char *directory, const calibration_text *text,
                          const awqm_calibrator_options *options, const awqm_device *device,
                          progress_bar *bar);

/* A file that awqm_calibrator_save wrote, or activations captured elsewhere: safetensors in which a layer's
 * inputs
 * [.., K] in f16, bf16 or f32 have the layer's name. The caller frees the result. */
awqm_calibrator *read_calibration(const char *path, const awqm_calibrator_options *options,
                                  const awqm_device *device);

#endif

/* awqm quantize --method awq. */
#ifndef AWQM_TOOL_AWQ_H
#define AWQM_TOOL_AWQ_H

#include <awq_marlin.h>
#include <stdbool.h>
#include <stdint.h>

#include "calibrate.h"

typedef struct awq_request {
    const char *source, *destination;
    calibration_text text;          /* path NULL: from the file */
    const char *calibration;        /* the file */
    awqm_quantizer_options options; /* without struct_size, device and progress */
} awq_request;

/* Does it, reports on stdout, and returns the exit code. */
int quantize_awq(const awq_request *request, uint32_t threads, bool as_json);

#endif

#include "layers.h"

const choice LAYOUTS[] = {
    {"gemm", AWQM_LAYOUT_AWQ_GEMM},
    {"gemv", AWQM_LAYOUT_AWQ_GEMV},
    {"gemv_fast", AWQM_LAYOUT_AWQ_GEMV_FAST},
    {"compressed-tensors", AWQM_LAYOUT_COMPRESSED_TENSORS},
    {"marlin", AWQM_LAYOUT_MARLIN},
    {"awq_marlin", AWQM_LAYOUT_AWQ_MARLIN},
    {NULL, 0},
};

awqm_packed *load_layer(const awqm_checkpoint *checkpoint, const char *name,
                        const awqm_load_options *options) {
    awqm_packed *packed = NULL;
    check(awqm_checkpoint_load(checkpoint, &name, 1, options, &packed));
    return packed;
}

size_t element_count(const awqm_tensor_view *view) {
    size_t count = 1;
    for (uint32_t i = 0; i < view->rank; i++) count *= (size_t)view->shape[i];
    return count;
}

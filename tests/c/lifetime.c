/* Handles may be freed in any order: each keeps alive what it needs of the others. */
#include "fixtures.h"

static const char *const LAYER[] = {"model.layers.0.self_attn.q_proj"};

enum { CHECKPOINT, CONFIG, PACKED, DEVICE, LINEAR, PLAN, HANDLES };

typedef struct handles {
    awqm_checkpoint *checkpoint;
    awqm_config *config;
    awqm_packed *packed;
    awqm_device *device;
    awqm_linear *linear;
    awqm_plan *plan;
} handles;

static handles make(const char *fixtures) {
    handles h;
    char one[1024], two[1024];
    const char *paths[2];
    STRUCT(awqm_plan_options, options);
    memset(&h, 0, sizeof h);
    snprintf(one, sizeof one, "%s/checkpoint/llama2l_gemm/model-00001-of-00002.safetensors", fixtures);
    snprintf(two, sizeof two, "%s/checkpoint/llama2l_gemm/model-00002-of-00002.safetensors", fixtures);
    paths[0] = one;
    paths[1] = two;
    MUST(awqm_config_load_directory(in_fixtures(fixtures, "checkpoint/llama2l_gemm"), &h.config));
    MUST(awqm_checkpoint_open_files(paths, 2, h.config, &h.checkpoint));
    MUST(awqm_checkpoint_load(h.checkpoint, LAYER, 1, NULL, &h.packed));
    h.device = cpu_with_threads(2);
    MUST(awqm_linear_create(h.device, h.packed, NULL, &h.linear));
    options.dtype = AWQM_DTYPE_F32;
    options.m = 1;
    MUST(awqm_plan_create(h.linear, &options, &h.plan));
    return h;
}

static void release(handles *h, int which) {
    switch (which) {
    case CHECKPOINT: awqm_checkpoint_free(h->checkpoint); h->checkpoint = NULL; break;
    case CONFIG: awqm_config_free(h->config); h->config = NULL; break;
    case PACKED: awqm_packed_free(h->packed); h->packed = NULL; break;
    case DEVICE: awqm_device_free(h->device); h->device = NULL; break;
    case LINEAR: awqm_linear_free(h->linear); h->linear = NULL; break;
    case PLAN: awqm_plan_free(h->plan); h->plan = NULL; break;
    default: break;
    }
}

/* Uses whatever is still there. */
static void use(const handles *h) {
    static float x[256], y[256];
    awqm_run_args args = run_args(x, AWQM_DTYPE_F32, y, AWQM_DTYPE_F32, 1);
    void *workspace;
    size_t bytes = 0;
    int i;
    STRUCT(awqm_plan_info, info);
    for (i = 0; i < 256; i++) x[i] = (float)(i % 7) - 3;
    if (h->checkpoint) (void)tensor_of(h->checkpoint, "lm_head.weight");
    if (h->config) CHECK(awqm_config_skip_count(h->config) == 1);
    if (h->packed) CHECK(part_of(h->packed, AWQM_ROLE_SCALES).bytes > 0);
    if (h->linear) {
        OK(awqm_linear_workspace_bytes(h->linear, 1, AWQM_DTYPE_F32, &bytes));
        workspace = allocate(bytes);
        OK(awqm_linear_run(h->linear, &args, workspace, bytes, NULL));
        free(workspace);
    }
    if (h->plan) {
        OK(awqm_plan_get_info(h->plan, &info));
        workspace = allocate(info.workspace_bytes);
        OK(awqm_plan_run(h->plan, &args, workspace, info.workspace_bytes, NULL));
        free(workspace);
    }
}

static void run(const char *fixtures) {
    static const int ORDERS[][HANDLES] = {
        {CHECKPOINT, CONFIG, PACKED, DEVICE, LINEAR, PLAN}, /* in the order of creation */
        {PLAN, LINEAR, DEVICE, PACKED, CONFIG, CHECKPOINT}, /* and backwards */
        {DEVICE, LINEAR, PLAN, CHECKPOINT, PACKED, CONFIG},
        {PACKED, CONFIG, LINEAR, CHECKPOINT, DEVICE, PLAN},
        {LINEAR, DEVICE, CHECKPOINT, CONFIG, PLAN, PACKED},
    };
    size_t order;
    int i;
    for (order = 0; order < sizeof ORDERS / sizeof ORDERS[0]; order++) {
        handles h = make(fixtures);
        use(&h);
        for (i = 0; i < HANDLES; i++) {
            release(&h, ORDERS[order][i]);
            use(&h);
        }
    }
    awqm_checkpoint_free(NULL);
    awqm_config_free(NULL);
    awqm_packed_free(NULL);
    awqm_device_free(NULL);
    awqm_linear_free(NULL);
    awqm_plan_free(NULL);
}

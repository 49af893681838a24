/* NULL for every pointer of every function, one at a time: NULL_POINTER, and nothing is written. */
#include "fixtures.h"

#define NULLS(call) STATUS(AWQM_STATUS_NULL_POINTER, call)

static void config(void) {
    static const char JSON[] = "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128, \"zero_point\": true}";
    awqm_config *made = NULL;
    STRUCT(awqm_config_info, info);
    STRUCT(awqm_module_info, module);
    NULLS(awqm_config_load_directory(NULL, &made));
    NULLS(awqm_config_load_directory("folder", NULL));
    NULLS(awqm_config_load_file(NULL, &made));
    NULLS(awqm_config_load_file("file", NULL));
    NULLS(awqm_config_parse(NULL, 10, NULL, &made));
    NULLS(awqm_config_parse(JSON, sizeof JSON - 1, NULL, NULL));
    CHECK(made == NULL);
    MUST(awqm_config_parse(JSON, sizeof JSON - 1, NULL, &made));
    NULLS(awqm_config_get_info(NULL, &info));
    NULLS(awqm_config_get_info(made, NULL));
    NULLS(awqm_config_get_source(NULL, NULL, 0, NULL));
    NULLS(awqm_config_get_warning(NULL, 0, NULL, 0, NULL));
    NULLS(awqm_config_get_skip(NULL, 0, NULL, 0, NULL));
    NULLS(awqm_config_to_json(NULL, NULL, 0, NULL));
    NULLS(awqm_config_query_module(NULL, "a", &module, NULL, 0, NULL));
    NULLS(awqm_config_query_module(made, NULL, &module, NULL, 0, NULL));
    NULLS(awqm_config_query_module(made, "a", NULL, NULL, 0, NULL));
    awqm_config_free(made);
}

static void checkpoint(const char *fixtures) {
    static const char *const HOLE[] = {"lm_head", NULL};
    const awqm_config *borrowed = NULL;
    awqm_checkpoint *made = NULL;
    awqm_packed *packed = NULL;
    STRUCT(awqm_layer_info, layer);
    STRUCT(awqm_tensor_view, view);
    NULLS(awqm_checkpoint_open(NULL, &made));
    NULLS(awqm_checkpoint_open("folder", NULL));
    NULLS(awqm_checkpoint_open_files(NULL, 1, NULL, &made));
    NULLS(awqm_checkpoint_open_files(HOLE, 2, NULL, &made));
    NULLS(awqm_checkpoint_open_files(HOLE, 1, NULL, NULL));
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_checkpoint_open_files(NULL, 0, NULL, &made));
    CHECK(made == NULL);
    MUST(awqm_checkpoint_open(in_fixtures(fixtures, "checkpoint/llama2l_gemm"), &made));
    NULLS(awqm_checkpoint_get_config(NULL, &borrowed));
    NULLS(awqm_checkpoint_get_config(made, NULL));
    NULLS(awqm_checkpoint_get_warning(NULL, 0, NULL, 0, NULL));
    NULLS(awqm_checkpoint_get_layer_name(NULL, 0, NULL, 0, NULL));
    NULLS(awqm_checkpoint_get_tensor_name(NULL, 0, NULL, 0, NULL));
    NULLS(awqm_checkpoint_query_layer(NULL, "a", &layer, NULL, 0, NULL));
    NULLS(awqm_checkpoint_query_layer(made, NULL, &layer, NULL, 0, NULL));
    NULLS(awqm_checkpoint_query_layer(made, "lm_head", NULL, NULL, 0, NULL));
    NULLS(awqm_checkpoint_get_tensor(NULL, "a", &view));
    NULLS(awqm_checkpoint_get_tensor(made, NULL, &view));
    NULLS(awqm_checkpoint_get_tensor(made, "lm_head.weight", NULL));
    NULLS(awqm_checkpoint_load(NULL, HOLE, 1, NULL, &packed));
    NULLS(awqm_checkpoint_load(made, NULL, 1, NULL, &packed));
    NULLS(awqm_checkpoint_load(made, HOLE, 2, NULL, &packed));
    NULLS(awqm_checkpoint_load(made, HOLE, 1, NULL, NULL));
    CHECK(packed == NULL);
    awqm_checkpoint_free(made);
}

static void packed(const char *fixtures) {
    const golden_case *golden = &GOLDEN[0];
    awqm_checkpoint *file = open_tensors(fixtures, golden->folder, "awq_gemm.safetensors");
    awqm_layer_desc desc = golden_desc(golden, AWQM_LAYOUT_AWQ_GEMM, 0);
    awqm_layer_tensors tensors = golden_tensors(file, 0), broken = tensors;
    awqm_packed *made = NULL, *other = NULL;
    static char codes[4096], scales[128], zeros[32];
    STRUCT(awqm_packed_info, info);
    STRUCT(awqm_tensor_view, view);
    STRUCT(awqm_repack_sizes, sizes);

    NULLS(awqm_packed_create(NULL, &tensors, &made));
    NULLS(awqm_packed_create(&desc, NULL, &made));
    NULLS(awqm_packed_create(&desc, &tensors, NULL));
    NULLS(awqm_packed_create_borrowed(NULL, &tensors, &made));
    NULLS(awqm_packed_create_borrowed(&desc, NULL, &made));
    NULLS(awqm_packed_create_borrowed(&desc, &tensors, NULL));
    broken.qweight = NULL;
    NULLS(awqm_packed_create(&desc, &broken, &made));
    broken = tensors;
    broken.scales = NULL;
    NULLS(awqm_packed_create(&desc, &broken, &made));
    broken = tensors;
    broken.qzeros = NULL;
    NULLS(awqm_packed_create(&desc, &broken, &made));
    broken = tensors;
    broken.bias_bytes = 64 * 2;
    NULLS(awqm_packed_create(&desc, &broken, &made));
    CHECK(made == NULL);
    MUST(awqm_packed_create(&desc, &tensors, &made));
    NULLS(awqm_packed_convert(NULL, AWQM_LAYOUT_MARLIN, NULL, &other));
    NULLS(awqm_packed_convert(made, AWQM_LAYOUT_MARLIN, NULL, NULL));
    NULLS(awqm_packed_get_info(NULL, &info));
    NULLS(awqm_packed_get_info(made, NULL));
    NULLS(awqm_packed_get_tensor(NULL, AWQM_ROLE_QWEIGHT, &view));
    NULLS(awqm_packed_get_tensor(made, AWQM_ROLE_QWEIGHT, NULL));
    NULLS(awqm_packed_dequantize(NULL, AWQM_DTYPE_F32, &view, 8, NULL));
    NULLS(awqm_packed_dequantize(made, AWQM_DTYPE_F32, NULL, 128 * 64 * 4, NULL));
    NULLS(awqm_packed_save(NULL, "file", "prefix"));
    NULLS(awqm_packed_save(made, NULL, "prefix"));
    NULLS(awqm_packed_save(made, "file", NULL));
    NULLS(awqm_packed_load(NULL, "prefix", &other));
    NULLS(awqm_packed_load("file", NULL, &other));
    NULLS(awqm_packed_load("file", "prefix", NULL));
    NULLS(awqm_repack_query(NULL, AWQM_LAYOUT_MARLIN, &sizes));
    NULLS(awqm_repack_query(&desc, AWQM_LAYOUT_MARLIN, NULL));
    NULLS(awqm_repack(NULL, &tensors, AWQM_LAYOUT_MARLIN, NULL, 0, NULL, 0, NULL, 0, NULL));
    NULLS(awqm_repack(&desc, NULL, AWQM_LAYOUT_MARLIN, NULL, 0, NULL, 0, NULL, 0, NULL));
    NULLS(awqm_repack(&desc, &tensors, AWQM_LAYOUT_MARLIN, NULL, 4096, scales, 128, zeros, 32, NULL));
    NULLS(awqm_repack(&desc, &tensors, AWQM_LAYOUT_MARLIN, codes, 4096, NULL, 128, zeros, 32, NULL));
    NULLS(awqm_repack(&desc, &tensors, AWQM_LAYOUT_MARLIN, codes, 4096, scales, 128, NULL, 32, NULL));
    CHECK(other == NULL);
    awqm_packed_free(made);
    awqm_checkpoint_free(file);
}

static void building_blocks(void) {
    uint32_t words[128] = {0};
    uint8_t bytes[64] = {0};
    uint16_t halves[64] = {0};
    size_t count = 0;
    awqm_support support = 0;
    NULLS(awqm_query_quantization_support(4, 128, 1, AWQM_LAYOUT_MARLIN, NULL, NULL, 0, NULL));
    NULLS(awqm_query_shape_support(128, 64, 4, 128, 1, AWQM_LAYOUT_MARLIN, NULL, NULL, 0, NULL));
    NULLS(awqm_query_shape_support(128, 64, 4, 128, 1, AWQM_LAYOUT_MARLIN, &support, NULL, 5, NULL));
    NULLS(awqm_kernel_min_capability(AWQM_KERNEL_GEMM, NULL));
    NULLS(awqm_marlin_group_sizes(NULL, 5, &count));
    NULLS(awqm_marlin_group_sizes(NULL, 0, NULL));
    NULLS(awqm_marlin_workspace_bytes(64, 1, NULL));
    NULLS(awqm_marlin_scale_permutation(1, NULL, 64, &count));
    NULLS(awqm_marlin_scale_permutation(1, words, 64, NULL));
    NULLS(awqm_marlin_permute_scales(NULL, halves, 128, AWQM_DTYPE_F16, 128, 64, -1));
    NULLS(awqm_marlin_permute_scales(halves, NULL, 128, AWQM_DTYPE_F16, 128, 64, -1));
    NULLS(awqm_marlin_permute_bias(NULL, halves, 128, AWQM_DTYPE_F16, 64));
    NULLS(awqm_marlin_permute_bias(halves, NULL, 128, AWQM_DTYPE_F16, 64));
    NULLS(awqm_pack_columns(NULL, 64, 1, 64, 4, words, 32));
    NULLS(awqm_pack_columns(bytes, 64, 1, 64, 4, NULL, 32));
    NULLS(awqm_unpack_columns(NULL, 32, 1, 64, 4, bytes, 64));
    NULLS(awqm_unpack_columns(words, 32, 1, 64, 4, NULL, 64));
    NULLS(awqm_marlin_zero_points(NULL, 64, 1, 64, 4, words, 32));
    NULLS(awqm_marlin_zero_points(bytes, 64, 1, 64, 4, NULL, 32));
    NULLS(awqm_awq_to_marlin_zero_points(NULL, words, 32, 1, 64, 4));
    NULLS(awqm_awq_to_marlin_zero_points(words, NULL, 32, 1, 64, 4));
    NULLS(awqm_awq_marlin_repack(NULL, words, 512, 16, 64, 4, NULL));
    NULLS(awqm_awq_marlin_repack(words, NULL, 512, 16, 64, 4, NULL));
    NULLS(awqm_gptq_marlin_repack(NULL, words, 512, 16, 64, 4, NULL));
    NULLS(awqm_gptq_marlin_repack(words, NULL, 512, 16, 64, 4, NULL));
}

static void device_linear_plan(const char *fixtures) {
    const golden_case *golden = &GOLDEN[0];
    awqm_linear *linear = golden_linear(fixtures, golden), *other = NULL;
    awqm_packed *layer = golden_packed(fixtures, golden, 0);
    awqm_device *device = cpu_with_threads(1);
    awqm_plan *plan = NULL, *none = NULL;
    uint16_t x[128] = {0}, y[64] = {0};
    awqm_run_args args = run_args(x, AWQM_DTYPE_F16, y, AWQM_DTYPE_F16, 1);
    size_t bytes = 0;
    void *workspace;
    STRUCT(awqm_device_info, device_info);
    STRUCT(awqm_linear_info, linear_info);
    STRUCT(awqm_plan_info, plan_info);
    STRUCT(awqm_plan_options, options);
    STRUCT(awqm_layer_desc, layer_desc);
    STRUCT(awqm_layer_tensors, layer_tensors);

    NULLS(awqm_device_create_cpu(NULL, NULL));
    NULLS(awqm_device_create_cuda(NULL, NULL));
    NULLS(awqm_cuda_get_info(NULL, NULL, 0, NULL));
    NULLS(awqm_linear_create_from_device(NULL, &layer_desc, &layer_tensors, &other));
    NULLS(awqm_linear_create_from_device(device, NULL, &layer_tensors, &other));
    NULLS(awqm_linear_create_from_device(device, &layer_desc, NULL, &other));
    NULLS(awqm_linear_create_from_device(device, &layer_desc, &layer_tensors, NULL));
    FAILS(awqm_linear_create_from_device(device, &layer_desc, &layer_tensors, &other)); /* no GPU */
    NULLS(awqm_device_export_tuning(NULL, NULL, 0, NULL));
    NULLS(awqm_linear_dequantize(NULL, AWQM_DTYPE_F16, 0, x, sizeof x, NULL));
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_linear_dequantize(linear, AWQM_DTYPE_F16, 0, x, sizeof x, NULL));
    NULLS(awqm_cuda_repack(NULL, &layer_desc, &layer_tensors, AWQM_LAYOUT_MARLIN, x, 1, x, 1, x, 1, NULL));
    NULLS(awqm_cuda_repack(device, NULL, &layer_tensors, AWQM_LAYOUT_MARLIN, x, 1, x, 1, x, 1, NULL));
    NULLS(awqm_cuda_repack(device, &layer_desc, NULL, AWQM_LAYOUT_MARLIN, x, 1, x, 1, x, 1, NULL));
    NULLS(awqm_device_get_info(NULL, &device_info));
    NULLS(awqm_device_get_info(device, NULL));
    NULLS(awqm_linear_create(NULL, layer, NULL, &other));
    NULLS(awqm_linear_create(device, NULL, NULL, &other));
    NULLS(awqm_linear_create(device, layer, NULL, NULL));
    NULLS(awqm_linear_get_info(NULL, &linear_info));
    NULLS(awqm_linear_get_info(linear, NULL));
    NULLS(awqm_linear_workspace_bytes(NULL, 1, AWQM_DTYPE_F16, &bytes));
    NULLS(awqm_linear_workspace_bytes(linear, 1, AWQM_DTYPE_F16, NULL));

    OK(awqm_linear_workspace_bytes(linear, 1, AWQM_DTYPE_F16, &bytes));
    workspace = allocate(bytes);
    NULLS(awqm_linear_run(NULL, &args, workspace, bytes, NULL));
    NULLS(awqm_linear_run(linear, NULL, workspace, bytes, NULL));
    args.x = NULL;
    NULLS(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    args.x = x;
    args.y = NULL;
    NULLS(awqm_linear_run(linear, &args, workspace, bytes, NULL));
    args.y = y;
    NULLS(awqm_linear_run(linear, &args, NULL, 64, NULL));
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));

    options.m = 1;
    options.dtype = AWQM_DTYPE_F16;
    NULLS(awqm_plan_create(NULL, &options, &plan));
    NULLS(awqm_plan_create(linear, NULL, &plan));
    NULLS(awqm_plan_create(linear, &options, NULL));
    CHECK(plan == NULL);
    MUST(awqm_plan_create(linear, &options, &plan));
    NULLS(awqm_plan_get_info(NULL, &plan_info));
    NULLS(awqm_plan_get_info(plan, NULL));
    NULLS(awqm_plan_get_reason(NULL, NULL, 0, NULL));
    NULLS(awqm_plan_run(NULL, &args, workspace, bytes, NULL));
    NULLS(awqm_plan_run(plan, NULL, workspace, bytes, NULL));
    CHECK(other == NULL && none == NULL);
    free(workspace);
    awqm_plan_free(plan);
    awqm_device_free(device);
    awqm_packed_free(layer);
    awqm_linear_free(linear);
}

static void quantize_and_save(void) {
    static const char *const NAMES[] = {"a", NULL};
    float weight[32] = {0};
    awqm_packed *made = NULL;
    awqm_tensor_view views[2];
    STRUCT(awqm_quantize_options, options);
    NULLS(awqm_quantize_tensor(NULL, sizeof weight, AWQM_DTYPE_F32, 1, 32, NULL, &made));
    NULLS(awqm_quantize_tensor(weight, sizeof weight, AWQM_DTYPE_F32, 1, 32, NULL, NULL));
    NULLS(awqm_quantize_checkpoint(NULL, "to", NULL, NULL));
    NULLS(awqm_quantize_checkpoint("from", NULL, NULL, NULL));
    NULLS(awqm_convert_checkpoint(NULL, "to", NULL, NULL));
    NULLS(awqm_convert_checkpoint("from", NULL, NULL, NULL));
    options.skip_count = 1;
    NULLS(awqm_quantize_checkpoint("from", "to", &options, NULL));
    options.skip = NAMES;
    options.skip_count = 2;
    NULLS(awqm_quantize_checkpoint("from", "to", &options, NULL));
    CHECK(made == NULL);

    memset(views, 0, sizeof views);
    views[0].struct_size = views[1].struct_size = sizeof views[0];
    views[0].dtype = views[1].dtype = AWQM_DTYPE_F32;
    views[0].rank = views[1].rank = 1;
    views[0].shape[0] = views[1].shape[0] = 32;
    views[0].bytes = views[1].bytes = sizeof weight;
    views[1].data = weight;
    NULLS(awqm_tensors_save(NULL, NAMES, views, 1));
    NULLS(awqm_tensors_save("/tmp/awqm_never", NULL, views, 1));
    NULLS(awqm_tensors_save("/tmp/awqm_never", NAMES, NULL, 1));
    NULLS(awqm_tensors_save("/tmp/awqm_never", NAMES, views, 1)); /* data */
    views[0].data = weight;
    NULLS(awqm_tensors_save("/tmp/awqm_never", NAMES, views, 2)); /* the second name */
}

static void allocator(void) {
    STRUCT(awqm_allocator, hooks);
    NULLS(awqm_set_allocator(&hooks)); /* no functions */
    OK(awqm_set_allocator(NULL));      /* the system's */
}

static void run(const char *fixtures) {
    allocator();
    config();
    checkpoint(fixtures);
    packed(fixtures);
    building_blocks();
    device_linear_plan(fixtures);
    quantize_and_save();
}

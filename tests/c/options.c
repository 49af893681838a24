/* struct_size: how old programs meet new libraries, and new programs old ones. */
#include "fixtures.h"

/* A program from the future: the struct of today with a tail. */
typedef struct future_cpu_options {
    awqm_cpu_options known;
    uint64_t tail[2];
} future_cpu_options;

typedef struct future_device_info {
    awqm_device_info known;
    uint64_t tail[2];
} future_device_info;

static void options(void) {
    awqm_device *device = NULL;
    future_cpu_options future;
    STRUCT(awqm_cpu_options, now);

    MUST(awqm_device_create_cpu(NULL, &device)); /* NULL: all defaults */
    awqm_device_free(device);
    device = NULL;
    MUST(awqm_device_create_cpu(&now, &device)); /* zero: all defaults */
    awqm_device_free(device);
    device = NULL;

    now.struct_size = 0;
    STATUS(AWQM_STATUS_BAD_STRUCT_SIZE, awqm_device_create_cpu(&now, &device));
    now.struct_size = sizeof now - 1; /* no release ever had that */
    STATUS(AWQM_STATUS_BAD_STRUCT_SIZE, awqm_device_create_cpu(&now, &device));
    now.struct_size = SIZE_MAX;
    STATUS(AWQM_STATUS_BAD_STRUCT_SIZE, awqm_device_create_cpu(&now, &device));
    CHECK(device == NULL);

    memset(&future, 0, sizeof future);
    future.known.struct_size = sizeof future;
    future.known.threads = 1;
    MUST(awqm_device_create_cpu((const awqm_cpu_options *)&future, &device)); /* asks for nothing that we do not know */
    awqm_device_free(device);
    device = NULL;
    future.tail[1] = 1;
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_device_create_cpu((const awqm_cpu_options *)&future, &device));
    CHECK(device == NULL);
}

static void infos(void) {
    awqm_device *device = cpu_with_threads(1);
    future_device_info future;
    STRUCT(awqm_device_info, now);
    memset(&future, 0xff, sizeof future);
    future.known.struct_size = sizeof future;
    OK(awqm_device_get_info(device, (awqm_device_info *)&future));
    CHECK(future.known.struct_size == sizeof future && future.known.threads == 1);
    CHECK(future.tail[0] == 0 && future.tail[1] == 0); /* what we do not know is zero */
    now.struct_size = sizeof(size_t);
    now.threads = 77;
    STATUS(AWQM_STATUS_BAD_STRUCT_SIZE, awqm_device_get_info(device, &now));
    CHECK(now.threads == 77); /* untouched */
    awqm_device_free(device);
}

/* Every byte of an info is written, whatever was there before: no struct has padding. */
static void whole(const char *fixtures) {
    awqm_linear *linear = golden_linear(fixtures, &GOLDEN[0]);
    awqm_plan *plan = NULL;
    awqm_plan_info ones, zeros;
    STRUCT(awqm_plan_options, options);
    options.dtype = AWQM_DTYPE_F32;
    options.m = 3;
    MUST(awqm_plan_create(linear, &options, &plan));
    memset(&ones, 0xff, sizeof ones);
    memset(&zeros, 0, sizeof zeros);
    ones.struct_size = zeros.struct_size = sizeof zeros;
    OK(awqm_plan_get_info(plan, &ones));
    OK(awqm_plan_get_info(plan, &zeros));
    CHECK(memcmp(&ones, &zeros, sizeof ones) == 0);
    awqm_plan_free(plan);
    awqm_linear_free(linear);
}

/* What a field will mean one day is refused until then, so that no old library ignores a wish. */
static void reserved(const char *fixtures) {
    awqm_linear *linear = golden_linear(fixtures, &GOLDEN[0]);
    awqm_packed *packed = NULL;
    awqm_plan *plan = NULL;
    awqm_calibrator *calibrator = NULL;
    uint16_t weight[64] = {0};
    STRUCT(awqm_layer_desc, desc);
    STRUCT(awqm_layer_tensors, tensors);
    STRUCT(awqm_plan_options, plan_options);
    STRUCT(awqm_quantize_options, quantize_options);
    STRUCT(awqm_calibrator_options, calibrator_options);
    desc = golden_desc(&GOLDEN[0], AWQM_LAYOUT_AWQ_GEMM, 0);
    plan_options.dtype = AWQM_DTYPE_F32;
    plan_options.m = 1;
    desc.reserved = plan_options.reserved = quantize_options.reserved = calibrator_options.reserved = 7;
#define RESERVED(call) STATUS(AWQM_STATUS_UNSUPPORTED, call); MESSAGE_HAS(".reserved")
    RESERVED(awqm_packed_create(&desc, &tensors, &packed));
    RESERVED(awqm_plan_create(linear, &plan_options, &plan));
    RESERVED(awqm_quantize_tensor(weight, sizeof weight, AWQM_DTYPE_F16, 1, 64, &quantize_options, &packed));
    RESERVED(awqm_calibrator_create(&calibrator_options, &calibrator));
#undef RESERVED
    CHECK(packed == NULL && plan == NULL && calibrator == NULL);
    awqm_linear_free(linear);
}

/* A struct_size of 0, which is what forgetting it gives, is refused by every function that takes a struct. */
static void forgotten(const char *fixtures) {
    const golden_case *golden = &GOLDEN[0];
    awqm_checkpoint *file = open_tensors(fixtures, golden->folder, "awq_gemm.safetensors");
    awqm_layer_desc desc = golden_desc(golden, AWQM_LAYOUT_AWQ_GEMM, 0), bad_desc = desc;
    awqm_layer_tensors tensors = golden_tensors(file, 0), bad_tensors = tensors;
    awqm_packed *packed = golden_packed(fixtures, golden, 0), *none = NULL;
    awqm_linear *linear = golden_linear(fixtures, golden), *no_linear = NULL;
    awqm_device *device = cpu_with_threads(1);
    awqm_plan *plan = NULL;
    static const char *const NAMES[] = {"qweight"};
    awqm_config_info config_info;
    awqm_module_info module_info;
    awqm_layer_info layer_info;
    awqm_tensor_view view;
    awqm_packed_info packed_info;
    awqm_repack_sizes sizes;
    awqm_linear_info linear_info;
    awqm_linear_options linear_options;
    awqm_plan_options plan_options;
    awqm_run_args args;
    awqm_load_options load_options;
    awqm_quantize_options quantize_options;
    awqm_quantize_report report;
    awqm_config *config = NULL;
    uint16_t weight[64] = {0};

    memset(&config_info, 0, sizeof config_info);
    memset(&module_info, 0, sizeof module_info);
    memset(&layer_info, 0, sizeof layer_info);
    memset(&view, 0, sizeof view);
    memset(&packed_info, 0, sizeof packed_info);
    memset(&sizes, 0, sizeof sizes);
    memset(&linear_info, 0, sizeof linear_info);
    memset(&linear_options, 0, sizeof linear_options);
    memset(&plan_options, 0, sizeof plan_options);
    memset(&args, 0, sizeof args);
    memset(&load_options, 0, sizeof load_options);
    memset(&quantize_options, 0, sizeof quantize_options);
    memset(&report, 0, sizeof report);
    bad_desc.struct_size = 0;
    bad_tensors.struct_size = 0;
    MUST(awqm_config_load_file(in_fixtures(fixtures, "configs/ok_plain.json"), &config));

#define FORGOT(call) STATUS(AWQM_STATUS_BAD_STRUCT_SIZE, call)
    FORGOT(awqm_config_get_info(config, &config_info));
    FORGOT(awqm_config_query_module(config, "a", &module_info, NULL, 0, NULL));
    FORGOT(awqm_checkpoint_query_layer(file, "a", &layer_info, NULL, 0, NULL));
    FORGOT(awqm_checkpoint_get_tensor(file, "qweight", &view));
    FORGOT(awqm_checkpoint_load(file, NAMES, 1, &load_options, &none));
    FORGOT(awqm_packed_create(&bad_desc, &tensors, &none));
    FORGOT(awqm_packed_create(&desc, &bad_tensors, &none));
    FORGOT(awqm_packed_get_info(packed, &packed_info));
    FORGOT(awqm_packed_get_tensor(packed, AWQM_ROLE_SCALES, &view));
    FORGOT(awqm_repack_query(&bad_desc, AWQM_LAYOUT_MARLIN, &sizes));
    FORGOT(awqm_repack_query(&desc, AWQM_LAYOUT_MARLIN, &sizes));
    FORGOT(awqm_linear_create(device, packed, &linear_options, &no_linear));
    FORGOT(awqm_linear_get_info(linear, &linear_info));
    FORGOT(awqm_linear_run(linear, &args, NULL, 0, NULL));
    FORGOT(awqm_plan_create(linear, &plan_options, &plan));
    FORGOT(awqm_quantize_tensor(weight, sizeof weight, AWQM_DTYPE_F16, 1, 64, &quantize_options, &none));
    FORGOT(awqm_quantize_checkpoint("from", "to", &quantize_options, NULL));
    FORGOT(awqm_convert_checkpoint("from", "to", NULL, &report));
    FORGOT(awqm_tensors_save("/tmp/awqm_never", NAMES, &view, 1));
#undef FORGOT
    CHECK(none == NULL && no_linear == NULL && plan == NULL);

    awqm_config_free(config);
    awqm_device_free(device);
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    awqm_checkpoint_free(file);
}

static void run(const char *fixtures) {
    options();
    infos();
    whole(fixtures);
    reserved(fixtures);
    forgotten(fixtures);
}

/* Every kernel version by name gives the golden layer's outputs; a tuning table and an imported plan are obeyed. */
#include "gpu.h"

static const golden_case *const CASE = &GOLDEN[GOLDEN_K512];

static awqm_plan *plan_of(const awqm_linear *linear, awqm_kernel kernel, uint32_t flags, awqm_plan_info *info) {
    awqm_plan *plan = NULL;
    STRUCT(awqm_plan_options, options);
    options.kernel = kernel;
    options.dtype = AWQM_DTYPE_F16;
    options.m = 3;
    options.flags = flags;
    MUST(awqm_plan_create(linear, &options, &plan));
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    MUST(awqm_plan_get_info(plan, info));
    return plan;
}

static void runs(const awqm_plan *plan, const awqm_plan_info *info, const product *p) {
    uint64_t workspace = zeroed(info->workspace_bytes + 16);
    OK(awqm_plan_run(plan, &p->args, at(workspace), info->workspace_bytes, NULL));
    expect_result(p);
    CU(MemFree(workspace));
}

static void versions(const awqm_linear *linear, const product *p, int turing) {
    static const awqm_kernel KERNELS[] = {AWQM_KERNEL_AUTO, AWQM_KERNEL_GEMV, AWQM_KERNEL_GEMM, AWQM_KERNEL_MARLIN};
    awqm_plan_info info, again;
    char text[2048], reason[1024];
    size_t i;
    for (i = 0; i < sizeof KERNELS / sizeof KERNELS[0]; i++) {
        awqm_plan *plan, *imported = NULL;
        if (turing && KERNELS[i] == AWQM_KERNEL_MARLIN) continue;
        plan = plan_of(linear, KERNELS[i], 0, &info);
        if (KERNELS[i] == AWQM_KERNEL_GEMV) CHECK(info.kernel == AWQM_KERNEL_GEMV);
        if (i >= 2) CHECK(info.kernel == (turing ? AWQM_KERNEL_GEMM : AWQM_KERNEL_MARLIN) && info.shared_bytes > 0);
        OK(awqm_plan_get_reason(plan, reason, sizeof reason, NULL));
        CHECK(strstr(reason, awqm_kernel_name(info.kernel)) != NULL);
        runs(plan, &info, p);
        OK(awqm_plan_export(plan, text, sizeof text, NULL));
        MUST(awqm_plan_import(linear, text, &imported));
        memset(&again, 0, sizeof again);
        again.struct_size = sizeof again;
        OK(awqm_plan_get_info(imported, &again));
        CHECK(again.kernel == info.kernel && again.splits == info.splits && same_text(again.code, info.code));
        runs(imported, &again, p);
        awqm_plan_free(imported);
        awqm_plan_free(plan);
    }
    awqm_plan_free(plan_of(linear, AWQM_KERNEL_AUTO, AWQM_BATCH_INVARIANT, &info));
    CHECK(info.batch_invariant == 1);
}

/* The GPU of the mock: an A100. */
#define TABLE(multiprocessors, cut)                                                                                    \
    "{\"tuning\": 1, \"gpu\": {\"capability\": \"8.0\", \"multiprocessors\": " multiprocessors "},"                    \
    " \"basis\": \"a test\", \"entries\": [{\"k\": 512, \"n\": 192, \"bits\": 4, \"m\": 8, " cut "}]}"

static void tuned(const awqm_packed *packed, const product *p) {
    awqm_device *device = NULL, *cpu = cpu_with_threads(1);
    awqm_linear *linear;
    awqm_plan *plan;
    awqm_plan_info info;
    char text[1024];
    size_t length;
    STRUCT(awqm_cuda_options, options);
    options.tuning = TABLE("108", "\"kernel\": \"marlin\", \"cut\": {\"tile\": \"m64n128\", \"splits\": 2}");
    MUST(awqm_device_create_cuda(&options, &device));
    linear = linear_on(device, packed);
    plan = plan_of(linear, AWQM_KERNEL_AUTO, 0, &info);
    CHECK(info.splits == 2 && info.block_rows == 64 && info.tiles == 2 && info.kernel == AWQM_KERNEL_MARLIN);
    runs(plan, &info, p);
    awqm_plan_free(plan);
    TEXT_PROTOCOL(text, awqm_device_export_tuning(device, buf, cap, out));
    CHECK(strstr(text, "\"m64n128\"") != NULL && strstr(text, "\"a test\"") != NULL);
    awqm_linear_free(linear);
    awqm_device_free(device);
    device = NULL;
    /* What was exported is a table. */
    options.tuning = text;
    MUST(awqm_device_create_cuda(&options, &device));
    awqm_device_free(device);
    device = NULL;

    options.tuning = TABLE("107", "\"kernel\": \"gemv\", \"cut\": {\"tiles\": 1, \"splits\": 1}");
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_device_create_cuda(&options, &device));
    MESSAGE_HAS("made for another GPU");
    options.tuning = TABLE("108", "\"kernel\": \"marlin\", \"cut\": {\"tile\": \"m65n128\", \"splits\": 2}");
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_device_create_cuda(&options, &device));
    MESSAGE_HAS("tuning.entries[0].cut.tile: is no tile");
    options.tuning = "nonsense";
    STATUS(AWQM_STATUS_JSON, awqm_device_create_cuda(&options, &device));
    options.tuning = "\xff";
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_device_create_cuda(&options, &device));
    CHECK(device == NULL);
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_device_export_tuning(cpu, NULL, 0, &length));
    awqm_device_free(cpu);
}

static void run(const char *fixtures) {
    awqm_checkpoint *io = open_tensors(fixtures, CASE->folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, CASE, 1);
    int turing;
    open_driver();
    enter(0);
    for (turing = 0; turing <= 1; turing++) {
        awqm_device *device;
        awqm_linear *linear;
        product p;
        setenv("MOCK_CUDA_CAPABILITY", turing ? "7.5" : "8.0", 1);
        device = open_gpu(0, 0, NULL);
        linear = linear_on(device, packed);
        p = set_up(linear, io);
        versions(linear, &p, turing);
        if (!turing) tuned(packed, &p);
        tear_down(&p);
        awqm_linear_free(linear);
        awqm_device_free(device);
    }
    leave(0);
    CHECK(mock_allocations() == 0);
    expect_clean(0);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
}

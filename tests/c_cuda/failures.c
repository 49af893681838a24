/* Every failure of the driver has its status and the driver's own words, leaves nothing behind, and is not for ever. */
#include "gpu.h"

#include <sys/wait.h>
#include <unistd.h>

static const golden_case *const CASE = &GOLDEN[GOLDEN_K512];

/* What the environment makes of the driver; a process of its own for each, as a driver is only looked at once. */
static const struct {
    const char *name, *value;
    awqm_status status;
    const char *text;
} MACHINES[] = {
    {"MOCK_CUDA_FAIL", "cuInit=34", AWQM_STATUS_BACKEND_UNAVAILABLE, "stub"},
    {"MOCK_CUDA_FAIL", "cuDriverGetVersion=34", AWQM_STATUS_BACKEND_UNAVAILABLE, "stub"},
    {"MOCK_CUDA_FAIL", "cuInit=100", AWQM_STATUS_NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
    {"MOCK_CUDA_FAIL", "cuInit=803", AWQM_STATUS_DRIVER_TOO_OLD, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"},
    {"MOCK_CUDA_FAIL", "cuInit=999", AWQM_STATUS_DEVICE, "CUDA_ERROR_UNKNOWN"},
    {"MOCK_CUDA_FAIL", "cuInit=12345", AWQM_STATUS_DEVICE, "12345"}, /* of a driver that is newer than this library */
    {"MOCK_CUDA_VERSION", "12080", AWQM_STATUS_DRIVER_TOO_OLD, "found CUDA 12.8, needed CUDA 13.0"},
    {"MOCK_CUDA_DEVICES", "0", AWQM_STATUS_NO_DEVICE, "no device"},
    {"MOCK_CUDA_CAPABILITY", "6.1", AWQM_STATUS_CAPABILITY_TOO_LOW, "6.1"},
    {"MOCK_CUDA_FAIL", "cuLibraryLoadData=222", AWQM_STATUS_DRIVER_TOO_OLD, "222"},
    {"MOCK_CUDA_FAIL", "cuLibraryLoadData=209", AWQM_STATUS_KERNEL_UNSUPPORTED, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
};

static void one_machine(size_t i) {
    awqm_device *device = NULL;
    awqm_status status;
    char reason[512] = "";
    STRUCT(awqm_cuda_info, info);
    setenv(MACHINES[i].name, MACHINES[i].value, 1);
    status = awqm_device_create_cuda(NULL, &device);
    STATUS(MACHINES[i].status, status);
    check_that(strstr(awqm_last_error_message(), MACHINES[i].text) != NULL, MACHINES[i].text, __FILE__, __LINE__);
    CHECK(device == NULL && mock_libraries() == 0 && mock_primary_users(0) == 0 && mock_context_depth() == 0);
    OK(awqm_cuda_get_info(&info, reason, sizeof reason, NULL));
    CHECK((info.available != 0) == (reason[0] == '\0'));
    CHECK(awqm_backend_available(AWQM_BACKEND_CUDA) == info.available);
    /* Failures that a device or a kernel has are not those of the driver. */
    CHECK(info.available == (i >= 8));
}

/* Runs a body in a process of its own and adds its checks. */
static void machines(void) {
    size_t i;
    for (i = 0; i < sizeof MACHINES / sizeof *MACHINES; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            one_machine(i);
            _exit(checks_failed ? 1 : 0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        check_that(WIFEXITED(status) && WEXITSTATUS(status) == 0, MACHINES[i].value, __FILE__, __LINE__);
    }
}

/* Each call that opening makes, failing once. */
static void opening(void) {
    static const char *const CALLS[] = {
        "cuDeviceGetCount",     "cuDeviceGet",         "cuCtxGetCurrent",     "cuDevicePrimaryCtxRetain",
        "cuCtxPushCurrent_v2",  "cuDeviceGetName",     "cuDeviceTotalMem_v2", "cuDeviceGetAttribute",
        "cuLibraryLoadData",    "cuLibraryGetKernel",  "cuKernelGetFunction", "cuFuncLoad",
        "cuThreadExchangeStreamCaptureMode",
    };
    awqm_device *device = NULL;
    size_t i;
    for (i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        /* The first two attributes are the memory's, and a GPU may keep those for itself. */
        mock_fail(CALLS[i], 999, strcmp(CALLS[i], "cuDeviceGetAttribute") == 0 ? 3 : 1);
        check_status((int32_t)awqm_device_create_cuda(NULL, &device), AWQM_STATUS_DEVICE, CALLS[i], __FILE__, __LINE__);
        check_that(strstr(awqm_last_error_message(), CALLS[i]) != NULL, CALLS[i], __FILE__, __LINE__);
        MESSAGE_HAS("CUDA_ERROR_UNKNOWN");
        mock_fail_clear();
        CHECK(device == NULL && mock_libraries() == 0 && mock_primary_users(0) == 0 && mock_context_depth() == 0);
        device = open_gpu(0, 0, NULL);
        awqm_device_free(device);
        device = NULL;
    }
    mock_fail("cuDeviceGetAttribute", 999, 1);
    device = open_gpu(0, 0, NULL); /* without the memory's clock: only the bandwidth is not known */
    {
        STRUCT(awqm_device_info, info);
        OK(awqm_device_get_info(device, &info));
        CHECK(info.bandwidth_gbps == 0 && info.multiprocessors == 108);
    }
    awqm_device_free(device);
    mock_fail_clear();
    expect_clean(0);
}

/* Each call that loading a layer makes. */
static void loading(const char *fixtures) {
    static const struct {
        const char *call;
        unsigned code;
        awqm_status status;
    } CALLS[] = {
        {"cuMemAlloc_v2", 2, AWQM_STATUS_OUT_OF_MEMORY},
        {"cuMemAlloc_v2", 999, AWQM_STATUS_DEVICE},
        {"cuStreamCreate", 999, AWQM_STATUS_DEVICE},
        {"cuMemcpyHtoDAsync_v2", 999, AWQM_STATUS_DEVICE},
        {"cuStreamSynchronize", 999, AWQM_STATUS_DEVICE},
        {"cuCtxPushCurrent_v2", 999, AWQM_STATUS_DEVICE},
    };
    awqm_packed *packed = golden_packed(fixtures, CASE, 1);
    awqm_device *device = open_gpu(0, 0, NULL);
    awqm_linear *linear = NULL;
    size_t i;
    for (i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        mock_fail(CALLS[i].call, CALLS[i].code, 1);
        check_status((int32_t)awqm_linear_create(device, packed, NULL, &linear), (int32_t)CALLS[i].status, CALLS[i].call,
                     __FILE__, __LINE__);
        mock_fail_clear();
        CHECK(linear == NULL && mock_allocations() == 0 && mock_streams() == 0 && mock_context_depth() == 0);
    }
    awqm_linear_free(linear_on(device, packed));
    awqm_device_free(device);
    awqm_packed_free(packed);
    expect_clean(0);
}

/* A launch that fails, and a context that is lost: said as such the first time, refused afterwards, freed in the end. */
static void running(const char *fixtures) {
    awqm_checkpoint *io = open_tensors(fixtures, CASE->folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, CASE, 1);
    void *context = NULL;
    awqm_device *device, *fresh;
    awqm_linear *linear, *none = NULL;
    product p;
    CU(CtxCreate(&context, 0, 0));
    device = open_gpu(0, 0, NULL);
    linear = linear_on(device, packed);
    p = set_up(linear, io);
    mock_fail("cuLaunchKernelEx", 1, 1);
    STATUS(AWQM_STATUS_DEVICE, run_product(linear, &p, NULL));
    MESSAGE_HAS("cuLaunchKernelEx gives CUDA_ERROR_INVALID_VALUE (1: invalid argument)");
    expect_poison(&p);
    OK(run_product(linear, &p, NULL));
    expect_result(&p);

    mock_lose_context(700);
    STATUS(AWQM_STATUS_DEVICE, run_product(linear, &p, NULL));
    MESSAGE_HAS("CUDA_ERROR_ILLEGAL_ADDRESS");
    MESSAGE_HAS("context is lost");
    CHECK(mock_context_depth() == 1);
    mock_log_clear();
    STATUS(AWQM_STATUS_DEVICE, run_product(linear, &p, NULL));
    MESSAGE_HAS("was lost before, by CUDA_ERROR_ILLEGAL_ADDRESS");
    CHECK(strstr(mock_log(), "cuLaunchKernelEx") == NULL);
    STATUS(AWQM_STATUS_DEVICE, awqm_linear_create(device, packed, NULL, &none));
    CHECK(none == NULL);
    awqm_linear_free(linear);
    awqm_device_free(device);
    CHECK(mock_libraries() == 0 && mock_context_depth() == 1);
    CU(CtxDestroy(context));

    fresh = open_gpu(0, 0, NULL); /* a new context works */
    linear = linear_on(fresh, packed);
    enter(0);
    p = set_up(linear, io);
    OK(run_product(linear, &p, NULL));
    expect_result(&p);

    /* A kernel of this library that reads what is not there: launched, and the next call knows. */
    p.args.m = 1;
    p.args.x = at(p.device_x + p.x.bytes - 2);
    OK(run_product(linear, &p, NULL));
    CHECK(strlen(mock_fault()) > 0);
    STATUS(AWQM_STATUS_DEVICE, run_product(linear, &p, NULL));
    leave(0);
    awqm_linear_free(linear);
    awqm_device_free(fresh);
    CHECK(mock_allocations() == 0 && mock_libraries() == 0 && mock_context_depth() == 0);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
}

/* Turing has no bfloat16. */
static void turing(const char *fixtures) {
    awqm_checkpoint *io = open_tensors(fixtures, CASE->folder, "io.safetensors");
    awqm_packed *packed = golden_packed(fixtures, CASE, 1);
    awqm_device *device;
    awqm_linear *linear;
    product p;
    setenv("MOCK_CUDA_CAPABILITY", "7.5", 1);
    enter(0);
    device = open_gpu(0, 0, NULL);
    linear = linear_on(device, packed);
    p = set_up(linear, io);
    OK(run_product(linear, &p, NULL));
    expect_result(&p);
    p.args.x_dtype = AWQM_DTYPE_BF16;
    STATUS(AWQM_STATUS_UNSUPPORTED, run_product(linear, &p, NULL));
    MESSAGE_HAS("7.5");
    STATUS(AWQM_STATUS_KERNEL_UNSUPPORTED,
           awqm_linear_dequantize(linear, AWQM_DTYPE_BF16, 0, at(p.y), (size_t)(CASE->k * CASE->n * 2), NULL));
    MESSAGE_HAS("7.5");
    tear_down(&p);
    awqm_linear_free(linear);
    awqm_device_free(device);
    leave(0);
    setenv("MOCK_CUDA_CAPABILITY", "8.0", 1);
    awqm_packed_free(packed);
    awqm_checkpoint_free(io);
    CHECK(mock_allocations() == 0 && mock_libraries() == 0 && mock_context_depth() == 0);
}

static void run(const char *fixtures) {
    machines(); /* first: the driver must not be loaded yet */
    open_driver();
    opening();
    loading(fixtures);
    turing(fixtures);
    running(fixtures);
}

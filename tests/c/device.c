/* awqm_device: the CPU with its threads, a host's pool, and the GPU that this version does not have. */
#include "harness.h"

static void in_order(void *user_data, size_t count, awqm_task_fn task, void *task_data) {
    size_t i;
    (void)user_data;
    for (i = 0; i < count; i++) task(task_data, i);
}

static awqm_device_info info_of(const awqm_cpu_options *options) {
    awqm_device *device = NULL;
    STRUCT(awqm_device_info, info);
    MUST(awqm_device_create_cpu(options, &device));
    OK(awqm_device_get_info(device, &info));
    awqm_device_free(device);
    return info;
}

static void run(const char *fixtures) {
    awqm_device *device = NULL;
    awqm_device_info info = info_of(NULL);
    STRUCT(awqm_cpu_options, options);
    (void)fixtures;

    CHECK(info.backend == AWQM_BACKEND_CPU && info.threads >= 1 && info.ordinal == 0);
    CHECK(awqm_isa_name(info.isa) != NULL && info.isa != AWQM_ISA_AUTO);
    CHECK(info.name[0] != '\0' && memchr(info.name, '\0', sizeof info.name) != NULL);
    CHECK(info.capability == 0 && info.multiprocessors == 0);

    options.threads = 3;
    options.isa = AWQM_ISA_PORTABLE;
    info = info_of(&options);
    CHECK(info.threads == 3 && info.isa == AWQM_ISA_PORTABLE);

    options.parallel = in_order;
    info = info_of(&options);
    CHECK(info.threads == 3);
    options.parallel = NULL;

    options.threads = under_valgrind() ? 50 : 1000; /* more than this machine has: they take turns */
    info = info_of(&options);
    CHECK(info.threads == options.threads);
    options.threads = 0;
    info = info_of(&options);
    CHECK(info.threads >= 1 && info.threads <= 1024);
    options.threads = 1025;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_device_create_cpu(&options, &device));
    MESSAGE_HAS("options.threads");
    options.threads = UINT32_MAX;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_device_create_cpu(&options, &device));
    options.parallel = in_order; /* of a pool of the host's we start none */
    info = info_of(&options);
    CHECK(info.threads == UINT32_MAX);
    options.threads = 0;
    info = info_of(&options);
    CHECK(info.threads >= 1);
    options.parallel = NULL;
    options.threads = 1;
    options.isa = 99;
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_device_create_cpu(&options, &device));
    CHECK(device == NULL);

    if (!awqm_backend_available(AWQM_BACKEND_CUDA)) {
        FAILS(awqm_device_create_cuda(NULL, &device)); /* no kernels, no driver, an old one, no device */
        MESSAGE_HAS("CUDA");
        CHECK(device == NULL);
    }
    awqm_device_free(NULL);
}

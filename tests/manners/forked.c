/* fork after load, with handles and sleeping workers: the child uses them, makes new ones, frees all: forked FIXTURES */
#include "fixtures.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

static int threads_of_process(void) {
    int count = 0;
    struct dirent *entry;
    DIR *tasks = opendir("/proc/self/task");
    while ((entry = readdir(tasks)) != NULL) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* Results of 16 rows, which is work enough for several threads. */
static void run_rows(const awqm_linear *linear, float *y) {
    static float x[16 * 512];
    static unsigned char workspace[1 << 20];
    size_t bytes = 0;
    int i;
    awqm_run_args args = run_args(x, AWQM_DTYPE_F32, y, AWQM_DTYPE_F32, 16);
    for (i = 0; i < 16 * 512; i++) x[i] = (float)(i % 11) - 5;
    OK(awqm_linear_workspace_bytes(linear, 16, AWQM_DTYPE_F32, &bytes));
    CHECK(bytes <= sizeof workspace);
    OK(awqm_linear_run(linear, &args, workspace, bytes, NULL));
}

static void run(const char *fixtures) {
    static float expected[16 * 192], found[16 * 192];
    awqm_packed *packed = golden_packed(fixtures, &GOLDEN[GOLDEN_K512], 1);
    awqm_device *device = cpu_with_threads(4);
    awqm_linear *linear = NULL;
    int round;
    CHECK(threads_of_process() == 4);
    MUST(awqm_linear_create(device, packed, NULL, &linear));
    run_rows(linear, expected);
    for (round = 0; round < 20; round++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            awqm_device *own = cpu_with_threads(3);
            awqm_linear *fresh = NULL;
            run_rows(linear, found); /* a layer of the parent's, whose workers are not here */
            CHECK(memcmp(found, expected, sizeof found) == 0);
            MUST(awqm_linear_create(own, packed, NULL, &fresh));
            memset(found, 0, sizeof found);
            run_rows(fresh, found);
            CHECK(memcmp(found, expected, sizeof found) == 0);
            CHECK(threads_of_process() == 3);
            awqm_linear_free(fresh);
            awqm_device_free(own);
            awqm_linear_free(linear);
            awqm_device_free(device);
            awqm_packed_free(packed);
            CHECK(threads_of_process() == 1);
            _exit(checks_failed ? 1 : 0);
        }
        CHECK(child > 0);
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        run_rows(linear, found); /* and nothing has changed here */
        CHECK(memcmp(found, expected, sizeof found) == 0);
        if (round % 5 == 0) usleep(2000); /* workers fall asleep */
    }
    awqm_linear_free(linear);
    awqm_packed_free(packed);
    awqm_device_free(device);
    CHECK(threads_of_process() == 1); /* joined on the last free, not some time later */
}

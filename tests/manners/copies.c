/* Two copies in one process, as two plugins bring them: two LIBRARY FIXTURES COPY. They share nothing. */
#include "loaded.h"

static void count(void *lines, awqm_log_level level, const char *message) {
    (void)level, (void)message;
    ++*(int *)lines;
}

static void *give(void *user_data, size_t bytes, size_t alignment) {
    ++*(int *)user_data;
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void take(void *user_data, void *memory, size_t bytes, size_t alignment) {
    (void)bytes, (void)alignment;
    --*(int *)user_data;
    free(memory);
}

int main(int argc, char **argv) {
    library one = load(argv[1], RTLD_LOCAL), two = load(argc == 4 ? argv[3] : "", RTLD_LOCAL);
    int lines[2] = {0, 0}, buffers = 0, seen;
    double sum;
    awqm_allocator allocator = {sizeof allocator, give, take, &buffers};
    NEED(one.handle != two.handle && one.awqm_linear_run != two.awqm_linear_run);
    NEED(one.awqm_set_log_callback(count, &lines[0], AWQM_LOG_LEVEL_DEBUG) == 0);
    NEED(one.awqm_set_allocator(&allocator) == 0);
    sum = work(&one, argv[2], 2);
    NEED(buffers == 0 && sum != 0);
    seen = lines[0];
    /* The other copy has neither the log nor the allocator of the first. */
    allocator.user_data = NULL;
    NEED(work(&two, argv[2], 2) == sum);
    NEED(lines[0] == seen);
    NEED(two.awqm_set_log_callback(count, &lines[1], AWQM_LOG_LEVEL_DEBUG) == 0);
    NEED(one.awqm_set_log_callback(NULL, NULL, AWQM_LOG_LEVEL_OFF) == 0);
    NEED(one.awqm_set_allocator(NULL) == 0);
    NEED(dlclose(one.handle) == 0);
    NEED(work(&two, argv[2], 2) == sum); /* one gone, the other works on */
    NEED(two.awqm_set_log_callback(NULL, NULL, AWQM_LOG_LEVEL_OFF) == 0);
    puts("ok");
    return 0;
}

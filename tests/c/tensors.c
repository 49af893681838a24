/* awqm_tensors_save: what was written can be read back, and what makes no sense is refused without leaving a file. */
#include "fixtures.h"

#include <unistd.h>

static awqm_tensor_view view_of(const void *data, size_t bytes, awqm_dtype dtype, int64_t rows, int64_t columns) {
    STRUCT(awqm_tensor_view, view);
    view.data = data;
    view.bytes = bytes;
    view.dtype = dtype;
    view.rank = 2;
    view.shape[0] = rows;
    view.shape[1] = columns;
    return view;
}

static void run(const char *fixtures) {
    static const char *const NAMES[] = {"first.weight", "second"};
    static const char *const TWICE[] = {"same", "same"};
    char path[] = "/tmp/awqm_tensors_XXXXXX", absent[sizeof path + 8];
    const char *paths[1];
    float first[6] = {1, 2, 3, 4, 5, 6};
    uint8_t second[4] = {7, 8, 9, 10};
    int file = mkstemp(path);
    awqm_tensor_view views[2], back;
    awqm_checkpoint *opened = NULL;
    (void)fixtures;
    CHECK(file >= 0 && close(file) == 0);
    snprintf(absent, sizeof absent, "%s.absent", path);
    paths[0] = path;
    views[0] = view_of(first, sizeof first, AWQM_DTYPE_F32, 2, 3);
    views[1] = view_of(second, sizeof second, AWQM_DTYPE_U8, 4, 1);

    OK(awqm_tensors_save(path, NAMES, views, 2)); /* replaces the empty file */
    MUST(awqm_checkpoint_open_files(paths, 1, NULL, &opened));
    CHECK(awqm_checkpoint_tensor_count(opened) == 2);
    back = tensor_of(opened, "first.weight");
    CHECK(back.dtype == AWQM_DTYPE_F32 && back.rank == 2 && back.shape[0] == 2 && back.shape[1] == 3 && same_bytes(back, views[0]));
    back = tensor_of(opened, "second");
    CHECK(back.dtype == AWQM_DTYPE_U8 && same_bytes(back, views[1]));
    awqm_checkpoint_free(opened);

    views[1].shape[0] = 3;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_tensors_save(absent, NAMES, views, 2));
    views[1].shape[0] = -4;
    FAILS(awqm_tensors_save(absent, NAMES, views, 2));
    views[1].shape[0] = INT64_MAX;
    views[1].shape[1] = INT64_MAX;
    FAILS(awqm_tensors_save(absent, NAMES, views, 2));
    views[1] = view_of(second, sizeof second, 99, 4, 1);
    STATUS(AWQM_STATUS_UNKNOWN_ENUM, awqm_tensors_save(absent, NAMES, views, 2));
    views[1] = view_of(second, sizeof second, AWQM_DTYPE_U8, 4, 1);
    views[1].rank = 9;
    FAILS(awqm_tensors_save(absent, NAMES, views, 2));
    views[1].rank = 2;
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_tensors_save(absent, TWICE, views, 2));
    CHECK(access(absent, F_OK) != 0);
    FAILS(awqm_tensors_save("/dev/null/file.safetensors", NAMES, views, 2));
    remove(path);
}

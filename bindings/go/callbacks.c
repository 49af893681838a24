#include "callbacks.h"
#include "_cgo_export.h"

static void parallel(void *user_data, size_t count, awqm_task_fn task, void *task_data) {
    awqmGoParallel((uintptr_t)user_data, count, task, task_data);
}

static int32_t progress(void *user_data, const awqm_progress *at) {
    return awqmGoProgress((uintptr_t)user_data, (awqm_progress *)at);
}

static void log_line(void *user_data, awqm_log_level level, const char *message) {
    awqmGoLog((uintptr_t)user_data, level, (char *)message);
}

void awqm_go_set_parallel(awqm_cpu_options *options, uintptr_t handle) {
    options->parallel = parallel;
    options->user_data = (void *)handle;
}

void awqm_go_call_task(awqm_task_fn task, void *data, size_t index) {
    task(data, index);
}

void awqm_go_set_progress(awqm_quantize_options *options, uintptr_t handle) {
    options->progress = progress;
    options->user_data = (void *)handle;
}

void awqm_go_set_quantizer_progress(awqm_quantizer_options *options, uintptr_t handle) {
    options->progress = progress;
    options->user_data = (void *)handle;
}

awqm_status awqm_go_set_log(uintptr_t handle, awqm_log_level level) {
    return awqm_set_log_callback(handle ? log_line : NULL, (void *)handle, level);
}

void awqm_go_log_line(uintptr_t handle, awqm_log_level level, const char *message) {
    log_line((void *)handle, level, message);
}

awqm_status awqm_go_create_cuda(uint32_t ordinal, uint32_t flags, uintptr_t context, const char *tuning,
                                awqm_device **out) {
    awqm_cuda_options options = {sizeof options, ordinal, flags, (void *)context, tuning};
    return awqm_device_create_cuda(&options, out);
}

awqm_status awqm_go_packed_create(const awqm_layer_desc *desc, const void *qweight, size_t qweight_bytes, const void *scales,
                                  size_t scales_bytes, const void *qzeros, size_t qzeros_bytes, const void *bias,
                                  size_t bias_bytes, awqm_packed **out) {
    awqm_layer_tensors in = {sizeof in,     qweight, qweight_bytes, scales,    scales_bytes,
                             qzeros, qzeros_bytes, bias, bias_bytes};
    return awqm_packed_create(desc, &in, out);
}

awqm_status awqm_go_packed_lend(const awqm_layer_desc *desc, const void *qweight, size_t qweight_bytes, const void *scales,
                                size_t scales_bytes, const void *qzeros, size_t qzeros_bytes, const void *bias,
                                size_t bias_bytes, awqm_packed **out) {
    awqm_layer_tensors in = {sizeof in,     qweight, qweight_bytes, scales,    scales_bytes,
                             qzeros, qzeros_bytes, bias, bias_bytes};
    return awqm_packed_create_borrowed(desc, &in, out);
}

awqm_status awqm_go_repack(const awqm_layer_desc *desc, const void *qweight, size_t qweight_bytes, const void *scales,
                           size_t scales_bytes, const void *qzeros, size_t qzeros_bytes, awqm_layout to, void *out_qweight,
                           size_t out_qweight_bytes, void *out_scales, size_t out_scales_bytes, void *out_qzeros,
                           size_t out_qzeros_bytes, const awqm_device *device) {
    awqm_layer_tensors in = {sizeof in, qweight, qweight_bytes, scales, scales_bytes, qzeros, qzeros_bytes, NULL, 0};
    return awqm_repack(desc, &in, to, out_qweight, out_qweight_bytes, out_scales, out_scales_bytes, out_qzeros,
                       out_qzeros_bytes, device);
}

awqm_status awqm_go_cuda_repack(const awqm_device *device, const awqm_layer_desc *desc, uintptr_t qweight,
                                size_t qweight_bytes, uintptr_t scales, size_t scales_bytes, uintptr_t qzeros,
                                size_t qzeros_bytes, awqm_layout to, uintptr_t out_qweight, size_t out_qweight_bytes,
                                uintptr_t out_scales, size_t out_scales_bytes, uintptr_t out_qzeros,
                                size_t out_qzeros_bytes, uintptr_t stream) {
    awqm_layer_tensors in = {sizeof in,      (void *)qweight, qweight_bytes, (void *)scales, scales_bytes,
                             (void *)qzeros, qzeros_bytes,    NULL,          0};
    return awqm_cuda_repack(device, desc, &in, to, (void *)out_qweight, out_qweight_bytes, (void *)out_scales,
                            out_scales_bytes, (void *)out_qzeros, out_qzeros_bytes, (void *)stream);
}

awqm_status awqm_go_create_from_device(const awqm_device *device, const awqm_layer_desc *desc, uintptr_t qweight,
                                       size_t qweight_bytes, uintptr_t scales, size_t scales_bytes, uintptr_t qzeros,
                                       size_t qzeros_bytes, uintptr_t bias, size_t bias_bytes, awqm_linear **out) {
    awqm_layer_tensors in = {sizeof in,      (void *)qweight, qweight_bytes, (void *)scales, scales_bytes,
                             (void *)qzeros, qzeros_bytes,    (void *)bias,  bias_bytes};
    return awqm_linear_create_from_device(device, desc, &in, out);
}

awqm_status awqm_go_dequantize(const awqm_linear *linear, awqm_dtype dtype, int32_t transposed, uintptr_t out,
                               size_t out_bytes, uintptr_t stream) {
    return awqm_linear_dequantize(linear, dtype, transposed, (void *)out, out_bytes, (void *)stream);
}

static awqm_status run(const awqm_linear *linear, const awqm_plan *plan, const awqm_run_args *args, void *workspace,
                       size_t workspace_bytes, void *stream) {
    return plan ? awqm_plan_run(plan, args, workspace, workspace_bytes, stream)
                : awqm_linear_run(linear, args, workspace, workspace_bytes, stream);
}

awqm_status awqm_go_run(const void *linear, const void *plan, const void *x, awqm_dtype x_dtype, void *y,
                        awqm_dtype y_dtype, int64_t m, int64_t x_stride, int64_t y_stride, void *workspace,
                        size_t workspace_bytes) {
    awqm_run_args args = {sizeof args, x, x_dtype, y_dtype, y, m, x_stride, y_stride};
    return run(linear, plan, &args, workspace, workspace_bytes, NULL);
}

awqm_status awqm_go_run_device(const void *linear, const void *plan, uintptr_t x, awqm_dtype x_dtype,
                               uintptr_t y, awqm_dtype y_dtype, int64_t m, int64_t x_stride, int64_t y_stride,
                               uintptr_t workspace, size_t workspace_bytes, uintptr_t stream) {
    awqm_run_args args = {sizeof args, (void *)x, x_dtype, y_dtype, (void *)y, m, x_stride, y_stride};
    return run(linear, plan, &args, (void *)workspace, workspace_bytes, (void *)stream);
}

awqm_status awqm_go_run_many(const awqm_linear *linear, const float *x, float *y, void *workspace, size_t workspace_bytes,
                             size_t times) {
    awqm_status status = AWQM_STATUS_OK;
    for (size_t i = 0; i < times && !status; i++)
        status = awqm_go_run(linear, NULL, x, AWQM_DTYPE_F32, y, AWQM_DTYPE_F32, 1, 0, 0, workspace, workspace_bytes);
    return status;
}

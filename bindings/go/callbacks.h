/* What Go cannot write: callbacks whose user data is a cgo.Handle, and structs of Go pointers, which may stand on the C
 * stack during a call but not in Go memory. */
#include <awq_marlin.h>

void awqm_go_set_parallel(awqm_cpu_options *options, uintptr_t handle);
void awqm_go_call_task(awqm_task_fn task, void *data, size_t index);
void awqm_go_set_progress(awqm_quantize_options *options, uintptr_t handle);
void awqm_go_set_quantizer_progress(awqm_quantizer_options *options, uintptr_t handle);
awqm_status awqm_go_set_log(uintptr_t handle, awqm_log_level level);
void awqm_go_log_line(uintptr_t handle, awqm_log_level level, const char *message);

awqm_status awqm_go_create_cuda(uint32_t ordinal, uint32_t flags, uintptr_t context, const char *tuning,
                                awqm_device **out);

awqm_status awqm_go_packed_create(const awqm_layer_desc *desc, const void *qweight, size_t qweight_bytes, const void *scales,
                                  size_t scales_bytes, const void *qzeros, size_t qzeros_bytes, const void *bias,
                                  size_t bias_bytes, awqm_packed **out);
awqm_status awqm_go_packed_lend(const awqm_layer_desc *desc, const void *qweight, size_t qweight_bytes, const void *scales,
                                size_t scales_bytes, const void *qzeros, size_t qzeros_bytes, const void *bias,
                                size_t bias_bytes, awqm_packed **out);
awqm_status awqm_go_repack(const awqm_layer_desc *desc, const void *qweight, size_t qweight_bytes, const void *scales,
                           size_t scales_bytes, const void *qzeros, size_t qzeros_bytes, awqm_layout to, void *out_qweight,
                           size_t out_qweight_bytes, void *out_scales, size_t out_scales_bytes, void *out_qzeros,
                           size_t out_qzeros_bytes, const awqm_device *device);
awqm_status awqm_go_cuda_repack(const awqm_device *device, const awqm_layer_desc *desc, uintptr_t qweight,
                                size_t qweight_bytes, uintptr_t scales, size_t scales_bytes, uintptr_t qzeros,
                                size_t qzeros_bytes, awqm_layout to, uintptr_t out_qweight, size_t out_qweight_bytes,
                                uintptr_t out_scales, size_t out_scales_bytes, uintptr_t out_qzeros,
                                size_t out_qzeros_bytes, uintptr_t stream);
awqm_status awqm_go_create_from_device(const awqm_device *device, const awqm_layer_desc *desc, uintptr_t qweight,
                                       size_t qweight_bytes, uintptr_t scales, size_t scales_bytes, uintptr_t qzeros,
                                       size_t qzeros_bytes, uintptr_t bias, size_t bias_bytes, awqm_linear **out);
awqm_status awqm_go_dequantize(const awqm_linear *linear, awqm_dtype dtype, int32_t transposed, uintptr_t out,
                               size_t out_bytes, uintptr_t stream);

/* One of linear and plan is NULL. void, since cgo allocates memory for the pointer when it checks one to an opaque struct. */
awqm_status awqm_go_run(const void *linear, const void *plan, const void *x, awqm_dtype x_dtype, void *y, awqm_dtype y_dtype, int64_t m, int64_t x_stride, int64_t y_stride, void *workspace,
                        size_t workspace_bytes);
awqm_status awqm_go_run_device(const void *linear, const void *plan, uintptr_t x, awqm_dtype x_dtype,
                               uintptr_t y, awqm_dtype y_dtype, int64_t m, int64_t x_stride, int64_t y_stride,
                               uintptr_t workspace, size_t workspace_bytes, uintptr_t stream);

/* For the benchmark: as many runs in C as are asked for. */
awqm_status awqm_go_run_many(const awqm_linear *linear, const float *x, float *y, void *workspace, size_t workspace_bytes,
                             size_t times);

//! The C interface, as `zig translate-c` reads include/awq_marlin.h. Made by translate.sh; do not edit.

pub const AWQM_STATUS_OK: c_int = 0;
pub const AWQM_STATUS_INVALID_ARGUMENT: c_int = 101;
pub const AWQM_STATUS_NULL_POINTER: c_int = 102;
pub const AWQM_STATUS_BAD_STRUCT_SIZE: c_int = 103;
pub const AWQM_STATUS_UNKNOWN_ENUM: c_int = 104;
pub const AWQM_STATUS_BUFFER_TOO_SMALL: c_int = 105;
pub const AWQM_STATUS_OVERLAP: c_int = 106;
pub const AWQM_STATUS_SIZE_OVERFLOW: c_int = 107;
pub const AWQM_STATUS_NOT_FOUND: c_int = 108;
pub const AWQM_STATUS_CANCELLED: c_int = 109;
pub const AWQM_STATUS_IO: c_int = 201;
pub const AWQM_STATUS_JSON: c_int = 202;
pub const AWQM_STATUS_CONFIG: c_int = 203;
pub const AWQM_STATUS_UNSUPPORTED: c_int = 204;
pub const AWQM_STATUS_CONTAINER: c_int = 205;
pub const AWQM_STATUS_TENSOR: c_int = 206;
pub const AWQM_STATUS_MISSING: c_int = 207;
pub const AWQM_STATUS_MIXED_FUSED: c_int = 208;
pub const AWQM_STATUS_BACKEND_UNAVAILABLE: c_int = 301;
pub const AWQM_STATUS_NO_DEVICE: c_int = 302;
pub const AWQM_STATUS_DRIVER_TOO_OLD: c_int = 303;
pub const AWQM_STATUS_CAPABILITY_TOO_LOW: c_int = 304;
pub const AWQM_STATUS_KERNEL_UNSUPPORTED: c_int = 305;
pub const AWQM_STATUS_DEVICE: c_int = 306;
pub const AWQM_STATUS_INTERNAL: c_int = 901;
pub const AWQM_STATUS_OUT_OF_MEMORY: c_int = 902;
pub const enum_awqm_status = c_uint;
pub const awqm_status = i32;
pub const struct_awqm_calibrator = opaque {};
pub const awqm_calibrator = struct_awqm_calibrator;
pub const struct_awqm_checkpoint = opaque {};
pub const awqm_checkpoint = struct_awqm_checkpoint;
pub const struct_awqm_config = opaque {};
pub const awqm_config = struct_awqm_config;
pub const struct_awqm_device = opaque {};
pub const awqm_device = struct_awqm_device;
pub const struct_awqm_linear = opaque {};
pub const awqm_linear = struct_awqm_linear;
pub const struct_awqm_packed = opaque {};
pub const awqm_packed = struct_awqm_packed;
pub const struct_awqm_plan = opaque {};
pub const awqm_plan = struct_awqm_plan;
pub const struct_awqm_quantizer = opaque {};
pub const awqm_quantizer = struct_awqm_quantizer;
pub const awqm_dtype = u32;
pub const awqm_layout = u32;
pub const awqm_kernel = u32;
pub const awqm_method = u32;
pub const awqm_isa = u32;
pub const awqm_backend = u32;
pub const awqm_log_level = u32;
pub const awqm_log_fn = ?*const fn (?*anyopaque, awqm_log_level, [*c]const u8) callconv(.c) void;
pub const awqm_alloc_fn = ?*const fn (?*anyopaque, usize, usize) callconv(.c) ?*anyopaque;
pub const awqm_release_fn = ?*const fn (?*anyopaque, ?*anyopaque, usize, usize) callconv(.c) void;
pub const struct_awqm_allocator = extern struct {
    struct_size: usize = zeroes(usize),
    alloc: awqm_alloc_fn = zeroes(awqm_alloc_fn),
    release: awqm_release_fn = zeroes(awqm_release_fn),
    user_data: ?*anyopaque = zeroes(?*anyopaque),
};
pub const awqm_allocator = struct_awqm_allocator;
pub const awqm_task_fn = ?*const fn (?*anyopaque, usize) callconv(.c) void;
pub const awqm_parallel_fn = ?*const fn (?*anyopaque, usize, awqm_task_fn, ?*anyopaque) callconv(.c) void;
pub const struct_awqm_cpu_options = extern struct {
    struct_size: usize = zeroes(usize),
    threads: u32 = zeroes(u32),
    isa: awqm_isa = zeroes(awqm_isa),
    parallel: awqm_parallel_fn = zeroes(awqm_parallel_fn),
    user_data: ?*anyopaque = zeroes(?*anyopaque),
};
pub const awqm_cpu_options = struct_awqm_cpu_options;
pub const struct_awqm_device_info = extern struct {
    struct_size: usize = zeroes(usize),
    backend: awqm_backend = zeroes(awqm_backend),
    ordinal: i32 = zeroes(i32),
    threads: u32 = zeroes(u32),
    isa: awqm_isa = zeroes(awqm_isa),
    capability: u32 = zeroes(u32),
    multiprocessors: u32 = zeroes(u32),
    memory_bytes: u64 = zeroes(u64),
    name: [128]u8 = zeroes([128]u8),
    bandwidth_gbps: f64 = zeroes(f64),
};
pub const awqm_device_info = struct_awqm_device_info;
pub const struct_awqm_config_info = extern struct {
    struct_size: usize = zeroes(usize),
    method: awqm_method = zeroes(awqm_method),
    bits: u32 = zeroes(u32),
    group_size: i64 = zeroes(i64),
    zero_point: i32 = zeroes(i32),
    act_order: i32 = zeroes(i32),
    layout: awqm_layout = zeroes(awqm_layout),
    lm_head: i32 = zeroes(i32),
};
pub const awqm_config_info = struct_awqm_config_info;
pub const struct_awqm_module_info = extern struct {
    struct_size: usize = zeroes(usize),
    quantized: i32 = zeroes(i32),
    bits: u32 = zeroes(u32),
    group_size: i64 = zeroes(i64),
    zero_point: i32 = zeroes(i32),
    layout: awqm_layout = zeroes(awqm_layout),
};
pub const awqm_module_info = struct_awqm_module_info;
pub const struct_awqm_layer_info = extern struct {
    struct_size: usize = zeroes(usize),
    quantized: i32 = zeroes(i32),
    bits: u32 = zeroes(u32),
    k: i64 = zeroes(i64),
    n: i64 = zeroes(i64),
    group_size: i64 = zeroes(i64),
    zero_point: i32 = zeroes(i32),
    layout: awqm_layout = zeroes(awqm_layout),
    scale_dtype: awqm_dtype = zeroes(awqm_dtype),
    has_bias: i32 = zeroes(i32),
};
pub const awqm_layer_info = struct_awqm_layer_info;
pub const struct_awqm_tensor_view = extern struct {
    struct_size: usize = zeroes(usize),
    data: ?*const anyopaque = zeroes(?*const anyopaque),
    bytes: usize = zeroes(usize),
    dtype: awqm_dtype = zeroes(awqm_dtype),
    rank: u32 = zeroes(u32),
    shape: [8]i64 = zeroes([8]i64),
};
pub const awqm_tensor_view = struct_awqm_tensor_view;
pub const awqm_tp_dim = u32;
pub const struct_awqm_load_options = extern struct {
    struct_size: usize = zeroes(usize),
    layout: awqm_layout = zeroes(awqm_layout),
    tp_dim: awqm_tp_dim = zeroes(awqm_tp_dim),
    tp_rank: u32 = zeroes(u32),
    tp_world: u32 = zeroes(u32),
    device: ?*const struct_awqm_device = zeroes(?*const struct_awqm_device),
};
pub const awqm_load_options = struct_awqm_load_options;
pub const struct_awqm_layer_desc = extern struct {
    struct_size: usize = zeroes(usize),
    k: i64 = zeroes(i64),
    n: i64 = zeroes(i64),
    bits: u32 = zeroes(u32),
    zero_point: i32 = zeroes(i32),
    group_size: i64 = zeroes(i64),
    layout: awqm_layout = zeroes(awqm_layout),
    scale_dtype: awqm_dtype = zeroes(awqm_dtype),
    bias_dtype: awqm_dtype = zeroes(awqm_dtype),
    reserved: u32 = zeroes(u32),
};
pub const awqm_layer_desc = struct_awqm_layer_desc;
pub const struct_awqm_layer_tensors = extern struct {
    struct_size: usize = zeroes(usize),
    qweight: ?*const anyopaque = zeroes(?*const anyopaque),
    qweight_bytes: usize = zeroes(usize),
    scales: ?*const anyopaque = zeroes(?*const anyopaque),
    scales_bytes: usize = zeroes(usize),
    qzeros: ?*const anyopaque = zeroes(?*const anyopaque),
    qzeros_bytes: usize = zeroes(usize),
    bias: ?*const anyopaque = zeroes(?*const anyopaque),
    bias_bytes: usize = zeroes(usize),
};
pub const awqm_layer_tensors = struct_awqm_layer_tensors;
pub const struct_awqm_packed_info = extern struct {
    struct_size: usize = zeroes(usize),
    k: i64 = zeroes(i64),
    n: i64 = zeroes(i64),
    padded_k: i64 = zeroes(i64),
    padded_n: i64 = zeroes(i64),
    bits: u32 = zeroes(u32),
    zero_point: i32 = zeroes(i32),
    group_size: i64 = zeroes(i64),
    padded_group: i64 = zeroes(i64),
    groups: i64 = zeroes(i64),
    layout: awqm_layout = zeroes(awqm_layout),
    scale_dtype: awqm_dtype = zeroes(awqm_dtype),
    bias_dtype: awqm_dtype = zeroes(awqm_dtype),
    has_bias: i32 = zeroes(i32),
    bytes: usize = zeroes(usize),
};
pub const awqm_packed_info = struct_awqm_packed_info;
pub const awqm_role = u32;
pub const struct_awqm_repack_sizes = extern struct {
    struct_size: usize = zeroes(usize),
    padded_k: i64 = zeroes(i64),
    padded_n: i64 = zeroes(i64),
    padded_group: i64 = zeroes(i64),
    groups: i64 = zeroes(i64),
    qweight_bytes: usize = zeroes(usize),
    scales_bytes: usize = zeroes(usize),
    qzeros_bytes: usize = zeroes(usize),
};
pub const awqm_repack_sizes = struct_awqm_repack_sizes;
pub const awqm_support = u32;
pub const struct_awqm_capability_info = extern struct {
    struct_size: usize = zeroes(usize),
    supported: i32 = zeroes(i32),
    multiprocessors: u32 = zeroes(u32),
    bandwidth_gbps: f64 = zeroes(f64),
    shared_bytes: u32 = zeroes(u32),
    architecture: [32]u8 = zeroes([32]u8),
    products: [64]u8 = zeroes([64]u8),
    typical: [36]u8 = zeroes([36]u8),
    tflops: f64 = zeroes(f64),
};
pub const awqm_capability_info = struct_awqm_capability_info;
pub const struct_awqm_cuda_plan_options = extern struct {
    struct_size: usize = zeroes(usize),
    capability: u32 = zeroes(u32),
    multiprocessors: u32 = zeroes(u32),
    bandwidth_gbps: f64 = zeroes(f64),
    k: i64 = zeroes(i64),
    n: i64 = zeroes(i64),
    m: i64 = zeroes(i64),
    bits: u32 = zeroes(u32),
    zero_point: i32 = zeroes(i32),
    group_size: i64 = zeroes(i64),
    scale_dtype: awqm_dtype = zeroes(awqm_dtype),
    dtype: awqm_dtype = zeroes(awqm_dtype),
    kernel: awqm_kernel = zeroes(awqm_kernel),
    flags: u32 = zeroes(u32),
    tuning: [*c]const u8 = zeroes([*c]const u8),
};
pub const awqm_cuda_plan_options = struct_awqm_cuda_plan_options;
pub const struct_awqm_cuda_plan_info = extern struct {
    struct_size: usize = zeroes(usize),
    kernel: awqm_kernel = zeroes(awqm_kernel),
    multiprocessors: u32 = zeroes(u32),
    bandwidth_gbps: f64 = zeroes(f64),
    tiles: u32 = zeroes(u32),
    splits: u32 = zeroes(u32),
    slice_tiles: u32 = zeroes(u32),
    block: u32 = zeroes(u32),
    grid_x: u32 = zeroes(u32),
    grid_y: u32 = zeroes(u32),
    grid_z: u32 = zeroes(u32),
    block_rows: u32 = zeroes(u32),
    workspace_bytes: usize = zeroes(usize),
    counter_bytes: usize = zeroes(usize),
    bytes_moved: u64 = zeroes(u64),
    operations: u64 = zeroes(u64),
    floor_us: f64 = zeroes(f64),
    products_floor_us: f64 = zeroes(f64),
    predicted_us: f64 = zeroes(f64),
    dense_predicted_us: f64 = zeroes(f64),
    prefers_dense: i32 = zeroes(i32),
    batch_invariant: i32 = zeroes(i32),
    shared_bytes: u32 = zeroes(u32),
    code: [52]u8 = zeroes([52]u8),
};
pub const awqm_cuda_plan_info = struct_awqm_cuda_plan_info;
pub const awqm_compute = u32;
pub const struct_awqm_linear_options = extern struct {
    struct_size: usize = zeroes(usize),
    compute: awqm_compute = zeroes(awqm_compute),
    flags: u32 = zeroes(u32),
};
pub const awqm_linear_options = struct_awqm_linear_options;
pub const struct_awqm_linear_info = extern struct {
    struct_size: usize = zeroes(usize),
    k: i64 = zeroes(i64),
    n: i64 = zeroes(i64),
    layout: awqm_layout = zeroes(awqm_layout),
    bits: u32 = zeroes(u32),
    group_size: i64 = zeroes(i64),
    has_bias: i32 = zeroes(i32),
    backend: awqm_backend = zeroes(awqm_backend),
    bytes: usize = zeroes(usize),
};
pub const awqm_linear_info = struct_awqm_linear_info;
pub const struct_awqm_run_args = extern struct {
    struct_size: usize = zeroes(usize),
    x: ?*const anyopaque = zeroes(?*const anyopaque),
    x_dtype: awqm_dtype = zeroes(awqm_dtype),
    y_dtype: awqm_dtype = zeroes(awqm_dtype),
    y: ?*anyopaque = zeroes(?*anyopaque),
    m: i64 = zeroes(i64),
    x_stride: i64 = zeroes(i64),
    y_stride: i64 = zeroes(i64),
};
pub const awqm_run_args = struct_awqm_run_args;
pub const struct_awqm_plan_options = extern struct {
    struct_size: usize = zeroes(usize),
    kernel: awqm_kernel = zeroes(awqm_kernel),
    dtype: awqm_dtype = zeroes(awqm_dtype),
    m: i64 = zeroes(i64),
    flags: u32 = zeroes(u32),
    reserved: u32 = zeroes(u32),
};
pub const awqm_plan_options = struct_awqm_plan_options;
pub const struct_awqm_plan_info = extern struct {
    struct_size: usize = zeroes(usize),
    kernel: awqm_kernel = zeroes(awqm_kernel),
    backend: awqm_backend = zeroes(awqm_backend),
    isa: awqm_isa = zeroes(awqm_isa),
    dtype: awqm_dtype = zeroes(awqm_dtype),
    m: i64 = zeroes(i64),
    n: i64 = zeroes(i64),
    k: i64 = zeroes(i64),
    group_size: i64 = zeroes(i64),
    block_rows: i64 = zeroes(i64),
    tasks: i64 = zeroes(i64),
    workspace_bytes: usize = zeroes(usize),
    bytes_moved: u64 = zeroes(u64),
    operations: u64 = zeroes(u64),
    tiles: u32 = zeroes(u32),
    splits: u32 = zeroes(u32),
    grid_x: u32 = zeroes(u32),
    grid_y: u32 = zeroes(u32),
    grid_z: u32 = zeroes(u32),
    block_threads: u32 = zeroes(u32),
    floor_us: f64 = zeroes(f64),
    products_floor_us: f64 = zeroes(f64),
    predicted_us: f64 = zeroes(f64),
    dense_predicted_us: f64 = zeroes(f64),
    prefers_dense: i32 = zeroes(i32),
    batch_invariant: i32 = zeroes(i32),
    shared_bytes: u32 = zeroes(u32),
    code: [52]u8 = zeroes([52]u8),
};
pub const awqm_plan_info = struct_awqm_plan_info;
pub const struct_awqm_cuda_info = extern struct {
    struct_size: usize = zeroes(usize),
    available: i32 = zeroes(i32),
    device_count: u32 = zeroes(u32),
    driver_version: i32 = zeroes(i32),
    needed_driver_version: i32 = zeroes(i32),
    images: [*c]const u8 = zeroes([*c]const u8),
};
pub const awqm_cuda_info = struct_awqm_cuda_info;
pub const struct_awqm_cuda_options = extern struct {
    struct_size: usize = zeroes(usize),
    ordinal: u32 = zeroes(u32),
    flags: u32 = zeroes(u32),
    context: ?*anyopaque = zeroes(?*anyopaque),
    tuning: [*c]const u8 = zeroes([*c]const u8),
};
pub const awqm_cuda_options = struct_awqm_cuda_options;
pub const struct_awqm_calibrator_options = extern struct {
    struct_size: usize = zeroes(usize),
    max_bytes: u64 = zeroes(u64),
    rows: u64 = zeroes(u64),
    skip_not_finite: i32 = zeroes(i32),
    reserved: u32 = zeroes(u32),
};
pub const awqm_calibrator_options = struct_awqm_calibrator_options;
pub const struct_awqm_calibrator_info = extern struct {
    struct_size: usize = zeroes(usize),
    layers: u64 = zeroes(u64),
    bytes: u64 = zeroes(u64),
    max_bytes: u64 = zeroes(u64),
    rows: u64 = zeroes(u64),
};
pub const awqm_calibrator_info = struct_awqm_calibrator_info;
pub const struct_awqm_calibrator_layer_info = extern struct {
    struct_size: usize = zeroes(usize),
    k: i64 = zeroes(i64),
    rows: u64 = zeroes(u64),
    rows_kept: u64 = zeroes(u64),
    not_finite: i32 = zeroes(i32),
    reserved: u32 = zeroes(u32),
    bad_row: u64 = zeroes(u64),
    bad_channel: i64 = zeroes(i64),
};
pub const awqm_calibrator_layer_info = struct_awqm_calibrator_layer_info;
pub const awqm_range_rule = u32;
pub const struct_awqm_progress = extern struct {
    struct_size: usize = zeroes(usize),
    stage: [*c]const u8 = zeroes([*c]const u8),
    layer: [*c]const u8 = zeroes([*c]const u8),
    index: u64 = zeroes(u64),
    count: u64 = zeroes(u64),
    bytes_done: u64 = zeroes(u64),
    bytes_total: u64 = zeroes(u64),
};
pub const awqm_progress = struct_awqm_progress;
pub const awqm_progress_fn = ?*const fn (?*anyopaque, [*c]const struct_awqm_progress) callconv(.c) i32;
pub const struct_awqm_quantize_options = extern struct {
    struct_size: usize = zeroes(usize),
    bits: u32 = zeroes(u32),
    symmetric: i32 = zeroes(i32),
    group_size: i64 = zeroes(i64),
    layout: awqm_layout = zeroes(awqm_layout),
    range_rule: awqm_range_rule = zeroes(awqm_range_rule),
    skip: [*c]const [*c]const u8 = zeroes([*c]const [*c]const u8),
    skip_count: usize = zeroes(usize),
    max_shard_bytes: u64 = zeroes(u64),
    device: ?*const struct_awqm_device = zeroes(?*const struct_awqm_device),
    progress: awqm_progress_fn = zeroes(awqm_progress_fn),
    user_data: ?*anyopaque = zeroes(?*anyopaque),
    overwrite: i32 = zeroes(i32),
    reserved: u32 = zeroes(u32),
};
pub const awqm_quantize_options = struct_awqm_quantize_options;
pub const struct_awqm_quantize_report = extern struct {
    struct_size: usize = zeroes(usize),
    layers_quantized: u64 = zeroes(u64),
    layers_kept: u64 = zeroes(u64),
    bytes_before: u64 = zeroes(u64),
    bytes_after: u64 = zeroes(u64),
};
pub const awqm_quantize_report = struct_awqm_quantize_report;
pub const awqm_awq_mode = u32;
pub const struct_awqm_quantizer_options = extern struct {
    struct_size: usize = zeroes(usize),
    mode: awqm_awq_mode = zeroes(awqm_awq_mode),
    bits: u32 = zeroes(u32),
    symmetric: i32 = zeroes(i32),
    layout: awqm_layout = zeroes(awqm_layout),
    group_size: i64 = zeroes(i64),
    range_rule: awqm_range_rule = zeroes(awqm_range_rule),
    overwrite: i32 = zeroes(i32),
    skip: [*c]const [*c]const u8 = zeroes([*c]const [*c]const u8),
    skip_count: usize = zeroes(usize),
    max_shard_bytes: u64 = zeroes(u64),
    @"resume": i32 = zeroes(i32),
    skip_not_finite: i32 = zeroes(i32),
    architecture: [*c]const u8 = zeroes([*c]const u8),
    device: ?*const struct_awqm_device = zeroes(?*const struct_awqm_device),
    progress: awqm_progress_fn = zeroes(awqm_progress_fn),
    user_data: ?*anyopaque = zeroes(?*anyopaque),
};
pub const awqm_quantizer_options = struct_awqm_quantizer_options;
pub const struct_awqm_quantizer_info = extern struct {
    struct_size: usize = zeroes(usize),
    groups: u64 = zeroes(u64),
    groups_done: u64 = zeroes(u64),
    layers: u64 = zeroes(u64),
    layers_kept: u64 = zeroes(u64),
    architecture: [64]u8 = zeroes([64]u8),
};
pub const awqm_quantizer_info = struct_awqm_quantizer_info;
pub const struct_awqm_group_info = extern struct {
    struct_size: usize = zeroes(usize),
    layers: u64 = zeroes(u64),
    k: i64 = zeroes(i64),
    n: i64 = zeroes(i64),
    scaled: i32 = zeroes(i32),
    done: i32 = zeroes(i32),
    name: [256]u8 = zeroes([256]u8),
    block: [256]u8 = zeroes([256]u8),
};
pub const awqm_group_info = struct_awqm_group_info;
pub extern fn awqm_status_name(status: i32) [*c]const u8;
pub extern fn awqm_last_error_message() [*c]const u8;
pub extern fn awqm_last_error_copy(buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_dtype_name(dtype: awqm_dtype) [*c]const u8;
pub extern fn awqm_dtype_bytes(dtype: awqm_dtype) usize;
pub extern fn awqm_layout_name(layout: awqm_layout) [*c]const u8;
pub extern fn awqm_kernel_name(kernel: awqm_kernel) [*c]const u8;
pub extern fn awqm_method_name(method: awqm_method) [*c]const u8;
pub extern fn awqm_isa_name(isa: awqm_isa) [*c]const u8;
pub extern fn awqm_version_number() u32;
pub extern fn awqm_version_string() [*c]const u8;
pub extern fn awqm_abi_version() u32;
pub extern fn awqm_build_info() [*c]const u8;
pub extern fn awqm_backend_available(backend: awqm_backend) i32;
pub extern fn awqm_set_log_callback(callback: awqm_log_fn, user_data: ?*anyopaque, level: awqm_log_level) awqm_status;
pub extern fn awqm_set_allocator(allocator: [*c]const struct_awqm_allocator) awqm_status;
pub extern fn awqm_device_create_cpu(options: [*c]const struct_awqm_cpu_options, out_device: [*c]?*struct_awqm_device) awqm_status;
pub extern fn awqm_device_get_info(device: ?*const struct_awqm_device, out_info: [*c]struct_awqm_device_info) awqm_status;
pub extern fn awqm_device_free(device: ?*struct_awqm_device) void;
pub extern fn awqm_config_load_directory(path: [*c]const u8, out_config: [*c]?*struct_awqm_config) awqm_status;
pub extern fn awqm_config_load_file(path: [*c]const u8, out_config: [*c]?*struct_awqm_config) awqm_status;
pub extern fn awqm_config_parse(json: [*c]const u8, json_bytes: usize, origin: [*c]const u8, out_config: [*c]?*struct_awqm_config) awqm_status;
pub extern fn awqm_config_get_info(config: ?*const struct_awqm_config, out_info: [*c]struct_awqm_config_info) awqm_status;
pub extern fn awqm_config_get_source(config: ?*const struct_awqm_config, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_config_warning_count(config: ?*const struct_awqm_config) usize;
pub extern fn awqm_config_get_warning(config: ?*const struct_awqm_config, index: usize, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_config_skip_count(config: ?*const struct_awqm_config) usize;
pub extern fn awqm_config_get_skip(config: ?*const struct_awqm_config, index: usize, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_config_query_module(config: ?*const struct_awqm_config, name: [*c]const u8, out_info: [*c]struct_awqm_module_info, reason: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_config_to_json(config: ?*const struct_awqm_config, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_config_file_name(index: usize) [*c]const u8;
pub extern fn awqm_config_free(config: ?*struct_awqm_config) void;
pub extern fn awqm_checkpoint_open(path: [*c]const u8, out_checkpoint: [*c]?*struct_awqm_checkpoint) awqm_status;
pub extern fn awqm_checkpoint_open_files(paths: [*c]const [*c]const u8, count: usize, config: ?*const struct_awqm_config, out_checkpoint: [*c]?*struct_awqm_checkpoint) awqm_status;
pub extern fn awqm_checkpoint_get_config(checkpoint: ?*const struct_awqm_checkpoint, out_config: [*c]?*const struct_awqm_config) awqm_status;
pub extern fn awqm_checkpoint_warning_count(checkpoint: ?*const struct_awqm_checkpoint) usize;
pub extern fn awqm_checkpoint_get_warning(checkpoint: ?*const struct_awqm_checkpoint, index: usize, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_checkpoint_layer_count(checkpoint: ?*const struct_awqm_checkpoint) usize;
pub extern fn awqm_checkpoint_get_layer_name(checkpoint: ?*const struct_awqm_checkpoint, index: usize, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_checkpoint_query_layer(checkpoint: ?*const struct_awqm_checkpoint, name: [*c]const u8, out_info: [*c]struct_awqm_layer_info, reason: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_checkpoint_tensor_count(checkpoint: ?*const struct_awqm_checkpoint) usize;
pub extern fn awqm_checkpoint_get_tensor_name(checkpoint: ?*const struct_awqm_checkpoint, index: usize, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_checkpoint_get_tensor(checkpoint: ?*const struct_awqm_checkpoint, name: [*c]const u8, out_view: [*c]struct_awqm_tensor_view) awqm_status;
pub extern fn awqm_checkpoint_load(checkpoint: ?*const struct_awqm_checkpoint, names: [*c]const [*c]const u8, count: usize, options: [*c]const struct_awqm_load_options, out_packed: [*c]?*struct_awqm_packed) awqm_status;
pub extern fn awqm_checkpoint_free(checkpoint: ?*struct_awqm_checkpoint) void;
pub extern fn awqm_packed_create(desc: [*c]const struct_awqm_layer_desc, tensors: [*c]const struct_awqm_layer_tensors, out_packed: [*c]?*struct_awqm_packed) awqm_status;
pub extern fn awqm_packed_create_borrowed(desc: [*c]const struct_awqm_layer_desc, tensors: [*c]const struct_awqm_layer_tensors, out_packed: [*c]?*struct_awqm_packed) awqm_status;
pub extern fn awqm_packed_convert(@"packed": ?*const struct_awqm_packed, to: awqm_layout, device: ?*const struct_awqm_device, out_packed: [*c]?*struct_awqm_packed) awqm_status;
pub extern fn awqm_packed_get_info(@"packed": ?*const struct_awqm_packed, out_info: [*c]struct_awqm_packed_info) awqm_status;
pub extern fn awqm_packed_get_tensor(@"packed": ?*const struct_awqm_packed, role: awqm_role, out_view: [*c]struct_awqm_tensor_view) awqm_status;
pub extern fn awqm_packed_dequantize(@"packed": ?*const struct_awqm_packed, dtype: awqm_dtype, out: ?*anyopaque, out_bytes: usize, device: ?*const struct_awqm_device) awqm_status;
pub extern fn awqm_packed_save(@"packed": ?*const struct_awqm_packed, path: [*c]const u8, prefix: [*c]const u8) awqm_status;
pub extern fn awqm_packed_load(path: [*c]const u8, prefix: [*c]const u8, out_packed: [*c]?*struct_awqm_packed) awqm_status;
pub extern fn awqm_packed_free(@"packed": ?*struct_awqm_packed) void;
pub extern fn awqm_repack_query(from: [*c]const struct_awqm_layer_desc, to: awqm_layout, out_sizes: [*c]struct_awqm_repack_sizes) awqm_status;
pub extern fn awqm_repack(from: [*c]const struct_awqm_layer_desc, tensors: [*c]const struct_awqm_layer_tensors, to: awqm_layout, qweight: ?*anyopaque, qweight_bytes: usize, scales: ?*anyopaque, scales_bytes: usize, qzeros: ?*anyopaque, qzeros_bytes: usize, device: ?*const struct_awqm_device) awqm_status;
pub extern fn awqm_query_quantization_support(bits: u32, group_size: i64, zero_point: i32, layout: awqm_layout, out_support: [*c]awqm_support, reason: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_query_shape_support(k: i64, n: i64, bits: u32, group_size: i64, zero_point: i32, layout: awqm_layout, out_support: [*c]awqm_support, reason: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_kernel_min_capability(kernel: awqm_kernel, out_capability: [*c]u32) awqm_status;
pub extern fn awqm_kernel_supports_dtype(kernel: awqm_kernel, capability: u32, dtype: awqm_dtype) i32;
pub extern fn awqm_marlin_group_sizes(out_sizes: [*c]i64, cap: usize, out_count: [*c]usize) awqm_status;
pub extern fn awqm_query_capability(capability: u32, out_info: [*c]struct_awqm_capability_info) awqm_status;
pub extern fn awqm_query_cuda_plan(options: [*c]const struct_awqm_cuda_plan_options, out_info: [*c]struct_awqm_cuda_plan_info, reason: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_marlin_workspace_bytes(n: i64, multiprocessors: u32, out_bytes: [*c]usize) awqm_status;
pub extern fn awqm_marlin_scale_permutation(grouped: i32, out_table: [*c]u32, cap: usize, out_count: [*c]usize) awqm_status;
pub extern fn awqm_marlin_permute_scales(scales: ?*const anyopaque, out: ?*anyopaque, bytes: usize, dtype: awqm_dtype, size_k: i64, size_n: i64, group_size: i64) awqm_status;
pub extern fn awqm_marlin_permute_bias(bias: ?*const anyopaque, out: ?*anyopaque, bytes: usize, dtype: awqm_dtype, size_n: i64) awqm_status;
pub extern fn awqm_pack_columns(codes: [*c]const u8, codes_bytes: usize, rows: i64, columns: i64, bits: u32, out: ?*anyopaque, out_bytes: usize) awqm_status;
pub extern fn awqm_unpack_columns(words: ?*const anyopaque, words_bytes: usize, rows: i64, columns: i64, bits: u32, out: [*c]u8, out_bytes: usize) awqm_status;
pub extern fn awqm_marlin_zero_points(zeros: [*c]const u8, zeros_bytes: usize, groups: i64, size_n: i64, bits: u32, out: ?*anyopaque, out_bytes: usize) awqm_status;
pub extern fn awqm_awq_to_marlin_zero_points(qzeros: ?*const anyopaque, out: ?*anyopaque, bytes: usize, groups: i64, size_n: i64, bits: u32) awqm_status;
pub extern fn awqm_awq_marlin_repack(qweight: ?*const anyopaque, out: ?*anyopaque, bytes: usize, size_k: i64, size_n: i64, bits: u32, device: ?*const struct_awqm_device) awqm_status;
pub extern fn awqm_gptq_marlin_repack(qweight: ?*const anyopaque, out: ?*anyopaque, bytes: usize, size_k: i64, size_n: i64, bits: u32, device: ?*const struct_awqm_device) awqm_status;
pub extern fn awqm_linear_create(device: ?*const struct_awqm_device, @"packed": ?*const struct_awqm_packed, options: [*c]const struct_awqm_linear_options, out_linear: [*c]?*struct_awqm_linear) awqm_status;
pub extern fn awqm_linear_get_info(linear: ?*const struct_awqm_linear, out_info: [*c]struct_awqm_linear_info) awqm_status;
pub extern fn awqm_linear_workspace_bytes(linear: ?*const struct_awqm_linear, max_m: i64, x_dtype: awqm_dtype, out_bytes: [*c]usize) awqm_status;
pub extern fn awqm_linear_run(linear: ?*const struct_awqm_linear, args: [*c]const struct_awqm_run_args, workspace: ?*anyopaque, workspace_bytes: usize, stream: ?*anyopaque) awqm_status;
pub extern fn awqm_linear_free(linear: ?*struct_awqm_linear) void;
pub extern fn awqm_plan_create(linear: ?*const struct_awqm_linear, options: [*c]const struct_awqm_plan_options, out_plan: [*c]?*struct_awqm_plan) awqm_status;
pub extern fn awqm_plan_get_info(plan: ?*const struct_awqm_plan, out_info: [*c]struct_awqm_plan_info) awqm_status;
pub extern fn awqm_plan_get_reason(plan: ?*const struct_awqm_plan, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_plan_run(plan: ?*const struct_awqm_plan, args: [*c]const struct_awqm_run_args, workspace: ?*anyopaque, workspace_bytes: usize, stream: ?*anyopaque) awqm_status;
pub extern fn awqm_plan_free(plan: ?*struct_awqm_plan) void;
pub extern fn awqm_plan_export(plan: ?*const struct_awqm_plan, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_plan_import(linear: ?*const struct_awqm_linear, text: [*c]const u8, out_plan: [*c]?*struct_awqm_plan) awqm_status;
pub extern fn awqm_cuda_get_info(out_info: [*c]struct_awqm_cuda_info, reason: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_device_create_cuda(options: [*c]const struct_awqm_cuda_options, out_device: [*c]?*struct_awqm_device) awqm_status;
pub extern fn awqm_device_export_tuning(device: ?*const struct_awqm_device, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_linear_create_from_device(device: ?*const struct_awqm_device, desc: [*c]const struct_awqm_layer_desc, tensors: [*c]const struct_awqm_layer_tensors, out_linear: [*c]?*struct_awqm_linear) awqm_status;
pub extern fn awqm_linear_dequantize(linear: ?*const struct_awqm_linear, dtype: awqm_dtype, transposed: i32, out: ?*anyopaque, out_bytes: usize, stream: ?*anyopaque) awqm_status;
pub extern fn awqm_cuda_repack(device: ?*const struct_awqm_device, from: [*c]const struct_awqm_layer_desc, tensors: [*c]const struct_awqm_layer_tensors, to: awqm_layout, qweight: ?*anyopaque, qweight_bytes: usize, scales: ?*anyopaque, scales_bytes: usize, qzeros: ?*anyopaque, qzeros_bytes: usize, stream: ?*anyopaque) awqm_status;
pub extern fn awqm_calibrator_layer_bytes(options: [*c]const struct_awqm_calibrator_options, k: i64, out_bytes: [*c]u64) awqm_status;
pub extern fn awqm_calibrator_create(options: [*c]const struct_awqm_calibrator_options, out_calibrator: [*c]?*struct_awqm_calibrator) awqm_status;
pub extern fn awqm_calibrator_observe(calibrator: ?*struct_awqm_calibrator, layer: [*c]const u8, x: ?*const anyopaque, x_dtype: awqm_dtype, m: i64, k: i64, x_row_stride: i64, device: ?*const struct_awqm_device) awqm_status;
pub extern fn awqm_calibrator_merge(into: ?*struct_awqm_calibrator, from: ?*const struct_awqm_calibrator, device: ?*const struct_awqm_device) awqm_status;
pub extern fn awqm_calibrator_clear(calibrator: ?*struct_awqm_calibrator) awqm_status;
pub extern fn awqm_calibrator_save(calibrator: ?*const struct_awqm_calibrator, path: [*c]const u8) awqm_status;
pub extern fn awqm_calibrator_load(path: [*c]const u8, options: [*c]const struct_awqm_calibrator_options, out_calibrator: [*c]?*struct_awqm_calibrator) awqm_status;
pub extern fn awqm_calibrator_get_info(calibrator: ?*const struct_awqm_calibrator, out_info: [*c]struct_awqm_calibrator_info) awqm_status;
pub extern fn awqm_calibrator_get_layer(calibrator: ?*const struct_awqm_calibrator, index: usize, out_info: [*c]struct_awqm_calibrator_layer_info, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_calibrator_free(calibrator: ?*struct_awqm_calibrator) void;
pub extern fn awqm_quantize_tensor(weight: ?*const anyopaque, weight_bytes: usize, dtype: awqm_dtype, n: i64, k: i64, options: [*c]const struct_awqm_quantize_options, out_packed: [*c]?*struct_awqm_packed) awqm_status;
pub extern fn awqm_quantize_checkpoint(src: [*c]const u8, dst: [*c]const u8, options: [*c]const struct_awqm_quantize_options, out_report: [*c]struct_awqm_quantize_report) awqm_status;
pub extern fn awqm_convert_checkpoint(src: [*c]const u8, dst: [*c]const u8, options: [*c]const struct_awqm_quantize_options, out_report: [*c]struct_awqm_quantize_report) awqm_status;
pub extern fn awqm_quantizer_create(src: [*c]const u8, dst: [*c]const u8, options: [*c]const struct_awqm_quantizer_options, out_quantizer: [*c]?*struct_awqm_quantizer) awqm_status;
pub extern fn awqm_quantizer_get_info(quantizer: ?*const struct_awqm_quantizer, out_info: [*c]struct_awqm_quantizer_info) awqm_status;
pub extern fn awqm_quantizer_get_group(quantizer: ?*const struct_awqm_quantizer, index: usize, out_info: [*c]struct_awqm_group_info) awqm_status;
pub extern fn awqm_quantizer_get_group_layer(quantizer: ?*const struct_awqm_quantizer, index: usize, layer: usize, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_quantizer_run(quantizer: ?*struct_awqm_quantizer, calibrator: ?*const struct_awqm_calibrator, block: [*c]const u8) awqm_status;
pub extern fn awqm_quantizer_finish(quantizer: ?*struct_awqm_quantizer, out_report: [*c]struct_awqm_quantize_report) awqm_status;
pub extern fn awqm_quantizer_report_json(quantizer: ?*const struct_awqm_quantizer, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_quantizer_report_text(quantizer: ?*const struct_awqm_quantizer, buf: [*c]u8, cap: usize, out_len: [*c]usize) awqm_status;
pub extern fn awqm_quantizer_free(quantizer: ?*struct_awqm_quantizer) void;
pub extern fn awqm_tensors_save(path: [*c]const u8, names: [*c]const [*c]const u8, views: [*c]const struct_awqm_tensor_view, count: usize) awqm_status;
pub const AWQM_VERSION_MAJOR = @as(c_int, 0);
pub const AWQM_VERSION_MINOR = @as(c_int, 1);
pub const AWQM_VERSION_PATCH = @as(c_int, 0);
pub const AWQM_VERSION_NUMBER = ((AWQM_VERSION_MAJOR * @import("std").zig.c_translation.promoteIntLiteral(c_int, 1000000, .decimal)) + (AWQM_VERSION_MINOR * @as(c_int, 1000))) + AWQM_VERSION_PATCH;
pub const AWQM_ABI_VERSION = @as(c_int, 1);
pub const AWQM_BATCH_INVARIANT = @as(c_int, 1);
pub const AWQM_CUDA_CHECK_POINTERS = @as(c_int, 1);
pub const AWQM_CUDA_CHECK_WORKSPACE = @as(c_int, 2);
pub const AWQM_CUDA_COUNTER_BYTES = @import("std").zig.c_translation.promoteIntLiteral(c_int, 32768, .decimal);
pub const AWQM_DTYPE_F16 = @as(c_int, 1);
pub const AWQM_DTYPE_BF16 = @as(c_int, 2);
pub const AWQM_DTYPE_F32 = @as(c_int, 3);
pub const AWQM_DTYPE_F64 = @as(c_int, 4);
pub const AWQM_DTYPE_I8 = @as(c_int, 5);
pub const AWQM_DTYPE_U8 = @as(c_int, 6);
pub const AWQM_DTYPE_I16 = @as(c_int, 7);
pub const AWQM_DTYPE_U16 = @as(c_int, 8);
pub const AWQM_DTYPE_I32 = @as(c_int, 9);
pub const AWQM_DTYPE_U32 = @as(c_int, 10);
pub const AWQM_DTYPE_I64 = @as(c_int, 11);
pub const AWQM_DTYPE_U64 = @as(c_int, 12);
pub const AWQM_DTYPE_BOOL = @as(c_int, 13);
pub const AWQM_LAYOUT_DENSE = @as(c_int, 1);
pub const AWQM_LAYOUT_AWQ_GEMM = @as(c_int, 2);
pub const AWQM_LAYOUT_AWQ_GEMV = @as(c_int, 3);
pub const AWQM_LAYOUT_AWQ_GEMV_FAST = @as(c_int, 4);
pub const AWQM_LAYOUT_AWQ_MARLIN = @as(c_int, 5);
pub const AWQM_LAYOUT_COMPRESSED_TENSORS = @as(c_int, 6);
pub const AWQM_LAYOUT_GPTQ = @as(c_int, 7);
pub const AWQM_LAYOUT_GPTQ_V2 = @as(c_int, 8);
pub const AWQM_LAYOUT_MARLIN = @as(c_int, 9);
pub const AWQM_LAYOUT_CPU = @as(c_int, 10);
pub const AWQM_KERNEL_AUTO = @as(c_int, 0);
pub const AWQM_KERNEL_GEMV = @as(c_int, 1);
pub const AWQM_KERNEL_GEMM = @as(c_int, 2);
pub const AWQM_KERNEL_MARLIN = @as(c_int, 3);
pub const AWQM_METHOD_NONE = @as(c_int, 0);
pub const AWQM_METHOD_AWQ = @as(c_int, 1);
pub const AWQM_METHOD_COMPRESSED_TENSORS = @as(c_int, 2);
pub const AWQM_METHOD_GPTQ = @as(c_int, 3);
pub const AWQM_ISA_AUTO = @as(c_int, 0);
pub const AWQM_ISA_PORTABLE = @as(c_int, 1);
pub const AWQM_ISA_AVX2 = @as(c_int, 2);
pub const AWQM_ISA_AVX512 = @as(c_int, 3);
pub const AWQM_ISA_NEON = @as(c_int, 4);
pub const AWQM_BACKEND_CPU = @as(c_int, 1);
pub const AWQM_BACKEND_CUDA = @as(c_int, 2);
pub const AWQM_LOG_LEVEL_OFF = @as(c_int, 0);
pub const AWQM_LOG_LEVEL_ERROR = @as(c_int, 1);
pub const AWQM_LOG_LEVEL_WARN = @as(c_int, 2);
pub const AWQM_LOG_LEVEL_INFO = @as(c_int, 3);
pub const AWQM_LOG_LEVEL_DEBUG = @as(c_int, 4);
pub const AWQM_TP_DIM_NONE = @as(c_int, 0);
pub const AWQM_TP_DIM_COLUMN = @as(c_int, 1);
pub const AWQM_TP_DIM_ROW = @as(c_int, 2);
pub const AWQM_ROLE_QWEIGHT = @as(c_int, 1);
pub const AWQM_ROLE_SCALES = @as(c_int, 2);
pub const AWQM_ROLE_QZEROS = @as(c_int, 3);
pub const AWQM_ROLE_BIAS = @as(c_int, 4);
pub const AWQM_SUPPORT_NO = @as(c_int, 0);
pub const AWQM_SUPPORT_YES = @as(c_int, 1);
pub const AWQM_SUPPORT_PADDED = @as(c_int, 2);
pub const AWQM_COMPUTE_EXACT = @as(c_int, 0);
pub const AWQM_COMPUTE_INT8 = @as(c_int, 1);
pub const AWQM_RANGE_RULE_DEFAULT = @as(c_int, 0);
pub const AWQM_RANGE_RULE_AUTOAWQ = @as(c_int, 1);
pub const AWQM_RANGE_RULE_COMPRESSED_TENSORS = @as(c_int, 2);
pub const AWQM_AWQ_MODE_BETTER = @as(c_int, 0);
pub const AWQM_AWQ_MODE_FAITHFUL = @as(c_int, 1);

const zeroes = @import("std").mem.zeroes;

//! The structs of the C header with their enumerations typed; fields are documented there. Each lies in memory as its
//! namesake, which is checked when this is compiled.

const c = @import("c.zig");
const enums = @import("enums.zig");

/// An allocator of the host's; setAllocator makes one of a std.mem.Allocator.
pub const Allocator = extern struct {
    struct_size: usize = @sizeOf(@This()),
    alloc: c.awqm_alloc_fn = null,
    release: c.awqm_release_fn = null,
    user_data: ?*anyopaque = null,
};

/// Options of Device.cpu.
pub const CpuOptions = extern struct {
    struct_size: usize = @sizeOf(@This()),
    threads: u32 = 0,
    isa: enums.Isa = @enumFromInt(0),
    parallel: c.awqm_parallel_fn = null,
    user_data: ?*anyopaque = null,
};

/// What a device is.
pub const DeviceInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    backend: enums.Backend = @enumFromInt(0),
    ordinal: i32 = 0,
    threads: u32 = 0,
    isa: enums.Isa = @enumFromInt(0),
    capability: u32 = 0,
    multiprocessors: u32 = 0,
    memory_bytes: u64 = 0,
    name: [128]u8 = @splat(0),
    bandwidth_gbps: f64 = 0,
};

/// A normalized config.
pub const ConfigInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    method: enums.Method = @enumFromInt(0),
    bits: u32 = 0,
    group_size: i64 = 0,
    zero_point: i32 = 0,
    act_order: i32 = 0,
    layout: enums.Layout = @enumFromInt(0),
    lm_head: i32 = 0,
};

/// What a config says of one module.
pub const ModuleInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    quantized: i32 = 0,
    bits: u32 = 0,
    group_size: i64 = 0,
    zero_point: i32 = 0,
    layout: enums.Layout = @enumFromInt(0),
};

/// One linear layer of a checkpoint.
pub const LayerInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    quantized: i32 = 0,
    bits: u32 = 0,
    k: i64 = 0,
    n: i64 = 0,
    group_size: i64 = 0,
    zero_point: i32 = 0,
    layout: enums.Layout = @enumFromInt(0),
    scale_dtype: enums.DType = @enumFromInt(0),
    has_bias: i32 = 0,
};

/// Bytes with a type and a shape.
pub const TensorView = extern struct {
    struct_size: usize = @sizeOf(@This()),
    data: ?*const anyopaque = null,
    bytes: usize = 0,
    dtype: enums.DType = @enumFromInt(0),
    rank: u32 = 0,
    shape: [8]i64 = @splat(0),
};

/// Options of Checkpoint.load.
pub const LoadOptions = extern struct {
    struct_size: usize = @sizeOf(@This()),
    layout: enums.Layout = @enumFromInt(0),
    tp_dim: enums.TpDim = @enumFromInt(0),
    tp_rank: u32 = 0,
    tp_world: u32 = 0,
    device: ?*const c.awqm_device = null,
};

/// A layer in the caller's words.
pub const LayerDesc = extern struct {
    struct_size: usize = @sizeOf(@This()),
    k: i64 = 0,
    n: i64 = 0,
    bits: u32 = 0,
    zero_point: i32 = 0,
    group_size: i64 = 0,
    layout: enums.Layout = @enumFromInt(0),
    scale_dtype: enums.DType = @enumFromInt(0),
    bias_dtype: enums.DType = @enumFromInt(0),
    reserved: u32 = 0,
};

/// The tensors of a layer in the caller's memory.
pub const LayerTensors = extern struct {
    struct_size: usize = @sizeOf(@This()),
    qweight: ?*const anyopaque = null,
    qweight_bytes: usize = 0,
    scales: ?*const anyopaque = null,
    scales_bytes: usize = 0,
    qzeros: ?*const anyopaque = null,
    qzeros_bytes: usize = 0,
    bias: ?*const anyopaque = null,
    bias_bytes: usize = 0,
};

/// What a packed layer is.
pub const PackedInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    k: i64 = 0,
    n: i64 = 0,
    padded_k: i64 = 0,
    padded_n: i64 = 0,
    bits: u32 = 0,
    zero_point: i32 = 0,
    group_size: i64 = 0,
    padded_group: i64 = 0,
    groups: i64 = 0,
    layout: enums.Layout = @enumFromInt(0),
    scale_dtype: enums.DType = @enumFromInt(0),
    bias_dtype: enums.DType = @enumFromInt(0),
    has_bias: i32 = 0,
    bytes: usize = 0,
};

/// Sizes of a layer in a layout.
pub const RepackSizes = extern struct {
    struct_size: usize = @sizeOf(@This()),
    padded_k: i64 = 0,
    padded_n: i64 = 0,
    padded_group: i64 = 0,
    groups: i64 = 0,
    qweight_bytes: usize = 0,
    scales_bytes: usize = 0,
    qzeros_bytes: usize = 0,
};

/// A compute capability in words and in the numbers of a typical product.
pub const CapabilityInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    supported: i32 = 0,
    multiprocessors: u32 = 0,
    bandwidth_gbps: f64 = 0,
    shared_bytes: u32 = 0,
    architecture: [32]u8 = @splat(0),
    products: [64]u8 = @splat(0),
    typical: [36]u8 = @splat(0),
    tflops: f64 = 0,
};

/// Options of queryCudaPlan.
pub const CudaPlanOptions = extern struct {
    struct_size: usize = @sizeOf(@This()),
    capability: u32 = 0,
    multiprocessors: u32 = 0,
    bandwidth_gbps: f64 = 0,
    k: i64 = 0,
    n: i64 = 0,
    m: i64 = 0,
    bits: u32 = 0,
    zero_point: i32 = 0,
    group_size: i64 = 0,
    scale_dtype: enums.DType = @enumFromInt(0),
    dtype: enums.DType = @enumFromInt(0),
    kernel: enums.Kernel = @enumFromInt(0),
    flags: u32 = 0,
    tuning: [*c]const u8 = null,
};

/// A plan for a GPU in numbers.
pub const CudaPlanInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    kernel: enums.Kernel = @enumFromInt(0),
    multiprocessors: u32 = 0,
    bandwidth_gbps: f64 = 0,
    tiles: u32 = 0,
    splits: u32 = 0,
    slice_tiles: u32 = 0,
    block: u32 = 0,
    grid_x: u32 = 0,
    grid_y: u32 = 0,
    grid_z: u32 = 0,
    block_rows: u32 = 0,
    workspace_bytes: usize = 0,
    counter_bytes: usize = 0,
    bytes_moved: u64 = 0,
    operations: u64 = 0,
    floor_us: f64 = 0,
    products_floor_us: f64 = 0,
    predicted_us: f64 = 0,
    dense_predicted_us: f64 = 0,
    prefers_dense: i32 = 0,
    batch_invariant: i32 = 0,
    shared_bytes: u32 = 0,
    code: [52]u8 = @splat(0),
};

/// Options of Linear.init.
pub const LinearOptions = extern struct {
    struct_size: usize = @sizeOf(@This()),
    compute: enums.Compute = @enumFromInt(0),
    flags: u32 = 0,
};

/// What a layer is.
pub const LinearInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    k: i64 = 0,
    n: i64 = 0,
    layout: enums.Layout = @enumFromInt(0),
    bits: u32 = 0,
    group_size: i64 = 0,
    has_bias: i32 = 0,
    backend: enums.Backend = @enumFromInt(0),
    bytes: usize = 0,
};

/// Arguments of runArgs, for layers on a GPU.
pub const RunArgs = extern struct {
    struct_size: usize = @sizeOf(@This()),
    x: ?*const anyopaque = null,
    x_dtype: enums.DType = @enumFromInt(0),
    y_dtype: enums.DType = @enumFromInt(0),
    y: ?*anyopaque = null,
    m: i64 = 0,
    x_stride: i64 = 0,
    y_stride: i64 = 0,
};

/// Options of Linear.plan.
pub const PlanOptions = extern struct {
    struct_size: usize = @sizeOf(@This()),
    kernel: enums.Kernel = @enumFromInt(0),
    dtype: enums.DType = @enumFromInt(0),
    m: i64 = 0,
    flags: u32 = 0,
    reserved: u32 = 0,
};

/// A plan in numbers.
pub const PlanInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    kernel: enums.Kernel = @enumFromInt(0),
    backend: enums.Backend = @enumFromInt(0),
    isa: enums.Isa = @enumFromInt(0),
    dtype: enums.DType = @enumFromInt(0),
    m: i64 = 0,
    n: i64 = 0,
    k: i64 = 0,
    group_size: i64 = 0,
    block_rows: i64 = 0,
    tasks: i64 = 0,
    workspace_bytes: usize = 0,
    bytes_moved: u64 = 0,
    operations: u64 = 0,
    tiles: u32 = 0,
    splits: u32 = 0,
    grid_x: u32 = 0,
    grid_y: u32 = 0,
    grid_z: u32 = 0,
    block_threads: u32 = 0,
    floor_us: f64 = 0,
    products_floor_us: f64 = 0,
    predicted_us: f64 = 0,
    dense_predicted_us: f64 = 0,
    prefers_dense: i32 = 0,
    batch_invariant: i32 = 0,
    shared_bytes: u32 = 0,
    code: [52]u8 = @splat(0),
};

/// What there is of CUDA.
pub const CudaInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    available: i32 = 0,
    device_count: u32 = 0,
    driver_version: i32 = 0,
    needed_driver_version: i32 = 0,
    images: [*c]const u8 = null,
};

/// Options of Device.cuda.
pub const CudaOptions = extern struct {
    struct_size: usize = @sizeOf(@This()),
    ordinal: u32 = 0,
    flags: u32 = 0,
    context: ?*anyopaque = null,
    tuning: [*c]const u8 = null,
};

/// How far a long job is.
pub const Progress = extern struct {
    struct_size: usize = @sizeOf(@This()),
    stage: [*c]const u8 = null,
    layer: [*c]const u8 = null,
    index: u64 = 0,
    count: u64 = 0,
    bytes_done: u64 = 0,
    bytes_total: u64 = 0,
};

/// Options of quantizing and converting.
pub const QuantizeOptions = extern struct {
    struct_size: usize = @sizeOf(@This()),
    bits: u32 = 0,
    symmetric: i32 = 0,
    group_size: i64 = 0,
    layout: enums.Layout = @enumFromInt(0),
    range_rule: enums.RangeRule = @enumFromInt(0),
    skip: [*c]const [*c]const u8 = null,
    skip_count: usize = 0,
    max_shard_bytes: u64 = 0,
    device: ?*const c.awqm_device = null,
    progress: c.awqm_progress_fn = null,
    user_data: ?*anyopaque = null,
    overwrite: i32 = 0,
    reserved: u32 = 0,
};

/// What was written.
pub const QuantizeReport = extern struct {
    struct_size: usize = @sizeOf(@This()),
    layers_quantized: u64 = 0,
    layers_kept: u64 = 0,
    bytes_before: u64 = 0,
    bytes_after: u64 = 0,
};

/// Options of calibrators.
pub const CalibratorOptions = extern struct {
    struct_size: usize = @sizeOf(@This()),
    max_bytes: u64 = 0,
    rows: u64 = 0,
    skip_not_finite: i32 = 0,
    reserved: u32 = 0,
};

/// What a calibrator holds.
pub const CalibratorInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    layers: u64 = 0,
    bytes: u64 = 0,
    max_bytes: u64 = 0,
    rows: u64 = 0,
};

/// What a calibrator knows about a layer.
pub const CalibratorLayerInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    k: i64 = 0,
    rows: u64 = 0,
    rows_kept: u64 = 0,
    not_finite: i32 = 0,
    reserved: u32 = 0,
    bad_row: u64 = 0,
    bad_channel: i64 = 0,
};

/// Options of Quantizer.init.
pub const QuantizerOptions = extern struct {
    struct_size: usize = @sizeOf(@This()),
    mode: enums.AwqMode = @enumFromInt(0),
    bits: u32 = 0,
    symmetric: i32 = 0,
    layout: enums.Layout = @enumFromInt(0),
    group_size: i64 = 0,
    range_rule: enums.RangeRule = @enumFromInt(0),
    overwrite: i32 = 0,
    skip: [*c]const [*c]const u8 = null,
    skip_count: usize = 0,
    max_shard_bytes: u64 = 0,
    @"resume": i32 = 0,
    skip_not_finite: i32 = 0,
    architecture: [*c]const u8 = null,
    device: ?*const c.awqm_device = null,
    progress: c.awqm_progress_fn = null,
    user_data: ?*anyopaque = null,
};

/// What there is to do and what is done.
pub const QuantizerInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    groups: u64 = 0,
    groups_done: u64 = 0,
    layers: u64 = 0,
    layers_kept: u64 = 0,
    architecture: [64]u8 = @splat(0),
};

/// Layers that share an input.
pub const GroupInfo = extern struct {
    struct_size: usize = @sizeOf(@This()),
    layers: u64 = 0,
    k: i64 = 0,
    n: i64 = 0,
    scaled: i32 = 0,
    done: i32 = 0,
    name: [256]u8 = @splat(0),
    block: [256]u8 = @splat(0),
};

comptime {
    @setEvalBranchQuota(100_000);
    const std = @import("std");
    for (@typeInfo(@This()).@"struct".decls) |decl| {
        if (@TypeOf(@field(@This(), decl.name)) != type) continue;
        const Mine = @field(@This(), decl.name);
        const Header = @field(c, cName(decl.name));
        const mine = @typeInfo(Mine).@"struct".fields;
        const header = @typeInfo(Header).@"struct".fields;
        // A struct here may lack the header's last fields, which the library takes.
        std.debug.assert(mine.len <= header.len);
        std.debug.assert(mine.len < header.len or @sizeOf(Mine) == @sizeOf(Header));
        for (mine, header[0..mine.len]) |field, same| {
            std.debug.assert(std.mem.eql(u8, field.name, same.name));
            std.debug.assert(@offsetOf(Mine, field.name) == @offsetOf(Header, field.name));
            std.debug.assert(@sizeOf(field.type) == @sizeOf(same.type));
        }
    }
}

/// The C name of a struct of this file: LayerInfo to awqm_layer_info.
pub fn cName(comptime name: []const u8) []const u8 {
    comptime var out: []const u8 = "awqm";
    inline for (name) |letter| {
        out = out ++ (if (letter >= 'A' and letter <= 'Z') &[_]u8{ '_', letter + 32 } else &[_]u8{letter});
    }
    return out;
}

//! AWQ-quantized linear layers through the awq-marlin library.
//!
//! K input features, N output features, M rows of activations, g the group size along K;
//! w[k][n] = (q[k][n] - z[k/g][n]) * s[k/g][n] and y = x * w + bias, with x [M, K] and y [M, N] row-major.
//!
//! Handles are freed by deinit, in any order and on any thread; everything else may be called from several threads at once.
//! A failure is an error of the set Error; lastMessage() tells the calling thread place, value found and value needed.
//! Nothing here allocates but functions that take an allocator. Documentation of fields is in the C header.

const enums = @import("enums.zig");
pub const structs = @import("structs.zig");

/// The C interface itself.
pub const c = @import("c.zig");

pub const Error = @import("errors.zig").Error;
pub const check = @import("errors.zig").check;
pub const lastMessage = @import("errors.zig").lastMessage;

pub const BFloat16 = enums.BFloat16;
pub const AwqMode = enums.AwqMode;
pub const Backend = enums.Backend;
pub const Compute = enums.Compute;
pub const DType = enums.DType;
pub const Isa = enums.Isa;
pub const Kernel = enums.Kernel;
pub const Layout = enums.Layout;
pub const LogLevel = enums.LogLevel;
pub const Method = enums.Method;
pub const RangeRule = enums.RangeRule;
pub const Role = enums.Role;
pub const Support = enums.Support;
pub const TpDim = enums.TpDim;

pub const CalibratorInfo = structs.CalibratorInfo;
pub const CalibratorLayerInfo = structs.CalibratorLayerInfo;
pub const CalibratorOptions = structs.CalibratorOptions;
pub const CapabilityInfo = structs.CapabilityInfo;
pub const ConfigInfo = structs.ConfigInfo;
pub const CpuOptions = structs.CpuOptions;
pub const CudaInfo = structs.CudaInfo;
pub const CudaOptions = structs.CudaOptions;
pub const CudaPlanInfo = structs.CudaPlanInfo;
pub const CudaPlanOptions = structs.CudaPlanOptions;
pub const DeviceInfo = structs.DeviceInfo;
pub const GroupInfo = structs.GroupInfo;
pub const LayerDesc = structs.LayerDesc;
pub const LayerInfo = structs.LayerInfo;
pub const LayerTensors = structs.LayerTensors;
pub const LinearInfo = structs.LinearInfo;
pub const LinearOptions = structs.LinearOptions;
pub const LoadOptions = structs.LoadOptions;
pub const ModuleInfo = structs.ModuleInfo;
pub const PackedInfo = structs.PackedInfo;
pub const PlanInfo = structs.PlanInfo;
pub const PlanOptions = structs.PlanOptions;
pub const Progress = structs.Progress;
pub const QuantizeOptions = structs.QuantizeOptions;
pub const QuantizeReport = structs.QuantizeReport;
pub const QuantizerInfo = structs.QuantizerInfo;
pub const QuantizerOptions = structs.QuantizerOptions;
pub const RepackSizes = structs.RepackSizes;
pub const RunArgs = structs.RunArgs;
pub const TensorView = structs.TensorView;

pub const Calibrator = @import("quantizer.zig").Calibrator;
pub const Checkpoint = @import("checkpoint.zig").Checkpoint;
pub const Config = @import("config.zig").Config;
pub const configFileName = @import("config.zig").configFileName;
pub const Device = @import("device.zig").Device;
pub const cudaInfo = @import("device.zig").cudaInfo;
pub const setAllocator = @import("device.zig").setAllocator;
pub const setLog = @import("device.zig").setLog;
pub const Linear = @import("linear.zig").Linear;
pub const Packed = @import("packed.zig").Packed;
pub const Plan = @import("linear.zig").Plan;
pub const Quantizer = @import("quantizer.zig").Quantizer;
pub const convertCheckpoint = @import("quantize.zig").convertCheckpoint;
pub const quantizeCheckpoint = @import("quantize.zig").quantizeCheckpoint;
pub const saveTensors = @import("quantize.zig").saveTensors;
pub const query = @import("query.zig");
pub const repack = @import("repack.zig");

/// Version of the header that this was written for, MAJOR * 1000000 + MINOR * 1000 + PATCH, and of the library.
pub const version: u32 = c.AWQM_VERSION_NUMBER;
pub const abi_version: u32 = c.AWQM_ABI_VERSION;

pub fn libraryVersion() u32 {
    return c.awqm_version_number();
}

pub fn libraryAbiVersion() u32 {
    return c.awqm_abi_version();
}

pub fn versionString() [:0]const u8 {
    return @import("std").mem.span(@as([*:0]const u8, c.awqm_version_string()));
}

/// Version, backends and target in one line, for bug reports.
pub fn buildInfo() [:0]const u8 {
    return @import("std").mem.span(@as([*:0]const u8, c.awqm_build_info()));
}

/// The elements of a tensor, as bytes, valid as long as the handle that it came from.
pub fn bytesOf(view: TensorView) []const u8 {
    const data: [*]const u8 = @ptrCast(view.data orelse return &.{});
    return data[0..view.bytes];
}

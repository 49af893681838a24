//! What can be run, and how, on any machine. A reason goes to the allocator's memory, which the caller frees.

const c = @import("c.zig");
const enums = @import("enums.zig");
const errors = @import("errors.zig");
const structs = @import("structs.zig");
const std = @import("std");
const Error = errors.Error;
const Allocator = std.mem.Allocator;

/// An answer with its reason.
pub const Answer = struct { support: enums.Support, reason: [:0]u8 };

/// Whether weights of these bits, group size and kind of zero point can be held in a layout.
pub fn quantizationSupport(gpa: Allocator, bits: u32, group_size: i64, zero_point: bool, layout: enums.Layout) Error!Answer {
    var out: c.awqm_support = 0;
    const reason = try errors.fill(gpa, c.awqm_query_quantization_support, .{ bits, group_size, @as(i32, @intFromBool(zero_point)), @intFromEnum(layout), @as([*c]c.awqm_support, &out) });
    return .{ .support = @enumFromInt(out), .reason = reason };
}

/// Whether a layer of that shape can be held in a layout: as it is, padded, or not and why.
pub fn shapeSupport(gpa: Allocator, k: i64, n: i64, bits: u32, group_size: i64, zero_point: bool, layout: enums.Layout) Error!Answer {
    var out: c.awqm_support = 0;
    const reason = try errors.fill(gpa, c.awqm_query_shape_support, .{ k, n, bits, group_size, @as(i32, @intFromBool(zero_point)), @intFromEnum(layout), @as([*c]c.awqm_support, &out) });
    return .{ .support = @enumFromInt(out), .reason = reason };
}

/// The least compute capability, times ten, of a GPU that could run a kernel version.
pub fn kernelMinCapability(kernel: enums.Kernel) Error!u32 {
    var out: u32 = 0;
    try errors.check(c.awqm_kernel_min_capability(@intFromEnum(kernel), &out));
    return out;
}

/// What GPUs of a compute capability are called, and whether kernels run on them.
pub fn queryCapability(capability: u32) Error!structs.CapabilityInfo {
    var out: structs.CapabilityInfo = .{};
    try errors.check(c.awqm_query_capability(capability, @ptrCast(&out)));
    return out;
}

/// The plan that a GPU of these numbers would get, and why.
pub fn queryCudaPlan(gpa: Allocator, options: structs.CudaPlanOptions) Error!struct { structs.CudaPlanInfo, [:0]u8 } {
    var out: structs.CudaPlanInfo = .{};
    const reason = try errors.fill(gpa, c.awqm_query_cuda_plan, .{ @as([*c]const c.awqm_cuda_plan_options, @ptrCast(&options)), @as([*c]c.awqm_cuda_plan_info, @ptrCast(&out)) });
    return .{ out, reason };
}

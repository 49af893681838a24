const c = @import("c.zig");
const errors = @import("errors.zig");
const structs = @import("structs.zig");
const std = @import("std");
const Error = errors.Error;

/// Quantizes a Hugging Face directory into a new one.
pub fn quantizeCheckpoint(source: [:0]const u8, destination: [:0]const u8, options: structs.QuantizeOptions) Error!structs.QuantizeReport {
    var out: structs.QuantizeReport = .{};
    try errors.check(c.awqm_quantize_checkpoint(source.ptr, destination.ptr, @ptrCast(&options), @ptrCast(&out)));
    return out;
}

/// Rewrites a quantized checkpoint in another layout, without loss.
pub fn convertCheckpoint(source: [:0]const u8, destination: [:0]const u8, options: structs.QuantizeOptions) Error!structs.QuantizeReport {
    var out: structs.QuantizeReport = .{};
    try errors.check(c.awqm_convert_checkpoint(source.ptr, destination.ptr, @ptrCast(&options), @ptrCast(&out)));
    return out;
}

/// Writes tensors to one safetensors file; an existing file is replaced.
pub fn saveTensors(path: [:0]const u8, names: []const [*:0]const u8, views: []const structs.TensorView) Error!void {
    if (names.len != views.len) return error.InvalidArgument;
    try errors.check(c.awqm_tensors_save(path.ptr, @ptrCast(names.ptr), @ptrCast(views.ptr), names.len));
}

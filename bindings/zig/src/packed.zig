const c = @import("c.zig");
const enums = @import("enums.zig");
const errors = @import("errors.zig");
const structs = @import("structs.zig");
const std = @import("std");
const device_of = @import("device.zig");
const Device = device_of.Device;
const Error = errors.Error;

/// One layer, packed, in memory of its own. May be used from several threads at once.
pub const Packed = struct {
    ptr: *c.awqm_packed,

    /// Copies a layer from the caller's memory, in the layout that it is in.
    pub fn init(desc: structs.LayerDesc, tensors: structs.LayerTensors) Error!Packed {
        var out: ?*c.awqm_packed = null;
        try errors.check(c.awqm_packed_create(@ptrCast(&desc), @ptrCast(&tensors), &out));
        return .{ .ptr = out.? };
    }

    /// As init, without a copy: the memory must stay as it is until this and every Linear made from it are freed.
    pub fn lend(desc: structs.LayerDesc, tensors: structs.LayerTensors) Error!Packed {
        var out: ?*c.awqm_packed = null;
        try errors.check(c.awqm_packed_create_borrowed(@ptrCast(&desc), @ptrCast(&tensors), &out));
        return .{ .ptr = out.? };
    }

    /// Reads back what save wrote.
    pub fn load(path: [:0]const u8, prefix: [:0]const u8) Error!Packed {
        var out: ?*c.awqm_packed = null;
        try errors.check(c.awqm_packed_load(path.ptr, prefix.ptr, &out));
        return .{ .ptr = out.? };
    }

    /// Quantizes one weight (N, K) of f16, BFloat16 or f32 by rounding to nearest.
    pub fn quantize(comptime T: type, weight: []const T, n: i64, k: i64, options: structs.QuantizeOptions) Error!Packed {
        var out: ?*c.awqm_packed = null;
        const bytes = std.mem.sliceAsBytes(weight);
        const dtype = @intFromEnum(enums.DType.of(T));
        try errors.check(c.awqm_quantize_tensor(bytes.ptr, bytes.len, dtype, n, k, @ptrCast(&options), &out));
        return .{ .ptr = out.? };
    }

    /// Frees it, and its tensors.
    pub fn deinit(self: Packed) void {
        c.awqm_packed_free(self.ptr);
    }

    /// The same layer in another layout.
    pub fn convert(self: Packed, to: enums.Layout, device: ?Device) Error!Packed {
        var out: ?*c.awqm_packed = null;
        try errors.check(c.awqm_packed_convert(self.ptr, @intFromEnum(to), device_of.optional(device), &out));
        return .{ .ptr = out.? };
    }

    pub fn info(self: Packed) Error!structs.PackedInfo {
        var out: structs.PackedInfo = .{};
        try errors.check(c.awqm_packed_get_info(self.ptr, @ptrCast(&out)));
        return out;
    }

    /// One tensor, valid until deinit; NotFound when the layer has none of that role.
    pub fn tensor(self: Packed, role: enums.Role) Error!structs.TensorView {
        var out: structs.TensorView = .{};
        try errors.check(c.awqm_packed_get_tensor(self.ptr, @intFromEnum(role), @ptrCast(&out)));
        return out;
    }

    /// Writes the weights, row-major (K, N), to `out`, which must have exactly K * N elements.
    pub fn dequantize(self: Packed, comptime T: type, out: []T, device: ?Device) Error!void {
        const bytes = std.mem.sliceAsBytes(out);
        const dtype = @intFromEnum(enums.DType.of(T));
        try errors.check(c.awqm_packed_dequantize(self.ptr, dtype, bytes.ptr, bytes.len, device_of.optional(device)));
    }

    /// Writes the layer to a safetensors file, its tensors named with the prefix.
    pub fn save(self: Packed, path: [:0]const u8, prefix: [:0]const u8) Error!void {
        try errors.check(c.awqm_packed_save(self.ptr, path.ptr, prefix.ptr));
    }
};

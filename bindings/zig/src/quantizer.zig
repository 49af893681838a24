const c = @import("c.zig");
const enums = @import("enums.zig");
const errors = @import("errors.zig");
const structs = @import("structs.zig");
const std = @import("std");
const device_of = @import("device.zig");
const Device = device_of.Device;
const Error = errors.Error;
const Allocator = std.mem.Allocator;

/// Statistics of what flows into linear layers. What changes it (observe, merge into it, clear) must be its only user.
pub const Calibrator = struct {
    ptr: *c.awqm_calibrator,

    /// An empty calibrator.
    pub fn init(options: structs.CalibratorOptions) Error!Calibrator {
        var out: ?*c.awqm_calibrator = null;
        try errors.check(c.awqm_calibrator_create(@ptrCast(&options), &out));
        return .{ .ptr = out.? };
    }

    /// Reads what save wrote.
    pub fn load(path: [:0]const u8, options: structs.CalibratorOptions) Error!Calibrator {
        var out: ?*c.awqm_calibrator = null;
        try errors.check(c.awqm_calibrator_load(path.ptr, @ptrCast(&options), &out));
        return .{ .ptr = out.? };
    }

    /// The memory that one layer with k input channels will take.
    pub fn layerBytes(options: structs.CalibratorOptions, k: i64) Error!u64 {
        var out: u64 = 0;
        try errors.check(c.awqm_calibrator_layer_bytes(@ptrCast(&options), k, &out));
        return out;
    }

    pub fn deinit(self: Calibrator) void {
        c.awqm_calibrator_free(self.ptr);
    }

    /// Records as many rows of k inputs of a layer as x has; a slice of f16, BFloat16 or f32.
    pub fn observe(self: Calibrator, layer_name: [:0]const u8, x: anytype, k: usize, device: ?Device) Error!void {
        if (k == 0 or x.len % k != 0) return error.InvalidArgument;
        const dtype: enums.DType = .of(std.meta.Elem(@TypeOf(x)));
        try errors.check(c.awqm_calibrator_observe(self.ptr, layer_name.ptr, x.ptr, @intFromEnum(dtype), @intCast(x.len / k), @intCast(k), 0, device_of.optional(device)));
    }

    /// Adds what `from` has seen.
    pub fn merge(self: Calibrator, from: Calibrator, device: ?Device) Error!void {
        try errors.check(c.awqm_calibrator_merge(self.ptr, from.ptr, device_of.optional(device)));
    }

    /// Forgets all statistics.
    pub fn clear(self: Calibrator) Error!void {
        try errors.check(c.awqm_calibrator_clear(self.ptr));
    }

    /// Writes the statistics to a file.
    pub fn save(self: Calibrator, path: [:0]const u8) Error!void {
        try errors.check(c.awqm_calibrator_save(self.ptr, path.ptr));
    }

    pub fn info(self: Calibrator) Error!structs.CalibratorInfo {
        var out: structs.CalibratorInfo = .{};
        try errors.check(c.awqm_calibrator_get_info(self.ptr, @ptrCast(&out)));
        return out;
    }

    /// What is known about layer number `index`; NotFound after the last.
    pub fn layer(self: Calibrator, index: usize) Error!structs.CalibratorLayerInfo {
        var out: structs.CalibratorLayerInfo = .{};
        try errors.check(c.awqm_calibrator_get_layer(self.ptr, index, @ptrCast(&out), null, 0, null));
        return out;
    }

    /// The name of layer number `index`. The caller frees the text.
    pub fn layerName(self: Calibrator, gpa: Allocator, index: usize) Error![:0]u8 {
        return errors.fill(gpa, c.awqm_calibrator_get_layer, .{ self.ptr, index, @as([*c]c.awqm_calibrator_layer_info, null) });
    }
};

/// AWQ on a model directory, block by block. run and finish must be its only users.
pub const Quantizer = struct {
    ptr: *c.awqm_quantizer,

    /// Opens a Hugging Face directory and decides what is to be done; nothing is quantized yet. What `options.user_data`
    /// points to must live as long as this.
    pub fn init(source: [:0]const u8, destination: [:0]const u8, options: structs.QuantizerOptions) Error!Quantizer {
        var out: ?*c.awqm_quantizer = null;
        try errors.check(c.awqm_quantizer_create(source.ptr, destination.ptr, @ptrCast(&options), &out));
        return .{ .ptr = out.? };
    }

    pub fn deinit(self: Quantizer) void {
        c.awqm_quantizer_free(self.ptr);
    }

    pub fn info(self: Quantizer) Error!structs.QuantizerInfo {
        var out: structs.QuantizerInfo = .{};
        try errors.check(c.awqm_quantizer_get_info(self.ptr, @ptrCast(&out)));
        return out;
    }

    /// Group number `index` of layers that share an input.
    pub fn group(self: Quantizer, index: usize) Error!structs.GroupInfo {
        var out: structs.GroupInfo = .{};
        try errors.check(c.awqm_quantizer_get_group(self.ptr, index, @ptrCast(&out)));
        return out;
    }

    /// The name of a layer of a group. The caller frees the text.
    pub fn groupLayer(self: Quantizer, gpa: Allocator, index: usize, layer: usize) Error![:0]u8 {
        return errors.fill(gpa, c.awqm_quantizer_get_group_layer, .{ self.ptr, index, layer });
    }

    /// Quantizes the groups of a block, or of every block that is not done.
    pub fn run(self: Quantizer, calibrator: ?Calibrator, block: ?[:0]const u8) Error!void {
        const statistics = if (calibrator) |one| one.ptr else null;
        try errors.check(c.awqm_quantizer_run(self.ptr, statistics, if (block) |name| name.ptr else null));
    }

    /// Puts the checkpoint together; the destination appears only when it is complete.
    pub fn finish(self: Quantizer) Error!structs.QuantizeReport {
        var out: structs.QuantizeReport = .{};
        try errors.check(c.awqm_quantizer_finish(self.ptr, @ptrCast(&out)));
        return out;
    }

    /// What was chosen so far, for programs. The caller frees the text.
    pub fn reportJson(self: Quantizer, gpa: Allocator) Error![:0]u8 {
        return errors.fill(gpa, c.awqm_quantizer_report_json, .{self.ptr});
    }

    /// What was chosen so far, for people. The caller frees the text.
    pub fn reportText(self: Quantizer, gpa: Allocator) Error![:0]u8 {
        return errors.fill(gpa, c.awqm_quantizer_report_text, .{self.ptr});
    }
};

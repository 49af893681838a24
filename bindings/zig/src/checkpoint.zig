const c = @import("c.zig");
const errors = @import("errors.zig");
const structs = @import("structs.zig");
const std = @import("std");
const Config = @import("config.zig").Config;
const Packed = @import("packed.zig").Packed;
const Error = errors.Error;
const Allocator = std.mem.Allocator;

/// An open checkpoint. Its files are mapped and must not change while it is open. May be used from several threads at once.
pub const Checkpoint = struct {
    ptr: *c.awqm_checkpoint,

    /// Opens a Hugging Face directory, or one safetensors file with its config beside it.
    pub fn open(path: [:0]const u8) Error!Checkpoint {
        var out: ?*c.awqm_checkpoint = null;
        try errors.check(c.awqm_checkpoint_open(path.ptr, &out));
        return .{ .ptr = out.? };
    }

    /// Opens safetensors files by name. The config is copied; null takes the tensors as they are, unquantized.
    pub fn openFiles(paths: []const [*:0]const u8, config_of: ?Config) Error!Checkpoint {
        var out: ?*c.awqm_checkpoint = null;
        const given = if (config_of) |one| one.ptr else null;
        try errors.check(c.awqm_checkpoint_open_files(@ptrCast(paths.ptr), paths.len, given, &out));
        return .{ .ptr = out.? };
    }

    /// Closes it, with its config and its tensors; layers loaded from it stay.
    pub fn deinit(self: Checkpoint) void {
        c.awqm_checkpoint_free(self.ptr);
    }

    /// Its quantization config, valid until deinit; null when it is not quantized.
    pub fn config(self: Checkpoint) Error!?Config {
        var out: ?*const c.awqm_config = null;
        try errors.check(c.awqm_checkpoint_get_config(self.ptr, &out));
        return if (out) |ptr| .{ .ptr = ptr, .borrowed = true } else null;
    }

    /// The config's, and where config and tensors disagree. The caller frees each text, and the slice.
    pub fn warnings(self: Checkpoint, gpa: Allocator) Error![][:0]u8 {
        return errors.fillAll(gpa, c.awqm_checkpoint_warning_count, c.awqm_checkpoint_get_warning, self.ptr);
    }

    /// The full names of the linear layers. The caller frees each text, and the slice.
    pub fn layers(self: Checkpoint, gpa: Allocator) Error![][:0]u8 {
        return errors.fillAll(gpa, c.awqm_checkpoint_layer_count, c.awqm_checkpoint_get_layer_name, self.ptr);
    }

    /// The names of all tensors. The caller frees each text, and the slice.
    pub fn tensors(self: Checkpoint, gpa: Allocator) Error![][:0]u8 {
        return errors.fillAll(gpa, c.awqm_checkpoint_tensor_count, c.awqm_checkpoint_get_tensor_name, self.ptr);
    }

    /// What a layer is.
    pub fn layer(self: Checkpoint, name: [:0]const u8) Error!structs.LayerInfo {
        var out: structs.LayerInfo = .{};
        try errors.check(c.awqm_checkpoint_query_layer(self.ptr, name.ptr, @ptrCast(&out), null, 0, null));
        return out;
    }

    /// Why a layer is quantized or not. The caller frees the text.
    pub fn layerReason(self: Checkpoint, gpa: Allocator, name: [:0]const u8) Error![:0]u8 {
        var out: c.awqm_layer_info = .{ .struct_size = @sizeOf(c.awqm_layer_info) };
        return errors.fill(gpa, c.awqm_checkpoint_query_layer, .{ self.ptr, name.ptr, @as([*c]c.awqm_layer_info, &out) });
    }

    /// A tensor in the mapped file, valid until deinit.
    pub fn tensor(self: Checkpoint, name: [:0]const u8) Error!structs.TensorView {
        var out: structs.TensorView = .{};
        try errors.check(c.awqm_checkpoint_get_tensor(self.ptr, name.ptr, @ptrCast(&out)));
        return out;
    }

    /// Reads one layer, or several joined along N (q, k, v; gate, up), sliced and repacked as the options say.
    pub fn load(self: Checkpoint, names: []const [*:0]const u8, options: structs.LoadOptions) Error!Packed {
        var out: ?*c.awqm_packed = null;
        try errors.check(c.awqm_checkpoint_load(self.ptr, @ptrCast(names.ptr), names.len, @ptrCast(&options), &out));
        return .{ .ptr = out.? };
    }
};

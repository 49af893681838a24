const c = @import("c.zig");
const errors = @import("errors.zig");
const structs = @import("structs.zig");
const std = @import("std");
const Error = errors.Error;
const Allocator = std.mem.Allocator;

/// A parsed quantization config. May be used from several threads at once.
pub const Config = struct {
    ptr: *const c.awqm_config,
    borrowed: bool = false,

    /// Finds and parses the config of a checkpoint directory; NotFound when it is not quantized.
    pub fn loadDirectory(path: [:0]const u8) Error!Config {
        return own(c.awqm_config_load_directory, .{path.ptr});
    }

    /// Parses one config file.
    pub fn loadFile(path: [:0]const u8) Error!Config {
        return own(c.awqm_config_load_file, .{path.ptr});
    }

    /// Parses a quantization section, or a whole config.json; `origin` names it in messages.
    pub fn parse(json: []const u8, origin: ?[:0]const u8) Error!Config {
        return own(c.awqm_config_parse, .{ json.ptr, json.len, if (origin) |text| text.ptr else null });
    }

    fn own(comptime function: anytype, before: anytype) Error!Config {
        var out: ?*c.awqm_config = null;
        try errors.check(@call(.auto, function, before ++ .{&out}));
        return .{ .ptr = out.? };
    }

    /// Frees it; nothing to do for one that belongs to a checkpoint.
    pub fn deinit(self: Config) void {
        if (!self.borrowed) c.awqm_config_free(@constCast(self.ptr));
    }

    pub fn info(self: Config) Error!structs.ConfigInfo {
        var out: structs.ConfigInfo = .{};
        try errors.check(c.awqm_config_get_info(self.ptr, @ptrCast(&out)));
        return out;
    }

    /// Where it came from: file and key path. The caller frees the text.
    pub fn source(self: Config, gpa: Allocator) Error![:0]u8 {
        return errors.fill(gpa, c.awqm_config_get_source, .{self.ptr});
    }

    /// The normalized config as one JSON object. The caller frees the text.
    pub fn toJson(self: Config, gpa: Allocator) Error![:0]u8 {
        return errors.fill(gpa, c.awqm_config_to_json, .{self.ptr});
    }

    /// Unknown keys, and sources that disagree. The caller frees each text, and the slice.
    pub fn warnings(self: Config, gpa: Allocator) Error![][:0]u8 {
        return errors.fillAll(gpa, c.awqm_config_warning_count, c.awqm_config_get_warning, self.ptr);
    }

    /// Modules that are not quantized, as the config has them. The caller frees each text, and the slice.
    pub fn skip(self: Config, gpa: Allocator) Error![][:0]u8 {
        return errors.fillAll(gpa, c.awqm_config_skip_count, c.awqm_config_get_skip, self.ptr);
    }

    /// Whether and how the module of that full name is quantized.
    pub fn module(self: Config, name: [:0]const u8) Error!structs.ModuleInfo {
        var out: structs.ModuleInfo = .{};
        try errors.check(c.awqm_config_query_module(self.ptr, name.ptr, @ptrCast(&out), null, 0, null));
        return out;
    }

    /// Why the module is quantized or not. The caller frees the text.
    pub fn moduleReason(self: Config, gpa: Allocator, name: [:0]const u8) Error![:0]u8 {
        var out: c.awqm_module_info = .{ .struct_size = @sizeOf(c.awqm_module_info) };
        return errors.fill(gpa, c.awqm_config_query_module, .{ self.ptr, name.ptr, @as([*c]c.awqm_module_info, &out) });
    }
};

/// The file names that are searched for a config, in order; null after the last.
pub fn configFileName(index: usize) ?[:0]const u8 {
    const name = c.awqm_config_file_name(index);
    return if (name == null) null else std.mem.span(@as([*:0]const u8, name));
}

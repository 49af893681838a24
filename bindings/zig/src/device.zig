const c = @import("c.zig");
const errors = @import("errors.zig");
const structs = @import("structs.zig");
const std = @import("std");
const Error = errors.Error;

/// The CPU with its threads, or a GPU. May be used from several threads at once.
pub const Device = struct {
    ptr: *c.awqm_device,

    /// A CPU device. `options.parallel` and what it needs must live as long as the device and its layers.
    pub fn cpu(options: structs.CpuOptions) Error!Device {
        var out: ?*c.awqm_device = null;
        try errors.check(c.awqm_device_create_cpu(@ptrCast(&options), &out));
        return .{ .ptr = out.? };
    }

    /// A GPU.
    pub fn cuda(options: structs.CudaOptions) Error!Device {
        var out: ?*c.awqm_device = null;
        try errors.check(c.awqm_device_create_cuda(@ptrCast(&options), &out));
        return .{ .ptr = out.? };
    }

    /// Frees it; layers keep what they need.
    pub fn deinit(self: Device) void {
        c.awqm_device_free(self.ptr);
    }

    /// The tuning table that plans of a GPU are made after, as JSON. The caller frees the text.
    pub fn exportTuning(self: Device, gpa: std.mem.Allocator) Error![:0]u8 {
        return errors.fill(gpa, c.awqm_device_export_tuning, .{self.ptr});
    }

    pub fn info(self: Device) Error!structs.DeviceInfo {
        var out: structs.DeviceInfo = .{};
        try errors.check(c.awqm_device_get_info(self.ptr, @ptrCast(&out)));
        return out;
    }
};

/// What there is of CUDA, and why not; the caller frees the reason.
pub fn cudaInfo(gpa: std.mem.Allocator) Error!struct { structs.CudaInfo, [:0]u8 } {
    var out: structs.CudaInfo = .{};
    const reason = try errors.fill(gpa, c.awqm_cuda_get_info, .{@as([*c]c.awqm_cuda_info, @ptrCast(&out))});
    return .{ out, reason };
}

/// The pointer of a device that may be missing: then the calling thread works alone.
pub fn optional(device: ?Device) ?*const c.awqm_device {
    return if (device) |one| one.ptr else null;
}

/// Sends the library's log to `callback`, for the whole process; null turns it off. When this returns, the callback that
/// was set before is not running and will not run again.
pub fn setLog(callback: c.awqm_log_fn, user_data: ?*anyopaque, level: @import("enums.zig").LogLevel) Error!void {
    try errors.check(c.awqm_set_log_callback(callback, user_data, @intFromEnum(level)));
}

/// Lets `gpa` give the library's large buffers, for the whole process; null: the system's allocator. It is called from any
/// thread, several at once, and must stay until the last buffer that it gave is freed.
pub fn setAllocator(gpa: ?*const std.mem.Allocator) Error!void {
    const Callbacks = struct {
        fn alloc(user: ?*anyopaque, bytes: usize, alignment: usize) callconv(.c) ?*anyopaque {
            return of(user).rawAlloc(bytes, .fromByteUnits(alignment), @returnAddress());
        }
        fn release(user: ?*anyopaque, memory: ?*anyopaque, bytes: usize, alignment: usize) callconv(.c) void {
            const start: [*]u8 = @ptrCast(memory.?);
            of(user).rawFree(start[0..bytes], .fromByteUnits(alignment), @returnAddress());
        }
        fn of(user: ?*anyopaque) *const std.mem.Allocator {
            return @ptrCast(@alignCast(user.?));
        }
    };
    const host: structs.Allocator = .{ .alloc = Callbacks.alloc, .release = Callbacks.release, .user_data = @constCast(gpa) };
    try errors.check(c.awqm_set_allocator(if (gpa == null) null else @ptrCast(&host)));
}

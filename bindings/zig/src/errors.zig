//! Statuses as errors.

const c = @import("c.zig");
const std = @import("std");

/// Every way to fail: 1xx is the caller's doing, 2xx the data's, 3xx the device's, 9xx the library's.
pub const Error = error{
    InvalidArgument,
    NullPointer,
    BadStructSize,
    UnknownEnum,
    BufferTooSmall,
    Overlap,
    SizeOverflow,
    NotFound,
    Cancelled,
    Io,
    Json,
    Config,
    Unsupported,
    Container,
    Tensor,
    Missing,
    MixedFused,
    BackendUnavailable,
    NoDevice,
    DriverTooOld,
    CapabilityTooLow,
    KernelUnsupported,
    Device,
    Internal,
    OutOfMemory,
};

/// The error of a status; nothing for success. Statuses of a newer library are Internal.
pub fn check(result: c.awqm_status) Error!void {
    return switch (result) {
        c.AWQM_STATUS_OK => {},
        c.AWQM_STATUS_INVALID_ARGUMENT => error.InvalidArgument,
        c.AWQM_STATUS_NULL_POINTER => error.NullPointer,
        c.AWQM_STATUS_BAD_STRUCT_SIZE => error.BadStructSize,
        c.AWQM_STATUS_UNKNOWN_ENUM => error.UnknownEnum,
        c.AWQM_STATUS_BUFFER_TOO_SMALL => error.BufferTooSmall,
        c.AWQM_STATUS_OVERLAP => error.Overlap,
        c.AWQM_STATUS_SIZE_OVERFLOW => error.SizeOverflow,
        c.AWQM_STATUS_NOT_FOUND => error.NotFound,
        c.AWQM_STATUS_CANCELLED => error.Cancelled,
        c.AWQM_STATUS_IO => error.Io,
        c.AWQM_STATUS_JSON => error.Json,
        c.AWQM_STATUS_CONFIG => error.Config,
        c.AWQM_STATUS_UNSUPPORTED => error.Unsupported,
        c.AWQM_STATUS_CONTAINER => error.Container,
        c.AWQM_STATUS_TENSOR => error.Tensor,
        c.AWQM_STATUS_MISSING => error.Missing,
        c.AWQM_STATUS_MIXED_FUSED => error.MixedFused,
        c.AWQM_STATUS_BACKEND_UNAVAILABLE => error.BackendUnavailable,
        c.AWQM_STATUS_NO_DEVICE => error.NoDevice,
        c.AWQM_STATUS_DRIVER_TOO_OLD => error.DriverTooOld,
        c.AWQM_STATUS_CAPABILITY_TOO_LOW => error.CapabilityTooLow,
        c.AWQM_STATUS_KERNEL_UNSUPPORTED => error.KernelUnsupported,
        c.AWQM_STATUS_DEVICE => error.Device,
        c.AWQM_STATUS_OUT_OF_MEMORY => error.OutOfMemory,
        else => error.Internal,
    };
}

/// What went wrong in the last failing call of this thread: place, value found, value needed. Valid until the next one.
pub fn lastMessage() [:0]const u8 {
    return std.mem.span(@as([*:0]const u8, c.awqm_last_error_message()));
}

/// Calls a function whose last parameters are (buf, cap, out_len); the caller frees the text.
pub fn fill(gpa: std.mem.Allocator, comptime function: anytype, before: anytype) Error![:0]u8 {
    var length: usize = 0;
    try check(@call(.auto, function, before ++ .{ null, 0, &length }));
    const buf = try gpa.allocSentinel(u8, length, 0);
    errdefer gpa.free(buf);
    try check(@call(.auto, function, before ++ .{ buf.ptr, length + 1, &length }));
    return buf;
}

/// All texts of a list of the library's; the caller frees each, and the slice.
pub fn fillAll(gpa: std.mem.Allocator, comptime count: anytype, comptime get: anytype, handle: anytype) Error![][:0]u8 {
    const all = try gpa.alloc([:0]u8, count(handle));
    var done: usize = 0;
    errdefer {
        for (all[0..done]) |one| gpa.free(one);
        gpa.free(all);
    }
    while (done < all.len) : (done += 1) all[done] = try fill(gpa, get, .{ handle, done });
    return all;
}

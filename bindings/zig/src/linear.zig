const c = @import("c.zig");
const enums = @import("enums.zig");
const errors = @import("errors.zig");
const structs = @import("structs.zig");
const std = @import("std");
const Device = @import("device.zig").Device;
const Packed = @import("packed.zig").Packed;
const Error = errors.Error;

/// A layer on a device. Any number of threads may run it at once, each with a workspace of its own.
pub const Linear = struct {
    ptr: *c.awqm_linear,
    k: usize,
    n: usize,

    /// Puts a packed layer on a device; the packed layer may be freed afterwards.
    pub fn init(device: Device, from: Packed, options: structs.LinearOptions) Error!Linear {
        var out: ?*c.awqm_linear = null;
        try errors.check(c.awqm_linear_create(device.ptr, from.ptr, @ptrCast(&options), &out));
        return of(out.?);
    }

    /// A layer over device memory in layout marlin, which must stay until the layer is freed.
    pub fn fromDevice(device: Device, desc: structs.LayerDesc, tensors: structs.LayerTensors) Error!Linear {
        var out: ?*c.awqm_linear = null;
        try errors.check(c.awqm_linear_create_from_device(device.ptr, @ptrCast(&desc), @ptrCast(&tensors), &out));
        return of(out.?);
    }

    fn of(ptr: *c.awqm_linear) Error!Linear {
        var self: Linear = .{ .ptr = ptr, .k = 0, .n = 0 };
        errdefer self.deinit();
        const shape = try self.info();
        self.k = @intCast(shape.k);
        self.n = @intCast(shape.n);
        return self;
    }

    /// Frees it; plans keep what they need.
    pub fn deinit(self: Linear) void {
        c.awqm_linear_free(self.ptr);
    }

    pub fn info(self: Linear) Error!structs.LinearInfo {
        var out: structs.LinearInfo = .{};
        try errors.check(c.awqm_linear_get_info(self.ptr, @ptrCast(&out)));
        return out;
    }

    /// Enough for every m from 1 to max_m and every kernel of the layer.
    pub fn workspaceBytes(self: Linear, max_m: i64, x: enums.DType) Error!usize {
        var out: usize = 0;
        try errors.check(c.awqm_linear_workspace_bytes(self.ptr, max_m, @intFromEnum(x), &out));
        return out;
    }

    /// y = x * w + bias for as many rows of K elements as x has; y has as many rows of N. Slices of f16, BFloat16 or f32.
    pub fn run(self: Linear, x: anytype, y: anytype, workspace: []u8) Error!void {
        const args = try rows(self.k, self.n, x, y);
        try errors.check(c.awqm_linear_run(self.ptr, @ptrCast(&args), workspace.ptr, workspace.len, null));
    }

    /// As run, with pointers and strides of the caller's: rows that lie apart, device memory, a stream.
    pub fn runArgs(self: Linear, args: structs.RunArgs, workspace: ?*anyopaque, workspace_bytes: usize, stream: ?*anyopaque) Error!void {
        try errors.check(c.awqm_linear_run(self.ptr, @ptrCast(&args), workspace, workspace_bytes, stream));
    }

    /// Writes the weights of a layer on a GPU to device memory.
    pub fn dequantizeOnDevice(self: Linear, dtype: enums.DType, transposed: bool, out: *anyopaque, bytes: usize, stream: ?*anyopaque) Error!void {
        try errors.check(c.awqm_linear_dequantize(self.ptr, @intFromEnum(dtype), @intFromBool(transposed), out, bytes, stream));
    }

    /// Chooses the kernel for options.m rows, or takes the one that the options force.
    pub fn plan(self: Linear, options: structs.PlanOptions) Error!Plan {
        var out: ?*c.awqm_plan = null;
        try errors.check(c.awqm_plan_create(self.ptr, @ptrCast(&options), &out));
        return .{ .ptr = out.?, .k = self.k, .n = self.n };
    }

    /// The plan of a text that Plan.toJson wrote, here or elsewhere.
    pub fn planFromJson(self: Linear, text: [:0]const u8) Error!Plan {
        var out: ?*c.awqm_plan = null;
        try errors.check(c.awqm_plan_import(self.ptr, text.ptr, &out));
        return .{ .ptr = out.?, .k = self.k, .n = self.n };
    }
};

/// The kernel that the library would run for a layer and a number of rows. It keeps its layer alive.
pub const Plan = struct {
    ptr: *c.awqm_plan,
    k: usize,
    n: usize,

    pub fn deinit(self: Plan) void {
        c.awqm_plan_free(self.ptr);
    }

    pub fn info(self: Plan) Error!structs.PlanInfo {
        var out: structs.PlanInfo = .{};
        try errors.check(c.awqm_plan_get_info(self.ptr, @ptrCast(&out)));
        return out;
    }

    /// Why the plan is what it is. The caller frees the text.
    pub fn reason(self: Plan, gpa: std.mem.Allocator) Error![:0]u8 {
        return errors.fill(gpa, c.awqm_plan_get_reason, .{self.ptr});
    }

    /// The plan as JSON text of one line. The caller frees the text.
    pub fn toJson(self: Plan, gpa: std.mem.Allocator) Error![:0]u8 {
        return errors.fill(gpa, c.awqm_plan_export, .{self.ptr});
    }

    /// As Linear.run, with this plan's kernel.
    pub fn run(self: Plan, x: anytype, y: anytype, workspace: []u8) Error!void {
        const args = try rows(self.k, self.n, x, y);
        try errors.check(c.awqm_plan_run(self.ptr, @ptrCast(&args), workspace.ptr, workspace.len, null));
    }

    /// As Linear.runArgs, with this plan's kernel.
    pub fn runArgs(self: Plan, args: structs.RunArgs, workspace: ?*anyopaque, workspace_bytes: usize, stream: ?*anyopaque) Error!void {
        try errors.check(c.awqm_plan_run(self.ptr, @ptrCast(&args), workspace, workspace_bytes, stream));
    }
};

/// Guards what the library cannot see: how long the slices are.
fn rows(k: usize, n: usize, x: anytype, y: anytype) Error!structs.RunArgs {
    const m = x.len / k;
    if (x.len != m * k or y.len != m * n) return error.InvalidArgument;
    return .{
        .x = x.ptr,
        .x_dtype = .of(std.meta.Elem(@TypeOf(x))),
        .y = y.ptr,
        .y_dtype = .of(std.meta.Elem(@TypeOf(y))),
        .m = @intCast(m),
    };
}

//! What a run of a 64 x 64 layer on one thread takes through the binding, and through the C interface alone.

const std = @import("std");
const am = @import("awq_marlin");

pub fn main() !void {
    var weight: [64 * 64]f32 = undefined;
    for (&weight, 0..) |*value, i| value.* = @as(f32, @floatFromInt(i % 17)) - 8;
    const from: am.Packed = try .quantize(f32, &weight, 64, 64, .{ .group_size = 64 });
    defer from.deinit();
    const cpu: am.Device = try .cpu(.{ .threads = 1 });
    defer cpu.deinit();
    const layer: am.Linear = try .init(cpu, from, .{});
    defer layer.deinit();
    var x: [64]f32 = @splat(1);
    var y: [64]f32 = undefined;
    var workspace: [1 << 16]u8 = undefined;
    const space = workspace[0..try layer.workspaceBytes(1, .f32)];
    const args: am.c.awqm_run_args = .{ .struct_size = @sizeOf(am.c.awqm_run_args), .x = &x, .x_dtype = am.c.AWQM_DTYPE_F32, .y_dtype = am.c.AWQM_DTYPE_F32, .y = &y, .m = 1 };

    const runs = 5_000;
    var best = [2]u64{ std.math.maxInt(u64), std.math.maxInt(u64) };
    for (0..60) |_| {
        var timer = try std.time.Timer.start();
        for (0..runs) |_| try layer.run(&x, &y, space);
        best[0] = @min(best[0], timer.lap());
        for (0..runs) |_| try am.check(am.c.awqm_linear_run(layer.ptr, &args, space.ptr, space.len, null));
        best[1] = @min(best[1], timer.lap());
    }
    std.debug.print("64 x 64, one row: {d} ns through the binding, {d} ns through C alone\n", .{ best[0] / runs, best[1] / runs });
}

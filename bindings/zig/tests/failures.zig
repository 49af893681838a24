//! One error of each class, and what the library cannot see.

const std = @import("std");
const am = @import("awq_marlin");
const support = @import("support.zig");
const gpa = support.gpa;

fn fails(want: am.Error, result: anytype) !void {
    try std.testing.expectError(want, result);
    try std.testing.expect(am.lastMessage().len > 0);
}

test "the caller's doing" {
    const checkpoint = try support.open();
    defer checkpoint.deinit();
    try fails(error.UnknownEnum, am.Device.cpu(.{ .isa = @enumFromInt(99) }));
    try fails(error.BadStructSize, am.Device.cpu(.{ .struct_size = 3 }));
    try fails(error.NotFound, checkpoint.load(&.{"no.such.layer"}, .{}));
    try fails(error.NullPointer, am.Packed.init(.{ .k = 64, .n = 64, .bits = 4, .group_size = 64, .layout = .awq_gemm }, .{ .qweight_bytes = 2048 }));
}

test "the data's" {
    try fails(error.Missing, am.Checkpoint.open("nowhere"));
    try fails(error.Json, am.Config.parse("{", "text"));
    try std.testing.expect(std.mem.indexOf(u8, am.lastMessage(), "text") != null);
    try fails(error.Config, am.Config.parse("{\"quant_method\": \"awq\", \"bits\": \"four\"}", null));
    try fails(error.Unsupported, am.Config.parse("{\"quant_method\": \"fp8\"}", null));
    const nan: [128 * 64]f32 = @splat(std.math.nan(f32));
    try fails(error.Tensor, am.Packed.quantize(f32, &nan, 64, 128, .{}));
}

test "the device's" {
    const info, const reason = try am.cudaInfo(gpa);
    defer gpa.free(reason);
    if (info.available != 0) return error.SkipZigTest;
    try std.testing.expect(reason.len > 0 and !am.Backend.cuda.available());
    if (am.Device.cuda(.{})) |_| return error.ADeviceFromNowhere else |err| switch (err) {
        error.BackendUnavailable, error.NoDevice, error.DriverTooOld, error.Device => {},
        else => return err,
    }
}

test "slices that do not fit" {
    const checkpoint = try support.open();
    defer checkpoint.deinit();
    const from = try checkpoint.load(&.{support.layer_name}, .{});
    defer from.deinit();
    const cpu: am.Device = try .cpu(.{ .threads = 1 });
    defer cpu.deinit();
    try std.testing.expectEqual(1, (try cpu.info()).threads);
    const layer: am.Linear = try .init(cpu, from, .{});
    defer layer.deinit();
    var x: [256]f32 = @splat(0);
    var y: [512]f32 = undefined;
    try std.testing.expectError(error.InvalidArgument, layer.run(x[0..255], &y, &.{}));
    try std.testing.expectError(error.InvalidArgument, layer.run(&x, y[0..511], &.{}));
    try std.testing.expectError(error.InvalidArgument, layer.run(x[0..0], y[0..0], &.{}));
    try std.testing.expectError(error.InvalidArgument, am.repack.marlinPermuteBias(&.{ 1, 2 }, &.{}, .f16, 1));
}

test "log" {
    try am.setLog(null, null, .off);
    try fails(error.UnknownEnum, am.setLog(null, null, @enumFromInt(99)));
}

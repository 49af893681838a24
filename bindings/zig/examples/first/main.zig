//! Runs one layer of an AWQ checkpoint on the CPU: first DIR LAYER

const std = @import("std");
const am = @import("awq_marlin");

pub fn main() !void {
    const gpa = std.heap.c_allocator;
    const checkpoint: am.Checkpoint = try .open(std.mem.span(std.os.argv[1]));
    defer checkpoint.deinit();
    const cpu: am.Device = try .cpu(.{});
    defer cpu.deinit();
    const layer_packed = try checkpoint.load(&.{std.os.argv[2]}, .{});
    defer layer_packed.deinit();
    const layer: am.Linear = try .init(cpu, layer_packed, .{});
    defer layer.deinit();
    const x, const y = .{ try gpa.alloc(f32, layer.k), try gpa.alloc(f32, layer.n) };
    @memset(x, 1);
    try layer.run(x, y, try gpa.alloc(u8, try layer.workspaceBytes(1, .f32)));
    std.debug.print("K {d}, N {d}, y[0] {d:.4}\n", .{ layer.k, layer.n, y[0] });
}

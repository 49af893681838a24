//! Fixtures: a checkpoint, and what other projects' code made of its layers.

const std = @import("std");
const am = @import("awq_marlin");
const paths = @import("paths");

pub const gpa = std.testing.allocator;
pub const layer_name = "model.layers.0.mlp.up_proj";

/// A path under the folder of fixtures; the caller frees it.
pub fn fixture(comptime rest: []const u8) ![:0]u8 {
    return std.fmt.allocPrintSentinel(gpa, "{s}/" ++ rest, .{paths.fixtures}, 0);
}

pub fn open() !am.Checkpoint {
    const path = try fixture("checkpoint/llama2l_gemm");
    defer gpa.free(path);
    return .open(path);
}

pub const Layer = struct {
    K: usize,
    N: usize,
    input: []const u8,
    output: []const u8,
    marlin_sha256: struct { qweight: []const u8, scales: []const u8, qzeros: []const u8 },
};
pub const Expected = struct { modules: std.json.ArrayHashMap(Layer) };

pub fn json(comptime T: type, path: []const u8) !std.json.Parsed(T) {
    const text = try std.fs.cwd().readFileAlloc(gpa, path, 16 << 20);
    defer gpa.free(text);
    return std.json.parseFromSlice(T, gpa, text, .{ .ignore_unknown_fields = true, .allocate = .alloc_always });
}

pub fn expected() !std.json.Parsed(Expected) {
    const path = try fixture("checkpoint/llama2l_gemm.expected.json");
    defer gpa.free(path);
    return json(Expected, path);
}

/// x (2, K) in F16 and y (2, N) in F64 of a layer; the caller frees both.
pub fn inputAndOutput(layer: Layer) !struct { []f16, []f64 } {
    const path = try fixture("checkpoint/llama2l_gemm.expected.safetensors");
    defer gpa.free(path);
    const tensors: am.Checkpoint = try .openFiles(&.{path.ptr}, null);
    defer tensors.deinit();
    return .{ try copy(f16, tensors, layer.input), try copy(f64, tensors, layer.output) };
}

fn copy(comptime T: type, tensors: am.Checkpoint, name: []const u8) ![]T {
    const terminated = try gpa.dupeZ(u8, name);
    defer gpa.free(terminated);
    const view = try tensors.tensor(terminated);
    try std.testing.expectEqual(am.DType.of(T), view.dtype);
    const out = try gpa.alloc(T, view.bytes / @sizeOf(T));
    @memcpy(std.mem.sliceAsBytes(out), am.bytesOf(view));
    return out;
}

pub fn expectDigest(hex: []const u8, bytes: []const u8) !void {
    var sum: [32]u8 = undefined;
    std.crypto.hash.sha2.Sha256.hash(bytes, &sum, .{});
    try std.testing.expectEqualStrings(hex, &std.fmt.bytesToHex(sum, .lower));
}

/// Within the tolerance of F16 weights and F32 sums.
pub fn expectNear(want: []const f64, have: []const f32) !void {
    try std.testing.expectEqual(want.len, have.len);
    var scale: f64 = 0;
    for (want) |value| scale = @max(scale, @abs(value));
    for (want, have) |a, b| try std.testing.expectApproxEqAbs(a, b, 2e-3 * scale);
}

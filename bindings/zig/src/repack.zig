//! Repacking between buffers of the caller, and its building blocks. Words are i32, little-endian, in byte slices.

const c = @import("c.zig");
const enums = @import("enums.zig");
const errors = @import("errors.zig");
const structs = @import("structs.zig");
const std = @import("std");
const device_of = @import("device.zig");
const Device = device_of.Device;
const Error = errors.Error;

/// How large a layer's tensors are in a layout.
pub fn repackQuery(from: structs.LayerDesc, to: enums.Layout) Error!structs.RepackSizes {
    var out: structs.RepackSizes = .{};
    try errors.check(c.awqm_repack_query(@ptrCast(&from), @intFromEnum(to), @ptrCast(&out)));
    return out;
}

/// Repacks a layer; outputs have the sizes of repackQuery and do not overlap inputs.
pub fn repack(from: structs.LayerDesc, in: structs.LayerTensors, to: enums.Layout, qweight: []u8, scales: []u8, qzeros: []u8, device: ?Device) Error!void {
    try errors.check(c.awqm_repack(@ptrCast(&from), @ptrCast(&in), @intFromEnum(to), qweight.ptr, qweight.len, scales.ptr, scales.len, qzeros.ptr, qzeros.len, device_of.optional(device)));
}

/// A piece of device memory.
pub const DeviceBytes = struct { ptr: ?*anyopaque = null, len: usize = 0 };

/// As repack, from and to device memory, on a stream.
pub fn repackOnDevice(device: Device, from: structs.LayerDesc, in: structs.LayerTensors, to: enums.Layout, qweight: DeviceBytes, scales: DeviceBytes, qzeros: DeviceBytes, stream: ?*anyopaque) Error!void {
    try errors.check(c.awqm_cuda_repack(device.ptr, @ptrCast(&from), @ptrCast(&in), @intFromEnum(to), qweight.ptr, qweight.len, scales.ptr, scales.len, qzeros.ptr, qzeros.len, stream));
}

/// qweight of the AWQ gemm layout to Marlin's.
pub fn awqMarlinRepack(qweight: []const u8, out: []u8, k: i64, n: i64, bits: u32, device: ?Device) Error!void {
    try same(qweight, out);
    try errors.check(c.awqm_awq_marlin_repack(qweight.ptr, out.ptr, out.len, k, n, bits, device_of.optional(device)));
}

/// As awqMarlinRepack, from the GPTQ layout without act-order.
pub fn gptqMarlinRepack(qweight: []const u8, out: []u8, k: i64, n: i64, bits: u32, device: ?Device) Error!void {
    try same(qweight, out);
    try errors.check(c.awqm_gptq_marlin_repack(qweight.ptr, out.ptr, out.len, k, n, bits, device_of.optional(device)));
}

/// Scales (G, N) into Marlin's order.
pub fn marlinPermuteScales(scales: []const u8, out: []u8, dtype: enums.DType, k: i64, n: i64, group_size: i64) Error!void {
    try same(scales, out);
    try errors.check(c.awqm_marlin_permute_scales(scales.ptr, out.ptr, out.len, @intFromEnum(dtype), k, n, group_size));
}

/// A bias (N) into the order in which Marlin kernels read it.
pub fn marlinPermuteBias(bias: []const u8, out: []u8, dtype: enums.DType, n: i64) Error!void {
    try same(bias, out);
    try errors.check(c.awqm_marlin_permute_bias(bias.ptr, out.ptr, out.len, @intFromEnum(dtype), n));
}

/// Codes (rows, columns), one a byte, to words, the first column in the lowest bits.
pub fn packColumns(codes: []const u8, rows: i64, columns: i64, bits: u32, out: []u8) Error!void {
    try errors.check(c.awqm_pack_columns(codes.ptr, codes.len, rows, columns, bits, out.ptr, out.len));
}

/// The inverse of packColumns.
pub fn unpackColumns(words: []const u8, rows: i64, columns: i64, bits: u32, out: []u8) Error!void {
    try errors.check(c.awqm_unpack_columns(words.ptr, words.len, rows, columns, bits, out.ptr, out.len));
}

/// Zero points (G, N), one a byte, to Marlin's words.
pub fn marlinZeroPoints(zeros: []const u8, groups: i64, n: i64, bits: u32, out: []u8) Error!void {
    try errors.check(c.awqm_marlin_zero_points(zeros.ptr, zeros.len, groups, n, bits, out.ptr, out.len));
}

/// qzeros of the AWQ gemm layout to Marlin's.
pub fn awqToMarlinZeroPoints(qzeros: []const u8, out: []u8, groups: i64, n: i64, bits: u32) Error!void {
    try same(qzeros, out);
    try errors.check(c.awqm_awq_to_marlin_zero_points(qzeros.ptr, out.ptr, out.len, groups, n, bits));
}

/// Guards functions that take one size for two buffers.
fn same(in: []const u8, out: []const u8) Error!void {
    if (in.len != out.len) return error.InvalidArgument;
}

/// Group sizes that Marlin kernels everywhere take as they are: as many as fit, and the slice of them.
pub fn marlinGroupSizes(out: []i64) Error![]i64 {
    var count: usize = 0;
    try errors.check(c.awqm_marlin_group_sizes(out.ptr, out.len, &count));
    return out[0..@min(count, out.len)];
}

/// Marlin's order of scales: permuted[L * b + i] = plain[L * b + table[i]]; 64 entries, or 32 without groups.
pub fn marlinScalePermutation(grouped: bool, out: []u32) Error![]u32 {
    var count: usize = 0;
    try errors.check(c.awqm_marlin_scale_permutation(@intFromBool(grouped), out.ptr, out.len, &count));
    return out[0..@min(count, out.len)];
}

/// The workspace that today's Marlin kernels of vLLM and its relatives want.
pub fn marlinWorkspaceBytes(n: i64, multiprocessors: u32) Error!usize {
    var out: usize = 0;
    try errors.check(c.awqm_marlin_workspace_bytes(n, multiprocessors, &out));
    return out;
}

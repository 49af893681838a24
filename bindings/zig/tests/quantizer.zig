//! AWQ: statistics, to a file and back; a model of one block quantized by them.

const std = @import("std");
const am = @import("awq_marlin");
const gpa = @import("support.zig").gpa;
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;

const weights = .{
    .{ "self_attn.q_proj", 64, 64 }, .{ "self_attn.k_proj", 64, 64 }, .{ "self_attn.v_proj", 64, 64 },
    .{ "self_attn.o_proj", 64, 64 }, .{ "mlp.gate_proj", 128, 64 },   .{ "mlp.up_proj", 128, 64 },
    .{ "mlp.down_proj", 64, 128 },   .{ "input_layernorm", 64, 0 },   .{ "post_attention_layernorm", 64, 0 },
};

/// Writes the model, whose weights are a pattern.
fn llama(folder: std.fs.Dir, file: [:0]const u8) !void {
    var values: [128 * 64]f32 = undefined;
    for (&values, 0..) |*value, i| value.* = (@as(f32, @floatFromInt(i * 7919 % 2003)) - 1001) / 2000;
    var names: [weights.len][*:0]const u8 = undefined;
    var views: [weights.len]am.TensorView = undefined;
    inline for (weights, 0..) |weight, i| {
        names[i] = "model.layers.0." ++ weight[0] ++ ".weight";
        views[i] = .{ .data = &values, .bytes = 4 * weight[1] * @max(weight[2], 1), .dtype = .f32, .rank = if (weight[2] == 0) 1 else 2 };
        views[i].shape[0] = weight[1];
        views[i].shape[1] = weight[2];
    }
    try am.saveTensors(file, &names, &views);
    try folder.writeFile(.{ .sub_path = "source/config.json", .data = "{\"model_type\": \"llama\", \"num_attention_heads\": 4}" });
}

test "AWQ" {
    var folder = std.testing.tmpDir(.{});
    defer folder.cleanup();
    try folder.dir.makeDir("source");
    const root = try folder.dir.realpathAlloc(gpa, ".");
    defer gpa.free(root);
    const source = try std.fmt.allocPrintSentinel(gpa, "{s}/source", .{root}, 0);
    defer gpa.free(source);
    const file = try std.fmt.allocPrintSentinel(gpa, "{s}/source/model.safetensors", .{root}, 0);
    defer gpa.free(file);
    const out = try std.fmt.allocPrintSentinel(gpa, "{s}/out", .{root}, 0);
    defer gpa.free(out);
    const statistics = try std.fmt.allocPrintSentinel(gpa, "{s}/statistics", .{root}, 0);
    defer gpa.free(statistics);
    try llama(folder.dir, file);

    const quantizer: am.Quantizer = try .init(source, out, .{ .group_size = 32 });
    defer quantizer.deinit();
    const calibrator: am.Calibrator = try .init(.{});
    defer calibrator.deinit();
    try std.testing.expectError(error.NotFound, quantizer.run(calibrator, null));
    const info = try quantizer.info();
    try expect(info.groups == 4 and info.layers == 7);
    for (0..info.groups) |index| {
        const group = try quantizer.group(index);
        const name = try quantizer.groupLayer(gpa, index, 0);
        defer gpa.free(name);
        try std.testing.expectEqualStrings(std.mem.sliceTo(&group.name, 0), name);
        const k: usize = @intCast(group.k);
        const x = try gpa.alloc(f32, 48 * k);
        defer gpa.free(x);
        for (x, 0..) |*value, j| value.* = (@as(f32, @floatFromInt(j * 104729 % 997)) - 498) / @as(f32, @floatFromInt(100 + j % k));
        try calibrator.observe(name, x, k, null);
        try std.testing.expectError(error.InvalidArgument, calibrator.observe(name, x[1..], k, null));
    }

    try calibrator.save(statistics);
    const again: am.Calibrator = try .load(statistics, .{});
    defer again.deinit();
    try again.merge(calibrator, null);
    try std.testing.expectError(error.Overlap, again.merge(again, null));
    try expectEqual(4, (try again.info()).layers);
    try expectEqual(96, (try again.layer(0)).rows);
    const first = try again.layerName(gpa, 0);
    defer gpa.free(first);
    try expect(std.mem.startsWith(u8, first, "model.layers.0."));
    try again.clear();
    try std.testing.expectError(error.NotFound, again.layer(0));
    try expect(try am.Calibrator.layerBytes(.{}, 64) >= 4 * 64 * 64);

    try quantizer.run(calibrator, "model.layers.0");
    try expectEqual(7, (try quantizer.finish()).layers_quantized);
    for ([_][:0]u8{ try quantizer.reportJson(gpa), try quantizer.reportText(gpa) }) |text| {
        defer gpa.free(text);
        try expect(std.mem.indexOf(u8, text, "mlp.down_proj") != null);
    }
    const checkpoint: am.Checkpoint = try .open(out);
    defer checkpoint.deinit();
    const layer = try checkpoint.layer("model.layers.0.mlp.up_proj");
    try expect(layer.quantized == 1 and layer.group_size == 32);
}

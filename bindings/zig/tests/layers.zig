//! A checkpoint, its layers repacked and run, against what other projects' code made of them.

const std = @import("std");
const am = @import("awq_marlin");
const support = @import("support.zig");
const gpa = support.gpa;
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;

test "every quantized layer repacks to Marlin" {
    const expected = try support.expected();
    defer expected.deinit();
    const checkpoint = try support.open();
    defer checkpoint.deinit();
    var modules = expected.value.modules.map.iterator();
    while (modules.next()) |entry| {
        const name = try gpa.dupeZ(u8, entry.key_ptr.*);
        defer gpa.free(name);
        const layer = try checkpoint.load(&.{name.ptr}, .{ .layout = .marlin });
        defer layer.deinit();
        const want = entry.value_ptr.marlin_sha256;
        try support.expectDigest(want.qweight, am.bytesOf(try layer.tensor(.qweight)));
        try support.expectDigest(want.scales, am.bytesOf(try layer.tensor(.scales)));
        try support.expectDigest(want.qzeros, am.bytesOf(try layer.tensor(.qzeros)));
    }
    try expectEqual(12, expected.value.modules.map.count());
}

test "repack into own buffers" {
    const expected = try support.expected();
    defer expected.deinit();
    const want = expected.value.modules.map.get(support.layer_name).?.marlin_sha256;
    const checkpoint = try support.open();
    defer checkpoint.deinit();
    const info = try checkpoint.layer(support.layer_name);
    const desc: am.LayerDesc = .{ .k = info.k, .n = info.n, .bits = info.bits, .zero_point = info.zero_point, .group_size = info.group_size, .layout = info.layout };
    const qweight = try checkpoint.tensor(support.layer_name ++ ".qweight");
    const scales = try checkpoint.tensor(support.layer_name ++ ".scales");
    const qzeros = try checkpoint.tensor(support.layer_name ++ ".qzeros");
    const in: am.LayerTensors = .{ .qweight = qweight.data, .qweight_bytes = qweight.bytes, .scales = scales.data, .scales_bytes = scales.bytes, .qzeros = qzeros.data, .qzeros_bytes = qzeros.bytes };

    const sizes = try am.repack.repackQuery(desc, .marlin);
    const out = try gpa.alloc(u8, sizes.qweight_bytes + sizes.scales_bytes + sizes.qzeros_bytes);
    defer gpa.free(out);
    const out_qweight = out[0..sizes.qweight_bytes];
    const out_scales = out[sizes.qweight_bytes..][0..sizes.scales_bytes];
    const out_qzeros = out[sizes.qweight_bytes + sizes.scales_bytes ..];
    try am.repack.repack(desc, in, .marlin, out_qweight, out_scales, out_qzeros, null);
    try support.expectDigest(want.qweight, out_qweight);
    try support.expectDigest(want.scales, out_scales);
    try support.expectDigest(want.qzeros, out_qzeros);

    @memset(out, 0);
    try am.repack.awqMarlinRepack(am.bytesOf(qweight), out_qweight, info.k, info.n, 4, null);
    try am.repack.marlinPermuteScales(am.bytesOf(scales), out_scales, .f16, info.k, info.n, info.group_size);
    try am.repack.awqToMarlinZeroPoints(am.bytesOf(qzeros), out_qzeros, @divExact(info.k, info.group_size), info.n, 4);
    try support.expectDigest(want.qweight, out_qweight);
    try support.expectDigest(want.scales, out_scales);
    try support.expectDigest(want.qzeros, out_qzeros);

    const layer: am.Packed = try .init(desc, in);
    defer layer.deinit();
    const lent: am.Packed = try .lend(desc, in);
    defer lent.deinit();
    try expectEqual(qweight.data, (try lent.tensor(.qweight)).data);
    try am.setAllocator(&gpa); // which looks for leaks
    const marlin = try layer.convert(.marlin, null);
    try am.setAllocator(null);
    defer marlin.deinit();
    try support.expectDigest(want.qweight, am.bytesOf(try marlin.tensor(.qweight)));
    try std.testing.expectError(error.NotFound, marlin.tensor(.bias));

    var folder = std.testing.tmpDir(.{});
    defer folder.cleanup();
    const root = try folder.dir.realpathAlloc(gpa, ".");
    defer gpa.free(root);
    const file = try std.fmt.allocPrintSentinel(gpa, "{s}/layer.safetensors", .{root}, 0);
    defer gpa.free(file);
    try marlin.save(file, "layer");
    const again: am.Packed = try .load(file, "layer");
    defer again.deinit();
    try support.expectDigest(want.qweight, am.bytesOf(try again.tensor(.qweight)));
    try am.saveTensors(file, &.{"one"}, &.{qweight});
    const saved: am.Checkpoint = try .openFiles(&.{file.ptr}, null);
    defer saved.deinit();
    try std.testing.expectEqualSlices(u8, am.bytesOf(qweight), am.bytesOf(try saved.tensor("one")));
    try expectEqual(null, try saved.config());
}

test "run, also by plan, on threads of the host" {
    const expected = try support.expected();
    defer expected.deinit();
    const want = expected.value.modules.map.get(support.layer_name).?;
    const x, const y = try support.inputAndOutput(want);
    defer gpa.free(x);
    defer gpa.free(y);
    var tasks: usize = 0;
    const cpu: am.Device = try .cpu(.{ .threads = 3, .parallel = serial, .user_data = &tasks });
    const checkpoint = try support.open();
    const from = try checkpoint.load(&.{support.layer_name}, .{ .device = cpu.ptr });
    const layer: am.Linear = try .init(cpu, from, .{});
    from.deinit(); // in any order
    checkpoint.deinit();
    cpu.deinit();
    const out = try gpa.alloc(f32, y.len);
    defer gpa.free(out);
    const workspace = try gpa.alloc(u8, try layer.workspaceBytes(2, .f16));
    defer gpa.free(workspace);
    try layer.run(x, out, workspace);
    try support.expectNear(y, out);
    try expectEqual(want.K, layer.k);
    try expectEqual(.cpu, (try layer.info()).backend);
    try expect(tasks > 0);

    const chosen = try layer.plan(.{ .m = 2, .dtype = .f16, .kernel = .gemm });
    defer chosen.deinit();
    const text = try chosen.toJson(gpa);
    defer gpa.free(text);
    const again = try layer.planFromJson(text);
    defer again.deinit();
    layer.deinit(); // the plans keep it
    const reason = try again.reason(gpa);
    defer gpa.free(reason);
    try expect(reason.len > 0);
    const info = try again.info();
    try expectEqual(.gemm, info.kernel);
    const space = try gpa.alloc(u8, info.workspace_bytes);
    defer gpa.free(space);
    @memset(out, 0);
    try again.run(x, out, space);
    try support.expectNear(y, out);
}

fn serial(user: ?*anyopaque, count: usize, task: am.c.awqm_task_fn, data: ?*anyopaque) callconv(.c) void {
    const tasks: *usize = @ptrCast(@alignCast(user.?));
    for (0..count) |index| task.?(data, index);
    tasks.* += count;
}

test "config" {
    const path = try support.fixture("checkpoint/llama2l_gemm");
    defer gpa.free(path);
    const file = try support.fixture("checkpoint/llama2l_gemm/config.json");
    defer gpa.free(file);
    const text = try std.fs.cwd().readFileAlloc(gpa, file, 1 << 20);
    defer gpa.free(text);
    const checkpoint = try support.open();
    defer checkpoint.deinit();
    for ([_]am.Config{ try .loadDirectory(path), try .loadFile(file), try .parse(text, null), (try checkpoint.config()).? }) |config| {
        defer config.deinit();
        const info = try config.info();
        try expect(info.method == .awq and info.bits == 4 and info.group_size == 64 and info.layout == .awq_gemm);
        try expect((try config.module(support.layer_name)).quantized == 1);
        try expect((try config.module("model.layers.0.self_attn.o_proj")).quantized == 0);
        for ([_][:0]u8{ try config.source(gpa), try config.toJson(gpa), try config.moduleReason(gpa, support.layer_name) }) |one| {
            defer gpa.free(one);
            try expect(one.len > 0);
        }
        const skip = try config.skip(gpa);
        try expect(skip.len > 0);
        freeAll(skip);
        freeAll(try config.warnings(gpa));
    }
    try std.testing.expectEqualStrings("config.json", am.configFileName(0).?);
    try expect(am.configFileName(100) == null);
}

fn freeAll(all: [][:0]u8) void {
    for (all) |one| gpa.free(one);
    gpa.free(all);
}

test "checkpoint" {
    const checkpoint = try support.open();
    defer checkpoint.deinit();
    const layers = try checkpoint.layers(gpa);
    const tensors = try checkpoint.tensors(gpa);
    defer freeAll(layers);
    defer freeAll(tensors);
    try expect(layers.len >= 14 and tensors.len > layers.len);
    freeAll(try checkpoint.warnings(gpa));
    const reason = try checkpoint.layerReason(gpa, support.layer_name);
    defer gpa.free(reason);
    try expect(reason.len > 0);
    const fused = try checkpoint.load(&.{"model.layers.0.self_attn.qkv_proj"}, .{ .tp_dim = .column, .tp_rank = 1, .tp_world = 2 });
    defer fused.deinit();
    try expectEqual(256, (try fused.info()).n);
}

test "quantize and convert" {
    var weight: [64 * 128]f32 = undefined;
    for (&weight, 0..) |*value, i| value.* = @as(f32, @floatFromInt(i % 31)) / 31;
    const layer: am.Packed = try .quantize(f32, &weight, 64, 128, .{ .group_size = 64 });
    defer layer.deinit();
    var dense: [128 * 64]f32 = undefined;
    try layer.dequantize(f32, &dense, null);
    for (0..128) |k| for (0..64) |n| try std.testing.expectApproxEqAbs(weight[n * 128 + k], dense[k * 64 + n], 0.04);

    var folder = std.testing.tmpDir(.{});
    defer folder.cleanup();
    const root = try folder.dir.realpathAlloc(gpa, ".");
    defer gpa.free(root);
    const to = try std.fmt.allocPrintSentinel(gpa, "{s}/out", .{root}, 0);
    defer gpa.free(to);
    const from = try support.fixture("checkpoint/llama2l_gemm");
    defer gpa.free(from);
    var seen: usize = 0;
    var options: am.QuantizeOptions = .{ .layout = .compressed_tensors, .progress = atMost, .user_data = &seen };
    try std.testing.expectError(error.Cancelled, am.convertCheckpoint(from, to, options));
    try expectEqual(3, seen);
    options.progress = null;
    try expectEqual(12, (try am.convertCheckpoint(from, to, options)).layers_quantized);
    try std.testing.expectError(error.Missing, am.quantizeCheckpoint("nowhere", to, .{}));
}

fn atMost(user: ?*anyopaque, _: [*c]const am.c.awqm_progress) callconv(.c) i32 {
    const seen: *usize = @ptrCast(@alignCast(user.?));
    seen.* += 1;
    return @intFromBool(seen.* == 3);
}

test "questions" {
    const no = try am.query.quantizationSupport(gpa, 3, 128, true, .marlin);
    defer gpa.free(no.reason);
    try expect(no.support == .no and no.reason.len > 0);
    const padded = try am.query.shapeSupport(gpa, 288, 96, 4, 32, true, .marlin);
    defer gpa.free(padded.reason);
    try expectEqual(.padded, padded.support);
    try expectEqual(80, try am.query.kernelMinCapability(.marlin));
    try expect(am.Kernel.gemv.supports(0, .f32) and !am.Kernel.marlin.supports(0, .f32));
    const ampere = try am.query.queryCapability(86);
    try std.testing.expectEqualStrings("Ampere", std.mem.sliceTo(&ampere.architecture, 0));
    const info, const reason = try am.query.queryCudaPlan(gpa, .{ .capability = 86, .k = 4096, .n = 4096, .m = 1, .bits = 4, .zero_point = 1, .group_size = 128, .dtype = .f16 });
    defer gpa.free(reason);
    try expect(info.kernel != .auto and info.workspace_bytes > 0 and reason.len > 0);
    var sizes: [16]i64 = undefined;
    try expect((try am.repack.marlinGroupSizes(&sizes)).len >= 4);
    var table: [64]u32 = undefined;
    try expectEqual(64, (try am.repack.marlinScalePermutation(true, &table)).len);
    try expect(try am.repack.marlinWorkspaceBytes(4096, 84) > 0);
    var words: [4]u8 = undefined;
    var codes: [8]u8 = undefined;
    try am.repack.packColumns(&.{ 1, 2, 3, 4, 5, 6, 7, 8 }, 1, 8, 4, &words);
    try am.repack.unpackColumns(&words, 1, 8, 4, &codes);
    try expect(words[0] == 0x21 and codes[7] == 8);
    try std.testing.expectEqualStrings("marlin", am.Layout.marlin.name());
    try std.testing.expectEqualStrings("F16", am.DType.f16.name());
    try expectEqual(2, am.DType.bf16.bytes());
    try expect(am.Backend.cpu.available());
}

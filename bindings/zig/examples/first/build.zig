const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const prefix = b.option([]const u8, "prefix", "Where the library is installed") orelse "/usr/local";
    const package = b.dependency("awq_marlin", .{ .target = target, .prefix = prefix });
    const root = b.createModule(.{ .root_source_file = b.path("main.zig"), .target = target });
    root.addImport("awq_marlin", package.module("awq_marlin"));
    b.installArtifact(b.addExecutable(.{ .name = "first", .root_module = root, .use_llvm = true }));
}

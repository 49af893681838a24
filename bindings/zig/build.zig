//! The package: a module "awq_marlin" over an installed library.
//!
//!   zig build test -Dprefix=/usr/local [-Dlinkage=dynamic] [-Dfixtures=PATH]

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const prefix = b.option([]const u8, "prefix", "Where the library is installed; /usr/local by default") orelse "/usr/local";
    const linkage = b.option(std.builtin.LinkMode, "linkage", "Link the static library, which is the default, or the shared one") orelse .static;

    const module = b.addModule("awq_marlin", .{
        .root_source_file = b.path("src/awq_marlin.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
    });
    const lib: std.Build.LazyPath = .{ .cwd_relative = b.pathJoin(&.{ prefix, "lib" }) };
    switch (linkage) {
        .static => {
            module.addObjectFile(lib.path(b, "libawq_marlin.a"));
            module.linkSystemLibrary("unwind", .{}); // zig's own; Rust's panics need it
        },
        .dynamic => {
            module.addLibraryPath(lib);
            module.addRPath(lib);
            module.linkSystemLibrary("awq_marlin", .{ .use_pkg_config = .no });
        },
    }

    const paths = b.addOptions();
    paths.addOption([]const u8, "fixtures", b.option([]const u8, "fixtures", "Folder of fixtures for the tests") orelse "../../tests/fixtures");
    paths.addOption([]const u8, "interface", b.option([]const u8, "interface", "Table of the C interface for the tests") orelse "../../abi/interface.json");

    const test_step = b.step("test", "Run the tests");
    const bench_step = b.step("bench", "Measure a call");
    const programs = [_]struct { *std.Build.Step, *std.Build.Step.Compile }{
        .{ test_step, b.addTest(.{ .root_module = program(b, "tests/all.zig", module, optimize), .use_llvm = true }) },
        .{ bench_step, b.addExecutable(.{ .name = "bench", .root_module = program(b, "tests/bench.zig", module, .ReleaseFast), .use_llvm = true }) },
    };
    for (programs) |one| {
        one[1].root_module.addOptions("paths", paths);
        const run = b.addRunArtifact(one[1]);
        run.has_side_effects = true;
        one[0].dependOn(&run.step);
    }
}

fn program(b: *std.Build, root: []const u8, module: *std.Build.Module, optimize: std.builtin.OptimizeMode) *std.Build.Module {
    return b.createModule(.{
        .root_source_file = b.path(root),
        .target = module.resolved_target,
        .optimize = optimize,
        .imports = &.{.{ .name = "awq_marlin", .module = module }},
    });
}

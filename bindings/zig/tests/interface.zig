//! The binding against the table made from the C header.

const std = @import("std");
const am = @import("awq_marlin");
const support = @import("support.zig");
const expectEqual = std.testing.expectEqual;

const Table = struct {
    versions: std.json.ArrayHashMap(i64),
    constants: std.json.ArrayHashMap(i64),
    enums: []const struct { name: []const u8, values: std.json.ArrayHashMap(i64) },
    structs: []const struct {
        name: []const u8,
        size: usize,
        fields: []const struct { name: []const u8, offset: usize, size: usize },
    },
    functions: []const struct { name: []const u8, params: []const struct { name: []const u8 } },
};

test "constants, structs and functions of the translated header are those of the table" {
    @setEvalBranchQuota(1_000_000);
    const parsed = try support.json(Table, @import("paths").interface);
    defer parsed.deinit();
    const table = parsed.value;
    var constants: usize = 0;
    var structs: usize = 0;
    var functions: usize = 0;
    inline for (@typeInfo(am.c).@"struct".decls) |decl| {
        const value = @field(am.c, decl.name);
        switch (@typeInfo(@TypeOf(value))) {
            .int, .comptime_int => {
                constants += 1;
                if (comptime !std.mem.eql(u8, decl.name, "AWQM_VERSION_NUMBER")) try expectEqual(find(table, decl.name), value);
            },
            .@"fn" => {
                functions += 1;
                for (table.functions) |function| {
                    if (!std.mem.eql(u8, function.name, decl.name)) continue;
                    try expectEqual(function.params.len, @typeInfo(@TypeOf(value)).@"fn".params.len);
                    break;
                } else return error.UnknownFunction;
            },
            .type => if (comptime @typeInfo(value) == .@"struct" and std.mem.startsWith(u8, decl.name, "awqm_")) {
                structs += 1;
                for (table.structs) |want| {
                    if (!std.mem.eql(u8, want.name, decl.name)) continue;
                    try expectEqual(want.size, @sizeOf(value));
                    const fields = @typeInfo(value).@"struct".fields;
                    try expectEqual(want.fields.len, fields.len);
                    inline for (fields, 0..) |field, i| {
                        try std.testing.expectEqualStrings(want.fields[i].name, field.name);
                        try expectEqual(want.fields[i].offset, @offsetOf(value, field.name));
                        try expectEqual(want.fields[i].size, @sizeOf(field.type));
                    }
                    break;
                } else return error.UnknownStruct;
            },
            else => {},
        }
    }
    try expectEqual(table.structs.len, structs);
    try expectEqual(table.functions.len, functions);
    var wanted = table.versions.map.count() + table.constants.map.count() + 1; // and AWQM_VERSION_NUMBER
    for (table.enums) |one| wanted += one.values.map.count();
    try expectEqual(wanted, constants);
}

fn find(table: Table, name: []const u8) ?i64 {
    if (table.versions.map.get(name) orelse table.constants.map.get(name)) |value| return value;
    for (table.enums) |one| if (one.values.map.get(name)) |value| return value;
    return null;
}

/// Whether ../unbound.txt lists a name for Zig.
fn unbound(name: []const u8) !bool {
    const text = try std.fs.cwd().readFileAlloc(support.gpa, "../unbound.txt", 1 << 20);
    defer support.gpa.free(text);
    var lines = std.mem.splitScalar(u8, text, '\n');
    while (lines.next()) |line| {
        var words = std.mem.tokenizeScalar(u8, line, ' ');
        if (std.mem.eql(u8, words.next() orelse continue, "zig") and std.mem.eql(u8, words.next() orelse continue, name)) return true;
    }
    return false;
}

fn expectListed(bound: bool, name: []const u8) !void {
    if (bound == try unbound(name)) {
        std.debug.print("{s}: bound {}, listed as unbound {}\n", .{ name, bound, bound });
        return error.NotInStep;
    }
}

test "every value of an enumeration has a name here" {
    const parsed = try support.json(Table, @import("paths").interface);
    defer parsed.deinit();
    const enums = .{
        .{ "awqm_dtype", am.DType },        .{ "awqm_layout", am.Layout },   .{ "awqm_kernel", am.Kernel },
        .{ "awqm_method", am.Method },      .{ "awqm_isa", am.Isa },         .{ "awqm_backend", am.Backend },
        .{ "awqm_log_level", am.LogLevel }, .{ "awqm_tp_dim", am.TpDim },    .{ "awqm_role", am.Role },
        .{ "awqm_support", am.Support },    .{ "awqm_compute", am.Compute }, .{ "awqm_range_rule", am.RangeRule },
        .{ "awqm_awq_mode", am.AwqMode },
    };
    for (parsed.value.enums) |one| {
        if (std.mem.eql(u8, one.name, "awqm_status")) continue; // the error set
        var bound = false;
        inline for (enums) |pair| {
            if (std.mem.eql(u8, one.name, pair[0])) {
                bound = true;
                for (one.values.map.values()) |value| {
                    const known = std.enums.tagName(pair[1], @enumFromInt(value));
                    try std.testing.expect(known != null);
                }
            }
        }
        try expectListed(bound, one.name);
    }
}

test "every function and every field is bound" {
    const parsed = try support.json(Table, @import("paths").interface);
    defer parsed.deinit();
    var sources: std.ArrayList(u8) = .empty;
    defer sources.deinit(support.gpa);
    var folder = try std.fs.cwd().openDir("src", .{ .iterate = true });
    defer folder.close();
    var files = folder.iterate();
    while (try files.next()) |file| {
        if (std.mem.eql(u8, file.name, "c.zig")) continue;
        const text = try folder.readFileAlloc(support.gpa, file.name, 1 << 20);
        defer support.gpa.free(text);
        try sources.appendSlice(support.gpa, text);
    }
    for (parsed.value.functions) |function| try expectListed(uses(sources.items, function.name), function.name);
    for (parsed.value.structs) |one| {
        var bound = false;
        inline for (@typeInfo(am.structs).@"struct".decls) |decl| {
            const is_struct = comptime @TypeOf(@field(am.structs, decl.name)) == type;
            if (is_struct and std.mem.eql(u8, one.name, am.structs.cName(decl.name))) {
                bound = true;
                const bound_fields = if (is_struct) @typeInfo(@field(am.structs, decl.name)).@"struct".fields.len else 0;
                for (one.fields, 0..) |field, i| {
                    if (i < bound_fields) continue; // compared when this was compiled
                    var name: [256]u8 = undefined;
                    try expectListed(false, try std.fmt.bufPrint(&name, "{s}.{s}", .{ one.name, field.name }));
                }
            }
        }
        try expectListed(bound, one.name);
    }
}

/// Whether a text has a name as a whole word.
fn uses(text: []const u8, name: []const u8) bool {
    var from: usize = 0;
    while (std.mem.indexOfPos(u8, text, from, name)) |at| {
        from = at + name.len;
        if (from == text.len or !(std.ascii.isAlphanumeric(text[from]) or text[from] == '_')) return true;
    }
    return false;
}

test "every status has an error of its own" {
    const parsed = try support.json(Table, @import("paths").interface);
    defer parsed.deinit();
    for (parsed.value.enums) |one| {
        if (!std.mem.eql(u8, one.name, "awqm_status")) continue;
        try expectEqual(@typeInfo(am.Error).error_set.?.len + 1, one.values.map.count());
        for (one.values.map.values()) |status| {
            if (am.check(@intCast(status))) |_| {
                try expectEqual(0, status);
            } else |err| {
                if (status != am.c.AWQM_STATUS_INTERNAL) try std.testing.expect(err != error.Internal);
            }
        }
        break;
    } else return error.NoStatus;
}

test "the library is of this header" {
    try expectEqual(am.version, am.libraryVersion());
    try expectEqual(am.abi_version, am.libraryAbiVersion());
    try std.testing.expect(std.mem.startsWith(u8, am.buildInfo(), "awq") or am.buildInfo().len > 0);
    try std.testing.expect(am.versionString().len >= 5);
}

test {
    _ = @import("interface.zig");
    _ = @import("layers.zig");
    _ = @import("failures.zig");
}

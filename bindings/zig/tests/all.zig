test {
    _ = @import("interface.zig");
    _ = @import("layers.zig");
    _ = @import("quantizer.zig");
    _ = @import("failures.zig");
}

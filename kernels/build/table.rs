//! The file that `src/lib.rs` includes.

use std::fmt::Write;
use std::path::Path;

use crate::Built;

const IMAGES: &str = "/// Name (that of the `.cu` file) and bytes of each image. Empty when the crate was built without nvcc.\n\
                      pub static IMAGES: &[(&str, &Image)] = &";

pub fn write(out: &Path, built: &Built) {
    let mut text = constants("", &built.nvcc, &built.archs);
    text += IMAGES;
    text += "[\n";
    for (name, fatbin) in &built.images {
        writeln!(text, "    ({name:?}, &Image(*include_bytes!({:?}))),", fatbin.display().to_string())
            .expect("a string takes any text");
    }
    text += "];\n";
    save(out, &text);
}

/// A table without images that says why.
pub fn write_none(out: &Path, why: &str) {
    save(out, &(constants(why, "", "") + IMAGES + "[];\n"));
}

fn constants(why: &str, nvcc: &str, archs: &str) -> String {
    format!(
        "/// Why there are no images; empty when there are.\npub const WHY_NONE: &str = {why:?};\n\
         /// Release of the nvcc that made the images, such as `13.0`; empty when there are none.\npub const NVCC: &str = {nvcc:?};\n\
         /// Targets of the images, such as `80,90,ptx90`; empty when there are none.\npub const ARCHS: &str = {archs:?};\n"
    )
}

fn save(out: &Path, text: &str) {
    std::fs::write(out.join("images.rs"), text).expect("OUT_DIR can be written");
}

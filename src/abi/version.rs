//! What this library is: version, ABI, backends.

use std::ffi::{CStr, c_char};
use std::sync::OnceLock;

use super::guard::silent;
use super::pointers::text_field;
use super::types::awqm_backend;

const fn number(text: &str) -> u32 {
    let mut value = 0;
    let mut i = 0;
    while i < text.len() {
        value = value * 10 + (text.as_bytes()[i] - b'0') as u32;
        i += 1;
    }
    value
}

/// MAJOR * 1000000 + MINOR * 1000 + PATCH of the library that is loaded; AWQM_VERSION_NUMBER is the header's.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_version_number() -> u32 {
    number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
        + number(env!("CARGO_PKG_VERSION_MINOR")) * 1000
        + number(env!("CARGO_PKG_VERSION_PATCH"))
}

/// The version as text, such as "0.1.0". Static string.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_version_string() -> *const c_char {
    const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version holds no NUL"),
    };
    TEXT.as_ptr()
}

/// The ABI that the library offers; a program compiled against another AWQM_ABI_VERSION must not use it.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_abi_version() -> u32 {
    1
}

/// Version, backends and target in one line, for bug reports. Static string.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_build_info() -> *const c_char {
    // In the library's own memory: an allocation would be lost when the library is unloaded.
    static TEXT: OnceLock<[c_char; 512]> = OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let (version, target) = (env!("CARGO_PKG_VERSION"), env!("AWQM_TARGET"));
        let cuda = match (cfg!(feature = "cuda"), crate::cuda::built_for()) {
            (false, _) => String::new(),
            (true, "") => ", cuda without kernels".into(),
            (true, built_for) => format!(", cuda ({built_for})"),
        };
        text_field(&format!("awq-marlin {version}; backends cpu{cuda}; target {target}"))
    });
    text.as_ptr()
}

/// 1 when the backend is built in and can be used on this machine, else 0 (unknown backends too).
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_backend_available(backend: awqm_backend) -> i32 {
    silent(0, || match backend {
        awqm_backend::CPU => 1,
        awqm_backend::CUDA => crate::cuda::status().problem.is_none().into(),
        _ => 0,
    })
}

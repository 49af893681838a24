//! Status codes, their names, and the last error's text.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

use super::guard::{guard, silent};
use super::pointers::StringOut;
use crate::error::ErrorKind;

/// Outcome of a call. 0 is success; 1xx the caller's doing, 2xx the data's, 3xx the device's, 9xx this library's.
/// Numbers are never reused.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum awqm_status {
    /// Success.
    Ok = 0,
    /// An argument has a value that the function cannot take.
    InvalidArgument = 101,
    /// A pointer that must not be NULL is NULL.
    NullPointer = 102,
    /// struct_size is none that this library knows.
    BadStructSize = 103,
    /// An enum value or flag that this version does not know.
    UnknownEnum = 104,
    /// The buffer is too small; the needed size was written where the function says.
    BufferTooSmall = 105,
    /// An input and an output overlap in memory.
    Overlap = 106,
    /// A size computed from the arguments does not fit the machine's integers.
    SizeOverflow = 107,
    /// Nothing has that name or index.
    NotFound = 108,
    /// A callback of the caller asked to stop.
    Cancelled = 109,
    /// The file system refused.
    Io = 201,
    /// The text is no JSON, or not the JSON that the format asks for.
    Json = 202,
    /// A configuration field has a wrong type or value, or contradicts another.
    Config = 203,
    /// Well formed, but nothing that this library can run; the message names it.
    Unsupported = 204,
    /// A safetensors file or index breaks its own format.
    Container = 205,
    /// A tensor has a wrong dtype, shape, size or value for its role.
    Tensor = 206,
    /// A tensor, shard or file that must be there is missing.
    Missing = 207,
    /// Members of one fused layer are quantized differently.
    MixedFused = 208,
    /// The backend is not built in, or its driver is not installed.
    BackendUnavailable = 301,
    /// No device with that ordinal.
    NoDevice = 302,
    /// The driver is older than the library needs.
    DriverTooOld = 303,
    /// The device's compute capability is below what any kernel needs.
    CapabilityTooLow = 304,
    /// The kernel that was asked for cannot run this problem on this device.
    KernelUnsupported = 305,
    /// The device or its driver reported a failure.
    Device = 306,
    /// A bug in this library; the handles of the call may only be freed.
    Internal = 901,
    /// Memory could not be allocated.
    OutOfMemory = 902,
}

impl awqm_status {
    const ALL: [(awqm_status, &'static CStr); 26] = [
        (awqm_status::Ok, c"AWQM_STATUS_OK"),
        (awqm_status::InvalidArgument, c"AWQM_STATUS_INVALID_ARGUMENT"),
        (awqm_status::NullPointer, c"AWQM_STATUS_NULL_POINTER"),
        (awqm_status::BadStructSize, c"AWQM_STATUS_BAD_STRUCT_SIZE"),
        (awqm_status::UnknownEnum, c"AWQM_STATUS_UNKNOWN_ENUM"),
        (awqm_status::BufferTooSmall, c"AWQM_STATUS_BUFFER_TOO_SMALL"),
        (awqm_status::Overlap, c"AWQM_STATUS_OVERLAP"),
        (awqm_status::SizeOverflow, c"AWQM_STATUS_SIZE_OVERFLOW"),
        (awqm_status::NotFound, c"AWQM_STATUS_NOT_FOUND"),
        (awqm_status::Cancelled, c"AWQM_STATUS_CANCELLED"),
        (awqm_status::Io, c"AWQM_STATUS_IO"),
        (awqm_status::Json, c"AWQM_STATUS_JSON"),
        (awqm_status::Config, c"AWQM_STATUS_CONFIG"),
        (awqm_status::Unsupported, c"AWQM_STATUS_UNSUPPORTED"),
        (awqm_status::Container, c"AWQM_STATUS_CONTAINER"),
        (awqm_status::Tensor, c"AWQM_STATUS_TENSOR"),
        (awqm_status::Missing, c"AWQM_STATUS_MISSING"),
        (awqm_status::MixedFused, c"AWQM_STATUS_MIXED_FUSED"),
        (awqm_status::BackendUnavailable, c"AWQM_STATUS_BACKEND_UNAVAILABLE"),
        (awqm_status::NoDevice, c"AWQM_STATUS_NO_DEVICE"),
        (awqm_status::DriverTooOld, c"AWQM_STATUS_DRIVER_TOO_OLD"),
        (awqm_status::CapabilityTooLow, c"AWQM_STATUS_CAPABILITY_TOO_LOW"),
        (awqm_status::KernelUnsupported, c"AWQM_STATUS_KERNEL_UNSUPPORTED"),
        (awqm_status::Device, c"AWQM_STATUS_DEVICE"),
        (awqm_status::Internal, c"AWQM_STATUS_INTERNAL"),
        (awqm_status::OutOfMemory, c"AWQM_STATUS_OUT_OF_MEMORY"),
    ];

    pub(super) fn of(kind: ErrorKind) -> Self {
        use awqm_status as S;
        match kind {
            ErrorKind::InvalidArgument => S::InvalidArgument,
            ErrorKind::NullPointer => S::NullPointer,
            ErrorKind::BadStructSize => S::BadStructSize,
            ErrorKind::UnknownEnum => S::UnknownEnum,
            ErrorKind::BufferTooSmall => S::BufferTooSmall,
            ErrorKind::Overlap => S::Overlap,
            ErrorKind::SizeOverflow => S::SizeOverflow,
            ErrorKind::NotFound => S::NotFound,
            ErrorKind::Cancelled => S::Cancelled,
            ErrorKind::Io => S::Io,
            ErrorKind::Json => S::Json,
            ErrorKind::Config => S::Config,
            ErrorKind::Unsupported => S::Unsupported,
            ErrorKind::Container => S::Container,
            ErrorKind::Tensor => S::Tensor,
            ErrorKind::Missing => S::Missing,
            ErrorKind::MixedFused => S::MixedFused,
            ErrorKind::BackendUnavailable => S::BackendUnavailable,
            ErrorKind::NoDevice => S::NoDevice,
            ErrorKind::DriverTooOld => S::DriverTooOld,
            ErrorKind::CapabilityTooLow => S::CapabilityTooLow,
            ErrorKind::KernelUnsupported => S::KernelUnsupported,
            ErrorKind::Device => S::Device,
            ErrorKind::Internal => S::Internal,
            ErrorKind::OutOfMemory => S::OutOfMemory,
        }
    }
}

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

pub(super) fn set_last_error(message: &str) {
    // A NUL inside (a file name can hold none, a tensor name can) would cut the text.
    let text = CString::new(message.replace('\0', "\u{fffd}")).unwrap_or_default();
    // During thread exit the slot may be gone; then nobody can read the text either.
    let _ = LAST_ERROR.try_with(|slot| *slot.borrow_mut() = text);
}

/// The name of a status, such as "AWQM_STATUS_OK". Any number may be passed; unknown ones give "unknown status".
///
/// Returns a static string. Any thread.
///
/// Threads: any, at once. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_status_name(status: i32) -> *const c_char {
    let found = awqm_status::ALL.iter().find(|(s, _)| *s as i32 == status);
    found.map_or(c"unknown status".as_ptr(), |(_, name)| name.as_ptr())
}

/// What went wrong in the last failing call of this thread: place, value found, value needed. Empty before the
/// first failure; a success leaves it alone.
///
/// Returns UTF-8, never NULL, valid until the next failing call on this thread.
///
/// Threads: any; each has a message of its own. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn awqm_last_error_message() -> *const c_char {
    silent(c"".as_ptr(), || LAST_ERROR.try_with(|slot| slot.borrow().as_ptr()).unwrap_or(c"".as_ptr()))
}

/// Copies awqm_last_error_message() into the caller's buffer: for languages that may move between threads or
/// cannot hold a borrowed pointer.
///
/// Statuses: the general ones.
///
/// Threads: any; each has a message of its own. Since 0.1.
///
/// # Safety
/// `buf` is NULL or writable for `cap` bytes; `out_len` is NULL or writable.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn awqm_last_error_copy(
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> awqm_status {
    guard(|| {
        let text = LAST_ERROR.with(|slot| slot.borrow().clone());
        // SAFETY: the caller's promise above.
        unsafe { StringOut::new(buf, cap, out_len) }.write(&text.to_string_lossy())
    })
}

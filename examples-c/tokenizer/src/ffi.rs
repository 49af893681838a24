//! The functions of `awqm_tokenizer.h`. Every body runs under [`guard`]: a failure or a panic becomes a
//! status and a message, never an unwound C frame.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::Result;
use crate::config::NetworkConfig;
use crate::text::{ModelText, Stream};

/// It worked.
pub const HF_OK: c_int = 0;
/// It failed; [`hf_error`] says why.
pub const HF_FAILED: c_int = 1;
/// The caller's buffer is too small; the needed size was written.
pub const HF_TOO_SMALL: c_int = 2;

/// `hf_stream` of the C header: a [`Stream`] with the piece that it gave last.
#[derive(Default)]
pub struct StreamHandle {
    stream: Stream,
    piece: String,
}

thread_local! {
    static ERROR: RefCell<CString> = RefCell::default();
}

fn set_error(message: &str) {
    let text: Vec<u8> = message.bytes().filter(|b| *b != 0).collect();
    ERROR.with(|e| *e.borrow_mut() = CString::new(text).unwrap_or_default());
}

fn guard(body: impl FnOnce() -> Result<c_int>) -> c_int {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => status,
        Ok(Err(message)) => {
            set_error(&message);
            HF_FAILED
        }
        Err(_) => {
            set_error("internal error in the tokenizer");
            HF_FAILED
        }
    }
}

/// # Safety
/// `text` is NULL or a NUL-terminated string that outlives `'a`.
unsafe fn string<'a>(text: *const c_char, name: &str) -> Result<&'a str> {
    if text.is_null() {
        return Err(format!("{name} is NULL"));
    }
    // SAFETY: not NULL, and terminated by the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| format!("{name} is not UTF-8"))
}

/// # Safety
/// `handle` is NULL or points to a live `T`.
unsafe fn handle<'a, T>(handle: *const T) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { handle.as_ref() }.ok_or_else(|| "the handle is NULL".into())
}

/// Writes `count` always, and the items when they fit.
///
/// # Safety
/// `out` is NULL or holds `cap` items; `count` is NULL or writable.
unsafe fn fill<T: Copy>(items: &[T], out: *mut T, cap: usize, count: *mut usize) -> Result<c_int> {
    if count.is_null() {
        return Err("the place for the size is NULL".into());
    }
    // SAFETY: checked above.
    unsafe { *count = items.len() };
    if out.is_null() {
        return Ok(HF_OK);
    }
    if cap < items.len() {
        set_error(&format!("the buffer is too small (found {cap}, needed {})", items.len()));
        return Ok(HF_TOO_SMALL);
    }
    // SAFETY: out holds cap >= len items and, being the caller's, does not overlap ours.
    unsafe { out.copy_from_nonoverlapping(items.as_ptr(), items.len()) };
    Ok(HF_OK)
}

/// The message of the last failure on this thread; valid until the next one.
#[unsafe(no_mangle)]
pub extern "C" fn hf_error() -> *const c_char {
    ERROR.with(|e| e.borrow().as_ptr())
}

/// Reads `dir/config.json`.
///
/// # Safety
/// `dir` is a NUL-terminated string; `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hf_config_read(dir: *const c_char, out: *mut NetworkConfig) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise.
        let dir = unsafe { string(dir, "the directory") }?;
        if out.is_null() {
            return Err("the place for the config is NULL".into());
        }
        let config = NetworkConfig::read(Path::new(dir))?;
        // SAFETY: not NULL, and writable by the caller's promise.
        unsafe { *out = config };
        Ok(HF_OK)
    })
}

/// Opens the tokenizer of a model directory.
///
/// # Safety
/// `dir` is a NUL-terminated string; `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hf_tokenizer_open(dir: *const c_char, out: *mut *mut ModelText) -> c_int {
    guard(|| {
        if out.is_null() {
            return Err("the place for the tokenizer is NULL".into());
        }
        // SAFETY: not NULL, and writable by the caller's promise.
        unsafe { *out = std::ptr::null_mut() };
        // SAFETY: the caller's promise.
        let dir = unsafe { string(dir, "the directory") }?;
        let model = Box::new(ModelText::open(Path::new(dir))?);
        // SAFETY: as above.
        unsafe { *out = Box::into_raw(model) };
        Ok(HF_OK)
    })
}

/// Frees a tokenizer; NULL is fine. Its streams must be gone.
///
/// # Safety
/// `tokenizer` is NULL or came from [`hf_tokenizer_open`] and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hf_tokenizer_free(tokenizer: *mut ModelText) {
    if !tokenizer.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(tokenizer) });
    }
}

/// Token ids of `text[0..length]`; with `ids` NULL only their count.
///
/// # Safety
/// The pointers are valid for the sizes beside them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hf_tokenizer_encode(
    tokenizer: *const ModelText,
    text: *const c_char,
    length: usize,
    add_special: c_int,
    ids: *mut u32,
    capacity: usize,
    count: *mut usize,
) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise.
        let model = unsafe { handle(tokenizer) }?;
        if text.is_null() {
            return Err("the text is NULL".into());
        }
        // SAFETY: text holds `length` bytes by the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
        let text = std::str::from_utf8(bytes).map_err(|e| format!("the text is not UTF-8: {e}"))?;
        let found = model.encode(text, add_special != 0)?;
        // SAFETY: the caller's promise.
        unsafe { fill(&found, ids, capacity, count) }
    })
}

/// The chat prompt, not NUL-terminated; with `out` NULL only its length. Length 0: the model has no template.
///
/// # Safety
/// `system` is NULL or, like `user`, a NUL-terminated string; the other pointers fit the sizes beside them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hf_tokenizer_chat(
    tokenizer: *const ModelText,
    system: *const c_char,
    user: *const c_char,
    out: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise.
        let model = unsafe { handle(tokenizer) }?;
        let system = if system.is_null() {
            None
        } else {
            // SAFETY: the caller's promise.
            Some(unsafe { string(system, "the system message") }?)
        };
        // SAFETY: the caller's promise.
        let user = unsafe { string(user, "the user message") }?;
        let prompt = model.chat(system, user)?.unwrap_or_default();
        // SAFETY: the caller's promise; c_char is a byte.
        unsafe { fill(prompt.as_bytes(), out.cast::<u8>(), capacity, length) }
    })
}

/// 1 when `id` ends a text, else 0.
///
/// # Safety
/// `tokenizer` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hf_tokenizer_is_end(tokenizer: *const ModelText, id: u32) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { tokenizer.as_ref() }.is_some_and(|model| model.eos().contains(&id)).into()
}

/// A fresh stream.
#[unsafe(no_mangle)]
pub extern "C" fn hf_stream_new() -> *mut StreamHandle {
    Box::into_raw(Box::default())
}

/// Frees a stream; NULL is fine.
///
/// # Safety
/// `stream` is NULL or came from [`hf_stream_new`] and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hf_stream_free(stream: *mut StreamHandle) {
    if !stream.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(stream) });
    }
}

/// # Safety
/// As for [`hf_stream_next`].
unsafe fn step(
    stream: *mut StreamHandle,
    tokenizer: *const ModelText,
    piece: *mut *const c_char,
    length: *mut usize,
    advance: impl FnOnce(&mut Stream, &ModelText) -> Result<String>,
) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise.
        let (model, stream) = (unsafe { handle(tokenizer) }?, unsafe { stream.as_mut() });
        let stream = stream.ok_or("the stream is NULL")?;
        if piece.is_null() || length.is_null() {
            return Err("the place for the text is NULL".into());
        }
        stream.piece = advance(&mut stream.stream, model)?;
        // SAFETY: checked above; the text lives in the stream until its next step.
        unsafe {
            *piece = stream.piece.as_ptr().cast();
            *length = stream.piece.len();
        }
        Ok(HF_OK)
    })
}

/// The text that token `id` completes, UTF-8, not NUL-terminated, valid until the stream's next call.
///
/// # Safety
/// The handles are live, `piece` and `length` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hf_stream_next(
    stream: *mut StreamHandle,
    tokenizer: *const ModelText,
    id: u32,
    piece: *mut *const c_char,
    length: *mut usize,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { step(stream, tokenizer, piece, length, |s, model| s.next(model, id)) }
}

/// What the stream still holds back at the end of the text.
///
/// # Safety
/// As for [`hf_stream_next`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hf_stream_finish(
    stream: *mut StreamHandle,
    tokenizer: *const ModelText,
    piece: *mut *const c_char,
    length: *mut usize,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { step(stream, tokenizer, piece, length, Stream::finish) }
}

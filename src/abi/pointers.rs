//! Raw pointers in and out: every NULL and every length is checked here, once.

use std::ffi::{CStr, c_char};

use crate::error::{Error, ErrorKind, Result};

/// [`ErrorKind::NullPointer`] for the argument `name`.
pub(super) fn null(name: &str) -> Error {
    Error::new(ErrorKind::NullPointer, "must not be NULL").subject(name)
}

/// A handle or struct that the call only reads.
///
/// # Safety
/// `p` is NULL or points to a live, aligned `T` that nobody writes for `'a`.
pub(super) unsafe fn reference<'a, T>(p: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { p.as_ref() }.ok_or_else(|| null(name))
}

/// The place for one result; written only through [`Out::set`], so a failed call leaves it alone.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// `p` is NULL or writable for a `T`.
    pub(super) unsafe fn new(p: *mut T, name: &str) -> Result<Self> {
        if p.is_null() { Err(null(name)) } else { Ok(Out(p)) }
    }

    pub(super) fn set(self, value: T) {
        // SAFETY: writable by the promise of `new`; the old bytes may be uninitialized, so they are not dropped.
        unsafe { self.0.write(value) }
    }
}

impl<T> Out<*mut T> {
    /// Hands a new handle to the caller.
    pub(super) fn give(self, value: T) {
        self.set(Box::into_raw(Box::new(value)));
    }
}

/// Frees what [`Out::give`] handed out.
///
/// # Safety
/// `p` is NULL or came from [`Out::give`] and was not freed before.
pub(super) unsafe fn free<T>(p: *mut T) {
    if !p.is_null() {
        // SAFETY: made by Box::into_raw, freed once.
        super::guard::silent((), || drop(unsafe { Box::from_raw(p) }));
    }
}

/// A NUL-terminated UTF-8 string.
///
/// # Safety
/// `p` is NULL or a NUL-terminated string that nobody writes for `'a`.
pub(super) unsafe fn string<'a>(p: *const c_char, name: &str) -> Result<&'a str> {
    if p.is_null() {
        return Err(null(name));
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(p) };
    bytes.to_str().map_err(|e| Error::invalid(format!("is not UTF-8: {e}")).subject(name))
}

/// `count` elements that the call only reads; NULL is fine when there are none.
///
/// # Safety
/// `p` is readable for `count` elements for `'a`, aligned for `T`, or `count` is 0.
pub(super) unsafe fn slice<'a, T>(p: *const T, count: usize, name: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    checked(p, count, name)?;
    // SAFETY: not NULL, aligned, length in range; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(p, count) })
}

/// `count` elements that the call writes; NULL is fine when there are none.
///
/// # Safety
/// `p` is writable for `count` elements for `'a`, aligned for `T`, and nothing else uses them; or `count` is 0.
pub(super) unsafe fn slice_mut<'a, T>(p: *mut T, count: usize, name: &str) -> Result<&'a mut [T]> {
    if count == 0 {
        return Ok(&mut []);
    }
    checked(p, count, name)?;
    // SAFETY: not NULL, aligned, length in range; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(p, count) })
}

fn checked<T>(p: *const T, count: usize, name: &str) -> Result<()> {
    if p.is_null() {
        return Err(null(name));
    }
    if !p.is_aligned() {
        return Err(Error::invalid("is not aligned to its element type")
            .subject(name)
            .needed(format!("{} bytes", align_of::<T>())));
    }
    let bytes = count.checked_mul(size_of::<T>()).filter(|b| *b <= isize::MAX as usize);
    if bytes.is_none_or(|b| (p as usize).checked_add(b).is_none()) {
        let what = format!("{count} elements of {} bytes do not fit the address space", size_of::<T>());
        return Err(Error::new(ErrorKind::SizeOverflow, what).subject(name));
    }
    Ok(())
}

/// A non-negative `int64_t` as a size.
pub(super) fn size(v: i64, name: &str) -> Result<usize> {
    usize::try_from(v).map_err(|_| Error::invalid("is negative").subject(name).found(v).needed("0 or more"))
}

/// A positive `int64_t` as a size.
pub(super) fn positive(v: i64, name: &str) -> Result<usize> {
    if v < 1 {
        Err(Error::invalid("must be positive").subject(name).found(v).needed("1 or more"))
    } else {
        size(v, name)
    }
}

/// Refuses memory ranges that overlap; each is (start, bytes, name).
pub(super) fn disjoint(
    inputs: &[(*const u8, usize, &str)],
    outputs: &[(*const u8, usize, &str)],
) -> Result<()> {
    let overlap = |a: &(*const u8, usize, &str), b: &(*const u8, usize, &str)| {
        a.1 > 0
            && b.1 > 0
            && (a.0 as usize) < (b.0 as usize).saturating_add(b.1)
            && (b.0 as usize) < (a.0 as usize).saturating_add(a.1)
    };
    for (i, out) in outputs.iter().enumerate() {
        if let Some(other) = inputs.iter().chain(&outputs[i + 1..]).find(|other| overlap(out, other)) {
            return Err(Error::new(
                ErrorKind::Overlap,
                format!("{} and {} overlap in memory", other.2, out.2),
            ));
        }
    }
    Ok(())
}

/// The `(buf, cap, out_len)` triple that a string is copied to.
pub(super) struct StringOut {
    buf: *mut c_char,
    cap: usize,
    out_len: *mut usize,
}

impl StringOut {
    /// # Safety
    /// `buf` is NULL or writable for `cap` bytes; `out_len` is NULL or writable.
    pub(super) unsafe fn new(buf: *mut c_char, cap: usize, out_len: *mut usize) -> Self {
        StringOut { buf, cap, out_len }
    }

    pub(super) fn write(self, text: &str) -> Result<()> {
        if self.buf.is_null() && self.cap != 0 {
            return Err(null("buf"));
        }
        if !self.out_len.is_null() {
            // SAFETY: writable by the promise of `new`.
            unsafe { self.out_len.write(text.len()) };
        }
        if self.buf.is_null() {
            return Ok(());
        }
        if self.cap <= text.len() {
            return Err(Error::too_small("the string and its NUL do not fit", self.cap, text.len() + 1)
                .subject("buf"));
        }
        // SAFETY: buf is writable for cap bytes by the promise of `new`, and cap is more than the length.
        unsafe {
            self.buf.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
            self.buf.add(text.len()).write(0);
        }
        Ok(())
    }
}

/// Text for a field of fixed size: NUL-terminated, cut between characters to fit.
pub(super) fn text_field<const SIZE: usize>(text: &str) -> [c_char; SIZE] {
    let mut field = [0; SIZE];
    let fits = text.len().min(SIZE - 1);
    let cut = (0..=fits).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    for (to, from) in field.iter_mut().zip(text[..cut].bytes()) {
        *to = from as c_char;
    }
    field
}

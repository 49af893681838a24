//! Structs with `struct_size`: read with the rule that lets old programs meet new libraries and the other way round.

use super::pointers::null;
use crate::error::{Error, ErrorKind, Result};

/// No struct of this interface will ever be larger; a larger `struct_size` is garbage.
const LIMIT: usize = 4096;

/// A plain struct whose first field is `struct_size: usize` and for which all zero bytes are a valid value.
///
/// # Safety
/// `#[repr(C)]`, first field `usize`, every bit pattern of zeros valid.
pub(super) unsafe trait Sized0: Copy {
    /// Size of the struct in the first release that had it.
    const FIRST: usize = size_of::<Self>();

    /// The field that no version uses yet, where there is one: instead of padding, which nobody sets to zero, so that it
    /// can become an option later.
    fn reserved(&self) -> u32 {
        0
    }

    /// All zero: every default.
    fn zero() -> Self {
        // SAFETY: the trait's promise.
        unsafe { std::mem::zeroed() }
    }
}

fn check_size(found: usize, first: usize, name: &str) -> Result<()> {
    if found < first || found > LIMIT {
        let needed = format!("sizeof the struct, {first} or more");
        return Err(Error::new(ErrorKind::BadStructSize, "struct_size is not that of any version")
            .subject(name)
            .found(found)
            .needed(needed));
    }
    Ok(())
}

/// The caller's options; NULL means all defaults.
///
/// # Safety
/// `p` is NULL or points to a struct that is readable for its own `struct_size` bytes.
pub(super) unsafe fn read<T: Sized0>(p: *const T, name: &str) -> Result<T> {
    if p.is_null() {
        return Ok(T::zero());
    }
    // SAFETY: the caller's promise.
    unsafe { read_required(p, name) }
}

/// As [`read`], but NULL is an error.
///
/// # Safety
/// As [`read`].
pub(super) unsafe fn read_required<T: Sized0>(p: *const T, name: &str) -> Result<T> {
    if p.is_null() {
        return Err(null(name));
    }
    if !p.is_aligned() {
        return Err(Error::invalid("is not aligned").subject(name));
    }
    // SAFETY: the first field is struct_size.
    let found = unsafe { p.cast::<usize>().read() };
    check_size(found, T::FIRST, name)?;
    let mut value = T::zero();
    // SAFETY: both sides hold at least min(found, size_of T) bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(
            p.cast::<u8>(),
            (&raw mut value).cast::<u8>(),
            found.min(size_of::<T>()),
        );
    }
    // A newer program may pass a longer struct; that is fine as long as it asks for nothing that we do not know.
    for at in size_of::<T>()..found {
        // SAFETY: inside struct_size.
        if unsafe { p.cast::<u8>().add(at).read() } != 0 {
            let what = format!("byte {at} asks for something that this version of the library does not know");
            return Err(Error::unsupported(what).subject(name));
        }
    }
    if value.reserved() != 0 {
        let what = "asks for something that this version of the library does not know";
        return Err(Error::unsupported(what)
            .subject(format!("{name}.reserved"))
            .found(value.reserved())
            .needed(0));
    }
    Ok(value)
}

/// The place for an info struct; the caller has set its `struct_size`.
pub(super) struct InfoOut<T> {
    p: *mut T,
    size: usize,
}

impl<T: Sized0> InfoOut<T> {
    /// # Safety
    /// `p` is NULL or points to a struct whose `struct_size` is set and that is writable for so many bytes.
    pub(super) unsafe fn new(p: *mut T, name: &str) -> Result<Self> {
        if p.is_null() {
            return Err(null(name));
        }
        if !p.is_aligned() {
            return Err(Error::invalid("is not aligned").subject(name));
        }
        // SAFETY: the first field is struct_size.
        let size = unsafe { p.cast::<usize>().read() };
        check_size(size, T::FIRST, name)?;
        Ok(InfoOut { p, size })
    }

    /// Writes all but `struct_size`; fields that a newer caller knows and we do not become zero. No struct has padding
    /// (tests/abi_layout.rs), so every byte that goes out was set.
    pub(super) fn set(self, value: &T) {
        let head = size_of::<usize>();
        let known = self.size.min(size_of::<T>());
        // SAFETY: writable for `size` bytes by the promise of `new`; `known` is within both structs.
        unsafe {
            let from = (&raw const *value).cast::<u8>();
            let to = self.p.cast::<u8>();
            std::ptr::copy_nonoverlapping(from.add(head), to.add(head), known - head);
            to.add(known).write_bytes(0, self.size - known);
        }
    }
}

//! The one error type. It says what is wrong, where, what was found and what is needed.

use std::fmt;
use std::path::Path;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of failure it is; each kind is one status code of the C interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// An argument has a value that the function cannot take.
    InvalidArgument,
    /// A pointer that must not be NULL is NULL.
    NullPointer,
    /// An options struct has a `struct_size` that no version of the library defined.
    BadStructSize,
    /// An enum value or flag that this version does not know.
    UnknownEnum,
    /// The caller's buffer is too small; the needed size is reported with it.
    BufferTooSmall,
    /// An input and an output buffer overlap.
    Overlap,
    /// A size computed from the arguments does not fit the machine's integers.
    SizeOverflow,
    /// No layer, tensor, module or item has that name or index.
    NotFound,
    /// The file system refused: missing, unreadable, unwritable, full.
    Io,
    /// The text is no JSON, or not the JSON that the format asks for.
    Json,
    /// A field of a configuration has a wrong type or value, or contradicts another.
    Config,
    /// The data is well formed, but this library cannot run it (and says by name what it is).
    Unsupported,
    /// A safetensors file or index breaks its own format.
    Container,
    /// A tensor has a wrong dtype, shape or value for its role.
    Tensor,
    /// A tensor, shard or file that must be there is missing.
    Missing,
    /// Members of one fused layer are quantized differently.
    MixedFused,
    /// The backend is not built in or its driver is not installed.
    BackendUnavailable,
    /// The driver is there but no device with that ordinal.
    NoDevice,
    /// The driver is older than the library needs.
    DriverTooOld,
    /// The device's compute capability is below what any kernel needs.
    CapabilityTooLow,
    /// The kernel that the caller asked for cannot run this problem on this device.
    KernelUnsupported,
    /// The device or its driver reported a failure.
    Device,
    /// A callback of the caller asked to stop.
    Cancelled,
    /// Memory could not be allocated.
    OutOfMemory,
    /// A bug in this library; the handle may only be freed.
    Internal,
}

/// A failure: kind, place, and the two values that disagree.
#[derive(Debug, Clone)]
pub struct Error(Box<Details>);

/// Behind one pointer, so that a `Result` costs no more than its value where nothing fails.
#[derive(Debug, Clone)]
struct Details {
    kind: ErrorKind,
    what: String,
    file: Option<String>,
    subject: Option<String>,
    found: Option<String>,
    needed: Option<String>,
    needed_bytes: Option<usize>,
}

impl Error {
    /// A failure of `kind`; `what` is a clause without a full stop, such as "is not a multiple of the group size".
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Error(Box::new(Details {
            kind,
            what: what.into(),
            file: None,
            subject: None,
            found: None,
            needed: None,
            needed_bytes: None,
        }))
    }

    /// [`ErrorKind::InvalidArgument`].
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, what)
    }

    /// [`ErrorKind::Unsupported`].
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, what)
    }

    /// [`ErrorKind::Internal`].
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, what)
    }

    /// [`ErrorKind::BufferTooSmall`] that carries both sizes.
    pub fn too_small(what: impl Into<String>, found: usize, needed: usize) -> Self {
        let mut e = Self::new(ErrorKind::BufferTooSmall, what)
            .found(format!("{found} bytes"))
            .needed(format!("{needed} bytes"));
        e.0.needed_bytes = Some(needed);
        e
    }

    /// An I/O failure on a path.
    pub fn io(path: &Path, e: &std::io::Error) -> Self {
        let kind = if e.kind() == std::io::ErrorKind::NotFound { ErrorKind::Missing } else { ErrorKind::Io };
        Self::new(kind, e.to_string()).file(path)
    }

    /// Names the file, unless a deeper place already named one.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        self.0.file.get_or_insert_with(|| path.display().to_string());
        self
    }

    /// Names the tensor, field, layer or argument, unless a deeper place already named one.
    #[must_use]
    pub fn subject(mut self, name: impl Into<String>) -> Self {
        self.0.subject.get_or_insert_with(|| name.into());
        self
    }

    /// The value that was found.
    #[must_use]
    pub fn found(mut self, v: impl fmt::Display) -> Self {
        self.0.found = Some(v.to_string());
        self
    }

    /// The value that is needed.
    #[must_use]
    pub fn needed(mut self, v: impl fmt::Display) -> Self {
        self.0.needed = Some(v.to_string());
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// For [`ErrorKind::BufferTooSmall`]: the size that would have been enough.
    pub fn needed_bytes(&self) -> Option<usize> {
        self.0.needed_bytes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.0.file {
            write!(f, "{file}: ")?;
        }
        if let Some(subject) = &self.0.subject {
            write!(f, "{subject}: ")?;
        }
        f.write_str(&self.0.what)?;
        match (&self.0.found, &self.0.needed) {
            (Some(a), Some(b)) => write!(f, " (found {a}, needed {b})"),
            (Some(a), None) => write!(f, " (found {a})"),
            (None, Some(b)) => write!(f, " (needed {b})"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

//! Streams, and the rules while one of them captures.

use crate::call::api;
use crate::error::{
    INVALID_HANDLE, INVALID_VALUE, Outcome, STREAM_CAPTURE_IMPLICIT, STREAM_CAPTURE_INVALIDATED,
    STREAM_CAPTURE_UNMATCHED, STREAM_CAPTURE_UNSUPPORTED,
};
use crate::graph::Graph;
use crate::launch::Work;
use crate::state::{CAPTURE_MODE, Handle, State};

const RELAXED: u32 = 2;
const NON_BLOCKING: u32 = 1;

pub struct Stream {
    pub context: Handle,
    blocking: bool,
    pub capture: Option<Capture>,
}

/// What a stream has recorded.
#[derive(Default)]
pub struct Capture {
    pub works: Vec<Work>,
    broken: bool,
}

impl State {
    /// For calls that may wait or allocate: while a stream captures, only threads that said so may make them; others
    /// break the capture.
    pub fn refuse_in_capture(&mut self) -> Outcome {
        let mut captures = self.streams.values_mut().filter_map(|s| s.capture.as_mut()).peekable();
        if captures.peek().is_none() || CAPTURE_MODE.get() == RELAXED {
            return Ok(());
        }
        captures.for_each(|c| c.broken = true);
        Err(STREAM_CAPTURE_UNSUPPORTED)
    }

    /// For work on the legacy stream, which waits for every blocking one.
    pub fn refuse_legacy(&mut self) -> Outcome {
        for stream in self.streams.values_mut().filter(|s| s.blocking) {
            if let Some(capture) = &mut stream.capture {
                capture.broken = true;
                return Err(STREAM_CAPTURE_IMPLICIT);
            }
        }
        Ok(())
    }
}

api! {
    fn cuStreamCreate(state, stream: *mut Handle, flags: u32) {
        let context = state.need_context()?;
        let handle = state.new_handle();
        state.streams.insert(handle, Stream { context, blocking: flags & NON_BLOCKING == 0, capture: None });
        // SAFETY: writable, as cuda.h says; so is every pointer below.
        unsafe { stream.write(handle) };
        Ok(())
    }

    fn cuStreamDestroy_v2(state, stream: Handle) {
        state.streams.remove(&stream).map(|_| ()).ok_or(INVALID_HANDLE)
    }

    fn cuStreamSynchronize(state, stream: Handle) {
        state.refuse_in_capture()?;
        let context = match stream {
            0..=2 => state.need_context()?,
            _ => state.stream(stream)?.context,
        };
        state.well(context).map(|_| ())
    }

    fn cuStreamGetCtx(state, stream: Handle, context: *mut Handle) {
        // SAFETY: as above.
        unsafe { context.write(state.stream(stream)?.context) };
        Ok(())
    }

    fn cuStreamGetFlags(state, stream: Handle, flags: *mut u32) {
        let stream = state.stream(stream)?;
        // SAFETY: as above.
        unsafe { flags.write(if stream.blocking { 0 } else { NON_BLOCKING }) };
        Ok(())
    }

    fn cuStreamIsCapturing(state, stream: Handle, status: *mut u32) {
        let captures = match stream {
            0..=2 => false,
            _ => state.stream(stream)?.capture.is_some(),
        };
        // SAFETY: as above.
        unsafe { status.write(captures.into()) };
        Ok(())
    }

    fn cuStreamBeginCapture_v2(state, stream: Handle, _mode: u32) {
        let stream = state.stream(stream)?;
        if stream.capture.is_some() {
            return Err(INVALID_VALUE);
        }
        stream.capture = Some(Capture::default());
        Ok(())
    }

    fn cuStreamEndCapture(state, stream: Handle, graph: *mut Handle) {
        let capture = state.stream(stream)?.capture.take().ok_or(STREAM_CAPTURE_UNMATCHED)?;
        if capture.broken {
            return Err(STREAM_CAPTURE_INVALIDATED);
        }
        let handle = state.new_handle();
        state.graphs.insert(handle, Graph(capture.works));
        // SAFETY: as above.
        unsafe { graph.write(handle) };
        Ok(())
    }
}

//! Graphs: the launches that a capture recorded.

use crate::call::api;
use crate::error::INVALID_HANDLE;
use crate::launch::Work;
use crate::state::Handle;

pub struct Graph(pub Vec<Work>);

api! {
    fn cuGraphInstantiateWithFlags(state, exec: *mut Handle, graph: Handle, _flags: u64) {
        let works = state.graphs.get(&graph).ok_or(INVALID_HANDLE)?.0.clone();
        let handle = state.new_handle();
        state.graphs.insert(handle, Graph(works));
        // SAFETY: writable, as cuda.h says.
        unsafe { exec.write(handle) };
        Ok(())
    }

    fn cuGraphLaunch(state, exec: Handle, stream: Handle) {
        state.stream(stream)?;
        let works = state.graphs.get(&exec).ok_or(INVALID_HANDLE)?.0.clone();
        works.iter().try_for_each(|work| state.execute(work))
    }

    fn cuGraphDestroy(state, graph: Handle) {
        state.graphs.remove(&graph).map(|_| ()).ok_or(INVALID_HANDLE)
    }

    fn cuGraphExecDestroy(state, exec: Handle) {
        state.graphs.remove(&exec).map(|_| ()).ok_or(INVALID_HANDLE)
    }
}

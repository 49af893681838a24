/* What tests ask the mock driver, and what they ask it for. */
#ifndef MOCK_CUDA_H
#define MOCK_CUDA_H

/* Names of the driver functions that were called, in order, with a blank between them. Lives until the next call that
 * returns text. */
const char *mock_log(void);
void mock_log_clear(void);

/* Contexts on this thread's stack. */
int mock_context_depth(void);
/* How often the primary context of a device is held. */
int mock_primary_users(int device);
/* Live allocations of device memory, libraries, streams, events. */
int mock_allocations(void);
int mock_libraries(void);
int mock_streams(void);
int mock_events(void);
/* What a kernel did that it must not, or "". */
const char *mock_fault(void);

/* Makes a driver function give a code: at its `at`-th call from now, or at each when `at` is 0. */
void mock_fail(const char *call, unsigned code, unsigned at);
void mock_fail_clear(void);
/* From now on every call in the current context gives this code. */
void mock_lose_context(unsigned code);

#endif

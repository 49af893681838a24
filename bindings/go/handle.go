package awqmarlin

// #include <awq_marlin.h>
// #include <stdlib.h>
import "C"

import (
	"runtime"
	"sync"
	"unsafe"
)

// handle owns one object of the library. Calls hold it for reading, close for writing: so close waits for calls in
// flight, and no call meets freed memory.
type handle[T any] struct {
	mu   sync.RWMutex
	ptr  *T
	free func(*T)
}

func newHandle[T any](ptr *T, free func(*T)) *handle[T] {
	h := &handle[T]{ptr: ptr, free: free}
	runtime.SetFinalizer(h, (*handle[T]).Close)
	return h
}

// Close frees the object. It waits for calls in flight; closing again does nothing. The error is always nil, for
// io.Closer.
func (h *handle[T]) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ptr != nil {
		h.free(h.ptr)
		h.ptr = nil
		runtime.SetFinalizer(h, nil)
	}
	return nil
}

// borrow holds the object for reading until mu is unlocked; on an error nothing is held.
func (h *handle[T]) borrow() (*T, error) {
	h.mu.RLock()
	if h.ptr == nil {
		h.mu.RUnlock()
		return nil, ErrClosed
	}
	return h.ptr, nil
}

// with lends the object to a function.
func (h *handle[T]) with(function func(*T) error) error {
	ptr, err := h.borrow()
	if err != nil {
		return err
	}
	defer h.mu.RUnlock()
	return function(ptr)
}

// call lends the object to one function of the library.
func (h *handle[T]) call(function func(*T) C.awqm_status) error {
	return h.with(func(ptr *T) error {
		return call(func() C.awqm_status { return function(ptr) })
	})
}

// change lends the object to one function of the library that nothing else may use it beside.
func (h *handle[T]) change(function func(*T) C.awqm_status) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ptr == nil {
		return ErrClosed
	}
	return call(func() C.awqm_status { return function(h.ptr) })
}

// fill is the function of that name on the object.
func (h *handle[T]) fill(function func(ptr *T, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status) (string, error) {
	var out string
	err := h.with(func(ptr *T) error {
		var err error
		out, err = fill(func(buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
			return function(ptr, buf, capacity, length)
		})
		return err
	})
	return out, err
}

// texts gets each of count strings.
func (h *handle[T]) texts(count func(*T) C.size_t, get func(*T, C.size_t, *C.char, C.size_t, *C.size_t) C.awqm_status) ([]string, error) {
	var all []string
	err := h.with(func(ptr *T) error {
		for i, n := C.size_t(0), count(ptr); i < n; i++ {
			one, err := fill(func(buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
				return get(ptr, i, buf, capacity, length)
			})
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	})
	return all, err
}

// cstrings copies Go strings to an array of C strings, and says how to free it.
func cstrings(all []string) (**C.char, func()) {
	if len(all) == 0 {
		return nil, func() {}
	}
	array := (**C.char)(C.malloc(C.size_t(len(all)) * C.size_t(unsafe.Sizeof((*C.char)(nil)))))
	slice := unsafe.Slice(array, len(all))
	for i, s := range all {
		slice[i] = C.CString(s)
	}
	return array, func() {
		for _, s := range slice {
			C.free(unsafe.Pointer(s))
		}
		C.free(unsafe.Pointer(array))
	}
}

// cstring copies a Go string, and says how to free it.
func cstring(s string) (*C.char, func()) {
	c := C.CString(s)
	return c, func() { C.free(unsafe.Pointer(c)) }
}

// optionalString is cstring, with NULL for "".
func optionalString(s string) (*C.char, func()) {
	if s == "" {
		return nil, func() {}
	}
	return cstring(s)
}

// pointer to a slice's memory; nil for an empty one.
func pointer[T any](s []T) unsafe.Pointer {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Pointer(&s[0])
}

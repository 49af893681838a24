package awqmarlin

// #include "callbacks.h"
import "C"

import "runtime/cgo"

// What tests need of C: they may not use cgo themselves.

type cLinear = C.awqm_linear

// logLine goes the way of a line of the library.
func logLine(own cgo.Handle, level LogLevel, message string) {
	c, free := cstring(message)
	defer free()
	C.awqm_go_log_line(C.uintptr_t(own), C.awqm_log_level(level), c)
}

// runManyInC runs a layer on one row as often as asked, without coming back to Go in between.
func runManyInC(layer *Linear, x, y []float32, workspace []byte, times int) error {
	return layer.call(func(ptr *C.awqm_linear) C.awqm_status {
		return C.awqm_go_run_many(ptr, (*C.float)(pointer(x)), (*C.float)(pointer(y)), pointer(workspace),
			C.size_t(len(workspace)), C.size_t(times))
	})
}

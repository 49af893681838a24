package awqmarlin

// #include "callbacks.h"
import "C"

import (
	"runtime/cgo"
	"sync"
)

var logging struct {
	mu  sync.Mutex
	own cgo.Handle
}

// SetLog sends the library's log to a function, for the whole process; nil turns it off, which is how it starts. When
// this returns, the function that was set before is not running and will not run again. The function may be called from
// any goroutine and must not call into this package.
func SetLog(function func(level LogLevel, message string), level LogLevel) error {
	logging.mu.Lock()
	defer logging.mu.Unlock()
	var own cgo.Handle
	if function != nil {
		own = cgo.NewHandle(function)
	}
	err := call(func() C.awqm_status { return C.awqm_go_set_log(C.uintptr_t(own), C.awqm_log_level(level)) })
	if err == nil {
		own, logging.own = logging.own, own
	}
	if own != 0 {
		own.Delete()
	}
	return err
}

//export awqmGoLog
func awqmGoLog(user C.uintptr_t, level C.awqm_log_level, message *C.char) {
	cgo.Handle(user).Value().(func(LogLevel, string))(LogLevel(level), C.GoString(message))
}

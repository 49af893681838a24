package awqmarlin

// #include <awq_marlin.h>
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// Status is the outcome of a call, as a value to compare errors with: errors.Is(err, StatusTensor).
// 1xx is the caller's doing, 2xx the data's, 3xx the device's, 9xx the library's.
type Status int32

// The outcomes; the C header says when each comes.
const (
	StatusInvalidArgument    Status = C.AWQM_STATUS_INVALID_ARGUMENT
	StatusNullPointer        Status = C.AWQM_STATUS_NULL_POINTER
	StatusBadStructSize      Status = C.AWQM_STATUS_BAD_STRUCT_SIZE
	StatusUnknownEnum        Status = C.AWQM_STATUS_UNKNOWN_ENUM
	StatusBufferTooSmall     Status = C.AWQM_STATUS_BUFFER_TOO_SMALL
	StatusOverlap            Status = C.AWQM_STATUS_OVERLAP
	StatusSizeOverflow       Status = C.AWQM_STATUS_SIZE_OVERFLOW
	StatusNotFound           Status = C.AWQM_STATUS_NOT_FOUND
	StatusCancelled          Status = C.AWQM_STATUS_CANCELLED
	StatusIO                 Status = C.AWQM_STATUS_IO
	StatusJSON               Status = C.AWQM_STATUS_JSON
	StatusConfig             Status = C.AWQM_STATUS_CONFIG
	StatusUnsupported        Status = C.AWQM_STATUS_UNSUPPORTED
	StatusContainer          Status = C.AWQM_STATUS_CONTAINER
	StatusTensor             Status = C.AWQM_STATUS_TENSOR
	StatusMissing            Status = C.AWQM_STATUS_MISSING
	StatusMixedFused         Status = C.AWQM_STATUS_MIXED_FUSED
	StatusBackendUnavailable Status = C.AWQM_STATUS_BACKEND_UNAVAILABLE
	StatusNoDevice           Status = C.AWQM_STATUS_NO_DEVICE
	StatusDriverTooOld       Status = C.AWQM_STATUS_DRIVER_TOO_OLD
	StatusCapabilityTooLow   Status = C.AWQM_STATUS_CAPABILITY_TOO_LOW
	StatusKernelUnsupported  Status = C.AWQM_STATUS_KERNEL_UNSUPPORTED
	StatusDevice             Status = C.AWQM_STATUS_DEVICE
	StatusInternal           Status = C.AWQM_STATUS_INTERNAL
	StatusOutOfMemory        Status = C.AWQM_STATUS_OUT_OF_MEMORY
)

// Error is the status's name, such as "AWQM_STATUS_TENSOR".
func (s Status) Error() string { return C.GoString(C.awqm_status_name(C.int32_t(s))) }

// Error is a call that failed.
type Error struct {
	Status  Status
	Message string // where, the value found, the value needed
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Status.Error(), e.Message) }

// Is makes errors.Is(err, StatusX) true.
func (e *Error) Is(target error) bool {
	status, ok := target.(Status)
	return ok && status == e.Status
}

// ErrClosed is what a call on a handle after its Close gives.
var ErrClosed = errors.New("awqmarlin: the handle is closed")

// call runs one function of the library. The message of a failure belongs to the thread, so the goroutine stays on it
// until the message is copied.
func call(function func() C.awqm_status) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return check(function())
}

// check makes an error of a status, on the thread that got it.
func check(status C.awqm_status) error {
	if status == C.AWQM_STATUS_OK {
		return nil
	}
	return &Error{Status(status), C.GoString(C.awqm_last_error_message())}
}

// fill calls a function that fills (buf, cap, out_len), again with room enough when the text is long.
func fill(function func(buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status) (string, error) {
	buf := make([]byte, 256)
	for {
		var length C.size_t
		err := call(func() C.awqm_status {
			return function((*C.char)(unsafe.Pointer(&buf[0])), C.size_t(len(buf)), &length)
		})
		if err == nil {
			return string(buf[:length]), nil
		}
		if !errors.Is(err, StatusBufferTooSmall) || int(length) < len(buf) {
			return "", err
		}
		buf = make([]byte, length+1)
	}
}

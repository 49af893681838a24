package awqmarlin

// #include "callbacks.h"
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// Float16 and BFloat16 are the bits of half-precision elements.
type (
	Float16  uint16
	BFloat16 uint16
)

// Element is what slices of activations and weights hold.
type Element interface {
	Float16 | BFloat16 | float32 | float64
}

func dtypeOf[T Element]() DType {
	switch any((*T)(nil)).(type) { // a pointer, which needs no memory of its own
	case *Float16:
		return F16
	case *BFloat16:
		return BF16
	case *float32:
		return F32
	}
	return F64
}

func bytesOf[T any](s []T) int {
	var zero T
	return len(s) * int(unsafe.Sizeof(zero))
}

// Runner is a *Linear or a *Plan.
type Runner interface {
	shape() (k, n int64)
	// borrow gives one of the two, held for reading until the mutex is unlocked.
	borrow() (*C.awqm_linear, *C.awqm_plan, *sync.RWMutex, error)
}

// Linear is a layer on a device. Any number of goroutines may run it at once, each with a workspace of its own.
type Linear struct {
	*handle[C.awqm_linear]
	k, n int64
	pool *pool
	lent []Tensor // of the packed layer that it was made from
}

// NewLinear puts a packed layer on a device; the packed layer may be closed afterwards.
func NewLinear(device *Device, packed *Packed, options LinearOptions) (*Linear, error) {
	var linear *Linear
	err := device.with(func(d *C.awqm_device) error {
		return packed.with(func(p *C.awqm_packed) (err error) {
			linear, err = newLinear(device.pool, func(out **C.awqm_linear) C.awqm_status {
				return C.awqm_linear_create(d, p, (*C.awqm_linear_options)(sized(&options)), out)
			})
			if err == nil {
				linear.lent = packed.lent
			}
			return err
		})
	})
	return linear, err
}

// DeviceTensors are the tensors of a layer in a GPU's memory.
type DeviceTensors struct {
	QWeight, Scales, QZeros, Bias                     uintptr
	QWeightBytes, ScalesBytes, QZerosBytes, BiasBytes int
}

// NewLinearFromDevice makes a layer over device memory that the caller holds, in LayoutMarlin, without a copy.
func NewLinearFromDevice(device *Device, desc LayerDesc, in DeviceTensors) (*Linear, error) {
	var linear *Linear
	err := device.with(func(d *C.awqm_device) (err error) {
		linear, err = newLinear(device.pool, func(out **C.awqm_linear) C.awqm_status {
			return C.awqm_go_create_from_device(d, (*C.awqm_layer_desc)(sized(&desc)), C.uintptr_t(in.QWeight),
				C.size_t(in.QWeightBytes), C.uintptr_t(in.Scales), C.size_t(in.ScalesBytes), C.uintptr_t(in.QZeros),
				C.size_t(in.QZerosBytes), C.uintptr_t(in.Bias), C.size_t(in.BiasBytes), out)
		})
		return err
	})
	return linear, err
}

func newLinear(shared *pool, create func(out **C.awqm_linear) C.awqm_status) (*Linear, error) {
	var ptr *C.awqm_linear
	if err := call(func() C.awqm_status { return create(&ptr) }); err != nil {
		return nil, err
	}
	shared.retain()
	linear := &Linear{pool: shared}
	linear.handle = newHandle(ptr, func(ptr *C.awqm_linear) {
		C.awqm_linear_free(ptr)
		shared.release()
	})
	info, err := linear.Info()
	if err != nil {
		linear.Close()
		return nil, err
	}
	linear.k, linear.n = info.K, info.N
	return linear, nil
}

// Info says what the layer is.
func (l *Linear) Info() (LinearInfo, error) {
	var info LinearInfo
	err := l.call(func(ptr *C.awqm_linear) C.awqm_status {
		return C.awqm_linear_get_info(ptr, (*C.awqm_linear_info)(sized(&info)))
	})
	return info, err
}

// WorkspaceBytes is enough for every m from 1 to maxM and every kernel of the layer.
func (l *Linear) WorkspaceBytes(maxM int, x DType) (int, error) {
	var bytes C.size_t
	err := l.call(func(ptr *C.awqm_linear) C.awqm_status {
		return C.awqm_linear_workspace_bytes(ptr, C.int64_t(maxM), C.awqm_dtype(x), &bytes)
	})
	return int(bytes), err
}

func (l *Linear) shape() (k, n int64) { return l.k, l.n }

func (l *Linear) borrow() (*C.awqm_linear, *C.awqm_plan, *sync.RWMutex, error) {
	ptr, err := l.handle.borrow()
	return ptr, nil, &l.mu, err
}

// Run computes y = x * w + bias for m rows that lie one after the other: x has m * K elements, y m * N.
func Run[X, Y Element](layer Runner, x []X, y []Y, m int, workspace []byte) error {
	return RunStrided(layer, x, 0, y, 0, m, workspace)
}

// RunStrided is Run with rows xStride and yStride elements apart; 0 means K and N.
func RunStrided[X, Y Element](layer Runner, x []X, xStride int, y []Y, yStride int, m int, workspace []byte) error {
	k, n := layer.shape()
	if err := fits("x", len(x), m, int(k), xStride); err != nil {
		return err
	}
	if err := fits("y", len(y), m, int(n), yStride); err != nil {
		return err
	}
	linear, plan, mu, err := layer.borrow()
	if err != nil {
		return err
	}
	defer mu.RUnlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return check(C.awqm_go_run(unsafe.Pointer(linear), unsafe.Pointer(plan), pointer(x), C.awqm_dtype(dtypeOf[X]()), pointer(y), C.awqm_dtype(dtypeOf[Y]()),
		C.int64_t(m), C.int64_t(xStride), C.int64_t(yStride), pointer(workspace), C.size_t(len(workspace))))
}

// fits guards what the library cannot see: how long a slice is. Other nonsense is the library's to refuse.
func fits(name string, have, m, row, stride int) error {
	if stride == 0 {
		stride = row
	}
	if m < 1 || stride < row {
		return nil
	}
	if rows := have - row; have < row || rows/stride < m-1 {
		return &Error{StatusBufferTooSmall, fmt.Sprintf("%s has %d elements; %d rows of %d, %d apart, need more", name, have, m, row, stride)}
	}
	return nil
}

// DeviceRun are the arguments of a run on a GPU: device pointers, and a stream.
type DeviceRun struct {
	X, Y             uintptr
	XDType, YDType   DType // YDType 0: as x
	M                int
	XStride, YStride int // 0: K, N
	Workspace        uintptr
	WorkspaceBytes   int
	Stream           uintptr
}

// RunOnDevice launches y = x * w + bias on a stream and returns; the C header has the rules.
func RunOnDevice(layer Runner, args DeviceRun) error {
	linear, plan, mu, err := layer.borrow()
	if err != nil {
		return err
	}
	defer mu.RUnlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return check(C.awqm_go_run_device(unsafe.Pointer(linear), unsafe.Pointer(plan), C.uintptr_t(args.X), C.awqm_dtype(args.XDType), C.uintptr_t(args.Y),
		C.awqm_dtype(args.YDType), C.int64_t(args.M), C.int64_t(args.XStride), C.int64_t(args.YStride),
		C.uintptr_t(args.Workspace), C.size_t(args.WorkspaceBytes), C.uintptr_t(args.Stream)))
}

// DequantizeOnDevice writes the weights of a layer on a GPU to device memory, on a stream.
func (l *Linear) DequantizeOnDevice(dtype DType, transposed bool, out uintptr, outBytes int, stream uintptr) error {
	return l.call(func(ptr *C.awqm_linear) C.awqm_status {
		return C.awqm_go_dequantize(ptr, C.awqm_dtype(dtype), C.int32_t(FlagOf(transposed)), C.uintptr_t(out),
			C.size_t(outBytes), C.uintptr_t(stream))
	})
}

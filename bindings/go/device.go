package awqmarlin

// #include "callbacks.h"
import "C"

import (
	"runtime/cgo"
	"sync/atomic"
	"unsafe"
)

// Device is the CPU with its threads, or a GPU.
type Device struct {
	*handle[C.awqm_device]
	pool *pool
}

// CPUOptions are options of NewCPU; the zero value takes a thread for each core and the best instruction set.
type CPUOptions struct {
	Threads int // that work at once, the caller's included; with Parallel: how many that has
	ISA     ISA
	// Parallel, when set, is used instead of threads of the library: it must call task exactly once for every index in
	// [0, count), on any goroutines, and return when all have returned. It may be called from several goroutines at once.
	Parallel func(count int, task func(index int))
}

// CUDAOptions are options of NewCUDA.
type CUDAOptions struct {
	Ordinal int
	Flags   uint32  // CUDACheckPointers or 0
	Tuning  string  // a tuning table as JSON; "": what the library ships
	Context uintptr // a CUcontext that outlives the device and its layers; 0: the current or primary one
}

// CUDAInfo is what there is of CUDA.
type CUDAInfo struct {
	Available           bool
	DeviceCount         int
	DriverVersion       int // 1000 * major + 10 * minor; 0: no driver
	NeededDriverVersion int
	Images              string // what kernels are built for
	Reason              string // why it is not available
}

// pool keeps a Parallel function for as long as the device or a layer may call it.
type pool struct {
	users int32
	own   cgo.Handle
}

func (p *pool) retain() *pool {
	if p != nil {
		atomic.AddInt32(&p.users, 1)
	}
	return p
}

func (p *pool) release() {
	if p != nil && atomic.AddInt32(&p.users, -1) == 0 {
		p.own.Delete()
	}
}

// NewCPU makes a CPU device.
func NewCPU(options CPUOptions) (*Device, error) {
	var c C.awqm_cpu_options
	c.struct_size = C.sizeof_awqm_cpu_options
	c.threads = C.uint32_t(options.Threads)
	c.isa = C.awqm_isa(options.ISA)
	var shared *pool
	if options.Parallel != nil {
		shared = &pool{own: cgo.NewHandle(options.Parallel)}
		C.awqm_go_set_parallel(&c, C.uintptr_t(shared.own))
	}
	return newDevice(shared, func(out **C.awqm_device) C.awqm_status { return C.awqm_device_create_cpu(&c, out) })
}

// NewCUDA makes a GPU device.
func NewCUDA(options CUDAOptions) (*Device, error) {
	tuning, free := optionalString(options.Tuning)
	defer free()
	return newDevice(nil, func(out **C.awqm_device) C.awqm_status {
		return C.awqm_go_create_cuda(C.uint32_t(options.Ordinal), C.uint32_t(options.Flags), C.uintptr_t(options.Context), tuning, out)
	})
}

func newDevice(shared *pool, create func(out **C.awqm_device) C.awqm_status) (*Device, error) {
	var ptr *C.awqm_device
	shared.retain()
	if err := call(func() C.awqm_status { return create(&ptr) }); err != nil {
		shared.release()
		return nil, err
	}
	free := func(ptr *C.awqm_device) {
		C.awqm_device_free(ptr)
		shared.release()
	}
	return &Device{newHandle(ptr, free), shared}, nil
}

// Info says what the device is.
func (d *Device) Info() (DeviceInfo, error) {
	var info DeviceInfo
	err := d.call(func(ptr *C.awqm_device) C.awqm_status {
		return C.awqm_device_get_info(ptr, (*C.awqm_device_info)(sized(&info)))
	})
	return info, err
}

// ExportTuning is the tuning table that plans of a GPU are made after, as JSON.
func (d *Device) ExportTuning() (string, error) {
	return d.fill(func(ptr *C.awqm_device, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_device_export_tuning(ptr, buf, capacity, length)
	})
}

// withDevice lends a device that may be nil.
func withDevice(d *Device, function func(*C.awqm_device) error) error {
	if d == nil {
		return function(nil)
	}
	return d.with(function)
}

// GetCUDAInfo looks for a CUDA driver and its devices.
func GetCUDAInfo() (CUDAInfo, error) {
	var c C.awqm_cuda_info
	c.struct_size = C.sizeof_awqm_cuda_info
	reason, err := fill(func(buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_cuda_get_info(&c, buf, capacity, length)
	})
	if err != nil {
		return CUDAInfo{}, err
	}
	return CUDAInfo{c.available != 0, int(c.device_count), int(c.driver_version), int(c.needed_driver_version),
		C.GoString(c.images), reason}, nil
}

//export awqmGoParallel
func awqmGoParallel(user C.uintptr_t, count C.size_t, task C.awqm_task_fn, data unsafe.Pointer) {
	parallel := cgo.Handle(user).Value().(func(int, func(int)))
	parallel(int(count), func(index int) { C.awqm_go_call_task(task, data, C.size_t(index)) })
}

package awqmarlin

// #include "callbacks.h"
// #include <stdlib.h>
import "C"

import (
	"runtime/cgo"
	"sort"
	"unsafe"
)

// QuantizeOptions are options of the functions of this file; the zero value means 4 bits, groups of 128, zero points,
// layout LayoutAWQGemm.
type QuantizeOptions struct {
	Bits          int
	Symmetric     bool
	GroupSize     int64
	Layout        Layout
	RangeRule     RangeRule
	Skip          []string // layers to leave as they are; not for a single tensor
	MaxShardBytes uint64
	Device        *Device                // whose threads work; nil: the calling one alone
	Progress      func(at Progress) bool // called before each layer; false stops with StatusCancelled
	Overwrite     bool
}

// Progress is how far a long job is.
type Progress struct {
	Stage, Layer          string
	Index, Count          uint64
	BytesDone, BytesTotal uint64
}

// with lends the options in C's words.
func (o *QuantizeOptions) with(function func(*C.awqm_quantize_options) error) error {
	return withDevice(o.Device, func(device *C.awqm_device) error {
		skip, free := cstrings(o.Skip)
		defer free()
		c := C.awqm_quantize_options{struct_size: C.sizeof_awqm_quantize_options, bits: C.uint32_t(o.Bits),
			symmetric: C.int32_t(FlagOf(o.Symmetric)), group_size: C.int64_t(o.GroupSize), layout: C.awqm_layout(o.Layout),
			range_rule: C.awqm_range_rule(o.RangeRule), skip: skip, skip_count: C.size_t(len(o.Skip)),
			max_shard_bytes: C.uint64_t(o.MaxShardBytes), device: device, overwrite: C.int32_t(FlagOf(o.Overwrite))}
		if o.Progress != nil {
			own := cgo.NewHandle(o.Progress)
			defer own.Delete()
			C.awqm_go_set_progress(&c, C.uintptr_t(own))
		}
		return function(&c)
	})
}

//export awqmGoProgress
func awqmGoProgress(user C.uintptr_t, at *C.awqm_progress) C.int32_t {
	progress := cgo.Handle(user).Value().(func(Progress) bool)
	if progress(Progress{C.GoString(at.stage), C.GoString(at.layer), uint64(at.index), uint64(at.count),
		uint64(at.bytes_done), uint64(at.bytes_total)}) {
		return 0
	}
	return 1
}

// Quantize quantizes one weight (N, K), by rounding to nearest, and packs it. T is Float16, BFloat16 or float32.
func Quantize[T Element](weight []T, n, k int64, options QuantizeOptions) (*Packed, error) {
	var packed *Packed
	err := options.with(func(c *C.awqm_quantize_options) (err error) {
		packed, err = newPacked(func(out **C.awqm_packed) C.awqm_status {
			return C.awqm_quantize_tensor(pointer(weight), C.size_t(bytesOf(weight)), C.awqm_dtype(dtypeOf[T]()), C.int64_t(n),
				C.int64_t(k), c, out)
		})
		return err
	})
	return packed, err
}

// QuantizeCheckpoint quantizes a Hugging Face directory into a new one.
func QuantizeCheckpoint(source, destination string, options QuantizeOptions) (QuantizeReport, error) {
	return options.write(source, destination, func(src, dst *C.char, o *C.awqm_quantize_options, r *C.awqm_quantize_report) C.awqm_status {
		return C.awqm_quantize_checkpoint(src, dst, o, r)
	})
}

// ConvertCheckpoint rewrites a quantized checkpoint in another layout, without loss.
func ConvertCheckpoint(source, destination string, options QuantizeOptions) (QuantizeReport, error) {
	return options.write(source, destination, func(src, dst *C.char, o *C.awqm_quantize_options, r *C.awqm_quantize_report) C.awqm_status {
		return C.awqm_convert_checkpoint(src, dst, o, r)
	})
}

func (o *QuantizeOptions) write(source, destination string,
	function func(src, dst *C.char, o *C.awqm_quantize_options, r *C.awqm_quantize_report) C.awqm_status) (QuantizeReport, error) {
	src, freeSrc := cstring(source)
	defer freeSrc()
	dst, freeDst := cstring(destination)
	defer freeDst()
	var report QuantizeReport
	err := o.with(func(c *C.awqm_quantize_options) error {
		return call(func() C.awqm_status {
			return function(src, dst, c, (*C.awqm_quantize_report)(sized(&report)))
		})
	})
	return report, err
}

// SaveTensors writes tensors to one safetensors file; an existing file is replaced.
func SaveTensors(path string, tensors map[string]Tensor) error {
	cpath, free := cstring(path)
	defer free()
	names := make([]string, 0, len(tensors))
	for name := range tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	cnames, freeNames := cstrings(names)
	defer freeNames()
	// The views hold pointers to Go memory, so the bytes are copied once to C's.
	views := make([]C.awqm_tensor_view, len(names))
	for i, name := range names {
		tensor := tensors[name]
		view := &views[i]
		view.struct_size = C.sizeof_awqm_tensor_view
		view.dtype = C.awqm_dtype(tensor.DType)
		view.rank = C.uint32_t(len(tensor.Shape))
		for j := 0; j < len(tensor.Shape) && j < len(view.shape); j++ {
			view.shape[j] = C.int64_t(tensor.Shape[j])
		}
		view.bytes = C.size_t(len(tensor.Data))
		view.data = C.CBytes(tensor.Data)
		defer C.free(unsafe.Pointer(view.data))
	}
	return call(func() C.awqm_status {
		return C.awqm_tensors_save(cpath, cnames, (*C.awqm_tensor_view)(pointer(views)), C.size_t(len(names)))
	})
}

package awqmarlin

// #include <awq_marlin.h>
import "C"

import "unsafe"

// QuantizationSupport says whether weights of these bits, group size and kind of zero point can be held in a layout.
func QuantizationSupport(bits int, groupSize int64, zeroPoint bool, layout Layout) (Support, string, error) {
	var support C.awqm_support
	reason, err := fill(func(buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_query_quantization_support(C.uint32_t(bits), C.int64_t(groupSize), C.int32_t(FlagOf(zeroPoint)),
			C.awqm_layout(layout), &support, buf, capacity, length)
	})
	return Support(support), reason, err
}

// ShapeSupport says whether a layer of that shape can be held in a layout: as it is, padded, or not and why.
func ShapeSupport(k, n int64, bits int, groupSize int64, zeroPoint bool, layout Layout) (Support, string, error) {
	var support C.awqm_support
	reason, err := fill(func(buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_query_shape_support(C.int64_t(k), C.int64_t(n), C.uint32_t(bits), C.int64_t(groupSize),
			C.int32_t(FlagOf(zeroPoint)), C.awqm_layout(layout), &support, buf, capacity, length)
	})
	return Support(support), reason, err
}

// MinCapability is the least compute capability, times ten, of a GPU that could run the kernel version.
func (k Kernel) MinCapability() (int, error) {
	var capability C.uint32_t
	err := call(func() C.awqm_status { return C.awqm_kernel_min_capability(C.awqm_kernel(k), &capability) })
	return int(capability), err
}

// Supports says whether the kernel version takes activations of a dtype on a GPU of that compute capability; 0: the CPU.
func (k Kernel) Supports(capability int, dtype DType) bool {
	return C.awqm_kernel_supports_dtype(C.awqm_kernel(k), C.uint32_t(capability), C.awqm_dtype(dtype)) != 0
}

// QueryCapability tells what GPUs of a compute capability are called, and whether kernels run on them.
func QueryCapability(capability int) (CapabilityInfo, error) {
	var info CapabilityInfo
	err := call(func() C.awqm_status {
		return C.awqm_query_capability(C.uint32_t(capability), (*C.awqm_capability_info)(sized(&info)))
	})
	return info, err
}

// QueryCUDAPlan is the plan that a GPU of these numbers would get, and why. No GPU is needed. The tuning table is JSON; "":
// what the library ships.
func QueryCUDAPlan(options CUDAPlanOptions, tuning string) (info CUDAPlanInfo, reason string, err error) {
	table, free := optionalString(tuning)
	defer free()
	options.tuning = unsafe.Pointer(table)
	reason, err = fill(func(buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_query_cuda_plan((*C.awqm_cuda_plan_options)(sized(&options)), (*C.awqm_cuda_plan_info)(sized(&info)),
			buf, capacity, length)
	})
	return info, reason, err
}

package awqmarlin

// #include "callbacks.h"
import "C"

// RepackOutput are the buffers that Repack fills; QueryRepack tells their sizes.
type RepackOutput struct{ QWeight, Scales, QZeros []byte }

// QueryRepack tells how large a layer's tensors are in a layout.
func QueryRepack(from LayerDesc, to Layout) (RepackSizes, error) {
	var sizes RepackSizes
	err := call(func() C.awqm_status {
		return C.awqm_repack_query((*C.awqm_layer_desc)(sized(&from)), C.awqm_layout(to), (*C.awqm_repack_sizes)(sized(&sizes)))
	})
	return sizes, err
}

// Repack repacks a layer from the caller's buffers into the caller's buffers. The bias is not touched; inputs and
// outputs must not overlap. The device, whose threads work, may be nil.
func Repack(from LayerDesc, in LayerTensors, to Layout, out RepackOutput, device *Device) error {
	return withDevice(device, func(device *C.awqm_device) error {
		return call(func() C.awqm_status {
			return C.awqm_go_repack((*C.awqm_layer_desc)(sized(&from)), pointer(in.QWeight), C.size_t(len(in.QWeight)),
				pointer(in.Scales), C.size_t(len(in.Scales)), pointer(in.QZeros), C.size_t(len(in.QZeros)), C.awqm_layout(to),
				pointer(out.QWeight), C.size_t(len(out.QWeight)), pointer(out.Scales), C.size_t(len(out.Scales)),
				pointer(out.QZeros), C.size_t(len(out.QZeros)), device)
		})
	})
}

// RepackOnDevice repacks a layer from device memory to device memory, on a stream of the GPU.
func RepackOnDevice(device *Device, from LayerDesc, in DeviceTensors, to Layout, out DeviceTensors, stream uintptr) error {
	return device.call(func(d *C.awqm_device) C.awqm_status {
		return C.awqm_go_cuda_repack(d, (*C.awqm_layer_desc)(sized(&from)), C.uintptr_t(in.QWeight),
			C.size_t(in.QWeightBytes), C.uintptr_t(in.Scales), C.size_t(in.ScalesBytes), C.uintptr_t(in.QZeros),
			C.size_t(in.QZerosBytes), C.awqm_layout(to), C.uintptr_t(out.QWeight), C.size_t(out.QWeightBytes),
			C.uintptr_t(out.Scales), C.size_t(out.ScalesBytes), C.uintptr_t(out.QZeros), C.size_t(out.QZerosBytes),
			C.uintptr_t(stream))
	})
}

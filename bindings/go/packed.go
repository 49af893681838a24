package awqmarlin

// #include "callbacks.h"
import "C"

// Packed is one layer, packed, in memory of its own.
type Packed struct {
	*handle[C.awqm_packed]
	lent []Tensor // keeps what the tensors belong to from the finalizer
}

// LayerTensors are the tensors of a layer in the caller's memory; empty ones are absent.
type LayerTensors struct{ QWeight, Scales, QZeros, Bias []byte }

func newPacked(create func(out **C.awqm_packed) C.awqm_status) (*Packed, error) {
	var ptr *C.awqm_packed
	if err := call(func() C.awqm_status { return create(&ptr) }); err != nil {
		return nil, err
	}
	return &Packed{handle: newHandle(ptr, func(ptr *C.awqm_packed) { C.awqm_packed_free(ptr) })}, nil
}

// NewPacked copies a layer from the caller's memory, in the layout that it is in.
func NewPacked(desc LayerDesc, in LayerTensors) (*Packed, error) {
	return newPacked(func(out **C.awqm_packed) C.awqm_status {
		return C.awqm_go_packed_create((*C.awqm_layer_desc)(sized(&desc)), pointer(in.QWeight), C.size_t(len(in.QWeight)),
			pointer(in.Scales), C.size_t(len(in.Scales)), pointer(in.QZeros), C.size_t(len(in.QZeros)), pointer(in.Bias),
			C.size_t(len(in.Bias)), out)
	})
}

// LendPacked is NewPacked without a copy, over tensors of a Checkpoint or a Packed: those must not be closed before the
// layer that this returns and every Linear made from it. Nothing of Go's own memory can be lent.
func LendPacked(desc LayerDesc, qweight, scales, qzeros, bias Tensor) (*Packed, error) {
	lent := []Tensor{qweight, scales, qzeros, bias}
	for _, tensor := range lent {
		if tensor.owner == nil && len(tensor.Data) > 0 {
			return nil, &Error{StatusInvalidArgument, "only tensors of a Checkpoint or a Packed can be lent"}
		}
	}
	packed, err := newPacked(func(out **C.awqm_packed) C.awqm_status {
		return C.awqm_go_packed_lend((*C.awqm_layer_desc)(sized(&desc)), pointer(qweight.Data), C.size_t(len(qweight.Data)),
			pointer(scales.Data), C.size_t(len(scales.Data)), pointer(qzeros.Data), C.size_t(len(qzeros.Data)),
			pointer(bias.Data), C.size_t(len(bias.Data)), out)
	})
	if err == nil {
		packed.lent = lent
	}
	return packed, err
}

// LoadPacked reads back what Packed.Save wrote.
func LoadPacked(path, prefix string) (*Packed, error) {
	cpath, free := cstring(path)
	defer free()
	cprefix, freePrefix := cstring(prefix)
	defer freePrefix()
	return newPacked(func(out **C.awqm_packed) C.awqm_status { return C.awqm_packed_load(cpath, cprefix, out) })
}

// Convert makes the same layer in another layout. The device, whose threads work, may be nil.
func (p *Packed) Convert(to Layout, device *Device) (*Packed, error) {
	var converted *Packed
	err := p.with(func(ptr *C.awqm_packed) error {
		return withDevice(device, func(device *C.awqm_device) (err error) {
			converted, err = newPacked(func(out **C.awqm_packed) C.awqm_status {
				return C.awqm_packed_convert(ptr, C.awqm_layout(to), device, out)
			})
			return err
		})
	})
	return converted, err
}

// Info says what the packed layer is.
func (p *Packed) Info() (PackedInfo, error) {
	var info PackedInfo
	err := p.call(func(ptr *C.awqm_packed) C.awqm_status {
		return C.awqm_packed_get_info(ptr, (*C.awqm_packed_info)(sized(&info)))
	})
	return info, err
}

// Tensor is one tensor, not copied; StatusNotFound when the layer has none of that role.
func (p *Packed) Tensor(role Role) (Tensor, error) {
	var view C.awqm_tensor_view
	err := p.call(func(ptr *C.awqm_packed) C.awqm_status {
		view.struct_size = C.sizeof_awqm_tensor_view
		return C.awqm_packed_get_tensor(ptr, C.awqm_role(role), &view)
	})
	return tensorOf(view, p, err)
}

// Dequantize writes the weights, row-major (K, N), to out, which must have exactly K * N elements. The device, whose
// threads work, may be nil.
func Dequantize[T Element](p *Packed, out []T, device *Device) error {
	return p.with(func(ptr *C.awqm_packed) error {
		return withDevice(device, func(device *C.awqm_device) error {
			return call(func() C.awqm_status {
				return C.awqm_packed_dequantize(ptr, C.awqm_dtype(dtypeOf[T]()), pointer(out), C.size_t(bytesOf(out)), device)
			})
		})
	})
}

// Save writes the layer to a safetensors file, its tensors named with the prefix.
func (p *Packed) Save(path, prefix string) error {
	cpath, free := cstring(path)
	defer free()
	cprefix, freePrefix := cstring(prefix)
	defer freePrefix()
	return p.call(func(ptr *C.awqm_packed) C.awqm_status { return C.awqm_packed_save(ptr, cpath, cprefix) })
}

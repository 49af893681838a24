package awqmarlin

// #include <awq_marlin.h>
import "C"

// Calibrator gathers statistics of what flows into linear layers, for a Quantizer. Observe, Merge into it and Clear wait for
// each other and for everything else that uses it.
type Calibrator struct{ *handle[C.awqm_calibrator] }

func newCalibrator(create func(out **C.awqm_calibrator) C.awqm_status) (*Calibrator, error) {
	var ptr *C.awqm_calibrator
	if err := call(func() C.awqm_status { return create(&ptr) }); err != nil {
		return nil, err
	}
	return &Calibrator{newHandle(ptr, func(ptr *C.awqm_calibrator) { C.awqm_calibrator_free(ptr) })}, nil
}

// NewCalibrator makes an empty calibrator.
func NewCalibrator(options CalibratorOptions) (*Calibrator, error) {
	return newCalibrator(func(out **C.awqm_calibrator) C.awqm_status {
		return C.awqm_calibrator_create((*C.awqm_calibrator_options)(sized(&options)), out)
	})
}

// LoadCalibrator reads what Calibrator.Save wrote.
func LoadCalibrator(path string, options CalibratorOptions) (*Calibrator, error) {
	c, free := cstring(path)
	defer free()
	return newCalibrator(func(out **C.awqm_calibrator) C.awqm_status {
		return C.awqm_calibrator_load(c, (*C.awqm_calibrator_options)(sized(&options)), out)
	})
}

// CalibratorLayerBytes is the memory that one layer with k input channels will take.
func CalibratorLayerBytes(options CalibratorOptions, k int64) (uint64, error) {
	var bytes C.uint64_t
	err := call(func() C.awqm_status {
		return C.awqm_calibrator_layer_bytes((*C.awqm_calibrator_options)(sized(&options)), C.int64_t(k), &bytes)
	})
	return uint64(bytes), err
}

// Observe records m rows of k inputs of a layer, one row after the other. T is Float16, BFloat16 or float32. The device,
// whose threads work, may be nil.
func Observe[T Element](c *Calibrator, layer string, x []T, m, k int, device *Device) error {
	if err := fits("x", len(x), m, k, 0); err != nil {
		return err
	}
	name, free := cstring(layer)
	defer free()
	return withDevice(device, func(device *C.awqm_device) error {
		return c.change(func(ptr *C.awqm_calibrator) C.awqm_status {
			return C.awqm_calibrator_observe(ptr, name, pointer(x), C.awqm_dtype(dtypeOf[T]()), C.int64_t(m), C.int64_t(k), 0, device)
		})
	})
}

// Merge adds what from has seen. The device, whose threads work, may be nil. Two calibrators must not be merged into each
// other at the same time: each would wait for the other.
func (c *Calibrator) Merge(from *Calibrator, device *Device) error {
	if c.handle == from.handle {
		return &Error{StatusOverlap, "a calibrator cannot be merged into itself"}
	}
	return withDevice(device, func(device *C.awqm_device) error {
		return from.with(func(from *C.awqm_calibrator) error {
			return c.change(func(ptr *C.awqm_calibrator) C.awqm_status { return C.awqm_calibrator_merge(ptr, from, device) })
		})
	})
}

// Clear forgets all statistics.
func (c *Calibrator) Clear() error {
	return c.change(func(ptr *C.awqm_calibrator) C.awqm_status { return C.awqm_calibrator_clear(ptr) })
}

// Save writes the statistics to a file.
func (c *Calibrator) Save(path string) error {
	cpath, free := cstring(path)
	defer free()
	return c.call(func(ptr *C.awqm_calibrator) C.awqm_status { return C.awqm_calibrator_save(ptr, cpath) })
}

// Info says what the calibrator holds.
func (c *Calibrator) Info() (CalibratorInfo, error) {
	var info CalibratorInfo
	err := c.call(func(ptr *C.awqm_calibrator) C.awqm_status {
		return C.awqm_calibrator_get_info(ptr, (*C.awqm_calibrator_info)(sized(&info)))
	})
	return info, err
}

// Layer is the name of layer number index, and what is known about it; StatusNotFound after the last.
func (c *Calibrator) Layer(index int) (name string, info CalibratorLayerInfo, err error) {
	name, err = c.fill(func(ptr *C.awqm_calibrator, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_calibrator_get_layer(ptr, C.size_t(index), (*C.awqm_calibrator_layer_info)(sized(&info)), buf, capacity, length)
	})
	return name, info, err
}

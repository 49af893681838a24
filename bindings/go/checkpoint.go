package awqmarlin

// #include <awq_marlin.h>
import "C"

import "unsafe"

// Checkpoint is an open checkpoint. Its files are mapped and must not change while it is open.
type Checkpoint struct {
	*handle[C.awqm_checkpoint]
	config *handle[C.awqm_config] // borrowed by the C interface's rules; nil: not quantized
}

// Tensor is bytes with a type and a shape, borrowed from the handle that it came from: Data is valid until that is
// closed, and a Tensor keeps its handle from being closed by the finalizer.
type Tensor struct {
	Data  []byte // little-endian, in C order, perhaps not aligned to its elements
	DType DType
	Shape []int64
	owner any
}

// LoadOptions are options of Checkpoint.Load.
type LoadOptions struct {
	Layout          Layout // to pack into; 0: what layers of Device run from
	TPDim           TPDim
	TPRank, TPWorld int
	Device          *Device // whose threads repack; nil: the calling one alone
}

func newCheckpoint(open func(out **C.awqm_checkpoint) C.awqm_status) (*Checkpoint, error) {
	var ptr *C.awqm_checkpoint
	if err := call(func() C.awqm_status { return open(&ptr) }); err != nil {
		return nil, err
	}
	var borrowed *C.awqm_config
	if err := call(func() C.awqm_status { return C.awqm_checkpoint_get_config(ptr, &borrowed) }); err != nil {
		C.awqm_checkpoint_free(ptr)
		return nil, err
	}
	checkpoint := &Checkpoint{}
	var config *handle[C.awqm_config]
	if borrowed != nil {
		config = newHandle(borrowed, func(*C.awqm_config) {})
		checkpoint.config = config
	}
	checkpoint.handle = newHandle(ptr, func(ptr *C.awqm_checkpoint) {
		if config != nil {
			config.Close() // so that it gives ErrClosed from now on
		}
		C.awqm_checkpoint_free(ptr)
	})
	return checkpoint, nil
}

// Open opens a Hugging Face directory, or one safetensors file with its config beside it.
func Open(path string) (*Checkpoint, error) {
	c, free := cstring(path)
	defer free()
	return newCheckpoint(func(out **C.awqm_checkpoint) C.awqm_status { return C.awqm_checkpoint_open(c, out) })
}

// OpenFiles opens safetensors files by name. The config is copied; nil takes the tensors as they are, unquantized.
func OpenFiles(paths []string, config *Config) (*Checkpoint, error) {
	c, free := cstrings(paths)
	defer free()
	open := func(config *C.awqm_config) (*Checkpoint, error) {
		return newCheckpoint(func(out **C.awqm_checkpoint) C.awqm_status {
			return C.awqm_checkpoint_open_files(c, C.size_t(len(paths)), config, out)
		})
	}
	if config == nil {
		return open(nil)
	}
	var checkpoint *Checkpoint
	err := config.with(func(config *C.awqm_config) (err error) {
		checkpoint, err = open(config)
		return err
	})
	return checkpoint, err
}

// Config is the checkpoint's quantization config, nil when it is not quantized. It closes with the checkpoint.
func (c *Checkpoint) Config() *Config {
	if c.config == nil {
		return nil
	}
	return &Config{c.config, c}
}

// Warnings are the config's, and where config and tensors disagree.
func (c *Checkpoint) Warnings() ([]string, error) {
	return c.texts(func(ptr *C.awqm_checkpoint) C.size_t { return C.awqm_checkpoint_warning_count(ptr) },
		func(ptr *C.awqm_checkpoint, i C.size_t, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
			return C.awqm_checkpoint_get_warning(ptr, i, buf, capacity, length)
		})
}

// Layers are the full names of the linear layers, quantized or not.
func (c *Checkpoint) Layers() ([]string, error) {
	return c.texts(func(ptr *C.awqm_checkpoint) C.size_t { return C.awqm_checkpoint_layer_count(ptr) },
		func(ptr *C.awqm_checkpoint, i C.size_t, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
			return C.awqm_checkpoint_get_layer_name(ptr, i, buf, capacity, length)
		})
}

// Tensors are the names of all tensors.
func (c *Checkpoint) Tensors() ([]string, error) {
	return c.texts(func(ptr *C.awqm_checkpoint) C.size_t { return C.awqm_checkpoint_tensor_count(ptr) },
		func(ptr *C.awqm_checkpoint, i C.size_t, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
			return C.awqm_checkpoint_get_tensor_name(ptr, i, buf, capacity, length)
		})
}

// Layer says what a layer is, and why it is quantized or not.
func (c *Checkpoint) Layer(name string) (info LayerInfo, reason string, err error) {
	cname, free := cstring(name)
	defer free()
	reason, err = c.fill(func(ptr *C.awqm_checkpoint, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_checkpoint_query_layer(ptr, cname, (*C.awqm_layer_info)(sized(&info)), buf, capacity, length)
	})
	return info, reason, err
}

// Tensor is a tensor in the mapped file, not copied.
func (c *Checkpoint) Tensor(name string) (Tensor, error) {
	cname, free := cstring(name)
	defer free()
	var view C.awqm_tensor_view
	err := c.call(func(ptr *C.awqm_checkpoint) C.awqm_status {
		view.struct_size = C.sizeof_awqm_tensor_view
		return C.awqm_checkpoint_get_tensor(ptr, cname, &view)
	})
	return tensorOf(view, c, err)
}

// Load reads one layer, or several joined along N (q, k, v; gate, up), sliced and repacked as the options say.
func (c *Checkpoint) Load(names []string, options LoadOptions) (*Packed, error) {
	cnames, free := cstrings(names)
	defer free()
	var packed *Packed
	err := c.with(func(ptr *C.awqm_checkpoint) error {
		return withDevice(options.Device, func(device *C.awqm_device) (err error) {
			co := C.awqm_load_options{C.sizeof_awqm_load_options, C.awqm_layout(options.Layout), C.awqm_tp_dim(options.TPDim),
				C.uint32_t(options.TPRank), C.uint32_t(options.TPWorld), device}
			packed, err = newPacked(func(out **C.awqm_packed) C.awqm_status {
				return C.awqm_checkpoint_load(ptr, cnames, C.size_t(len(names)), &co, out)
			})
			return err
		})
	})
	return packed, err
}

func tensorOf(view C.awqm_tensor_view, owner any, err error) (Tensor, error) {
	if err != nil {
		return Tensor{}, err
	}
	tensor := Tensor{DType: DType(view.dtype), Shape: make([]int64, view.rank), owner: owner}
	for i := range tensor.Shape {
		tensor.Shape[i] = int64(view.shape[i])
	}
	if view.bytes > 0 {
		tensor.Data = unsafe.Slice((*byte)(view.data), int(view.bytes))
	}
	return tensor, nil
}

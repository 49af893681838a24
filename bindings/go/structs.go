package awqmarlin

import (
	"bytes"
	"unsafe"
)

// The structs here lie in memory as their namesakes of the C header, so they are filled in place; a test compares them
// with the table made from the header. Their C names and fields' documentation are the header's.

// Flag is 0 or 1.
type Flag int32

// Set says whether the flag is 1.
func (f Flag) Set() bool { return f != 0 }

// FlagOf is 1 for true.
func FlagOf(on bool) Flag {
	if on {
		return 1
	}
	return 0
}

// Text is a NUL-terminated string in a fixed field.
func text(field []byte) string {
	if end := bytes.IndexByte(field, 0); end >= 0 {
		field = field[:end]
	}
	return string(field)
}

// DeviceInfo is what a device is.
type DeviceInfo struct {
	structSize      uintptr
	Backend         Backend
	Ordinal         int32
	Threads         uint32
	ISA             ISA
	Capability      uint32 // compute capability times ten; 0 for the CPU
	Multiprocessors uint32
	MemoryBytes     uint64
	name            [128]byte
	BandwidthGbps   float64
}

// Name of the device.
func (d *DeviceInfo) Name() string { return text(d.name[:]) }

// ConfigInfo is a normalized config.
type ConfigInfo struct {
	structSize uintptr
	Method     Method
	Bits       uint32
	GroupSize  int64 // -1: per channel
	ZeroPoint  Flag
	ActOrder   Flag
	Layout     Layout
	LMHead     Flag
}

// ModuleInfo is what a config says of one module.
type ModuleInfo struct {
	structSize uintptr
	Quantized  Flag
	Bits       uint32
	GroupSize  int64
	ZeroPoint  Flag
	Layout     Layout
}

// LayerInfo is one linear layer of a checkpoint.
type LayerInfo struct {
	structSize uintptr
	Quantized  Flag
	Bits       uint32
	K          int64
	N          int64
	GroupSize  int64
	ZeroPoint  Flag
	Layout     Layout
	ScaleDType DType
	HasBias    Flag
}

// LayerDesc is a layer in the caller's words; zero dtypes mean F16.
type LayerDesc struct {
	structSize uintptr
	K          int64
	N          int64
	Bits       uint32
	ZeroPoint  Flag
	GroupSize  int64
	Layout     Layout
	ScaleDType DType
	BiasDType  DType
	reserved   uint32
}

// PackedInfo is what a packed layer is.
type PackedInfo struct {
	structSize  uintptr
	K           int64
	N           int64
	PaddedK     int64
	PaddedN     int64
	Bits        uint32
	ZeroPoint   Flag
	GroupSize   int64
	PaddedGroup int64
	Groups      int64
	Layout      Layout
	ScaleDType  DType
	BiasDType   DType
	HasBias     Flag
	Bytes       uintptr
}

// RepackSizes are the sizes of a layer in a layout.
type RepackSizes struct {
	structSize   uintptr
	PaddedK      int64
	PaddedN      int64
	PaddedGroup  int64
	Groups       int64
	QWeightBytes uintptr
	ScalesBytes  uintptr
	QZerosBytes  uintptr
}

// CapabilityInfo is a compute capability in words and in the numbers of a typical product.
type CapabilityInfo struct {
	structSize      uintptr
	Supported       Flag
	Multiprocessors uint32
	BandwidthGbps   float64
	SharedBytes     uint32
	architecture    [32]byte
	products        [64]byte
	typical         [36]byte
	TFLOPS          float64
}

// Architecture is NVIDIA's name of it, Products well-known ones, Typical the one that the numbers are of.
func (c *CapabilityInfo) Architecture() string { return text(c.architecture[:]) }

// Products are well-known products.
func (c *CapabilityInfo) Products() string { return text(c.products[:]) }

// Typical is the product that the numbers are of.
func (c *CapabilityInfo) Typical() string { return text(c.typical[:]) }

// CUDAPlanOptions are the numbers that a plan for a GPU depends on.
type CUDAPlanOptions struct {
	structSize      uintptr
	Capability      uint32
	Multiprocessors uint32
	BandwidthGbps   float64
	K               int64
	N               int64
	M               int64
	Bits            uint32
	ZeroPoint       Flag
	GroupSize       int64
	ScaleDType      DType
	DType           DType
	Kernel          Kernel
	Flags           uint32
	tuning          unsafe.Pointer
}

// CUDAPlanInfo is a plan for a GPU in numbers.
type CUDAPlanInfo struct {
	structSize      uintptr
	Kernel          Kernel
	Multiprocessors uint32
	BandwidthGbps   float64
	Tiles           uint32
	Splits          uint32
	SliceTiles      uint32
	Block           uint32
	GridX           uint32
	GridY           uint32
	GridZ           uint32
	BlockRows       uint32
	WorkspaceBytes  uintptr
	CounterBytes    uintptr
	BytesMoved      uint64
	Operations      uint64
	FloorUs         float64

	ProductsFloorUs  float64
	PredictedUs      float64
	DensePredictedUs float64
	PrefersDense     Flag
	BatchInvariant   Flag
	SharedBytes      uint32
	code             [52]byte
}

// Code is the plan in short.
func (p *CUDAPlanInfo) Code() string { return text(p.code[:]) }

// LinearOptions are options of NewLinear.
type LinearOptions struct {
	structSize uintptr
	Compute    Compute
	Flags      uint32
}

// LinearInfo is what a layer is.
type LinearInfo struct {
	structSize uintptr
	K          int64
	N          int64
	Layout     Layout
	Bits       uint32
	GroupSize  int64
	HasBias    Flag
	Backend    Backend
	Bytes      uintptr
}

// PlanOptions are options of Linear.Plan.
type PlanOptions struct {
	structSize uintptr
	Kernel     Kernel
	DType      DType
	M          int64
	Flags      uint32
	reserved   uint32
}

// PlanInfo is a plan in numbers.
type PlanInfo struct {
	structSize     uintptr
	Kernel         Kernel
	Backend        Backend
	ISA            ISA
	DType          DType
	M              int64
	N              int64
	K              int64
	GroupSize      int64
	BlockRows      int64
	Tasks          int64
	WorkspaceBytes uintptr
	BytesMoved     uint64
	Operations     uint64
	Tiles          uint32
	Splits         uint32
	GridX          uint32
	GridY          uint32
	GridZ          uint32
	BlockThreads   uint32
	FloorUs        float64

	ProductsFloorUs  float64
	PredictedUs      float64
	DensePredictedUs float64
	PrefersDense     Flag
	BatchInvariant   Flag
	SharedBytes      uint32
	code             [52]byte
}

// Code is the plan in short.
func (p *PlanInfo) Code() string { return text(p.code[:]) }

// QuantizeReport is what was written.
type QuantizeReport struct {
	structSize      uintptr
	LayersQuantized uint64
	LayersKept      uint64
	BytesBefore     uint64
	BytesAfter      uint64
}

// CalibratorOptions are options of calibrators.
type CalibratorOptions struct {
	structSize    uintptr
	MaxBytes      uint64
	Rows          uint64 // 0: a Gram matrix for each layer; else that many rows
	SkipNotFinite Flag
	reserved      uint32
}

// CalibratorInfo is what a calibrator holds.
type CalibratorInfo struct {
	structSize uintptr
	Layers     uint64
	Bytes      uint64
	MaxBytes   uint64
	Rows       uint64
}

// CalibratorLayerInfo is what a calibrator knows about a layer.
type CalibratorLayerInfo struct {
	structSize uintptr
	K          int64
	Rows       uint64
	RowsKept   uint64
	NotFinite  Flag
	reserved   uint32
	BadRow     uint64
	BadChannel int64
}

// QuantizerInfo is what a quantizer has to do and has done.
type QuantizerInfo struct {
	structSize   uintptr
	Groups       uint64
	GroupsDone   uint64
	Layers       uint64
	LayersKept   uint64
	architecture [64]byte
}

// Architecture is the description's name, empty when nothing is known about the model.
func (q *QuantizerInfo) Architecture() string { return text(q.architecture[:]) }

// GroupInfo is a group of layers that share an input.
type GroupInfo struct {
	structSize uintptr
	Layers     uint64
	K          int64
	N          int64
	Scaled     Flag // 1: Run needs statistics of one of its layers
	Done       Flag
	name       [256]byte
	block      [256]byte
}

// Name of its first layer: a name to observe under.
func (g *GroupInfo) Name() string { return text(g.name[:]) }

// Block that it belongs to: a name to run.
func (g *GroupInfo) Block() string { return text(g.block[:]) }

// sized sets the first field of a struct of this file, its size, and returns its address for a C parameter.
func sized[T any](s *T) unsafe.Pointer {
	*(*uintptr)(unsafe.Pointer(s)) = unsafe.Sizeof(*s)
	return unsafe.Pointer(s)
}

package awqmarlin

// #include <awq_marlin.h>
import "C"

// DType is the element type of a tensor.
type DType uint32

// Element types.
const (
	F16  DType = C.AWQM_DTYPE_F16
	BF16 DType = C.AWQM_DTYPE_BF16
	F32  DType = C.AWQM_DTYPE_F32
	F64  DType = C.AWQM_DTYPE_F64
	I8   DType = C.AWQM_DTYPE_I8
	U8   DType = C.AWQM_DTYPE_U8
	I16  DType = C.AWQM_DTYPE_I16
	U16  DType = C.AWQM_DTYPE_U16
	I32  DType = C.AWQM_DTYPE_I32
	U32  DType = C.AWQM_DTYPE_U32
	I64  DType = C.AWQM_DTYPE_I64
	U64  DType = C.AWQM_DTYPE_U64
	Bool DType = C.AWQM_DTYPE_BOOL
)

func (d DType) String() string { return C.GoString(C.awqm_dtype_name(C.awqm_dtype(d))) }

// Bytes of one element; 0 for an unknown type.
func (d DType) Bytes() int { return int(C.awqm_dtype_bytes(C.awqm_dtype(d))) }

// Layout is where the codes, scales and zero points of a layer lie; the C header has the shapes.
type Layout uint32

// Layouts. The zero value leaves the choice to the function that it is given to.
const (
	LayoutDense             Layout = C.AWQM_LAYOUT_DENSE
	LayoutAWQGemm           Layout = C.AWQM_LAYOUT_AWQ_GEMM
	LayoutAWQGemv           Layout = C.AWQM_LAYOUT_AWQ_GEMV
	LayoutAWQGemvFast       Layout = C.AWQM_LAYOUT_AWQ_GEMV_FAST
	LayoutAWQMarlin         Layout = C.AWQM_LAYOUT_AWQ_MARLIN
	LayoutCompressedTensors Layout = C.AWQM_LAYOUT_COMPRESSED_TENSORS
	LayoutGPTQ              Layout = C.AWQM_LAYOUT_GPTQ
	LayoutGPTQV2            Layout = C.AWQM_LAYOUT_GPTQ_V2
	LayoutMarlin            Layout = C.AWQM_LAYOUT_MARLIN
	LayoutCPU               Layout = C.AWQM_LAYOUT_CPU
)

func (l Layout) String() string { return C.GoString(C.awqm_layout_name(C.awqm_layout(l))) }

// Kernel is a kernel version.
type Kernel uint32

// Kernel versions.
const (
	KernelAuto   Kernel = C.AWQM_KERNEL_AUTO
	KernelGemv   Kernel = C.AWQM_KERNEL_GEMV
	KernelGemm   Kernel = C.AWQM_KERNEL_GEMM
	KernelMarlin Kernel = C.AWQM_KERNEL_MARLIN
)

func (k Kernel) String() string { return C.GoString(C.awqm_kernel_name(C.awqm_kernel(k))) }

// Method is who quantized a checkpoint.
type Method uint32

// Methods.
const (
	MethodNone              Method = C.AWQM_METHOD_NONE
	MethodAWQ               Method = C.AWQM_METHOD_AWQ
	MethodCompressedTensors Method = C.AWQM_METHOD_COMPRESSED_TENSORS
	MethodGPTQ              Method = C.AWQM_METHOD_GPTQ
)

func (m Method) String() string { return C.GoString(C.awqm_method_name(C.awqm_method(m))) }

// ISA is the instruction set of the CPU kernels.
type ISA uint32

// Instruction sets.
const (
	ISAAuto     ISA = C.AWQM_ISA_AUTO
	ISAPortable ISA = C.AWQM_ISA_PORTABLE
	ISAAVX2     ISA = C.AWQM_ISA_AVX2
	ISAAVX512   ISA = C.AWQM_ISA_AVX512
	ISANEON     ISA = C.AWQM_ISA_NEON
)

func (i ISA) String() string { return C.GoString(C.awqm_isa_name(C.awqm_isa(i))) }

// Backend is where a layer runs.
type Backend uint32

// Backends.
const (
	BackendCPU  Backend = C.AWQM_BACKEND_CPU
	BackendCUDA Backend = C.AWQM_BACKEND_CUDA
)

// Available says whether the backend is built in and can be used on this machine.
func (b Backend) Available() bool { return C.awqm_backend_available(C.awqm_backend(b)) != 0 }

// LogLevel is how much is logged; each level includes those before it.
type LogLevel uint32

// Log levels.
const (
	LogLevelOff   LogLevel = C.AWQM_LOG_LEVEL_OFF
	LogLevelError LogLevel = C.AWQM_LOG_LEVEL_ERROR
	LogLevelWarn  LogLevel = C.AWQM_LOG_LEVEL_WARN
	LogLevelInfo  LogLevel = C.AWQM_LOG_LEVEL_INFO
	LogLevelDebug LogLevel = C.AWQM_LOG_LEVEL_DEBUG
)

// TPDim is how tensor parallelism slices a layer.
type TPDim uint32

// Slicings: by outputs (column) or by inputs (row).
const (
	TPDimNone   TPDim = C.AWQM_TP_DIM_NONE
	TPDimColumn TPDim = C.AWQM_TP_DIM_COLUMN
	TPDimRow    TPDim = C.AWQM_TP_DIM_ROW
)

// Role is one tensor of a packed layer.
type Role uint32

// Roles.
const (
	RoleQWeight Role = C.AWQM_ROLE_QWEIGHT
	RoleScales  Role = C.AWQM_ROLE_SCALES
	RoleQZeros  Role = C.AWQM_ROLE_QZEROS
	RoleBias    Role = C.AWQM_ROLE_BIAS
)

// Support says whether something can be run.
type Support uint32

// Answers; padded means yes, with padding inside.
const (
	SupportNo     Support = C.AWQM_SUPPORT_NO
	SupportYes    Support = C.AWQM_SUPPORT_YES
	SupportPadded Support = C.AWQM_SUPPORT_PADDED
)

// Compute is the arithmetic of a linear layer.
type Compute uint32

// Arithmetic.
const (
	ComputeExact Compute = C.AWQM_COMPUTE_EXACT
	ComputeInt8  Compute = C.AWQM_COMPUTE_INT8
)

// RangeRule is how the range of a group becomes scale and zero point.
type RangeRule uint32

// Range rules.
const (
	RangeRuleDefault           RangeRule = C.AWQM_RANGE_RULE_DEFAULT
	RangeRuleAutoAWQ           RangeRule = C.AWQM_RANGE_RULE_AUTOAWQ
	RangeRuleCompressedTensors RangeRule = C.AWQM_RANGE_RULE_COMPRESSED_TENSORS
)

// AWQMode is how AWQ chooses scales, clips and codes.
type AWQMode uint32

// Modes.
const (
	AWQModeBetter   AWQMode = C.AWQM_AWQ_MODE_BETTER
	AWQModeFaithful AWQMode = C.AWQM_AWQ_MODE_FAITHFUL
)

// BatchInvariant is the flag of linear and plan options for results that do not depend on the number of rows.
const BatchInvariant = C.AWQM_BATCH_INVARIANT

// CUDACheckWorkspace is the flag of CUDAOptions that looks at a workspace's counters before a launch.
const CUDACheckWorkspace = C.AWQM_CUDA_CHECK_WORKSPACE

// CUDACheckPointers is the flag of CUDAOptions that looks every device pointer up in the driver before a launch.
const CUDACheckPointers = C.AWQM_CUDA_CHECK_POINTERS

// CUDACounterBytes at the start of a GPU workspace must be zero before its first use.
const CUDACounterBytes = C.AWQM_CUDA_COUNTER_BYTES

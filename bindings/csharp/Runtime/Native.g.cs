// Generated from abi/interface.json by generate.py. Do not edit.
using System;
using System.Runtime.InteropServices;

namespace AwqMarlin
{
    public enum Status : int
    {
        Ok = 0,
        InvalidArgument = 101,
        NullPointer = 102,
        BadStructSize = 103,
        UnknownEnum = 104,
        BufferTooSmall = 105,
        Overlap = 106,
        SizeOverflow = 107,
        NotFound = 108,
        Cancelled = 109,
        Io = 201,
        Json = 202,
        Config = 203,
        Unsupported = 204,
        Container = 205,
        Tensor = 206,
        Missing = 207,
        MixedFused = 208,
        BackendUnavailable = 301,
        NoDevice = 302,
        DriverTooOld = 303,
        CapabilityTooLow = 304,
        KernelUnsupported = 305,
        Device = 306,
        Internal = 901,
        OutOfMemory = 902,
    }

    public enum Dtype : uint
    {
        F16 = 1,
        Bf16 = 2,
        F32 = 3,
        F64 = 4,
        I8 = 5,
        U8 = 6,
        I16 = 7,
        U16 = 8,
        I32 = 9,
        U32 = 10,
        I64 = 11,
        U64 = 12,
        Bool = 13,
    }

    public enum Layout : uint
    {
        Dense = 1,
        AwqGemm = 2,
        AwqGemv = 3,
        AwqGemvFast = 4,
        AwqMarlin = 5,
        CompressedTensors = 6,
        Gptq = 7,
        GptqV2 = 8,
        Marlin = 9,
        Cpu = 10,
    }

    public enum Kernel : uint
    {
        Auto = 0,
        Gemv = 1,
        Gemm = 2,
        Marlin = 3,
    }

    public enum Method : uint
    {
        None = 0,
        Awq = 1,
        CompressedTensors = 2,
        Gptq = 3,
    }

    public enum Isa : uint
    {
        Auto = 0,
        Portable = 1,
        Avx2 = 2,
        Avx512 = 3,
        Neon = 4,
    }

    public enum Backend : uint
    {
        Cpu = 1,
        Cuda = 2,
    }

    public enum LogLevel : uint
    {
        Off = 0,
        Error = 1,
        Warn = 2,
        Info = 3,
        Debug = 4,
    }

    public enum TpDim : uint
    {
        None = 0,
        Column = 1,
        Row = 2,
    }

    public enum Role : uint
    {
        Qweight = 1,
        Scales = 2,
        Qzeros = 3,
        Bias = 4,
    }

    public enum Support : uint
    {
        No = 0,
        Yes = 1,
        Padded = 2,
    }

    public enum Compute : uint
    {
        Exact = 0,
        Int8 = 1,
    }

    public enum RangeRule : uint
    {
        Default = 0,
        Autoawq = 1,
        CompressedTensors = 2,
    }

    public enum AwqMode : uint
    {
        Better = 0,
        Faithful = 1,
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_allocator
    {
        public UIntPtr struct_size;
        public IntPtr alloc;
        public IntPtr release;
        public IntPtr user_data;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_cpu_options
    {
        public UIntPtr struct_size;
        public uint threads;
        public Isa isa;
        public IntPtr parallel;
        public IntPtr user_data;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_device_info
    {
        public UIntPtr struct_size;
        public Backend backend;
        public int ordinal;
        public uint threads;
        public Isa isa;
        public uint capability;
        public uint multiprocessors;
        public ulong memory_bytes;
        public fixed byte name[128];
        public double bandwidth_gbps;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_config_info
    {
        public UIntPtr struct_size;
        public Method method;
        public uint bits;
        public long group_size;
        public int zero_point;
        public int act_order;
        public Layout layout;
        public int lm_head;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_module_info
    {
        public UIntPtr struct_size;
        public int quantized;
        public uint bits;
        public long group_size;
        public int zero_point;
        public Layout layout;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_layer_info
    {
        public UIntPtr struct_size;
        public int quantized;
        public uint bits;
        public long k;
        public long n;
        public long group_size;
        public int zero_point;
        public Layout layout;
        public Dtype scale_dtype;
        public int has_bias;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_tensor_view
    {
        public UIntPtr struct_size;
        public IntPtr data;
        public UIntPtr bytes;
        public Dtype dtype;
        public uint rank;
        public fixed long shape[8];
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_load_options
    {
        public UIntPtr struct_size;
        public Layout layout;
        public TpDim tp_dim;
        public uint tp_rank;
        public uint tp_world;
        public IntPtr device;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_layer_desc
    {
        public UIntPtr struct_size;
        public long k;
        public long n;
        public uint bits;
        public int zero_point;
        public long group_size;
        public Layout layout;
        public Dtype scale_dtype;
        public Dtype bias_dtype;
        public uint reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_layer_tensors
    {
        public UIntPtr struct_size;
        public IntPtr qweight;
        public UIntPtr qweight_bytes;
        public IntPtr scales;
        public UIntPtr scales_bytes;
        public IntPtr qzeros;
        public UIntPtr qzeros_bytes;
        public IntPtr bias;
        public UIntPtr bias_bytes;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_packed_info
    {
        public UIntPtr struct_size;
        public long k;
        public long n;
        public long padded_k;
        public long padded_n;
        public uint bits;
        public int zero_point;
        public long group_size;
        public long padded_group;
        public long groups;
        public Layout layout;
        public Dtype scale_dtype;
        public Dtype bias_dtype;
        public int has_bias;
        public UIntPtr bytes;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_repack_sizes
    {
        public UIntPtr struct_size;
        public long padded_k;
        public long padded_n;
        public long padded_group;
        public long groups;
        public UIntPtr qweight_bytes;
        public UIntPtr scales_bytes;
        public UIntPtr qzeros_bytes;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_capability_info
    {
        public UIntPtr struct_size;
        public int supported;
        public uint multiprocessors;
        public double bandwidth_gbps;
        public uint shared_bytes;
        public fixed byte architecture[32];
        public fixed byte products[64];
        public fixed byte typical[36];
        public double tflops;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_cuda_plan_options
    {
        public UIntPtr struct_size;
        public uint capability;
        public uint multiprocessors;
        public double bandwidth_gbps;
        public long k;
        public long n;
        public long m;
        public uint bits;
        public int zero_point;
        public long group_size;
        public Dtype scale_dtype;
        public Dtype dtype;
        public Kernel kernel;
        public uint flags;
        public IntPtr tuning;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_cuda_plan_info
    {
        public UIntPtr struct_size;
        public Kernel kernel;
        public uint multiprocessors;
        public double bandwidth_gbps;
        public uint tiles;
        public uint splits;
        public uint slice_tiles;
        public uint block;
        public uint grid_x;
        public uint grid_y;
        public uint grid_z;
        public uint block_rows;
        public UIntPtr workspace_bytes;
        public UIntPtr counter_bytes;
        public ulong bytes_moved;
        public ulong operations;
        public double floor_us;
        public double products_floor_us;
        public double predicted_us;
        public double dense_predicted_us;
        public int prefers_dense;
        public int batch_invariant;
        public uint shared_bytes;
        public fixed byte code[52];
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_linear_options
    {
        public UIntPtr struct_size;
        public Compute compute;
        public uint flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_linear_info
    {
        public UIntPtr struct_size;
        public long k;
        public long n;
        public Layout layout;
        public uint bits;
        public long group_size;
        public int has_bias;
        public Backend backend;
        public UIntPtr bytes;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_run_args
    {
        public UIntPtr struct_size;
        public IntPtr x;
        public Dtype x_dtype;
        public Dtype y_dtype;
        public IntPtr y;
        public long m;
        public long x_stride;
        public long y_stride;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_plan_options
    {
        public UIntPtr struct_size;
        public Kernel kernel;
        public Dtype dtype;
        public long m;
        public uint flags;
        public uint reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_plan_info
    {
        public UIntPtr struct_size;
        public Kernel kernel;
        public Backend backend;
        public Isa isa;
        public Dtype dtype;
        public long m;
        public long n;
        public long k;
        public long group_size;
        public long block_rows;
        public long tasks;
        public UIntPtr workspace_bytes;
        public ulong bytes_moved;
        public ulong operations;
        public uint tiles;
        public uint splits;
        public uint grid_x;
        public uint grid_y;
        public uint grid_z;
        public uint block_threads;
        public double floor_us;
        public double products_floor_us;
        public double predicted_us;
        public double dense_predicted_us;
        public int prefers_dense;
        public int batch_invariant;
        public uint shared_bytes;
        public fixed byte code[52];
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_cuda_info
    {
        public UIntPtr struct_size;
        public int available;
        public uint device_count;
        public int driver_version;
        public int needed_driver_version;
        public IntPtr images;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_cuda_options
    {
        public UIntPtr struct_size;
        public uint ordinal;
        public uint flags;
        public IntPtr context;
        public IntPtr tuning;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_calibrator_options
    {
        public UIntPtr struct_size;
        public ulong max_bytes;
        public ulong rows;
        public int skip_not_finite;
        public uint reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_calibrator_info
    {
        public UIntPtr struct_size;
        public ulong layers;
        public ulong bytes;
        public ulong max_bytes;
        public ulong rows;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_calibrator_layer_info
    {
        public UIntPtr struct_size;
        public long k;
        public ulong rows;
        public ulong rows_kept;
        public int not_finite;
        public uint reserved;
        public ulong bad_row;
        public long bad_channel;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_progress
    {
        public UIntPtr struct_size;
        public IntPtr stage;
        public IntPtr layer;
        public ulong index;
        public ulong count;
        public ulong bytes_done;
        public ulong bytes_total;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_quantize_options
    {
        public UIntPtr struct_size;
        public uint bits;
        public int symmetric;
        public long group_size;
        public Layout layout;
        public RangeRule range_rule;
        public IntPtr skip;
        public UIntPtr skip_count;
        public ulong max_shard_bytes;
        public IntPtr device;
        public IntPtr progress;
        public IntPtr user_data;
        public int overwrite;
        public uint reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_quantize_report
    {
        public UIntPtr struct_size;
        public ulong layers_quantized;
        public ulong layers_kept;
        public ulong bytes_before;
        public ulong bytes_after;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_quantizer_options
    {
        public UIntPtr struct_size;
        public AwqMode mode;
        public uint bits;
        public int symmetric;
        public Layout layout;
        public long group_size;
        public RangeRule range_rule;
        public int overwrite;
        public IntPtr skip;
        public UIntPtr skip_count;
        public ulong max_shard_bytes;
        public int resume;
        public int skip_not_finite;
        public IntPtr architecture;
        public IntPtr device;
        public IntPtr progress;
        public IntPtr user_data;
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_quantizer_info
    {
        public UIntPtr struct_size;
        public ulong groups;
        public ulong groups_done;
        public ulong layers;
        public ulong layers_kept;
        public fixed byte architecture[64];
    }

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct awqm_group_info
    {
        public UIntPtr struct_size;
        public ulong layers;
        public long k;
        public long n;
        public int scaled;
        public int done;
        public fixed byte name[256];
        public fixed byte block[256];
    }

    /// <summary>awqm_calibrator.</summary>
    public sealed partial class Calibrator : AwqHandle
    {
        /// <summary>None: NULL.</summary>
        public static readonly Calibrator None = new Calibrator(IntPtr.Zero);
        internal Calibrator(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.awqm_calibrator_free(handle); return true; }
    }

    /// <summary>awqm_checkpoint.</summary>
    public sealed partial class Checkpoint : AwqHandle
    {
        /// <summary>None: NULL.</summary>
        public static readonly Checkpoint None = new Checkpoint(IntPtr.Zero);
        internal Checkpoint(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.awqm_checkpoint_free(handle); return true; }
    }

    /// <summary>awqm_config.</summary>
    public sealed partial class Config : AwqHandle
    {
        /// <summary>None: NULL.</summary>
        public static readonly Config None = new Config(IntPtr.Zero);
        internal Config(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.awqm_config_free(handle); return true; }
    }

    /// <summary>awqm_device.</summary>
    public sealed partial class Device : AwqHandle
    {
        /// <summary>None: NULL.</summary>
        public static readonly Device None = new Device(IntPtr.Zero);
        internal Device(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.awqm_device_free(handle); return true; }
    }

    /// <summary>awqm_linear.</summary>
    public sealed partial class Linear : AwqHandle
    {
        /// <summary>None: NULL.</summary>
        public static readonly Linear None = new Linear(IntPtr.Zero);
        internal Linear(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.awqm_linear_free(handle); return true; }
    }

    /// <summary>awqm_packed.</summary>
    public sealed partial class Packed : AwqHandle
    {
        /// <summary>None: NULL.</summary>
        public static readonly Packed None = new Packed(IntPtr.Zero);
        internal Packed(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.awqm_packed_free(handle); return true; }
    }

    /// <summary>awqm_plan.</summary>
    public sealed partial class Plan : AwqHandle
    {
        /// <summary>None: NULL.</summary>
        public static readonly Plan None = new Plan(IntPtr.Zero);
        internal Plan(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.awqm_plan_free(handle); return true; }
    }

    /// <summary>awqm_quantizer.</summary>
    public sealed partial class Quantizer : AwqHandle
    {
        /// <summary>None: NULL.</summary>
        public static readonly Quantizer None = new Quantizer(IntPtr.Zero);
        internal Quantizer(IntPtr handle) : base(handle) { }
        protected override bool ReleaseHandle() { Native.awqm_quantizer_free(handle); return true; }
    }

    internal static unsafe class Native
    {
#if (UNITY_IOS || UNITY_WEBGL) && !UNITY_EDITOR
        internal const string Library = "__Internal";
#else
        internal const string Library = "awq_marlin";
#endif
        internal const uint AWQM_VERSION_MAJOR = 0;
        internal const uint AWQM_VERSION_MINOR = 1;
        internal const uint AWQM_VERSION_PATCH = 0;
        internal const uint AWQM_ABI_VERSION = 1;
        internal const uint AWQM_BATCH_INVARIANT = 1;
        internal const uint AWQM_CUDA_CHECK_POINTERS = 1;
        internal const uint AWQM_CUDA_CHECK_WORKSPACE = 2;
        internal const uint AWQM_CUDA_COUNTER_BYTES = 32768;

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_status_name(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_last_error_message();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_last_error_copy(byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_dtype_name(Dtype dtype);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr awqm_dtype_bytes(Dtype dtype);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_layout_name(Layout layout);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_kernel_name(Kernel kernel);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_method_name(Method method);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_isa_name(Isa isa);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint awqm_version_number();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_version_string();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint awqm_abi_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_build_info();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int awqm_backend_available(Backend backend);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_set_log_callback(IntPtr callback, void* user_data, LogLevel level);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_set_allocator(awqm_allocator* allocator);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_device_create_cpu(awqm_cpu_options* options, out IntPtr out_device);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_device_get_info(Device device, awqm_device_info* out_info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void awqm_device_free(IntPtr device);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_config_load_directory(byte[] path, out IntPtr out_config);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_config_load_file(byte[] path, out IntPtr out_config);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_config_parse(byte[] json, UIntPtr json_bytes, byte[] origin, out IntPtr out_config);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_config_get_info(Config config, awqm_config_info* out_info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_config_get_source(Config config, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr awqm_config_warning_count(Config config);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_config_get_warning(Config config, UIntPtr index, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr awqm_config_skip_count(Config config);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_config_get_skip(Config config, UIntPtr index, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_config_query_module(Config config, byte[] name, awqm_module_info* out_info, byte* reason, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_config_to_json(Config config, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr awqm_config_file_name(UIntPtr index);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void awqm_config_free(IntPtr config);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_checkpoint_open(byte[] path, out IntPtr out_checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_checkpoint_open_files(byte** paths, UIntPtr count, Config config, out IntPtr out_checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_checkpoint_get_config(Checkpoint checkpoint, out IntPtr out_config);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr awqm_checkpoint_warning_count(Checkpoint checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_checkpoint_get_warning(Checkpoint checkpoint, UIntPtr index, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr awqm_checkpoint_layer_count(Checkpoint checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_checkpoint_get_layer_name(Checkpoint checkpoint, UIntPtr index, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_checkpoint_query_layer(Checkpoint checkpoint, byte[] name, awqm_layer_info* out_info, byte* reason, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr awqm_checkpoint_tensor_count(Checkpoint checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_checkpoint_get_tensor_name(Checkpoint checkpoint, UIntPtr index, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_checkpoint_get_tensor(Checkpoint checkpoint, byte[] name, awqm_tensor_view* out_view);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_checkpoint_load(Checkpoint checkpoint, byte** names, UIntPtr count, awqm_load_options* options, out IntPtr out_packed);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void awqm_checkpoint_free(IntPtr checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_packed_create(awqm_layer_desc* desc, awqm_layer_tensors* tensors, out IntPtr out_packed);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_packed_create_borrowed(awqm_layer_desc* desc, awqm_layer_tensors* tensors, out IntPtr out_packed);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_packed_convert(Packed packed, Layout to, Device device, out IntPtr out_packed);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_packed_get_info(Packed packed, awqm_packed_info* out_info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_packed_get_tensor(Packed packed, Role role, awqm_tensor_view* out_view);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_packed_dequantize(Packed packed, Dtype dtype, void* @out, UIntPtr out_bytes, Device device);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_packed_save(Packed packed, byte[] path, byte[] prefix);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_packed_load(byte[] path, byte[] prefix, out IntPtr out_packed);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void awqm_packed_free(IntPtr packed);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_repack_query(awqm_layer_desc* @from, Layout to, awqm_repack_sizes* out_sizes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_repack(awqm_layer_desc* @from, awqm_layer_tensors* tensors, Layout to, void* qweight, UIntPtr qweight_bytes, void* scales, UIntPtr scales_bytes, void* qzeros, UIntPtr qzeros_bytes, Device device);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_query_quantization_support(uint bits, long group_size, int zero_point, Layout layout, Support* out_support, byte* reason, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_query_shape_support(long k, long n, uint bits, long group_size, int zero_point, Layout layout, Support* out_support, byte* reason, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_kernel_min_capability(Kernel kernel, uint* out_capability);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int awqm_kernel_supports_dtype(Kernel kernel, uint capability, Dtype dtype);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_marlin_group_sizes(long* out_sizes, UIntPtr cap, UIntPtr* out_count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_query_capability(uint capability, awqm_capability_info* out_info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_query_cuda_plan(awqm_cuda_plan_options* options, awqm_cuda_plan_info* out_info, byte* reason, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_marlin_workspace_bytes(long n, uint multiprocessors, UIntPtr* out_bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_marlin_scale_permutation(int grouped, uint* out_table, UIntPtr cap, UIntPtr* out_count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_marlin_permute_scales(void* scales, void* @out, UIntPtr bytes, Dtype dtype, long size_k, long size_n, long group_size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_marlin_permute_bias(void* bias, void* @out, UIntPtr bytes, Dtype dtype, long size_n);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_pack_columns(byte* codes, UIntPtr codes_bytes, long rows, long columns, uint bits, void* @out, UIntPtr out_bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_unpack_columns(void* words, UIntPtr words_bytes, long rows, long columns, uint bits, byte* @out, UIntPtr out_bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_marlin_zero_points(byte* zeros, UIntPtr zeros_bytes, long groups, long size_n, uint bits, void* @out, UIntPtr out_bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_awq_to_marlin_zero_points(void* qzeros, void* @out, UIntPtr bytes, long groups, long size_n, uint bits);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_awq_marlin_repack(void* qweight, void* @out, UIntPtr bytes, long size_k, long size_n, uint bits, Device device);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_gptq_marlin_repack(void* qweight, void* @out, UIntPtr bytes, long size_k, long size_n, uint bits, Device device);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_linear_create(Device device, Packed packed, awqm_linear_options* options, out IntPtr out_linear);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_linear_get_info(Linear linear, awqm_linear_info* out_info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_linear_workspace_bytes(Linear linear, long max_m, Dtype x_dtype, UIntPtr* out_bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_linear_run(Linear linear, awqm_run_args* args, void* workspace, UIntPtr workspace_bytes, void* stream);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void awqm_linear_free(IntPtr linear);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_plan_create(Linear linear, awqm_plan_options* options, out IntPtr out_plan);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_plan_get_info(Plan plan, awqm_plan_info* out_info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_plan_get_reason(Plan plan, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_plan_run(Plan plan, awqm_run_args* args, void* workspace, UIntPtr workspace_bytes, void* stream);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void awqm_plan_free(IntPtr plan);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_plan_export(Plan plan, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_plan_import(Linear linear, byte[] text, out IntPtr out_plan);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_cuda_get_info(awqm_cuda_info* out_info, byte* reason, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_device_create_cuda(awqm_cuda_options* options, out IntPtr out_device);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_device_export_tuning(Device device, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_linear_create_from_device(Device device, awqm_layer_desc* desc, awqm_layer_tensors* tensors, out IntPtr out_linear);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_linear_dequantize(Linear linear, Dtype dtype, int transposed, void* @out, UIntPtr out_bytes, void* stream);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_cuda_repack(Device device, awqm_layer_desc* @from, awqm_layer_tensors* tensors, Layout to, void* qweight, UIntPtr qweight_bytes, void* scales, UIntPtr scales_bytes, void* qzeros, UIntPtr qzeros_bytes, void* stream);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_calibrator_layer_bytes(awqm_calibrator_options* options, long k, ulong* out_bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_calibrator_create(awqm_calibrator_options* options, out IntPtr out_calibrator);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_calibrator_observe(Calibrator calibrator, byte[] layer, void* x, Dtype x_dtype, long m, long k, long x_row_stride, Device device);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_calibrator_merge(Calibrator into, Calibrator @from, Device device);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_calibrator_clear(Calibrator calibrator);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_calibrator_save(Calibrator calibrator, byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_calibrator_load(byte[] path, awqm_calibrator_options* options, out IntPtr out_calibrator);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_calibrator_get_info(Calibrator calibrator, awqm_calibrator_info* out_info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_calibrator_get_layer(Calibrator calibrator, UIntPtr index, awqm_calibrator_layer_info* out_info, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void awqm_calibrator_free(IntPtr calibrator);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantize_tensor(void* weight, UIntPtr weight_bytes, Dtype dtype, long n, long k, awqm_quantize_options* options, out IntPtr out_packed);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantize_checkpoint(byte[] src, byte[] dst, awqm_quantize_options* options, awqm_quantize_report* out_report);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_convert_checkpoint(byte[] src, byte[] dst, awqm_quantize_options* options, awqm_quantize_report* out_report);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantizer_create(byte[] src, byte[] dst, awqm_quantizer_options* options, out IntPtr out_quantizer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantizer_get_info(Quantizer quantizer, awqm_quantizer_info* out_info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantizer_get_group(Quantizer quantizer, UIntPtr index, awqm_group_info* out_info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantizer_get_group_layer(Quantizer quantizer, UIntPtr index, UIntPtr layer, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantizer_run(Quantizer quantizer, Calibrator calibrator, byte[] block);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantizer_finish(Quantizer quantizer, awqm_quantize_report* out_report);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantizer_report_json(Quantizer quantizer, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_quantizer_report_text(Quantizer quantizer, byte* buf, UIntPtr cap, UIntPtr* out_len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void awqm_quantizer_free(IntPtr quantizer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status awqm_tensors_save(byte[] path, byte** names, awqm_tensor_view* views, UIntPtr count);
    }
}

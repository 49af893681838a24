using System;
using System.Runtime.InteropServices;

namespace AwqMarlin
{
    /// <summary>
    /// Owns one object of the library. Dispose frees it; the finalizer does where Dispose was forgotten, on its own
    /// thread and in any order, which the library allows. Calls on a disposed handle throw ObjectDisposedException.
    /// </summary>
    public abstract class AwqHandle : SafeHandle
    {
        internal AwqHandle(IntPtr handle) : base(IntPtr.Zero, true) { SetHandle(handle); }
        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }
    }

    public sealed unsafe partial class Device
    {
        /// <summary>A CPU with a pool of its own; 0 threads: as many as there are cores.</summary>
        public static Device Cpu(uint threads = 0, Isa isa = Isa.Auto)
        {
            var options = new awqm_cpu_options { struct_size = (UIntPtr)sizeof(awqm_cpu_options), threads = threads, isa = isa };
            IntPtr made;
            AwqException.Check(Native.awqm_device_create_cpu(&options, out made));
            return new Device(made);
        }

        /// <summary>A GPU, as the driver counts them.</summary>
        public static Device Cuda(uint ordinal = 0)
        {
            var options = new awqm_cuda_options { struct_size = (UIntPtr)sizeof(awqm_cuda_options), ordinal = ordinal };
            IntPtr made;
            AwqException.Check(Native.awqm_device_create_cuda(&options, out made));
            return new Device(made);
        }

        public awqm_device_info Info()
        {
            var info = new awqm_device_info { struct_size = (UIntPtr)sizeof(awqm_device_info) };
            AwqException.Check(Native.awqm_device_get_info(this, &info));
            return info;
        }
    }

    public sealed unsafe partial class Config
    {
        public static Config Parse(string json, string origin = null)
        {
            var bytes = Text.Bytes(json);
            IntPtr made;
            AwqException.Check(Native.awqm_config_parse(bytes, (UIntPtr)(bytes.Length - 1), Text.Bytes(origin), out made));
            return new Config(made);
        }

        public static Config LoadFile(string path)
        {
            IntPtr made;
            AwqException.Check(Native.awqm_config_load_file(Text.Bytes(path), out made));
            return new Config(made);
        }

        public awqm_config_info Info()
        {
            var info = new awqm_config_info { struct_size = (UIntPtr)sizeof(awqm_config_info) };
            AwqException.Check(Native.awqm_config_get_info(this, &info));
            return info;
        }

        public string ToJson()
        {
            return Text.Filled((buf, cap, length) => Native.awqm_config_to_json(this, buf, cap, length));
        }
    }

    public sealed unsafe partial class Checkpoint
    {
        public static Checkpoint Open(string path)
        {
            IntPtr made;
            AwqException.Check(Native.awqm_checkpoint_open(Text.Bytes(path), out made));
            return new Checkpoint(made);
        }

        /// <summary>One file of tensors, without a config.</summary>
        public static Checkpoint OpenFile(string path)
        {
            IntPtr made;
            fixed (byte* name = Text.Bytes(path))
            {
                byte* names = name;
                AwqException.Check(Native.awqm_checkpoint_open_files(&names, (UIntPtr)1, Config.None, out made));
            }
            return new Checkpoint(made);
        }

        public int LayerCount { get { return (int)Native.awqm_checkpoint_layer_count(this); } }

        public string LayerName(int index)
        {
            return Text.Filled((buf, cap, length) =>
                Native.awqm_checkpoint_get_layer_name(this, (UIntPtr)index, buf, cap, length));
        }

        public Packed Load(string layer)
        {
            IntPtr made;
            fixed (byte* name = Text.Bytes(layer))
            {
                byte* names = name;
                AwqException.Check(Native.awqm_checkpoint_load(this, &names, (UIntPtr)1, null, out made));
            }
            return new Packed(made);
        }

        /// <summary>Borrowed: its data lives until this checkpoint is disposed.</summary>
        public awqm_tensor_view Tensor(string name)
        {
            var view = new awqm_tensor_view { struct_size = (UIntPtr)sizeof(awqm_tensor_view) };
            AwqException.Check(Native.awqm_checkpoint_get_tensor(this, Text.Bytes(name), &view));
            return view;
        }
    }

    public sealed unsafe partial class Packed
    {
        public Packed Convert(Layout to, Device device = null)
        {
            IntPtr made;
            AwqException.Check(Native.awqm_packed_convert(this, to, device ?? Device.None, out made));
            return new Packed(made);
        }

        public awqm_packed_info Info()
        {
            var info = new awqm_packed_info { struct_size = (UIntPtr)sizeof(awqm_packed_info) };
            AwqException.Check(Native.awqm_packed_get_info(this, &info));
            return info;
        }

        /// <summary>Borrowed: its data lives until this layer is disposed.</summary>
        public awqm_tensor_view Tensor(Role role)
        {
            var view = new awqm_tensor_view { struct_size = (UIntPtr)sizeof(awqm_tensor_view) };
            AwqException.Check(Native.awqm_packed_get_tensor(this, role, &view));
            return view;
        }

        public void Save(string path, string prefix)
        {
            AwqException.Check(Native.awqm_packed_save(this, Text.Bytes(path), Text.Bytes(prefix)));
        }
    }

    public sealed unsafe partial class Plan
    {
        public static Plan Create(Linear layer, long rows, Dtype dtype, Kernel kernel = Kernel.Auto)
        {
            var options = new awqm_plan_options
            {
                struct_size = (UIntPtr)sizeof(awqm_plan_options), m = rows, dtype = dtype, kernel = kernel
            };
            IntPtr made;
            AwqException.Check(Native.awqm_plan_create(layer, &options, out made));
            return new Plan(made);
        }

        public awqm_plan_info Info()
        {
            var info = new awqm_plan_info { struct_size = (UIntPtr)sizeof(awqm_plan_info) };
            AwqException.Check(Native.awqm_plan_get_info(this, &info));
            return info;
        }

        public string Reason()
        {
            return Text.Filled((buf, cap, length) => Native.awqm_plan_get_reason(this, buf, cap, length));
        }
    }

    public sealed unsafe partial class Linear
    {
        public static Linear Create(Device device, Packed packed)
        {
            IntPtr made;
            AwqException.Check(Native.awqm_linear_create(device, packed, null, out made));
            return new Linear(made);
        }

        public awqm_linear_info Info()
        {
            var info = new awqm_linear_info { struct_size = (UIntPtr)sizeof(awqm_linear_info) };
            AwqException.Check(Native.awqm_linear_get_info(this, &info));
            return info;
        }

        public int WorkspaceBytes(long rows, Dtype dtype)
        {
            UIntPtr bytes;
            AwqException.Check(Native.awqm_linear_workspace_bytes(this, rows, dtype, &bytes));
            return (int)bytes;
        }

        /// <summary>y [rows, N] = x [rows, K] * w. Allocates nothing; the arrays stay where they are during the call.</summary>
        public void Run(float[] x, float[] y, long rows, byte[] workspace)
        {
            Run(x, y, rows, workspace, Info());
        }

        /// <summary>As above, with Info() at hand: nothing is asked again.</summary>
        public void Run(float[] x, float[] y, long rows, byte[] workspace, awqm_linear_info info)
        {
            if (x.LongLength < rows * info.k || y.LongLength < rows * info.n)
                throw new ArgumentException("x and y need " + rows + " rows of " + info.k + " and " + info.n + " numbers");
            fixed (float* from = x) fixed (float* to = y) fixed (byte* room = workspace)
            {
                var args = new awqm_run_args
                {
                    struct_size = (UIntPtr)sizeof(awqm_run_args), x = (IntPtr)from, x_dtype = Dtype.F32,
                    y = (IntPtr)to, y_dtype = Dtype.F32, m = rows
                };
                AwqException.Check(Native.awqm_linear_run(this, &args, room, (UIntPtr)workspace.Length, null));
            }
        }
    }
}

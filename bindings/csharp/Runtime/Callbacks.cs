using System;
using System.Runtime.InteropServices;

namespace AwqMarlin
{
    /// <summary>Marks the static methods that C calls; Unity's ahead-of-time compiler looks for this name.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class MonoPInvokeCallbackAttribute : Attribute
    {
        public MonoPInvokeCallbackAttribute(Type type) { }
    }

    /// <summary>The library's log. Off until a receiver is set; taken away when the domain is unloaded.</summary>
    public static unsafe class Log
    {
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate void Callback(IntPtr userData, LogLevel level, IntPtr message);

        // Kept here, as C keeps only the address.
        private static readonly Callback Receive = OnLine;
        private static readonly object Gate = new object();
        private static GCHandle current;
        private static bool watching;

        /// <summary>Lines go to `receiver`, on any thread that is inside the library; null: no more lines, from now on.</summary>
        public static void Set(Action<LogLevel, string> receiver, LogLevel level = LogLevel.Info)
        {
            lock (Gate)
            {
                if (!watching)
                {
                    watching = true;
                    AppDomain.CurrentDomain.DomainUnload += (sender, e) => Set(null);
                }
                var old = current;
                var next = receiver == null ? default(GCHandle) : GCHandle.Alloc(receiver);
                var address = receiver == null ? IntPtr.Zero : Marshal.GetFunctionPointerForDelegate(Receive);
                AwqException.Check(Native.awqm_set_log_callback(
                    address, receiver == null ? null : (void*)GCHandle.ToIntPtr(next), level));
                // The library promises that the old one is not running any more.
                current = next;
                if (old.IsAllocated) old.Free();
            }
        }

        [MonoPInvokeCallback(typeof(Callback))]
        private static void OnLine(IntPtr userData, LogLevel level, IntPtr message)
        {
            try
            {
                ((Action<LogLevel, string>)GCHandle.FromIntPtr(userData).Target)(level, Text.Of(message));
            }
            catch (Exception)
            {
                // An exception must not cross C; a log has nobody to tell.
            }
        }
    }

    /// <summary>Whole checkpoints into other layouts.</summary>
    public static unsafe class Conversion
    {
        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate int Callback(IntPtr userData, awqm_progress* progress);

        private static readonly Callback Step = OnStep;

        private sealed class Call
        {
            internal Func<string, ulong, ulong, bool> Progress;
            internal Exception Thrown;
        }

        /// <summary>
        /// Rewrites a checkpoint in another layout. `progress` gets layer, index and count, and returns false to stop:
        /// then the call throws with Status.Cancelled. What `progress` throws comes out of this call.
        /// </summary>
        public static void Convert(string source, string target, Layout layout, Func<string, ulong, ulong, bool> progress = null)
        {
            var call = new Call { Progress = progress };
            var data = GCHandle.Alloc(call);
            try
            {
                var options = new awqm_quantize_options { struct_size = (UIntPtr)sizeof(awqm_quantize_options), layout = layout };
                if (progress != null)
                {
                    options.progress = Marshal.GetFunctionPointerForDelegate(Step);
                    options.user_data = GCHandle.ToIntPtr(data);
                }
                var status = Native.awqm_convert_checkpoint(Text.Bytes(source), Text.Bytes(target), &options, null);
                if (call.Thrown != null) throw call.Thrown;
                AwqException.Check(status);
            }
            finally
            {
                data.Free();
            }
        }

        [MonoPInvokeCallback(typeof(Callback))]
        private static int OnStep(IntPtr userData, awqm_progress* progress)
        {
            var call = (Call)GCHandle.FromIntPtr(userData).Target;
            try
            {
                return call.Progress(Text.Of(progress->layer), progress->index, progress->count) ? 0 : 1;
            }
            catch (Exception e)
            {
                call.Thrown = e;
                return 1;
            }
        }
    }

    /// <summary>The library that is loaded.</summary>
    public static class Library
    {
        public static uint AbiVersion { get { return Native.awqm_abi_version(); } }
        public static uint VersionNumber { get { return Native.awqm_version_number(); } }
        public static string BuildInfo { get { return Text.Of(Native.awqm_build_info()); } }
    }
}

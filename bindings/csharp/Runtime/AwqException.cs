using System;
using System.Runtime.InteropServices;
using System.Text;

namespace AwqMarlin
{
    /// <summary>A failed call: its status, and the library's message (place, value found, value needed).</summary>
    public sealed class AwqException : Exception
    {
        public Status Status { get; private set; }

        internal AwqException(Status status, string message) : base(message) { Status = status; }

        /// <summary>Throws when a call has failed. Must follow the call on the same thread: the message is that thread's.</summary>
        internal static void Check(Status status)
        {
            if (status == Status.Ok) return;
            throw new AwqException(status, Text.Of(Native.awqm_last_error_message()));
        }
    }

    /// <summary>UTF-8 in and out.</summary>
    internal static class Text
    {
        /// <summary>NUL-terminated; null stays null, which is NULL.</summary>
        internal static byte[] Bytes(string text)
        {
            return text == null ? null : Encoding.UTF8.GetBytes(text + "\0");
        }

        internal static string Of(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0) length++;
            var bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        internal unsafe delegate Status Fill(byte* buf, UIntPtr cap, UIntPtr* length);

        /// <summary>Asks for the length, then for the text.</summary>
        internal static unsafe string Filled(Fill fill)
        {
            UIntPtr length;
            AwqException.Check(fill(null, UIntPtr.Zero, &length));
            var bytes = new byte[(int)length + 1];
            fixed (byte* buf = bytes) AwqException.Check(fill(buf, (UIntPtr)bytes.Length, &length));
            return Encoding.UTF8.GetString(bytes, 0, (int)length);
        }
    }
}

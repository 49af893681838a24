#!/usr/bin/env python3
"""Writes Runtime/Native.g.cs from abi/interface.json: enums, structs and functions as the header has them.

    generate.py           writes the file
    generate.py --check   fails when the file is not what it would write
    generate.py --table   prints names and numbers for the test
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TABLE = json.load(open(HERE / "../../abi/interface.json"))
OUT = HERE / "Runtime/Native.g.cs"

PLAIN = {
    "void": "void", "char": "byte", "size_t": "UIntPtr", "double": "double", "uint8_t": "byte", "int32_t": "int",
    "uint32_t": "uint", "int64_t": "long", "uint64_t": "ulong",
}
ENUMS = {e["name"] for e in TABLE["enums"]}
HANDLES = set(TABLE["handles"])
CALLBACKS = {c["name"] for c in TABLE["callbacks"]}


def pascal(name):
    """AWQM_DTYPE_BF16 without its prefix: Bf16; awqm_log_level: LogLevel."""
    return "".join(word.capitalize() for word in name.split("_"))


def class_of(handle):
    return pascal(handle.removeprefix("awqm_"))


def base(c):
    """A C type without stars."""
    if c in PLAIN:
        return PLAIN[c]
    if c in ENUMS:
        return pascal(c.removeprefix("awqm_"))
    if c in CALLBACKS:
        return "IntPtr"
    return c  # a struct


def split(c):
    words = c.replace("const", "").replace(" ", "")
    return words.rstrip("*"), len(words) - len(words.rstrip("*"))


def field_type(c):
    name, stars = split(c)
    if stars:
        return "IntPtr"
    return base(name)


def param_type(function, c):
    name, stars = split(c)
    if name in HANDLES:
        if stars == 2:
            return "out IntPtr"
        # A SafeHandle keeps the object alive during the call; what frees it gets the bare pointer.
        return "IntPtr" if function.endswith("_free") else class_of(name)
    if name == "char" and stars == 1 and "const" in c:
        return "byte[]"
    if name == "void" and stars:
        return "void" + "*" * stars
    return base(name) + "*" * stars


def return_type(c):
    name, stars = split(c)
    return "IntPtr" if stars else base(name)


def enum(e):
    prefix = e["name"].upper() + "_"
    lines = [f"    public enum {pascal(e['name'].removeprefix('awqm_'))} : {PLAIN[e['type']]}", "    {"]
    for name, value in e["values"].items():
        lines.append(f"        {pascal(name.removeprefix(prefix))} = {value},")
    return lines + ["    }", ""]


def struct(s):
    lines = ["    [StructLayout(LayoutKind.Sequential)]", f"    public unsafe struct {s['name']}", "    {"]
    for f in s["fields"]:
        array = re.fullmatch(r"(\w+)\[(\d+)\]", f["type"])
        if array:
            lines.append(f"        public fixed {PLAIN[array[1]]} {f['name']}[{array[2]}];")
        else:
            lines.append(f"        public {field_type(f['type'])} {f['name']};")
    return lines + ["    }", ""]


def handle(name):
    """The owner of an object: what every handle has. What can be done with it stands in Handles.cs."""
    c = class_of(name)
    return [f"    /// <summary>{name}.</summary>", f"    public sealed partial class {c} : AwqHandle", "    {",
            "        /// <summary>None: NULL.</summary>",
            f"        public static readonly {c} None = new {c}(IntPtr.Zero);",
            f"        internal {c}(IntPtr handle) : base(handle) {{ }}",
            f"        protected override bool ReleaseHandle() {{ Native.{name}_free(handle); return true; }}", "    }", ""]


def safe(name):
    return "@" + name if name in ("out", "in", "ref", "params", "from") else name


def function(f):
    params = ", ".join(f"{param_type(f['name'], p['type'])} {safe(p['name'])}" for p in f["params"])
    return ["        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]",
            f"        internal static extern {return_type(f['returns'])} {f['name']}({params});", ""]


def text():
    lines = ["// Generated from abi/interface.json by generate.py. Do not edit.",
             "using System;", "using System.Runtime.InteropServices;", "", "namespace AwqMarlin", "{"]
    for e in TABLE["enums"]:
        lines += enum(e)
    for s in TABLE["structs"]:
        lines += struct(s)
    for h in TABLE["handles"]:
        lines += handle(h)
    lines += ["    internal static unsafe class Native", "    {", "#if (UNITY_IOS || UNITY_WEBGL) && !UNITY_EDITOR",
              '        internal const string Library = "__Internal";', "#else",
              '        internal const string Library = "awq_marlin";', "#endif"]
    for name, value in {**TABLE["versions"], **TABLE["constants"]}.items():
        lines.append(f"        internal const uint {name} = {value};")
    lines.append("")
    for f in TABLE["functions"]:
        lines += function(f)
    return "\n".join(lines[:-1] + ["    }", "}"]) + "\n"


def table():
    """What Tests/Table.cs compares with the compiled types: `enum LogLevel.Off 0`, `struct name size`, `field a.b offset`."""
    for e in TABLE["enums"]:
        prefix = e["name"].upper() + "_"
        for name, value in e["values"].items():
            yield f"enum {pascal(e['name'].removeprefix('awqm_'))}.{pascal(name.removeprefix(prefix))} {value}"
    for s in TABLE["structs"]:
        yield f"struct {s['name']} {s['size']}"
        for f in s["fields"]:
            yield f"field {s['name']}.{f['name']} {f['offset']}"
    yield f"number abi {TABLE['versions']['AWQM_ABI_VERSION']}"


if sys.argv[1:] == ["--table"]:
    print("\n".join(table()))
elif sys.argv[1:] == ["--check"]:
    if not OUT.exists() or OUT.read_text() != text():
        sys.exit("Runtime/Native.g.cs is not what abi/interface.json gives: run bindings/csharp/generate.py")
else:
    OUT.write_text(text())

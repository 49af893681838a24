"""Lets PyPI's PyTorch, which is built for CUDA, run on a CPU without gigabytes of CUDA libraries.

Its libraries name those of CUDA as needed, so the loader wants them to be there, although nothing of them is called
without a GPU. For each that is missing this makes an empty one with the same name and symbols in torch/lib, whose
functions end the program. Only what registers kernels when the libraries are loaded has to work: functions of the CUDA
runtime that do nothing.
"""

import glob
import os
import re
import subprocess
import sysconfig
import tempfile

LIB = os.path.join(sysconfig.get_paths()["purelib"], "torch", "lib")
# Called by static constructors and destructors: __cudaRegisterFatBinary must give a handle, the others nothing.
RUNTIME = re.compile(r"__cuda(Register|Unregister|Init|Push|Pop)\w*|cuda(GetDeviceCount|GetLastError|PeekAtLastError)")
PLAIN = re.compile(r"cu[A-Z]|cu(da|sparseLt)|nccl|nvshmem")
RUNTIME_VERSION = "libcudart.so.13"


def lines(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", "\n".join(lines("readelf", "-d", path)))


def missing():
    """Libraries that the loader finds nowhere."""
    system = " ".join(lines("ldconfig", "-p"))
    there = {os.path.basename(p) for p in glob.glob(os.path.join(LIB, "*"))}
    wanted = {n for path in glob.glob(os.path.join(LIB, "*.so*")) for n in needed(path)}
    return sorted(n for n in wanted if n not in there and f"{n} " not in system and not n.startswith("ld-linux"))


def symbols():
    """Undefined symbols of all libraries with the version that they ask for."""
    found = {}
    for path in glob.glob(os.path.join(LIB, "*.so*")):
        for line in lines("nm", "-D", "--undefined-only", path):
            name, _, version = line.split()[-1].partition("@")
            # Any library that is loaded can give a symbol without a version.
            if version or PLAIN.match(name):
                found.setdefault(version.lstrip("@") or RUNTIME_VERSION, set()).add(name)
    return found


def versions():
    """Versions of symbols that each library is asked for."""
    found, library = {}, None
    for path in glob.glob(os.path.join(LIB, "*.so*")):
        for line in lines("readelf", "-V", "-W", path):
            if file := re.search(r"File: (\S+)", line):
                library = file[1]
            elif name := re.search(r"Name: (\S+)\s+Flags:", line):
                found.setdefault(library, set()).add(name[1])
    return found


def stub(library, wanted, by_version):
    """A library of that name with the symbols of every version that it is asked for."""
    source, script = [], []
    for version in sorted(wanted):
        names = by_version.get(version, ())
        script.append(f"{version} {{ global: {' '.join(f'{n};' for n in sorted(names))} local: *; }};")
        for name in sorted(names):
            works = RUNTIME.fullmatch(name)
            body = "static char handle[64]; return handle;" if works else "abort();"
            if name.startswith("cudaGetDeviceCount"):
                body = "return (void *)100;"  # cudaErrorNoDevice
            elif name.endswith("LastError"):
                body = "return 0;"
            source.append(f"void *{name}(void) {{ {body} }}")
    with tempfile.TemporaryDirectory() as folder:
        c, map_file = os.path.join(folder, "stub.c"), os.path.join(folder, "stub.map")
        with open(c, "w") as out:
            out.write("#include <stdlib.h>\n" + "\n".join(source) + "\n")
        with open(map_file, "w") as out:
            out.write("\n".join(script) + "\n")
        command = ["cc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{library}", "-o", os.path.join(LIB, library), c]
        subprocess.run(command + ([f"-Wl,--version-script={map_file}"] if script else []), check=True)


def main():
    by_version, wanted = symbols(), versions()
    for library in missing():
        stub(library, wanted.get(library, ()), by_version)
        print(f"stub of {library}")


if __name__ == "__main__":
    main()

"""Turns include/awq_marlin.h into the module awq_marlin._native, which holds its declarations for cffi."""

import os
import re

import cffi

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = os.environ.get("AWQM_HEADER") or os.path.join(HERE, "..", "..", "include", "awq_marlin.h")

# What numpy, torch and others hand tensors over with: version 0 of the DLPack structs.
DLPACK = """
typedef struct { int32_t device_type; int32_t device_id; } DLDevice;
typedef struct { uint8_t code; uint8_t bits; uint16_t lanes; } DLDataType;
typedef struct { void *data; DLDevice device; int32_t ndim; DLDataType dtype; int64_t *shape; int64_t *strides;
                 uint64_t byte_offset; } DLTensor;
typedef struct { DLTensor dl_tensor; void *manager_ctx; void *deleter; } DLManagedTensor;
"""


def declarations(header: str) -> str:
    """The header without comments and preprocessor, for a C compiler before C23."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    constants = re.findall(r"^#define (AWQM_\w+) (\d+)$", text, flags=re.M)
    text = re.sub(r"^#if defined\(__cplusplus\) \|\| .*?^#endif.*?$", "", text, flags=re.S | re.M)
    text = text.replace("typedef enum awqm_status awqm_status;", "")
    text = re.sub(r'^#.*?$|extern "C" \{|^\}  // extern "C"', "", text, flags=re.M)
    text = re.sub(r"\bAWQM_(API|MUST_USE)\b", "", text)
    return text + "".join(f"#define {name} {value}\n" for name, value in constants)


ffi = cffi.FFI()
with open(HEADER, encoding="utf-8") as file:
    ffi.cdef(declarations(file.read()) + DLPACK)
ffi.set_source("awq_marlin._native", None)

#!/usr/bin/env python3
"""Holds a layer that awqm_packed_save wrote in the Marlin layout against the digests of a fixture.

    check_marlin.py FILE PREFIX EXPECTED.json MODULE
"""

import hashlib
import json
import struct
import sys

file, prefix, expected, module = sys.argv[1:]
with open(file, "rb") as f:
    (length,) = struct.unpack("<Q", f.read(8))
    header = json.loads(f.read(length))
    data = f.read()
digests = json.load(open(expected))["modules"][module]["marlin_sha256"]
for part, digest in digests.items():
    start, end = header[f"{prefix}.{part}"]["data_offsets"]
    found = hashlib.sha256(data[start:end]).hexdigest()
    if found != digest:
        sys.exit(f"{module}: {part} is {found}, {expected} has {digest}")
print(f"{module}: {', '.join(digests)} are the expected bytes")

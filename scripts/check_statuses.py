#!/usr/bin/env python3
"""Holds the statuses that functions return against those that the header says they can.

    check_statuses.py spy          prints a C file: a library to preload that notes every (function, status) that fails
    check_statuses.py check FILE   fails when a noted status is not in the function's comment
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = json.loads((ROOT / "abi/interface.json").read_text())
# What the head of the header gives to every function.
GENERAL = {"NULL_POINTER", "BAD_STRUCT_SIZE", "UNKNOWN_ENUM", "INVALID_ARGUMENT", "SIZE_OVERFLOW", "OUT_OF_MEMORY", "INTERNAL"}


def spy():
    print("""#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "awq_marlin.h"
static void note(unsigned char *seen, const char *name, int status) {
    char line[128];
    const char *file = getenv("AWQM_STATUS_LOG");
    int length, out;
    if (!status || !file || seen[status]) return;
    length = snprintf(line, sizeof line, "%s %d\\n", name, status);
    out = open(file, O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (out < 0) return;
    /* A test of full disks lets no file grow; then the next time will do. */
    seen[status] = write(out, line, (size_t)length) == length;
    close(out);
}""")
    for f in TABLE["functions"]:
        if f["returns"] != "awqm_status":
            continue
        params = ", ".join(f"{p['type']} {p['name']}" for p in f["params"])
        names = ", ".join(p["name"] for p in f["params"])
        print(f"""awqm_status {f['name']}({params}) {{
    static unsigned char seen[1000];
    static __typeof__(&{f['name']}) next;
    awqm_status status;
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "{f['name']}");
    status = next({names});
    note(seen, "{f['name']}", (int)status);
    return status;
}}""")


def comments():
    text = (ROOT / "include/awq_marlin.h").read_text()
    found = re.findall(r"/\*\*((?:(?!\*/).)*)\*/\s*AWQM_API(?:\s+AWQM_MUST_USE)?\s+[\w\s]+?[\s*]+(awqm_\w+)\(", text, re.S)
    return {name: re.sub(r"\s*\n \* ?", " ", comment) for comment, name in found}


def documented(name, all_comments, seen=()):
    """The statuses of a function's comment, with those of the functions that it refers to."""
    parts = re.split(r"Statuses[:;]", all_comments[name])[1:]
    text = parts[0].split("Threads:")[0] if parts else ""
    words = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", text))
    for other in re.findall(r"\b[Aa]s (awqm_\w+)", all_comments[name]):
        if other in all_comments and other not in seen:
            words |= documented(other, all_comments, (*seen, name))
    return words


def check(log):
    numbers = next(e for e in TABLE["enums"] if e["name"] == "awqm_status")["values"]
    names = {value: name.removeprefix("AWQM_STATUS_") for name, value in numbers.items()}
    structs = {s["name"] for s in TABLE["structs"]}
    functions = {f["name"]: f for f in TABLE["functions"]}
    all_comments = comments()
    pairs = {tuple(line.split()) for line in open(log)}
    wrong = []
    for name, number in sorted(pairs):
        status = names[int(number)]
        params = functions[name]["params"]
        allowed = GENERAL | documented(name, all_comments)
        if any(p["name"] == "cap" for p in params):
            allowed.add("BUFFER_TOO_SMALL")
        if any(re.sub(r"const|[ *]", "", p["type"]) in structs for p in params):
            allowed.add("UNSUPPORTED")
        if status not in allowed:
            wrong.append(f"{name} gives {status}, which its comment does not say")
    called = len({name for name, _ in pairs})
    if called < 60:
        wrong.append(f"only {called} functions were seen to fail")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(pairs)} statuses of {called} functions are documented")


{"spy": spy, "check": check}[sys.argv[1]](*sys.argv[2:])

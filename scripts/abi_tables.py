#!/usr/bin/env python3
"""Helps scripts/check_abi.sh with the tables of abi/.

    abi_tables.py stub TABLE           a C file that defines every function of the header, empty
    abi_tables.py trim TABLE HEADER    the header without the fields that structs have got at their end since TABLE
    abi_tables.py values OLD NEW       fails when a named number, a struct or a field of OLD is gone or changed in NEW
"""

import json
import re
import sys


def load(path):
    with open(path) as f:
        return json.load(f)


def stub(table):
    print('#include "awq_marlin.h"')
    for f in load(table)["functions"]:
        params = ", ".join(f"{p['type']} {p['name']}" for p in f["params"]) or "void"
        body = "{ }" if f["returns"] == "void" else f"{{ return ({f['returns']})0; }}"
        print(f"{f['returns']} {f['name']}({params}) {body}")


def trim(table, header):
    known = {s["name"]: len(s["fields"]) for s in load(table)["structs"]}
    text = re.sub(r"/\*.*?\*/", "", open(header).read(), flags=re.S)

    def cut(match):
        fields = [f for f in match[2].split(";") if f.strip()]
        return f"typedef struct {match[1]} {{{';'.join(fields[: known.get(match[1], len(fields))])};\n}} {match[1]};"

    print(re.sub(r"typedef struct (\w+) \{(.*?)\} \1;", cut, text, flags=re.S))


def values(old, new):
    old, new = load(old), load(new)
    wrong = []
    numbers = dict(new["constants"])
    for e in new["enums"]:
        numbers.update(e["values"])
    for name, value in list(old["constants"].items()) + [v for e in old["enums"] for v in e["values"].items()]:
        if numbers.get(name) != value:
            wrong.append(f"{name} was {value}, is {numbers.get(name)}")
    structs = {s["name"]: s["fields"] for s in new["structs"]}
    for s in old["structs"]:
        for i, field in enumerate(s["fields"]):
            now = structs.get(s["name"], [])[i : i + 1]
            if now != [field]:
                wrong.append(f"{s['name']}.{field['name']} was {field}, is {now}")
    sys.exit("\n".join(wrong) or 0)


{"stub": stub, "trim": trim, "values": values}[sys.argv[1]](*sys.argv[2:])

"""The package against the table made from the C header; $AWQM_INTERFACE names it."""

import dataclasses
import json
import os
import pathlib
import re

import pytest

import awq_marlin as am
from awq_marlin import _library
from awq_marlin._native import ffi
from conftest import ROOT

TABLE = json.loads(pathlib.Path(os.environ.get("AWQM_INTERFACE", ROOT / "abi/interface.json")).read_text())
ENUMS = {enum["name"]: enum for enum in TABLE["enums"]}
STRUCTS = {struct["name"]: struct for struct in TABLE["structs"]}
LISTED = [line.split()[:2] for line in (ROOT / "bindings/unbound.txt").read_text().splitlines()]
UNBOUND = {name for language, name in LISTED if language == "python"}


def camel(name):
    return "".join(part.capitalize() for part in name.removeprefix("awqm_").split("_"))


def python_class(c_name):
    return getattr(am, {"awqm_dtype": "DType"}.get(c_name, camel(c_name)))


@pytest.mark.parametrize("name", [name for name in ENUMS if name not in UNBOUND])
def test_enum(name):
    values = {key: value for key, value in ENUMS[name]["values"].items()}
    mine = {f"{name.upper()}_{member.name}": member.value for member in python_class(name)}
    assert mine == values


@pytest.mark.parametrize("name", STRUCTS)
def test_struct(name):
    want = STRUCTS[name]
    assert ffi.sizeof(name) == want["size"] and ffi.alignof(name) == want["align"]
    fields = {field: (kind.offset, ffi.sizeof(kind.type)) for field, kind in ffi.typeof(name).fields}
    assert fields == {field["name"]: (field["offset"], field["size"]) for field in want["fields"]}


INFOS = [name for name in STRUCTS if name.endswith(("_info", "_report", "_sizes", "_progress", "_desc"))]


@pytest.mark.parametrize("name", [name for name in INFOS if name not in UNBOUND])
def test_dataclass_has_every_field(name):
    mine = {f"{name}.{field.name}" for field in dataclasses.fields(python_class(name))}
    want = {f"{name}.{field['name']}" for field in STRUCTS[name]["fields"][1:]}
    assert mine == want - UNBOUND and want >= UNBOUND & {key for key in UNBOUND if key.startswith(f"{name}.")}


def test_every_function_is_declared_and_used():
    sources = "".join(path.read_text() for path in pathlib.Path(am.__file__).parent.glob("*.py") if path.name != "_native.py")
    for function in TABLE["functions"]:
        name = function["name"]
        assert len(ffi.typeof(getattr(_library.lib, name)).args) == len(function["params"]), name
        # The name of a _free is put together from the handle's.
        made = name.endswith("_free") and f'create("{name[5:-5]}"' in sources
        bound = made or re.search(rf"\b{name}\b", sources) is not None
        assert bound == (name not in UNBOUND), f"{name}: bound {bound}, listed as unbound {name in UNBOUND}"
    assert len(TABLE["functions"]) > 90


def test_constants_and_versions():
    versions = TABLE["versions"]
    assert am.VERSION == tuple(versions[f"AWQM_VERSION_{part}"] for part in ("MAJOR", "MINOR", "PATCH"))
    assert am.ABI_VERSION == versions["AWQM_ABI_VERSION"] == am.abi_version()
    assert am.__version__ == am.version() == "%d.%d.%d" % am.VERSION
    assert am.version_number() == am.VERSION[0] * 1000000 + am.VERSION[1] * 1000 + am.VERSION[2]
    for name, value in TABLE["constants"].items():
        if name in UNBOUND:
            continue
        assert getattr(am, name.removeprefix("AWQM_")) == value
    assert am.version() in am.build_info()


def test_names_are_the_library_s():
    lib = _library.lib
    assert all(_library.text(lib.awqm_status_name(s)) == f"AWQM_STATUS_{s.name}" for s in am.Status)
    assert all(_library.text(lib.awqm_dtype_name(d)) == d.name for d in am.DType)


def test_the_project_file_has_the_version():
    text = (pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'version = "{"%d.%d.%d" % am.VERSION}"' in text

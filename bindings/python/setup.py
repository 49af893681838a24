"""Only what pyproject.toml cannot say: the declarations are taken from the C header, as a Python module without C code."""

from setuptools import setup

setup(cffi_modules=["build_native.py:ffi"])

"""`memmove`, fast where it may be."""

from __future__ import annotations

from cffi import FFI

try:
    from _cffi_backend import memmove  # what `ffi.memmove` calls, without the Python around it
except ImportError:  # a private module
    memmove = FFI().memmove

__all__ = ["memmove"]

"""Find libngspice under the names that distributions give it."""

from __future__ import annotations

import ctypes.util
import os
import sys
from pathlib import Path

from hwlearn.errors import LibraryNotFoundError

_INSTALL = {
    "linux": "sudo apt-get install libngspice0   (Debian, Ubuntu)   or   sudo dnf install libngspice   (Fedora)",
    "darwin": "brew install libngspice",
    "win32": "download the ngspice DLL package (ngspice.dll) and set NGSPICE_LIBRARY_PATH to its path",
}

_SONAMES = {
    "linux": ("libngspice.so.0", "libngspice.so"),
    "darwin": ("libngspice.dylib", "libngspice.0.dylib"),
    "win32": ("ngspice.dll", "libngspice-0.dll", "libngspice.dll"),
}

_FOLDERS = {
    "linux": (
        *(f"/usr/lib/{machine}-linux-gnu" for machine in ("x86_64", "aarch64", "arm")),
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib64",
        "/usr/local/lib",
        "/home/linuxbrew/.linuxbrew/lib",
    ),
    "darwin": ("/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"),
    "win32": (r"C:\Spice64_dll\dll-vs", r"C:\Spice64\bin", r"C:\Program Files\Spice64_dll\dll-vs"),
}


def find_library(platform: str = sys.platform, environ: os._Environ[str] | dict[str, str] = os.environ) -> str:
    """Path, or loadable name, of libngspice.

    `NGSPICE_LIBRARY_PATH` wins; then the loader's own search; then the usual folders of Debian, Ubuntu, Fedora,
    Homebrew, MacPorts and Windows.

    Raises:
        LibraryNotFoundError: nothing found; the text names the one command that installs it.
    """
    chosen = environ.get("NGSPICE_LIBRARY_PATH")
    if chosen:
        if Path(chosen).is_absolute() and not Path(chosen).exists():
            raise LibraryNotFoundError(f"NGSPICE_LIBRARY_PATH is {chosen!r}, which does not exist; unset it or correct it")
        return chosen
    family = "win32" if platform.startswith(("win", "cygwin")) else "darwin" if platform == "darwin" else "linux"
    for folder in _FOLDERS[family]:
        for soname in _SONAMES[family]:
            candidate = Path(folder) / soname
            if candidate.exists():
                return str(candidate)
    if family == ("win32" if sys.platform == "win32" else sys.platform):
        found = ctypes.util.find_library("ngspice")
        if found:
            return found
    raise LibraryNotFoundError(f"libngspice was not found. Install it:  {_INSTALL[family]}")

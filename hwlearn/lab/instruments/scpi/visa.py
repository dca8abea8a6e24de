"""One VISA resource: opened, locked against other programs, written to and read from."""

from __future__ import annotations

import getpass
import hashlib
import logging
import math
import os
import re
import socket
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyvisa
from pyvisa import constants

from hwlearn.errors import InstrumentError
from hwlearn.files import read, replace
from hwlearn.locks import Busy, Lock, held

log = logging.getLogger(__name__)

Broken = (pyvisa.errors.Error, OSError, ValueError, UnicodeError)
"""What PyVISA raises when a connection is not to be trusted any more: time-outs, lost peers, bytes that are no text."""


ENDS = {"LF": "\n", "CR": "\r", "CRLF": "\r\n"}


@dataclass(frozen=True)
class Line:
    """How lines go to and fro: their end, the time that a port needs after it was opened [s], and a serial port's settings."""

    terminator: str = "LF"
    open_delay: float = 0.0
    baud_rate: int = 9600
    data_bits: int = 8
    parity: str = "none"
    stop_bits: int = 1
    flow_control: str = "none"

    def apply(self, handle: Any) -> None:
        """Set up a serial port."""
        handle.baud_rate, handle.data_bits = self.baud_rate, self.data_bits
        handle.parity = constants.Parity[self.parity]
        handle.stop_bits = {1: constants.StopBits.one, 2: constants.StopBits.two}[self.stop_bits]
        handle.flow_control = constants.ControlFlow[self.flow_control]


def _manager(backend: str) -> Any:
    """The one resource manager of a backend, a new one if somebody has closed it. We never do: others have sessions, too."""
    return pyvisa.ResourceManager(backend)


ACCOUNT = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


def canonical(resource: str) -> str:
    """One spelling of a resource: its host by number, all parts that may be left out."""
    upper = re.sub(r"^[A-Za-z]+|::[A-Za-z]+$", lambda match: match[0].upper(), resource.strip())
    try:
        name = pyvisa.rname.ResourceName.from_string(upper)
    except pyvisa.errors.Error:
        name = None
    except ValueError:
        name = None
    host = getattr(name, "host_address", None)
    if name is None or host is None:
        return str(name or upper).upper() if not upper.startswith("ASRL/") else upper
    with suppress(OSError):
        host = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)[0][4][0]
    place = getattr(name, "port", None) or getattr(name, "lan_device_name", "")
    return f"TCPIP::{host}::{place}".lower()


class Wire(Protocol):
    """What carries lines to and fro."""

    serial: bool
    """Whether lines may arrive that were sent long ago."""

    def open(self) -> None: ...
    def reopen(self) -> None: ...
    def write(self, message: str, timeout: float) -> None: ...
    def read(self, timeout: float) -> str: ...
    def clear(self) -> None: ...
    def close(self) -> None: ...


class InUse(InstrumentError):
    """Another program of this account has the instrument."""


class Visa:
    """A resource that is opened once, and again after `reopen`.

    Args:
        must_lock: refuse an instrument that cannot be locked, or that another account uses, instead of warning.
    """

    def __init__(self, resource: str, *, name: str, backend: str, line: Line, must_lock: bool = True) -> None:
        self.resource, self.name, self.backend = resource, name, backend
        self.line, self._end = line, ENDS[line.terminator]
        self.serial = resource.upper().startswith("ASRL")
        self._handle: Any = None
        self._lock, self._owner = _files(ACCOUNT, resource)
        try:
            self._take()
        except InstrumentError as error:
            if must_lock or isinstance(error, InUse):
                raise
            log.warning("%s; made safe all the same", error)

    def _take(self) -> None:
        """Take the lock, and write down who has it.

        Raises:
            InUse: a process of this account has it. InstrumentError: one of another account, or the lock cannot be taken.
        """
        for path in self._lock.path.parent.glob(self._lock.path.name.replace(f"-{ACCOUNT}-", "-*-")):
            if path != self._lock.path and held(path):
                holder = _holder(path.with_suffix(".pid"))
                account = path.name.split("-")[1]
                raise InstrumentError(f"in use by process {holder} of account {account}", self.name, self.resource)
        try:
            self._lock.acquire()
        except Busy:
            raise InUse(f"in use by process {_holder(self._owner)}; end it first", self.name, self.resource) from None
        except OSError as error:
            raise self._unlocked(self._lock.path, error) from None
        try:
            replace(self._owner, str(os.getpid()).encode())
            self._owner.chmod(0o644)  # so that other accounts can say who it is
        except OSError as error:
            self._lock.release()
            raise self._unlocked(self._owner, error) from None

    def _unlocked(self, path: Path, error: OSError) -> InstrumentError:
        text = f"cannot be locked: {path}: {error.strerror}; let its owner delete it, or set TMPDIR to a folder of yours"
        return InstrumentError(text, self.name, self.resource)

    def open(self) -> None:
        """Open the connection; it changes nothing at the instrument.

        Raises:
            InstrumentError: nobody answers there.
        """
        try:
            handle = _manager(self.backend).open_resource(self.resource)
        except Exception as error:  # every backend has errors of its own
            raise InstrumentError(f"cannot be opened: {error}; check the resource name and the cable", self.name) from None
        self._handle, self._timeout = handle, math.nan
        handle.read_termination = handle.write_termination = self._end
        if self.serial:
            try:
                self.line.apply(handle)
            except Exception as error:
                raise InstrumentError(f"its port cannot be set up as {self.line}: {error}", self.name) from None
        with suppress(
            Exception
        ):  # sockets of pyvisa-py only: without it each message waits for the last one's acknowledgement
            own = handle.visalib.sessions[handle.session].interface
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.line.open_delay:
            time.sleep(self.line.open_delay)

    def reopen(self) -> None:
        """Close and open, and throw away what still arrives on a serial line."""
        self._drop()
        self.open()
        if self.serial:
            with suppress(*Broken):
                while True:
                    self.read(0.05)

    def write(self, message: str, timeout: float) -> None:
        """Send one line."""
        self._wait(timeout)
        self._handle.write_raw((message + self._end).encode("ascii"))

    def read(self, timeout: float) -> str:
        """Receive one line.

        Raises:
            ValueError: the line is no ASCII text, or has no end.
        """
        self._wait(timeout)
        raw = bytes(self._handle.read_raw())
        if not raw.endswith(self._end.encode()):
            raise ValueError(f"{raw!r} has no end")
        return raw.decode("ascii").rstrip("\r\n")

    def _wait(self, timeout: float) -> None:
        if timeout != self._timeout:
            self._handle.timeout = 1000 * timeout
            self._timeout = timeout

    def clear(self) -> None:
        """A serial line keeps what was sent while nobody listened: throw it away."""
        if self.serial:
            with suppress(*Broken):
                self._handle.flush(constants.BufferOperation.discard_read_buffer)

    def _drop(self) -> None:
        if self._handle is not None:
            with suppress(Exception):  # a broken connection cannot be closed any better
                self._handle.close()
            self._handle = None

    def close(self) -> None:
        """Close the connection and let other programs have the instrument."""
        self._drop()
        if self._lock.held:
            with suppress(OSError):
                self._owner.unlink()
            self._lock.release()


def _files(account: str, resource: str) -> tuple[Lock, Path]:
    """The lock of an instrument, and the file that says who has it. Each account has files of its own: those of others cannot
    be written, but everybody can see whether they are held."""
    key = hashlib.sha256(canonical(resource).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"hwlearn-{account}-{key}.lock"
    return Lock(path), path.with_suffix(".pid")


def _holder(owner: Path) -> str:
    """Number of the process that has the instrument."""
    try:
        return read(owner).decode(errors="replace")
    except OSError:
        return "unknown"

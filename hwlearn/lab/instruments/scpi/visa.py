"""One VISA resource: opened, locked against other programs, written to and read from."""

from __future__ import annotations

import hashlib
import math
import os
import socket
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pyvisa
from pyvisa import constants

from hwlearn.errors import InstrumentError
from hwlearn.files import read, replace
from hwlearn.locks import Busy, Lock

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


@cache
def _manager(backend: str) -> Any:
    """The one resource manager of a backend; closing it would close the sessions of others, so nobody does."""
    return pyvisa.ResourceManager(backend)


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


class Visa:
    """A resource that is opened once, and again after `reopen`."""

    def __init__(self, resource: str, *, name: str, backend: str, line: Line) -> None:
        self.resource, self.name, self.backend = resource, name, backend
        self.line, self._end = line, ENDS[line.terminator]
        self.serial = resource.upper().startswith("ASRL")
        self._handle: Any = None
        key = hashlib.sha256(resource.encode()).hexdigest()[:16]
        self._lock = Lock(Path(tempfile.gettempdir()) / f"hwlearn-{key}.lock")
        self._owner = Path(tempfile.gettempdir()) / f"hwlearn-{key}.pid"
        try:
            self._lock.acquire()
        except Busy:
            raise InstrumentError(f"in use by process {self._holder()}; end it first", name, resource) from None
        except OSError as error:
            raise InstrumentError(f"cannot be locked: {error.filename}: {error.strerror}", name, resource) from None
        try:
            replace(self._owner, str(os.getpid()).encode())
        except OSError as error:
            self._lock.release()
            raise InstrumentError(f"cannot be locked: {self._owner}: {error.strerror}", name, resource) from None

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

    def _holder(self) -> str:
        """Number of the process that has the instrument."""
        try:
            return read(self._owner).decode(errors="replace")
        except OSError:
            return "unknown"

"""One VISA resource: opened, locked against other programs, written to and read from."""

from __future__ import annotations

import math
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import pyvisa
from pyvisa import constants

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.scpi.holds import Hold
from hwlearn.lab.instruments.scpi.names import canonical, serial_number

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
    def identified(self, identity: str) -> None: ...


CLEARED = re.compile("(GPIB|VXI|USB|TCPIP)(?!.*::(SOCKET|RAW)$)", re.IGNORECASE)
"""Resources whose bus has a device clear: it empties the buffers of the instrument, both ways, and changes no setting."""


def at_once(handle: Any) -> None:
    """Let a resource send each message at once; sockets of pyvisa-py wait for the last one's acknowledgement otherwise."""
    with suppress(Exception):  # other resources have no such thing
        handle.visalib.sessions[handle.session].interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


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
        self._must_lock = must_lock
        self._holds = [Hold(canonical(resource), name, resource, must=must_lock)]

    def identified(self, identity: str) -> None:
        """One instrument may be reached by several resources, so its serial number is locked as well.

        Raises:
            InstrumentError: another process has it, or another of our instruments is it.
        """
        if number := serial_number(identity):
            self._holds.append(Hold(number, self.name, self.resource, must=self._must_lock))

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
            except Exception as error:  # as above
                raise InstrumentError(f"its port cannot be set up as {self.line}: {error}", self.name) from None
        at_once(handle)
        if self.line.open_delay:
            time.sleep(self.line.open_delay)

    def reopen(self) -> None:
        """Close and open, and throw away what was for others: what still arrives on a serial line, what a bus has buffered."""
        self._drop()
        self.open()
        self.clear()
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
        """Throw away what was sent while nobody listened: a serial line keeps it, and so do the buffers of an instrument."""
        if CLEARED.match(self.resource):
            with suppress(*Broken):  # not every backend has one
                self._handle.clear()
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
        for hold in self._holds:
            hold.release()

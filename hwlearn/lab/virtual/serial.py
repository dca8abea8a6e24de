"""`SerialPort`: a virtual instrument behind a serial port."""

from __future__ import annotations

import asyncio
import os

from hwlearn.lab.virtual.scpi import ScpiInstrument

AVAILABLE = hasattr(os, "openpty")
"""Windows has no pseudo-terminals."""


class SerialPort:
    """A pseudo-terminal, which is a serial port to PyVISA, and an instrument at its other end.

    It stays when the client goes, as a port does.

    Attributes:
        resource: VISA resource name.
    """

    def __init__(self) -> None:
        import tty

        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)  # no echo, no line editing
        self.resource = f"ASRL{os.ttyname(self._theirs)}::INSTR"

    async def start(self, instrument: ScpiInstrument) -> asyncio.Task[None]:
        """The task that answers until the instrument is stopped, and then removes the port."""
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=2**20)
        receiving, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(self._ours), "rb", 0)
        )
        sending, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(self._ours, "wb", 0)
        )

        async def serve() -> None:
            await instrument.serve(reader, asyncio.StreamWriter(sending, protocol, None, loop), hangs_up=False)
            receiving.close()
            os.close(self._theirs)

        return loop.create_task(serve())

"""A server on the loopback of this machine that answers who knows its address, and nobody else."""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import socket
from collections.abc import Callable
from typing import Any, Self

from bokeh.document import Document
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.web import ErrorHandler

from hwlearn.errors import HwlearnError

LOOPBACK = "127.0.0.1"


class _Guarded(BokehTornado):
    """Answers requests that name this machine and have the token, before any handler sees them.

    The name matters: a page of somebody else's can have its own host's name lead to this machine (DNS rebinding).
    """

    def __init__(self, pages: dict[str, Callable[[Document], None]], port: int, token: str) -> None:
        self._hosts, self._token = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}, token
        super().__init__(
            pages, prefix=token, extra_websocket_origins=sorted(self._hosts), use_index=False, log_function=_nothing
        )

    def find_handler(self, request: HTTPServerRequest, **options: Any) -> Any:
        first = request.path.split("/")[1] if "/" in request.path else ""
        if request.host not in self._hosts or not hmac.compare_digest(first.encode(), self._token.encode()):
            return self.get_handler_delegate(request, ErrorHandler, {"status_code": 403})
        return super().find_handler(request, **options)


def _nothing(_: object) -> None:
    """No line for each request: the address, which is the key, stays out of the terminal."""


class LoopbackServer:
    """A page at an address that cannot be guessed; a context manager, which frees the port.

    Args:
        page: makes the page of each browser. port: of the loopback; a free one if 0.

    Attributes:
        address: of the page, with the token.

    Raises:
        HwlearnError: the port is taken.
    """

    def __init__(self, page: Callable[[Document], None], port: int = 0) -> None:
        listening = _listening(port)
        found = listening.getsockname()[1]
        token = secrets.token_urlsafe(32)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        application = _Guarded({"/": page}, found, token)
        self._http = HTTPServer(application)
        self._http.add_sockets([listening])
        self._server = BaseServer(IOLoop.current(), application, self._http)
        self.address = f"http://{LOOPBACK}:{found}/{token}/"

    def serve(self) -> None:
        """Answer until Ctrl-C or SIGTERM."""
        self._server.run_until_shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.stop()
        asyncio.set_event_loop(None)
        self._loop.close()


def _listening(port: int) -> socket.socket:
    """A socket of the loopback."""
    made = socket.socket()
    try:
        if os.name == "posix":  # on Windows it would let others listen there too
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((LOOPBACK, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise HwlearnError(f"port {port}: {error.strerror}; name another one with --port, or none") from None
    made.setblocking(False)
    return made

"""Ngspice in a child process with limits: what may end or hold Python is tried there first.

The child is a plain new Python that talks pickle over its standard streams, as `circuits.ngspice.workers`. One serves all
questions of this process until it dies; it ends with this process, however that ends.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, ParamSpec, TypeVar

from hwlearn.errors import SimulationError

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 12
"""Seconds that may pass for each second of processor time that a question may take: others use the processor, too."""

KEPT, LARGEST = 256, 2**20
"""Answers that are kept, and the bytes that the largest of them may have."""

_START = "import sys; sys.path[:] = sys.argv[1:]; from hwlearn.spice.apart import serve; serve()"
_APART: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {"creationflags": 0x200}  # CREATE_NEW_PROCESS_GROUP


class DeadError(SimulationError):
    """The child died of a question, or was ended at a limit."""


class EndlessError(DeadError):
    """The child was ended for the time that it took."""


def seconds_allowed() -> float:
    """Seconds of processor time that a question may take: `HWLEARN_READ_SECONDS`, or 10."""
    return _limit("HWLEARN_READ_SECONDS", 10)


def megabytes_allowed() -> float:
    """Memory [MB] that ngspice may take in a child: `HWLEARN_READ_MB`, or 900."""
    return _limit("HWLEARN_READ_MB", 900)


def _limit(variable: str, usual: float) -> float:
    with suppress(ValueError):
        if (given := float(os.environ.get(variable, usual))) > 0:
            return given
    raise SimulationError(f"{variable} is {os.environ[variable]!r}; it must be a positive number")


def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Result of a function, called in the child; the answer to a question that was asked before is remembered.

    Args:
        function: found by its name in the child.
        args: are pickled, as is the result.

    Raises:
        DeadError: the child died, or took too long or too much memory.
        Exception: what the function raises.
    """
    return _call(function, args, kwargs, keep=True)


def apart_anew(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `apart`, for what does more than it answers: each time, and in a child of its own."""
    end()
    try:
        return _call(function, args, kwargs, keep=False)
    finally:
        end()


_lock = threading.RLock()
_child: _Child | None = None
_known: OrderedDict[bytes, bytes] = OrderedDict()


def _call(function: Any, args: Any, kwargs: Any, *, keep: bool) -> Any:
    global _child
    asked = pickle.dumps((function, args, kwargs), protocol=pickle.HIGHEST_PROTOCOL)
    key = hashlib.sha256(asked).digest()
    with _lock:
        if keep and key in _known:
            _known.move_to_end(key)
            return pickle.loads(_known[key])  # noqa: S301  # of our own child
        if _child is None:
            _child = _Child()
        try:
            answer = _child.answer(asked)
        except BaseException:  # an answer that nobody took would be taken for the next
            end()
            raise
        found = pickle.loads(answer)  # noqa: S301  # of our own child
        if isinstance(found, Exception):
            raise found
        if keep and len(answer) <= LARGEST:
            _known[key] = answer
            if len(_known) > KEPT:
                _known.popitem(last=False)
        return found


def end() -> None:
    """End the child, if there is one; the next question starts another."""
    global _child
    with _lock:
        if _child is not None:
            _child.end()
            _child = None


atexit.register(end)


def _forked() -> None:
    """Leave the child to the parent."""
    global _child, _lock
    if _child is not None:
        _parents.append(_child)  # its end would be told to the pipes
    _child, _lock = None, threading.RLock()


_parents: list[_Child] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class _Child:
    def __init__(self) -> None:
        self._seconds, self._pid = seconds_allowed(), os.getpid()
        command = [sys.executable, "-c", _START, *sys.path]
        limits = {"HWLEARN_READ_SECONDS": str(self._seconds), "HWLEARN_READ_MB": str(megabytes_allowed())}
        # numpy's threads would each reserve memory of the limit
        environment = {**os.environ, **limits, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                **_APART,
            )
        except OSError as error:
            raise SimulationError(f"no process for reading netlists can be started: {error}") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout

    def answer(self, asked: bytes) -> bytes:
        patience = threading.Timer(PATIENCE * self._seconds, self._process.kill)
        patience.daemon = True
        patience.start()
        try:
            pickle.dump((_folder(), asked), self._to, protocol=pickle.HIGHEST_PROTOCOL)
            self._to.flush()
            answer: bytes = pickle.load(self._from)  # noqa: S301  # of our own child
        except (OSError, EOFError, pickle.UnpicklingError):
            raise self._death(expired=not patience.is_alive()) from None
        finally:
            patience.cancel()
        return answer

    def _death(self, *, expired: bool) -> DeadError:
        code = self._process.wait()
        if expired or (os.name == "posix" and code == -signal.SIGPROF):
            return EndlessError(
                f"ngspice does not end within {self._seconds:g} s; if that is too short for this netlist, set the environment "
                "variable HWLEARN_READ_SECONDS"
            )
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return DeadError(
            f"ngspice dies of this ({name}); if it needs more than {megabytes_allowed():g} MB of memory, set the environment "
            "variable HWLEARN_READ_MB"
        )

    def end(self) -> None:
        if os.getpid() != self._pid:
            return
        self._process.kill()
        for stream in (self._to, self._from):
            with suppress(OSError):
                stream.close()
        self._process.wait()


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # deleted
        return "/"


def serve() -> None:
    """The child's side: answer until standard input ends."""
    answers, questions = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # whatever else is printed must not get between the answers
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    asked: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    import hwlearn.spice.shared  # noqa: F401  # before the limit counts

    _limit_memory()
    threading.Thread(target=_listen, args=(questions, asked), daemon=True).start()
    while True:
        folder, question = asked.get()
        with suppress(OSError):
            os.chdir(folder)
        _limit_time(seconds_allowed())
        try:
            function, args, kwargs = pickle.loads(question)  # noqa: S301  # of our own parent
            answer = pickle.dumps(function(*args, **kwargs), protocol=pickle.HIGHEST_PROTOCOL)
        except MemoryError:
            os.abort()
        except Exception as error:  # whatever it is, the parent raises it
            answer = pickle.dumps(error)
        _limit_time(0)
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


def _limit_memory() -> None:
    """Of what is taken from now on; Windows has no such limit, only that of time."""
    if sys.platform == "win32":
        return
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        limit = _taken() + int(megabytes_allowed() * 1e6)
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _taken() -> int:
    """Bytes of address space of this process."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 2**30


def _limit_time(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)  # ends the process, whatever it is in


def _listen(stream: IO[bytes], asked: queue.SimpleQueue[tuple[str, bytes]]) -> None:
    """Queue what comes; at the end of the stream nobody waits for this process any more, whatever it is doing."""
    try:
        while True:
            asked.put(pickle.load(stream))  # noqa: S301  # of our own parent
    finally:
        os._exit(0)

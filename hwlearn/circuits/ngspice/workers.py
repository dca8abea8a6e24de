"""Processes that each own an ngspice with the same deck, for samples that do not depend on each other.

A worker is a plain new Python that talks pickle over its standard streams. So nothing is forked while libngspice is loaded,
the user's script is not run again (as by `multiprocessing`), and a worker ends when its parent does, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.circuits.measurement import SampledMeasurement
from hwlearn.errors import SimulationError

if TYPE_CHECKING:
    from hwlearn.network import Network

_START = "import sys; sys.path[:] = sys.argv[1:]; from hwlearn.circuits.ngspice.workers import serve; serve()"
# Not in the terminal's foreground: Ctrl-C is the parent's, which then ends its workers.
_APART: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {"creationflags": 0x200}  # CREATE_NEW_PROCESS_GROUP

_allowed = True


@contextmanager
def one_process() -> Iterator[None]:
    """Inside, no circuit starts workers: the cores are taken by processes such as this one."""
    global _allowed
    before, _allowed = _allowed, False
    try:
        yield
    finally:
        _allowed = before


def cores() -> int:
    """Processes that circuits of this process may use. One in a child of `multiprocessing`, which has siblings."""
    if not _allowed or multiprocessing.parent_process() is not None:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Team:
    """The workers of a circuit: none until they are needed."""

    def __init__(self, network: Network) -> None:
        self._network, self._pid = network, os.getpid()
        self._workers: list[Worker] = []
        self._parents: list[Worker] = []  # after a fork: kept, for their end would be told to the pipes

    def measure(
        self, conductances: Array, shares: Sequence[Drive], here: Callable[[Drive], SampledMeasurement]
    ) -> SampledMeasurement:
        """The shares one after the other: the first measured by `here`, the others meanwhile by a worker each.

        Raises:
            SimulationError: a worker died, or raised it.
        """
        if os.getpid() != self._pid:
            self._pid, self._workers, self._parents = os.getpid(), [], self._workers
        try:
            while len(self._workers) < len(shares) - 1:
                self._workers.append(Worker(self._network))
            for worker, share in zip(self._workers, shares[1:], strict=False):
                worker.ask(conductances, share)
            parts = [here(shares[0])]
            parts += [worker.answer() for worker in self._workers[: len(shares) - 1]]
        except BaseException:
            self.end()  # an answer that nobody took would be taken for the next
            raise
        return SampledMeasurement.joined(parts)

    def end(self) -> None:
        """Kill the workers, whatever they do; a fork of this process leaves them alone."""
        while self._workers and os.getpid() == self._pid:
            self._workers.pop().end()


class Worker:
    """One process that measures a circuit of its own. Ask, then take the answer, in turns.

    Raises:
        SimulationError: the process died.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        command = [sys.executable, "-c", _START, *sys.path]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **_APART)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._send(network)

    def ask(self, conductances: Array, drive: Drive) -> None:
        """Have the drive measured at these conductances."""
        self._send((conductances, drive))

    def answer(self) -> SampledMeasurement:
        """What was measured; what the worker raised is raised here."""
        try:
            found = pickle.load(self._from)  # noqa: S301  # of our own process
        except (EOFError, pickle.UnpicklingError):
            raise self._dead() from None
        if isinstance(found, Exception):
            raise found
        return SampledMeasurement(self._network, *found)

    def end(self) -> None:
        """Kill the process, whatever it does, and forget it."""
        self._process.kill()
        for stream in (self._to, self._from):
            with suppress(OSError):  # of what it does not read any more
                stream.close()
        self._process.wait()

    def _send(self, what: object) -> None:
        try:
            pickle.dump(what, self._to, protocol=pickle.HIGHEST_PROTOCOL)
            self._to.flush()
        except OSError:
            raise self._dead() from None

    def _dead(self) -> SimulationError:
        return SimulationError(
            f"a process of ngspice died (exit code {self._process.wait()}): killed, out of memory, or a crash of ngspice"
        )


def serve() -> None:
    """The worker's side: answer on standard output until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else is printed must not get between the answers
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()
    network, circuit = jobs.get(), None
    while True:
        conductances, drive = jobs.get()
        answer: Any
        try:
            circuit = circuit or _circuit(network)
            circuit.program(conductances)
            measured = circuit.measure(drive)
            assert isinstance(measured, SampledMeasurement)
            answer = (
                measured.conductances,
                measured.voltages,
                measured.output_voltages,
                measured.output_currents,
                measured.input_currents,
                measured.noise,
                measured.provenance,
            )
        except Exception as error:  # whatever it is, the parent raises it
            answer = error
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


def _circuit(network: Network) -> Circuit:
    from hwlearn.circuits.ngspice.circuit import NgspiceCircuit
    from hwlearn.circuits.ngspice.trial import without_trial

    with without_trial():  # the parent made one
        return NgspiceCircuit(network, processes=1)


def _listen(stream: IO[bytes], jobs: queue.SimpleQueue[Any]) -> None:
    """Queue what comes; at the end of the stream nobody waits for this process any more, whatever it is doing."""
    try:
        while True:
            jobs.put(pickle.load(stream))  # noqa: S301  # of our own parent
    finally:
        os._exit(0)

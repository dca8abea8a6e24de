"""The one ngspice of this process, on a thread of its own.

libngspice has one set of globals and crashes when two threads enter it; and an interrupt that arrives inside a callback is
swallowed. So every call is a job for one worker thread: the caller waits for the job, and Ctrl-C reaches the caller at once,
while the worker ends the command it is in.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from hwlearn.errors import SimulationError
from hwlearn.spice import workplace

if TYPE_CHECKING:
    from hwlearn.spice.shared import Shared

T = TypeVar("T")


class _Job:
    """One call for the thread, and what became of it; a `Future` costs twice as much."""

    __slots__ = ("error", "given_up", "over", "result", "work")

    def __init__(self, work: Callable[[Shared], Any]) -> None:
        self.work, self.given_up = work, False
        self.result: Any = None
        self.error: BaseException | None = None
        self.over = threading.Lock()
        self.over.acquire()


class Session:
    """Runs jobs, one at a time, on the thread that owns libngspice.

    Attributes:
        generation: counts the libraries opened; decks of an older generation are gone.
        sweeping: the deck whose paused sweep is alive; ngspice keeps one.
        dialect: that ngspice reads and evaluates decks in; loaded decks have one only.
        decks: the loaded decks, newest first: the order in which `setcirc` counts them.
        interrupted: set when nobody waits for the running job any more; long jobs look at it and end.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._shared: Shared | None = None
        self.interrupted = threading.Event()
        self.generation = 0
        self.sweeping: object | None = None
        self.decks: list[object] = []
        self.dialect = ""
        self._start()

    def _start(self) -> None:
        threading.Thread(target=self._work, name="ngspice", daemon=True).start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            self.interrupted.clear()
            if job.given_up:
                continue
            try:
                job.result = job.work(self._ready())
            except BaseException as error:  # raised where the caller waits
                job.error = error
            job.over.release()
            del job

    def _ready(self) -> Shared:
        if self._shared is None or self._shared.dead:
            from hwlearn.spice.shared import Shared

            if self._shared is not None:
                self._shared.close()
                self._shared = None
            self._shared = Shared()
            if not self.generation:
                workplace.leave()
            self.generation += 1
            self.sweeping = None
            self.decks.clear()
            self.dialect = ""
        self._shared.forget()
        return self._shared

    def run(self, work: Callable[[Shared], T]) -> T:
        """Result of `work(shared)`, run on the ngspice thread; what it raises is raised here."""
        job = _Job(work)
        self._jobs.put(job)
        try:
            job.over.acquire()
        except KeyboardInterrupt:
            job.given_up = True
            self.interrupted.set()
            raise
        if job.error is not None:
            try:
                raise job.error
            finally:
                del job  # its traceback holds this frame
        result: T = job.result
        return result

    def post(self, work: Callable[[Shared], None]) -> None:
        """Run `work(shared)` when the thread gets to it, without waiting."""
        self._jobs.put(_Job(work))

    def add(self, shared: Shared, deck: object, lines: list[str], dialect: str = "") -> None:
        """Load `lines` as `deck` and make it current. Called inside a job. Decks of another dialect are unloaded.

        Raises:
            SimulationError: ngspice did not take the deck.
        """
        from hwlearn.spice.messages import failures, summary

        self.sweeping = None
        self._speak(shared, dialect)
        workplace.come_back(lines[1:])
        shared.circuit(lines)
        out, err = shared.messages
        bad = failures(err) + [line for line in failures(out) if line.lower().startswith("error")]
        if bad or shared.dead:
            said = [*out, *err]
            self._drop_unknown(shared)
            raise SimulationError(f"ngspice cannot read the circuit: {summary(bad or said[-4:])}", said)
        self.decks.insert(0, deck)

    def _speak(self, shared: Shared, dialect: str) -> None:
        """Set the dialect: ngspice has one for all circuits, and evaluates expressions of loaded ones in it, too."""
        if dialect == self.dialect:
            return
        for other in list(self.decks):
            self.remove(shared, other)
        shared.command(f"set ngbehavior={dialect}" if dialect else "unset ngbehavior")
        shared.forget()
        self.dialect = dialect

    def _drop_unknown(self, shared: Shared) -> None:
        """Unload what a failed load may have left, so that `decks` counts as `setcirc` does."""
        if shared.dead:
            return
        shared.forget()
        shared.command("setcirc")
        loaded = sum("\t" in line for line in shared.messages[0])
        for _ in range(loaded - len(self.decks)):
            shared.command("setcirc 1")
            shared.command("remcirc")

    def make_current(self, shared: Shared, deck: object) -> None:
        """Make a loaded deck the one that commands act on. Called inside a job."""
        if len(self.decks) > 1:
            shared.command(f"setcirc {self.decks.index(deck) + 1}")

    def remove(self, shared: Shared, deck: object) -> None:
        """Unload a deck, if it is still loaded. Called inside a job."""
        if deck in self.decks:
            if self.sweeping is deck:
                self.sweeping = None
            self.make_current(shared, deck)
            shared.command("remcirc")
            self.decks.remove(deck)


_session: Session | None = None
_creating = threading.Lock()


def session() -> Session:
    """The session of this process. Not to be kept: a forked child has one of its own."""
    global _session
    with _creating:
        if _session is None:
            _session = Session()
        return _session


def forget(deck: object) -> None:
    """Unload a deck of this process when the thread gets to it, if there is a thread."""
    if _session is not None:
        _session.post(lambda shared: session().remove(shared, deck))


def _forked() -> None:
    """Start anew in a child: the thread of its parent is not there, and whatever it held stays held."""
    global _session, _creating
    _session, _creating = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

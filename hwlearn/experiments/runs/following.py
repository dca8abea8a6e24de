"""`Following`: a run as another process writes it, read as it grows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from hwlearn.arrays import Array
from hwlearn.errors import ExperimentError
from hwlearn.experiments.runs.journal import History
from hwlearn.experiments.runs.run import Run
from hwlearn.files import plain
from hwlearn.learning.trajectory import Trajectory

UNDISTURBED = os.name == "posix"
"""Whether a file can be read here without keeping another process from replacing it; Windows refuses that."""


class Following:
    """A run that another process is at work on. Nothing is written and no lock is taken: that process is never disturbed.

    Args:
        load: loads the run; again when it was resumed, perhaps with other settings.

    Attributes:
        run: as its run.json was when the run began or was last resumed.
        history: the journal as far as `look` has read it.
        snapshot: the checkpoint of the last look; None before the first step, and where `UNDISTURBED` is not true.
        trajectory: what the run keeps of its conductances, codes and outputs; None where `snapshot` is, and of runs without.
    """

    def __init__(self, load: Callable[[], Run]) -> None:
        self._load = load
        self.run, self.history = load(), History()
        self.snapshot: Mapping[str, Array] | None = None
        self.trajectory: Trajectory | None = None
        self._read, self._lines = 0, 0

    @property
    def key(self) -> str:
        """Of a step's place in the journal."""
        return "t" if self.run.continuous else "step"

    @property
    def path(self) -> Path:
        """The journal's."""
        return self.run.folder / "journal.jsonl"

    def look(self) -> bool:
        """Read what the journal has gained, line by line, and the checkpoint; whether there was anything new.

        Raises:
            ExperimentError: the run folder is damaged or gone.
        """
        lines = self._new_lines()
        known = len(self.history.events)
        for line in lines:
            self._lines += 1
            try:
                self.history.add(line, self.key)
            except ValueError as error:
                raise ExperimentError(f"{self.path}: line {self._lines}: not a line of a journal ({error})") from None
        if any(event["event"] == "resume" for event in self.history.events[known:]):
            self.run = self._load()
        if lines and UNDISTURBED:
            for name in ("checkpoint", "trajectory"):
                self.run.__dict__.pop(name, None)
            self.snapshot, self.trajectory = self.run.checkpoint, self.run.trajectory
        return bool(lines)

    def _new_lines(self) -> list[bytes]:
        """Whole lines that were not read yet. A journal that got shorter is another run's: it is read from its beginning."""
        try:
            with plain(self.path) as file:
                if file.seek(0, os.SEEK_END) < self._read:
                    self._read, self._lines, self.history = 0, 0, History()
                file.seek(self._read)
                content = file.readall()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ExperimentError(f"{self.path}: {error.strerror}") from None
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.split(b"\n")[:-1]

    @property
    def stopped_because(self) -> str | None:
        """Why the run stopped, see `Outcome`; None while it goes on, or was killed."""
        last = next((event for event in reversed(self.history.events) if event["event"] in ("start", "resume", "end")), None)
        return str(last["stopped_because"]) if last is not None and last["event"] == "end" else None

    @property
    def conductances(self) -> Array | None:
        """(E,) S that the last step asked for; None where that is not known."""
        return None if self.snapshot is None else self.snapshot["wanted"]

    def of_edges(self, name: str) -> Array | None:
        """(E,) what the circuit remembers of each edge under a name, "codes" or "writes"; None if it does not."""
        if self.snapshot is None:
            return None
        edges = self.snapshot["wanted"].shape
        found = (value for key, value in self.snapshot.items() if key.startswith("circuit.") and key.endswith(f".{name}"))
        return next((value for value in found if value.shape == edges), None)

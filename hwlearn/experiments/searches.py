"""`search_design`: the searches of a design, on all cores or a cluster; a killed one goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from hwlearn.analysis.design.baseline import AtRandom, random_graphs
from hwlearn.analysis.design.pareto import searched, unbeaten
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import MOST, Design, Progress, best_of, climb, judge
from hwlearn.analysis.design.written import restored, written
from hwlearn.arrays import Indices
from hwlearn.errors import ExperimentError
from hwlearn.experiments.designs import DesignSettings
from hwlearn.experiments.files import alone_in_new, make_folder
from hwlearn.experiments.sweeps.pool import cores, finished, processes_for
from hwlearn.experiments.sweeps.work import Done
from hwlearn.files import read
from hwlearn.files import replace as write

KEPT = "search.jsonl"
"""File of a design's folder until it is written: the task, and the searches that have ended."""


@dataclass(frozen=True)
class Restart:
    """A search from a random graph. Attributes: problem, seed: see `climb`. number: which of the restarts."""

    problem: Problem
    seed: int
    number: int

    def found(self) -> tuple[Design | None, int]:
        """The design, and how many exchanges were screened."""
        return climb(self.problem, self.seed, self.number)


@dataclass(frozen=True, eq=False)
class Judged:
    """A random graph, to be judged beside the designs. Attributes: problem. ends: (E, 2)."""

    problem: Problem
    ends: Indices

    def found(self) -> tuple[Design | None, int]:
        """How good it is."""
        return judge(self.problem, self.problem.begin(self.ends)), 0


def search_design(
    settings: DesignSettings,
    problem: Problem,
    kept: Kept | None,
    random: int = 20,
    jobs: int | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
) -> tuple[tuple[Design, ...], AtRandom]:
    """The Pareto front of a design file and random graphs beside it. The result does not depend on the number of processes.

    Args:
        settings, problem: of the design file.
        kept: the searches that have ended, of which none is made again.
        random: graphs. jobs: processes; the cores if not given. With 1, everything happens in this process.
        dask: address of a Dask scheduler, whose workers search instead.

    Raises:
        ModelError: no search found a circuit that reaches the targets.
        ExperimentError: the cluster does not answer.
    """
    table = settings.design
    names = searched(table.objectives)
    processes = processes_for(jobs, dask, cores())
    restarts = [Restart(replace(problem, objective=name), table.seed, k) for name in names for k in range(table.restarts)]
    graphs = [Judged(problem, ends) for ends in random_graphs(problem, random, table.seed)]
    designs: dict[int, Design | None] = {} if kept is None else kept.designs(restarts)
    left = [k for k in range(len(restarts) + len(graphs)) if k not in designs]
    work: list[Restart | Judged] = [*restarts, *graphs]
    screened = 0
    for at, (found, count) in _each([work[k] for k in left], min(processes, len(left)), dask):
        k = left[at]
        designs[k] = found
        screened += count
        if k < len(restarts):
            if kept is not None:
                kept.add(restarts[k], found)
            if progress is not None:
                steps = [one.course.steps for j, one in designs.items() if one is not None and j < len(restarts)]
                progress(screened, min(steps, default=np.inf))
    ended = [designs[k] for k in range(len(work))]
    best = [best_of(problem, ended[k * table.restarts : (k + 1) * table.restarts]) for k in range(len(names))]
    beside = AtRandom(random, tuple(one for one in ended[len(restarts) :] if one is not None))
    return unbeaten(best, table.objectives), beside


class Kept:
    """The searches of a folder that have ended: a new folder, or one whose search was cut off."""

    def __init__(self, folder: Path, settings: DesignSettings) -> None:
        self.path = folder / KEPT
        first: dict[str, Any] = {"task": hashlib.sha256(settings.model_dump_json().encode()).hexdigest()}
        if not self.path.exists():
            make_folder(folder)
            self._lines = [first]
            self._write()
            return
        self._lines = list(self._read())
        if self._lines[:1] != [first]:
            raise ExperimentError(f"{folder}: the search in it is that of another design file; name a new folder")

    @classmethod
    @contextmanager
    def of(cls, folder: Path, settings: DesignSettings) -> Iterator[Self]:
        """The kept searches of a folder in which no other process is at work. They are deleted once the design is written.

        Raises:
            ExperimentError: another process is at work there; the folder is another design's, or holds something else.
        """
        with alone_in_new(folder, "design"):
            kept = cls(folder, settings)
            yield kept
            kept.path.unlink()

    def designs(self, restarts: Sequence[Restart]) -> dict[int, Design | None]:
        """What is known of some restarts, by their places."""
        known = {(line["objective"], line["restart"]): (line["circuit"], line.get("most", MOST)) for line in self._lines[1:]}
        found: dict[int, Design | None] = {}
        for k, one in enumerate(restarts):
            key = one.problem.objective, one.number
            if key in known:
                circuit, most = known[key]
                found[k] = None if circuit is None else judge(one.problem, restored(one.problem, circuit), most)
        return found

    def add(self, restart: Restart, found: Design | None) -> None:
        """Keep a search that has ended."""
        line = {"objective": restart.problem.objective, "restart": restart.number, "circuit": None}
        self._lines.append(line if found is None else line | {"circuit": written(found.start), "most": found.most})
        self._write()

    def _read(self) -> Iterator[dict[str, Any]]:
        try:
            yield from (json.loads(line) for line in read(self.path).decode().splitlines())
        except (OSError, ValueError) as error:
            raise ExperimentError(f"{self.path}: cannot be read: {error}; name a new folder") from None

    def _write(self) -> None:
        try:
            write(self.path, "".join(f"{json.dumps(line)}\n" for line in self._lines).encode())
        except OSError as error:
            raise ExperimentError(f"{self.path}: {error.strerror}") from None


def _each(
    work: Sequence[Restart | Judged], processes: int, dask: str | None
) -> Iterator[tuple[int, tuple[Design | None, int]]]:
    """Places and results, in the order in which they end."""
    with closing(finished(work, max(processes, 1), dask, _done)) as ended:
        for k, done in ended:
            if done.result is None:
                raise ExperimentError(
                    f"a search was lost with its process: {done.error}; the same command goes on with the others"
                )
            yield k, done.result["found"]


def _done(one: Restart | Judged) -> Done:
    return Done({"found": one.found()})

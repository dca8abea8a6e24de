"""`run_sweep`: train every cell that has not ended yet."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from os import PathLike
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal

from hwlearn.errors import ExperimentError
from hwlearn.experiments.files import alone_in
from hwlearn.experiments.runs import Run
from hwlearn.experiments.runs.copies import Kept, Store
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.experiments.runs.fingerprint import differences, fingerprint
from hwlearn.experiments.runs.further import DONE
from hwlearn.experiments.sweeps.cells import Cell, load_cells
from hwlearn.experiments.sweeps.pool import cores, finished, processes_for
from hwlearn.experiments.sweeps.settings import Sweep, load_sweep
from hwlearn.experiments.sweeps.table import Results, Row, row
from hwlearn.experiments.sweeps.work import KEPT, MARK, Done, Job, write_mark
from hwlearn.files import create, refuse_links, replace
from hwlearn.progress import cells_asked_for

Progress = Callable[[int, int, int], object]


def run_sweep(
    path: str | PathLike[str],
    folder: str | PathLike[str] | None = None,
    *,
    jobs: int | None = None,
    dask: str | None = None,
    trust: bool = False,
    trust_code: bool = False,
    overrides: Mapping[str, Any] | None = None,
    progress: Progress | Literal[True] | None = None,
) -> Results:
    """Train the cells of a sweep file, each in a run folder of its own.

    Called again, it skips the cells that have ended, goes on with those that were cut off, and tries those again that
    failed. A failed cell stops no other one.

    Args:
        path: the sweep file, see `load_sweep`.
        folder: of the sweep: a new one, or that of an earlier call; runs/NAME if not given. results.csv is written there.
        jobs: processes of this machine; one more than cores if not given, since one or the other waits for the disk. With 1,
            everything happens in this process.
        dask: address of a Dask scheduler, such as "tcp://127.0.0.1:8786", whose workers train instead. Those that see the
            folder by the same path write run folders and go on with them; from the others a run folder comes back when its
            cell has ended. One cell at a time in a worker, however many threads it has.
        trust, trust_code, overrides: see `load_experiment`; what an axis of the sweep sets wins.
        progress: called with (cells ended, cells failed, cells) at the start and after each cell; True shows a bar.

    Raises:
        ExperimentError: the sweep file cannot be used; every cell is refused; the folder is another experiment's; two cells
            would share a bench; the cluster does not answer.
        KeyboardInterrupt: results.csv holds what there is.
    """
    sweep = load_sweep(path)
    cells = load_cells(sweep, overrides or {}, trust=trust, trust_code=trust_code)
    processes = processes_for(jobs, dask, cores() + 1)
    _check_benches(cells, processes, dask)
    home = Path("runs") / sweep.path.stem if folder is None else Path(folder)
    _make(home, sweep)
    with alone_in(home, "sweep"), cells_asked_for(progress) as told:
        return _run(sweep, cells, home, processes, dask, told)


def _run(
    sweep: Sweep, cells: Sequence[Cell], home: Path, processes: int, dask: str | None, progress: Progress | None
) -> Results:
    rows = {cell.name: Row(cell.name, cell.overrides) for cell in cells}
    jobs, open_cells = list[Job](), list[Cell]()
    with refusing_to_lose(home / MARK):
        mark = write_mark(home, uuid.uuid4().hex)
    kept = _kept(home, cells)
    for cell in cells:
        if cell.experiment is None:
            rows[cell.name] = row(cell, Done(error=cell.error))
        elif (ended := _ended(home / cell.name, cell)) is not None:
            rows[cell.name] = row(cell, ended)
        else:
            open_cells.append(cell)
            jobs.append(Job(cell.experiment, home.absolute(), cell.name, mark, kept[cell.name]))
    skipped = sum(one.state not in ("waiting", "failed") for one in rows.values())
    with refusing_to_lose(home):
        replace(home / "sweep.toml", sweep.source)

    def results() -> Results:
        return Results(sweep.path.stem, home, sweep.axes, tuple(rows.values()), skipped)

    def tell() -> None:
        if progress is not None:
            ended = sum(one.state != "waiting" for one in rows.values())
            progress(ended, len(results().failed), len(rows))

    tell()
    try:
        with closing(finished(jobs, processes, dask)) as results_come:
            for k, done in results_come:
                if done.files is not None:
                    _bring_home(home / jobs[k].name, done.files)
                rows[jobs[k].name] = row(open_cells[k], done)
                tell()
    finally:
        results().write_csv()
    return results()


def _kept(home: Path, cells: Sequence[Cell]) -> dict[str, Kept]:
    """Copy what the cells name, each file once, and let go of it; what each cell has in the store, by its name."""
    experiments = {cell.name: cell.experiment for cell in cells if cell.experiment is not None}
    sources = {path: content for experiment in experiments.values() for path, content in experiment.sources.items()}
    hashes, kept = Store(home / "files").keep(sources), dict[str, Kept]()
    for name, experiment in experiments.items():
        own = {path: hashes[path] for path in experiment.sources} if hashes else {}
        kept[name] = Kept("../files", own)
        experiment.sources.clear()
    return kept


def _check_benches(cells: Sequence[Cell], processes: int, dask: str | None) -> None:
    """A real bench is one, and wired to this machine."""
    from hwlearn.lab.bench.backend import BenchBackend

    benches = Counter[Path]()
    for cell in cells:
        if cell.experiment is None:
            continue
        backend = cell.experiment.backend()
        if not isinstance(backend, BenchBackend):
            continue
        station = cell.experiment.path.parent / backend.station
        if backend.load(cell.experiment.path.parent).settings.defaults.backend != "virtual":
            benches[station.resolve()] += 1
    if benches and dask is not None:
        raise ExperimentError(f"{next(iter(benches))}: a bench is wired to one machine: sweep without --dask")
    for station, count in benches.items():
        if count > 1 and processes > 1:
            raise ExperimentError(f"{station}: {count} cells share this bench: sweep with --jobs 1")


def _make(home: Path, sweep: Sweep) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        if any(home.iterdir()) and not (home / MARK).exists():
            raise ExperimentError(f"{home}: the folder is not empty, and no sweep's; name another one with --out")
    except OSError as error:
        raise ExperimentError(f"{home}: {error.strerror}") from None


def _ended(folder: Path, cell: Cell) -> Done | None:
    """What a cell ended with in an earlier call; None if it has not ended.

    Raises:
        ExperimentError: it was made from another experiment.
    """
    with refusing_to_lose(folder):
        refuse_links(folder)
    if not (folder / "run.json").exists():
        return None
    assert cell.experiment is not None
    run = Run.load(folder)
    if found := differences(run.info["fingerprint"], fingerprint(cell.experiment)):
        raise ExperimentError(
            f"{folder}: {cell.experiment.path} is not what this sweep began with: {'; '.join(found)}; "
            "name another folder with --out"
        )
    return Done(run.result) if run.result is not None and run.state in DONE else None


def _bring_home(folder: Path, files: dict[str, bytes]) -> None:
    """A run folder that a worker has sent, in the place of one that was cut off."""
    beside = folder.with_name(f"{folder.name}.new")
    rmtree(beside, ignore_errors=True)
    with refusing_to_lose(folder):
        beside.mkdir()
        for name in KEPT:
            if name in files:
                create(beside / name, files[name])
        rmtree(folder, ignore_errors=True)
        beside.rename(folder)

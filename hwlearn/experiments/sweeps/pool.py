"""Where cells are trained and designs searched for: in this process, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from functools import cache
from typing import Any

from hwlearn.errors import ExperimentError
from hwlearn.experiments.sweeps.work import Done, train_cell

Finished = Generator[tuple[int, Done], None, None]
"""Numbers of jobs and what became of them, in the order in which they end."""

Work = Callable[[Any], Done]
"""What is done with a job; a function that a worker can import."""

PATIENCE = 10.0
"""Seconds that a scheduler and its first worker may take to answer."""


def cores() -> int:
    """That this process may use."""
    from joblib import cpu_count

    return int(cpu_count())


def processes_for(jobs: int | None, dask: str | None, most: int) -> int:
    """How many processes of this machine work: `jobs`, or `most` if not given.

    Raises:
        ExperimentError: less than one; or a cluster as well.
    """
    if jobs is not None and jobs < 1:
        raise ExperimentError(f"--jobs {jobs}: give 1 or more")
    if jobs is not None and dask is not None:
        raise ExperimentError("--jobs is for this machine, and --dask has workers of its own: give one of them")
    return most if jobs is None else jobs


def finished(jobs: Sequence[Any], processes: int, dask: str | None, work: Work = train_cell) -> Finished:
    """By a cluster, by processes, or in this process if one is enough."""
    if not jobs or (dask is None and processes == 1):
        return in_this_process(jobs, work)
    return in_processes(jobs, processes, work) if dask is None else on_cluster(jobs, dask, work)


def in_this_process(jobs: Sequence[Any], work: Work = train_cell) -> Finished:
    """One after the other."""
    for k, job in enumerate(jobs):
        yield k, work(job)


def in_processes(jobs: Sequence[Any], processes: int, work: Work = train_cell) -> Finished:
    """By joblib, in batches of some tenths of a second; each process has one BLAS thread.

    A process that dies takes the pool along. The cells that were under way then get a pool each, at the end: the one that
    kills its process is known, and the others lose nothing.
    """
    from joblib import Parallel, parallel_config

    with parallel_config(backend="loky", n_jobs=processes, inner_max_num_threads=1):
        pool = Parallel(return_as="generator_unordered")
    fresh, suspects = list(range(len(jobs))), list[int]()
    while fresh or suspects:
        alone = not fresh
        turn = fresh or [suspects.pop()]
        begun, ended = set[int](), set[int]()
        results = pool(_calls(jobs, turn, begun, work))
        try:
            for k, done in results:
                ended.add(k)
                yield k, done
        except BrokenExecutor:
            if alone:
                yield turn[0], Done(error="its process died: out of memory, or a crash of ngspice")
            else:
                suspects += sorted(begun - ended)
        finally:
            results.close()
        fresh = [k for k in turn if k not in begun]


def on_cluster(jobs: Sequence[Any], address: str, work: Work = train_cell) -> Finished:
    """By a Dask scheduler, one task a job; a job whose worker dies goes to another one.

    Not by joblib's backend for Dask, which waits for ever when a task fails on the cluster itself, as one does that has
    killed several workers.

    Raises:
        ExperimentError: dask.distributed is not installed; no scheduler answers, or not any more; it has no worker.
    """
    try:
        from distributed import Client, as_completed
        from distributed.comm.addressing import resolve_address
    except ImportError:
        raise ExperimentError("--dask needs dask.distributed: pip install 'dask[distributed]'") from None
    logging.getLogger("distributed.client").disabled = True  # what it has to say comes back as an error
    try:
        resolve_address(address)  # a client that cannot be made prints a traceback when it is forgotten
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ExperimentError(f"--dask {address}: no scheduler answers: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise ExperimentError(f"--dask {address}: the scheduler has no worker: start dask worker {address}") from None
        numbers = {client.submit(work, job, pure=False): k for k, job in enumerate(jobs)}
        for future, result in as_completed(list(numbers), loop=client.loop, with_results=True, raise_errors=False):
            if future.status == "cancelled":
                raise ExperimentError(f"--dask {address}: the scheduler is gone; start it again: the same command goes on")
            done = result if future.status == "finished" else Done(error=f"{future.status}: {_reason(result)}")
            yield numbers.pop(future), done  # once it is forgotten here, the cluster forgets it


def _calls(jobs: Sequence[Any], turn: Sequence[int], begun: set[int], work: Work) -> Iterator[Any]:
    """Joblib's calls for some of the jobs; `begun` fills up as joblib takes them."""
    from joblib import delayed

    for k in turn:
        begun.add(k)
        yield delayed(_numbered)(k, jobs[k], os.getpid(), work)


def _reason(result: Any) -> str:
    """Of a task that failed on the cluster: (type, error, traceback), or less."""
    error = result[1] if isinstance(result, tuple) and len(result) == 3 else result
    return " ".join(str(error).split())


def _numbered(k: int, job: Any, parent: int, work: Work) -> tuple[int, Done]:
    _end_with(parent)
    return k, work(job)


@cache
def _end_with(parent: int) -> None:
    """End this process soon after its parent, which may be killed: nobody would wait for its cells, and they can go on.

    Ctrl-C is the parent's, which then ends this process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()

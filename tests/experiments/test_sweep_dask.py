"""Sweeps and designs on a real Dask cluster: a scheduler and workers, processes of this machine."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from deadly import Deadly
from processes import COMMAND, PATIENCE, wait_until
from test_searches import DESIGN

from hwlearn.errors import ExperimentError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.designs import load_design
from hwlearn.experiments.runs import Run
from hwlearn.experiments.runs.copies import Kept
from hwlearn.experiments.searches import search_design
from hwlearn.experiments.sweeps import load_sweep, run_sweep
from hwlearn.experiments.sweeps.cells import load_cells
from hwlearn.experiments.sweeps.pool import on_cluster
from hwlearn.experiments.sweeps.work import Job

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

KEPT = Kept("../files", {})
HERE = Path(__file__).parent
ROOT, SUPPORT = HERE.parents[1], HERE.parent / "support"
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(SUPPORT), str(HERE)]),
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",  # workers that a task may kill before it is given up
}

EXPERIMENT = """
[circuit]
builder = "grid"
rows = 4
columns = 4
[ports]
outputs = ["n1_1"]
[task]
data = "task.csv"
input_columns = ["a", "b"]
target_columns = ["y"]
[rule]
name = "ep"
[train]
steps = 150
learning_rate = 0.5
batch_size = 1
"""


class Cluster:
    """A scheduler, and workers of one thread each, without nannies: who is killed stays dead."""

    def __init__(self, folder):
        self._folder, self._file = folder, folder / "scheduler.json"
        self.processes = []
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.workers = []

    def add_workers(self, count):
        from distributed import Client

        self.workers += [
            self._start("dask_worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
            for _ in range(count)
        ]
        wait_until(self._file.exists, self.scheduler)
        alive = sum(worker.poll() is None for worker in self.workers)
        with Client(scheduler_file=str(self._file), set_as_default=False) as client:
            client.wait_for_workers(alive, timeout=PATIENCE)
            self.address = client.scheduler.address

    def lose_workers(self):
        from distributed import Client

        for worker in self.workers:
            worker.kill()
        with Client(self.address, set_as_default=False) as client:
            wait_until(lambda: not client.scheduler_info()["workers"])

    def _start(self, program, *options):
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options, "--scheduler-file", str(self._file)]
        process = subprocess.Popen(command, env=ENVIRONMENT, cwd=self._folder, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    monkeypatch.setattr("hwlearn.experiments.sweeps.pool.PATIENCE", PATIENCE)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("dask"))
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def cluster(scheduler):
    """With two workers, whatever an earlier test killed."""
    scheduler.workers = [worker for worker in scheduler.workers if worker.poll() is None]
    scheduler.add_workers(2 - len(scheduler.workers))
    return scheduler


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "grid.toml").write_text(EXPERIMENT)
    (folder / "task.csv").write_text("a,b,y\n1,0,0.4\n0,1,0.5\n")
    file = folder / "sweep.toml"
    axes = '"rule.name" = ["ep", "cl"]\n"train.seed" = [0, 1, 2, 3, 4]\n"rule.nudge" = [0.1]'
    file.write_text(f'experiment = "grid.toml"\n[grid]\n{axes}\n')
    return file


@pytest.fixture(scope="module")
def local(sweep, tmp_path_factory):
    """The table that this process makes."""
    rows = run_sweep(sweep, tmp_path_factory.mktemp("local") / "out", jobs=1).rows
    assert rows[3].loss_final == run_experiment(load_experiment(sweep.parent / "grid.toml", rows[3].overrides)).loss_final
    return table(rows)


def table(rows):
    return [replace(row, seconds=None) for row in rows]


def test_the_cluster_makes_the_same_table(cluster, sweep, local, tmp_path):
    found = run_sweep(sweep, tmp_path / "out", dask=cluster.address)
    assert table(found.rows) == local
    assert {Run.load(tmp_path / "out" / row.cell).state for row in found.rows} == {"steps"}
    assert run_sweep(sweep, tmp_path / "out", jobs=1).skipped == len(local)


def test_the_cluster_finds_the_same_design(cluster, tmp_path):
    file = tmp_path / "task.toml"
    file.write_text(DESIGN.replace("restarts = 2", "restarts = 3"))
    settings, problem = load_design(file)
    here, there = (search_design(settings, problem, None, 3, **where) for where in ({"jobs": 1}, {"dask": cluster.address}))
    assert [one.ends.tolist() for one in there[0]] == [one.ends.tolist() for one in here[0]]
    assert [one.course.steps for one in there[1].found] == [one.course.steps for one in here[1].found]
    with pytest.raises(ExperimentError, match="give one of them"):
        search_design(settings, problem, None, 3, jobs=2, dask=cluster.address)


def test_workers_that_do_not_see_the_folder_send_theirs(cluster, sweep, local, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "hwlearn.experiments.sweeps.run.write_mark", lambda folder, mark: (folder / ".sweep").write_text("here") and mark
    )
    found = run_sweep(sweep, tmp_path / "out", dask=cluster.address)
    assert table(found.rows) == local
    for row in found.rows:
        run = Run.load(tmp_path / "out" / row.cell)
        assert run.result["loss_final"] == row.loss_final
        assert len(run.history.losses) == 151
    assert not list((tmp_path / "out").glob("*.new"))
    assert run_sweep(sweep, tmp_path / "out", jobs=1).skipped == len(local)


def test_a_worker_killed_in_the_middle_costs_no_result(cluster, sweep, local, tmp_path):
    def kill(ended, failed, total):
        if ended == 3 and cluster.workers[0].poll() is None:
            assert list((tmp_path / "out").glob("*/latest.npy"))
            cluster.workers[0].kill()

    found = run_sweep(sweep, tmp_path / "out", dask=cluster.address, progress=kill)
    assert cluster.workers[0].wait() == -9
    assert table(found.rows) == local


def test_a_cell_that_kills_its_workers_is_given_up(cluster, sweep, tmp_path):
    cluster.add_workers(2)
    jobs = [Job(cell.experiment, tmp_path, cell.name, "", KEPT) for cell in load_cells(load_sweep(sweep))[:4]]
    jobs[1] = Job(Deadly(), tmp_path, "deadly", "", KEPT)
    done = dict(on_cluster(jobs, cluster.address))
    assert [k for k in range(4) if done[k].error] == [1]
    assert "deadly" not in {path.name for path in tmp_path.iterdir()}
    assert "workers died" in done[1].error


@pytest.mark.parametrize("address", ["garbage", "", "tcp://x:y", "foo://1:2"])
def test_an_address_that_is_none_is_told_in_one_line(sweep, tmp_path, address):
    done = subprocess.run(
        [*COMMAND, "sweep", str(sweep), "--dask", address, "--out", str(tmp_path / "out")],
        capture_output=True,
        env=ENVIRONMENT,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"error: --dask {address}: no scheduler answers: ")


def test_a_scheduler_that_dies_is_told_and_the_sweep_goes_on_later(sweep, local, tmp_path, capfd):
    cluster = Cluster(tmp_path)
    try:
        cluster.add_workers(1)

        def kill(ended, failed, total):
            if ended == 2:
                cluster.scheduler.kill()

        with pytest.raises(ExperimentError, match="the scheduler is gone"):
            run_sweep(sweep, tmp_path / "out", dask=cluster.address, progress=kill)
    finally:
        cluster.close()
    assert "Traceback" not in capfd.readouterr().err
    found = run_sweep(sweep, tmp_path / "out", jobs=1)
    assert table(found.rows) == local
    assert found.skipped >= 2


def test_a_cluster_that_does_not_answer_is_told(cluster, sweep, tmp_path, monkeypatch):
    from distributed import Client

    with monkeypatch.context() as patch:
        patch.setattr("hwlearn.experiments.sweeps.pool.PATIENCE", 0.5)
        with pytest.raises(ExperimentError, match=r"--dask tcp://127.0.0.1:1: no scheduler answers"):
            run_sweep(sweep, tmp_path / "out", dask="tcp://127.0.0.1:1")
    cluster.lose_workers()
    waits = Client.wait_for_workers
    monkeypatch.setattr(Client, "wait_for_workers", lambda client, count, timeout: waits(client, count, 0.1))
    with pytest.raises(ExperimentError, match="has no worker: start"):
        list(on_cluster([Job(Deadly(), tmp_path, "deadly", "", KEPT)], cluster.address))

"""`Run`: a training and its folder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.display import shown
from hwlearn.errors import ExperimentError
from hwlearn.experiments import Experiment, Outcome
from hwlearn.experiments.execution import OnScore, Progress
from hwlearn.experiments.files import LOCK, make_folder
from hwlearn.experiments.runs.checkpoint import load_checkpoint
from hwlearn.experiments.runs.copies import Kept, Store
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.experiments.runs.environment import environment
from hwlearn.experiments.runs.fingerprint import fingerprint
from hwlearn.experiments.runs.further import further
from hwlearn.experiments.runs.going import go
from hwlearn.experiments.runs.journal import History, read_journal
from hwlearn.experiments.runs.json_files import read_json, write_json
from hwlearn.experiments.runs.origin import as_made, reread, to_go_on_with
from hwlearn.experiments.runs.records import Info, Result, check_snapshot
from hwlearn.experiments.runs.trajectory import read_trajectory
from hwlearn.files import create
from hwlearn.learning.classification import Classification
from hwlearn.learning.classifier import Classifier
from hwlearn.learning.rules import RULES
from hwlearn.learning.trajectory import Trajectory
from hwlearn.locks import Busy, Lock
from hwlearn.network import Network
from hwlearn.progress import asked_for


class Run:
    """A run folder: `experiment.toml` as it was read, and

    run.json: the experiment's path, overrides and fingerprint, versions, platform, commit, date.
    journal.jsonl: every step and event (`hwlearn.experiments.runs.journal`).
    trajectory.npy: conductances, codes and outputs along the run (`hwlearn.experiments.runs.trajectory`).
    checkpoint.npz, latest.npy: what the run goes on from (`hwlearn.experiments.runs.checkpoint`).
    files/: what the experiment names, as it was read (`hwlearn.experiments.runs.copies`).
    result.json, trained.cir: once the run has stopped.

    Make one with `Run.create`, open one with `Run.load`.

    Attributes:
        folder: the path. info: content of run.json. trust, trust_code: see `load_experiment`; never read from the folder.
    """

    def __init__(
        self,
        folder: Path,
        info: dict[str, Any],
        experiment: Experiment | None = None,
        *,
        trust: bool = False,
        trust_code: bool = False,
    ) -> None:
        self.folder, self.info, self.trust, self.trust_code = folder, info, trust, trust_code
        if experiment is not None:
            self.experiment = experiment

    def __repr__(self) -> str:
        what = f"{self.settings['rule.name']} on {self.settings['backend.name']}"
        try:
            state = self.state
        except ExperimentError:
            state = "damaged"
        return f"<Run {self.folder}: {self.info['title']}, {what}, {state}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return shown(self, "run_html")

    @classmethod
    def create(cls, folder: str | PathLike[str], experiment: Experiment, *, kept: Kept | None = None) -> Run:
        """A new folder for an experiment that fits together.

        Args:
            folder: the path. experiment: what is trained.
            kept: the files that the experiment names, where a store has them already; the folder keeps them if not given.

        Raises:
            ExperimentError: the folder holds something already, or cannot be made; the experiment does not fit together.
        """
        folder = Path(folder)
        try:
            str(experiment.path.absolute()).encode()
        except UnicodeEncodeError:
            raise ExperimentError(f"{experiment.path!r}: not UTF-8; rename the file or its folder") from None
        info = {
            "title": experiment.network.title,
            **_experiment_of(experiment),
            **environment(experiment.path.parent),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        make_folder(folder)
        with refusing_to_lose(folder):
            create(folder / "experiment.toml", experiment.source)
        if kept is None:
            kept = Kept("files", Store(folder / "files").keep(experiment.sources))
        info |= {"store": kept.place, "files": dict(kept.hashes)}
        write_json(folder / "run.json", info)
        return cls(folder, info, experiment, trust=experiment.trust, trust_code=experiment.trust_code)

    @classmethod
    def load(
        cls,
        folder: str | PathLike[str],
        experiment: str | PathLike[str] | None = None,
        *,
        trust: bool = False,
        trust_code: bool = False,
    ) -> Run:
        """A run folder as it is, running or not.

        Args:
            folder: the path.
            experiment: the experiment file, if it has moved.
            trust, trust_code: see `load_experiment`; whether the run was made with trust does not matter.

        Raises:
            ExperimentError: not a run folder.
        """
        folder = Path(folder)
        info = read_json(folder / "run.json", Info)
        if info is None:
            why = "it has no run.json" if folder.is_dir() else "there is no such folder"
            raise ExperimentError(f"{folder}: not a run folder: {why}; `hwlearn runs` lists those below runs/")
        info = info if experiment is None else {**info, "experiment": str(Path(experiment).absolute()), "files": {}}
        return cls(folder, info, trust=trust, trust_code=trust_code)

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment as the run was made from it, by the copies of its files, whatever has become of these.

        A run without copies reads the files themselves again.

        Raises:
            ExperimentError: a file is not there any more, or describes another network or task by now.
        """
        return as_made(self, "network", "task")

    @property
    def loss_unit(self) -> str:
        """Of the loss that the rule observes."""
        return str(self.info.get("loss_unit") or RULES.get(self.settings["rule.name"]).loss_unit)

    @property
    def settings(self) -> dict[str, Any]:
        """The experiment's keys as the run used them, such as "train.steps"."""
        return dict(self.info["fingerprint"]["settings"])

    @property
    def continuous(self) -> bool:
        """Whether the run is a flow, its steps told by times."""
        return "flow.t_end" in self.settings

    @property
    def step_key(self) -> str:
        """Key of a step's place in journal and checkpoint."""
        return "t" if self.continuous else "step"

    @cached_property
    def history(self) -> History:
        """Steps and events so far; read once."""
        return read_journal(self.folder / "journal.jsonl", self.step_key)

    @cached_property
    def checkpoint(self) -> Mapping[str, Array] | None:
        """What the run goes on from; None before the first step."""
        path = self.folder / "checkpoint.npz"
        snapshot = load_checkpoint(path, self.folder / "latest.npy")
        if snapshot is not None:
            check_snapshot(path, snapshot, self.step_key)
        return snapshot

    @cached_property
    def trajectory(self) -> Trajectory | None:
        """What the circuit was along the run, thinned; None of runs of earlier versions, and with `trajectory = 0`."""
        return read_trajectory(self.folder / "trajectory.npy")

    def trajectory_of(self, network: Network) -> Trajectory | None:
        """The trajectory, once it is known to be one of the run's network.

        Raises:
            ExperimentError: it has other edges.
        """
        found = self.trajectory
        if found is not None and found.conductances.shape[1] != len(network.edges):
            raise ExperimentError(f"{self.folder / 'trajectory.npy'}: damaged: it is of {found.conductances.shape[1]} edges")
        return found

    @cached_property
    def result(self) -> dict[str, Any] | None:
        """Content of result.json, as `hwlearn train --json` prints it. None while the run goes on, or if it was killed."""
        return read_json(self.folder / "result.json", Result)

    @property
    def state(self) -> str:
        """Why it stopped; "running" while a process is on it, "killed" if that was cut off."""
        if self.result is not None:
            return str(self.result["stopped_because"])
        lock = self.folder / LOCK
        try:
            if lock.exists():
                with Lock(lock):
                    pass
        except Busy:
            return "running"
        except OSError:
            pass  # nobody can be at work where the lock cannot be taken
        return "killed"

    @property
    def outputs(self) -> Array | None:
        """(S, n_out) V, measured when the run stopped, NaN where the circuit did not answer; None before that."""
        if self.result is None:
            return None
        outputs = np.array(self.result["outputs"], dtype=np.float64)
        if outputs.shape != (shape := self.experiment.task.targets.shape):
            raise ExperimentError(f"{self.folder / 'result.json'}: damaged: outputs {outputs.shape} of a task of {shape}")
        return outputs

    @property
    def network(self) -> Network:
        """The network with the conductances that the run has reached.

        Raises:
            ExperimentError: see `experiment`.
        """
        return self._trained(self.experiment.network)

    def _trained(self, network: Network) -> Network:
        if self.result is not None:
            found: dict[str, float] = self.result["conductances"]
            if tuple(found) != network.edge_names:
                raise ExperimentError(
                    f"{self.folder / 'result.json'}: damaged: conductances of other edges than the network has"
                )
            return network.with_found(np.array(list(found.values())))
        if self.checkpoint is None:
            return network
        if len(self.checkpoint["wanted"]) != len(network.edges):
            raise ExperimentError(
                f"{self.folder / 'checkpoint.npz'}: damaged: it has not the {len(network.edges)} edges of the network"
            )
        return network.with_conductances(self.checkpoint["wanted"])

    def predict(self, features: ArrayLike, backend: str = "exact") -> NDArray[Any]:
        """(S,) the labels that the circuit, as far as it is trained, gives samples (S, n); the data files are not needed.

        Args:
            features: in the order and the units of the data that it was trained with.
            backend: by name, with its keys of the experiment file; the exact model if not given, without imperfections.

        Raises:
            ExperimentError: the task of the run has no classes, or its network cannot be read any more.
            TaskError: features that are no finite numbers, or another number of them.
        """
        kept = self.info.get("classifier")
        if kept is None:
            raise ExperimentError(f"{self.folder}: its task has no labels, so that there is nothing to predict")
        now = as_made(self, "network")
        with now.named():
            made = now.backend(backend).circuit(self._trained(now.network), now.path.parent)
        with made as circuit:
            return Classifier.from_dict(kept)(circuit, features)

    def go(self, progress: Progress | Literal[True] | None = None, scored: OnScore | None = None) -> Outcome:
        """Train, from the start or from where the run was cut off, and write result.json and trained.cir.

        Args:
            progress: see `run_experiment`; True shows a bar, on a terminal and in a notebook.
            scored: see `run_experiment`.

        Raises:
            ExperimentError: another process is on this run; a file cannot be written, the last checkpoint is whole.
            MeasurementError, KeyboardInterrupt: before the first step was made.
        """
        with asked_for(progress, self.loss_unit) as told:
            return go(self, self.experiment, self.info, told, scored)

    def resume(
        self,
        progress: Progress | Literal[True] | None = None,
        scored: OnScore | None = None,
        *,
        changed: bool = False,
        overrides: Mapping[str, Any] | None = None,
        experiment: Experiment | None = None,
    ) -> Outcome | None:
        """Go on where the run was cut off, or further.

        A run on the exact model ends with the same numbers as one that was never cut off.

        Args:
            progress, scored: see `go`.
            changed: go on with the files as they are now, instead of as they were.
            overrides: keys that shall be other from here on, such as {"train.steps": 5000}.
            experiment: for callers who have read it already, with `overrides`. A file that has moved is named to `load`.

        Returns:
            None if there is nothing left to do.

        Raises:
            ExperimentError: the experiment or what it names has changed; as in `go`. Nothing is written then.
        """
        self.forget()
        given = dict(overrides or {})
        now = experiment or reread(self, given, None if changed else to_go_on_with(self))
        if not further(self, now, given, changed=changed):
            return None
        info = self.info | _experiment_of(now)
        with asked_for(progress, now.rule.loss_unit) as told:
            return go(self, now, info, told, scored)

    def forget(self) -> None:
        """Read the files again when next asked for: they have changed."""
        for name in ("history", "checkpoint", "trajectory", "result"):
            self.__dict__.pop(name, None)


def _experiment_of(experiment: Experiment) -> dict[str, Any]:
    """What run.json says of the experiment, with what classifies samples without its data."""
    task = experiment.task
    return {
        "experiment": str(experiment.path.absolute()),
        "overrides": dict(experiment.overrides),
        "loss_unit": experiment.rule.loss_unit,
        "fingerprint": fingerprint(experiment),
        **({"classifier": Classifier.of(task).as_dict()} if isinstance(task, Classification) else {}),
    }

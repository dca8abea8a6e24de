"""`Run`: a training and its folder."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from os import PathLike
from os.path import isfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.display import shown
from hwlearn.errors import ExperimentError, HwlearnWarning
from hwlearn.experiments import Experiment, Outcome, load_experiment, run_experiment
from hwlearn.experiments.cost import cost_of
from hwlearn.experiments.execution import Earlier, OnScore, Progress
from hwlearn.experiments.files import LOCK, alone_in, make_folder
from hwlearn.experiments.runs.checkpoint import Checkpoint, load_checkpoint
from hwlearn.experiments.runs.copies import Kept, OrFiles, Store, hashes_of, other_than
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.experiments.runs.environment import environment
from hwlearn.experiments.runs.export import driven
from hwlearn.experiments.runs.fingerprint import ONE_OF, differences, fingerprint, is_comparable, unlike
from hwlearn.experiments.runs.journal import History, Journal, read_journal
from hwlearn.experiments.runs.recorder import Recorder
from hwlearn.experiments.runs.records import Info, Record, Result, check_snapshot, read_record
from hwlearn.experiments.runs.trajectory import TrajectoryFile, read_trajectory
from hwlearn.files import create, on_disk, read, replace
from hwlearn.learning.classification import Classification
from hwlearn.learning.classifier import Classifier
from hwlearn.learning.rules import RULES
from hwlearn.learning.trajectory import Trajectory
from hwlearn.locks import Busy, Lock
from hwlearn.network import Network
from hwlearn.progress import asked_for

DONE = ("steps", "loss", "time", "event", "callback", "not finite")
"""Reasons to stop after which there is nothing to go on with."""


class Run:
    """A run folder: `experiment.toml` as it was read, and

    run.json: the experiment's path, overrides and fingerprint, versions, platform, commit, date.
    journal.jsonl: every step and event (`hwlearn.experiments.runs.journal`).
    trajectory.npy: conductances, codes and outputs along the run (`hwlearn.experiments.runs.trajectory`).
    checkpoint.npz, latest.npy: what the run goes on from (`hwlearn.experiments.runs.checkpoint`).
    files/: what the experiment names, as it was read (`hwlearn.experiments.runs.copies`).
    result.json, trained.cir: once the run has stopped.

    Make one with `Run.create`, open one with `Run.load`. In one piece, since each way to look at a folder or to go on with it
    needs the same few files.

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
            "experiment": str(experiment.path.absolute()),
            "overrides": dict(experiment.overrides),
            "title": experiment.network.title,
            "loss_unit": experiment.rule.loss_unit,
            "fingerprint": fingerprint(experiment),
            **_classifier(experiment),
            **environment(experiment.path.parent),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        make_folder(folder)
        with refusing_to_lose(folder):
            create(folder / "experiment.toml", experiment.source)
        if kept is None:
            kept = Kept("files", Store(folder / "files").keep(experiment.sources))
        info |= {"store": kept.place, "files": dict(kept.hashes)}
        _write_json(folder / "run.json", info)
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
        info = _read_json(folder / "run.json", Info)
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
        now = self._read({}, self._copies)
        self._compare(now, "network", "task")
        return now

    @property
    def _copies(self) -> dict[str, bytes] | None:
        """What the files held, by absolute path; None of a run that has not kept them."""
        hashes: dict[str, str] = self.info.get("files", {})
        return Store(self.folder / self.info.get("store", "files")).copies(hashes) if hashes else None

    def _compare(self, now: Experiment, *names: str) -> None:
        """Refuse an experiment whose network, or task, is not that of the run.

        Raises:
            ExperimentError: says which.
        """
        path = now.path
        if other := unlike(self.info["fingerprint"], now, *names):
            raise ExperimentError(
                f"{self.folder}: {path} is not what the run was made with: the {' and the '.join(other)} changed; name the "
                "file as it was by --experiment FILE"
            )
        if not is_comparable(self.info["fingerprint"]):
            if self.result is not None and [*self.result["conductances"]] != list(now.network.edge_names):
                raise ExperimentError(
                    f"{self.folder}: {path} has other edges than the run; name the file as it was by --experiment FILE"
                )
            version = self.info["versions"]["hwlearn"]
            warnings.warn(
                f"{self.folder}: made by an earlier hwlearn ({version}): its network is taken to be that of {path} now",
                HwlearnWarning,
                stacklevel=3,
            )

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
    def _step(self) -> str:
        """Key of a step's place in journal and checkpoint."""
        return "t" if self.continuous else "step"

    @cached_property
    def history(self) -> History:
        """Steps and events so far; read once."""
        return read_journal(self.folder / "journal.jsonl", self._step)

    @cached_property
    def checkpoint(self) -> Mapping[str, Array] | None:
        """What the run goes on from; None before the first step."""
        path = self.folder / "checkpoint.npz"
        snapshot = load_checkpoint(path, self.folder / "latest.npy")
        if snapshot is not None:
            check_snapshot(path, snapshot, self._step)
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
        return _read_json(self.folder / "result.json", Result)

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
        now = self._read({}, self._copies)
        self._compare(now, "network")
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
            return self._go(self.experiment, self.info, told, scored)

    def _go(self, experiment: Experiment, info: dict[str, Any], progress: Progress | None, scored: OnScore | None) -> Outcome:
        """Train an experiment; `info` is what run.json shall say from its first step on."""
        with alone_in(self.folder, "run"), ExitStack() as stack:
            earlier = self._earlier()

            def opened() -> tuple[Journal, TrajectoryFile, Checkpoint]:
                if info is not self.info:
                    self._go_over_to(experiment, info)
                journal = Journal(self.folder / "journal.jsonl", self._step)
                stack.callback(journal.close)
                rows = experiment.settings.schedule.rows
                trajectory = TrajectoryFile(self.folder / "trajectory.npy", self._step, rows)
                stack.callback(trajectory.close)
                checkpoint = Checkpoint(self.folder / "checkpoint.npz", self.folder / "latest.npy")
                stack.callback(checkpoint.close)
                stack.enter_context(journal.noting_warnings())
                if earlier is not None:
                    checkpoint.save(earlier.snapshot, whole=True)
                    journal.event("resume", **{self._step: earlier.snapshot[self._step].item()}, **environment(self.folder))
                return journal, trajectory, checkpoint

            outcome = run_experiment(experiment, progress, Recorder(opened, earlier), scored)
            outcome = self._with_cost(experiment, outcome)
            self._write(outcome)
        for name in ("history", "checkpoint", "trajectory", "result"):
            self.__dict__.pop(name, None)
        return outcome

    def _with_cost(self, experiment: Experiment, outcome: Outcome) -> Outcome:
        """The outcome with what a model would have cost on a bench; without, where nothing tells it."""
        along = read_trajectory(self.folder / "trajectory.npy")
        if outcome.ledger is not None or outcome.error is not None or along is None:
            return outcome
        return dataclasses.replace(outcome, ledger=cost_of(experiment, along))

    def _go_over_to(self, experiment: Experiment, info: dict[str, Any]) -> None:
        """From here on the folder is that of this experiment, and has not ended."""
        with refusing_to_lose(self.folder):
            (self.folder / "result.json").unlink(missing_ok=True)
            replace(self.folder / "experiment.toml", experiment.source)
        if not hashes_of(experiment.sources).items() <= dict(self.info.get("files", {})).items():
            info |= {"store": "files", "files": Store(self.folder / "files").keep(experiment.sources)}
        _write_json(self.folder / "run.json", info)
        self.experiment, self.info = experiment, info

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
        given = dict(overrides or {})
        now = experiment or self._read(given, None if changed else self._to_go_on_with())
        path = now.path.absolute()
        new, old = fingerprint(now), self.info["fingerprint"]
        if old.get("wiring") != new.get("wiring"):
            raise ExperimentError(
                f"{self.folder}: the bench is wired otherwise than when the run began, and its codes would mean other "
                "resistors; start a new run"
            )
        if ("flow.t_end" in new["settings"]) != self.continuous:
            raise ExperimentError(f"{self.folder}: steps do not go on as a flow, nor a flow in steps; start a new run")
        found = differences(old, new, given)
        if found and not changed:
            raise ExperimentError(
                f"{self.folder}: {path} is not what the run began with: {'; '.join(found)}; --changed goes on with it"
            )
        if self.checkpoint is not None and len(self.checkpoint["wanted"]) != len(now.network.edges):
            raise ExperimentError(f"{self.folder}: the network has {len(now.network.edges)} edges now; start a new run")
        if self.result is not None and self.state in DONE and not found and (not given or self._reached(now)):
            return None
        info = {
            **self.info,
            "experiment": str(path),
            "overrides": dict(now.overrides),
            "fingerprint": new,
            "loss_unit": now.rule.loss_unit,
            **_classifier(now),
        }
        with asked_for(progress, now.rule.loss_unit) as told:
            return self._go(now, info, told, scored)

    def _reached(self, experiment: Experiment) -> bool:
        """Whether the run is as far as the experiment says by now.

        Raises:
            ExperimentError: it is further.
        """
        key, wanted = _wanted(experiment)
        done = float(self.checkpoint[self._step]) if self.checkpoint is not None else 0.0
        if wanted < done:
            raise ExperimentError(
                f"{self.folder}: {key} asks for {wanted:g}, but the run has come to {done:g}; nothing was changed"
            )
        return wanted == done

    def _to_go_on_with(self) -> dict[str, bytes] | None:
        """The copies, or files where there is none. None where the files themselves are to be read.

        These are read for runs without copies; and on a bench, whose wiring and limits are what the station file says by now:
        copies stand for what is gone there.
        """
        copies = self._copies
        if copies is None:
            return None
        others = other_than(self.info["files"])
        if "wiring" in self.info["fingerprint"]:
            there = {name: on_disk(Path(name)) for name in copies if isfile(name)}
            if len(there) == len(copies):
                return None
            copies, others = copies | there, [name for name in others if name not in there]
        if others:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            note = (
                f"{others[0]}{more} changed or gone since: the run goes on with its copies; --changed takes files as they are"
            )
            warnings.warn(f"{self.folder}: {note}", HwlearnWarning, stacklevel=3)
        return OrFiles(copies)

    def _read(self, overrides: Mapping[str, Any], copies: Mapping[str, bytes] | None) -> Experiment:
        """The experiment file, which is what any file is that was named on the command line: by copies, or as it is now."""
        path = Path(self.info["experiment"])
        if copies is None and not path.is_file():
            gone = f"{self.folder}: its experiment file {path} is not there any more"
            if self.info.get("store") == "../files":
                gone += f", nor the sweep's copies in {self.folder.parent / 'files'}: move the sweep's folder whole"
            raise ExperimentError(f"{gone}; name it by --experiment FILE")
        stale = ONE_OF if ONE_OF & overrides.keys() else set()
        given = {**{key: value for key, value in self.info["overrides"].items() if key not in stale}, **overrides}
        return load_experiment(path, given, trust=self.trust, trust_code=self.trust_code, copies=copies)

    def _earlier(self) -> Earlier | None:
        """What the run has done, up to its checkpoint."""
        start, snapshot = self.history.last("start"), self.checkpoint
        if start is None or snapshot is None:
            return None
        history = self.history
        history.take_back(float(snapshot[self._step]))
        seconds = history.seconds[-1] if history.seconds else 0.0
        first = math.nan if start["loss_initial"] is None else start["loss_initial"]
        return Earlier(first, tuple(history.at), tuple(history.losses), seconds, snapshot, tuple(history.scores))

    def _write(self, outcome: Outcome) -> None:
        """trained.cir, driven by the first sample, and result.json last: who finds it finds a whole run."""
        netlist = driven(outcome.network, outcome.inputs[0]).to_netlist()
        with refusing_to_lose(self.folder / "trained.cir"):
            replace(self.folder / "trained.cir", netlist.encode())
        _write_json(self.folder / "result.json", outcome.as_dict())


def _wanted(experiment: Experiment) -> tuple[str, float]:
    """The key that says how far a run goes, and how far, in steps or seconds."""
    settings = experiment.settings
    if settings.flow is not None:
        return "flow.t_end", settings.flow.t_end
    assert settings.train is not None
    key = "train.steps" if settings.train.epochs is None else "train.epochs"
    return key, settings.train.updates(len(experiment.task))


def _classifier(experiment: Experiment) -> dict[str, Any]:
    """What run.json keeps, so that a run can classify without its data."""
    task = experiment.task
    return {"classifier": Classifier.of(task).as_dict()} if isinstance(task, Classification) else {}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    with refusing_to_lose(path):
        replace(path, text.encode())


def _read_json(path: Path, kind: type[Record]) -> dict[str, Any] | None:
    try:
        content = read(path)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise ExperimentError(f"{path.parent}: is a file and no run folder, such as hwlearn train leaves") from None
    except OSError as error:
        raise ExperimentError(f"{path}: cannot be read: {error.strerror}") from None
    return read_record(path, content, kind)

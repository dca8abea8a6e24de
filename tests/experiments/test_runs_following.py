"""A run is followed while it is written: the same as the whole journal tells, without a lock."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.errors import ExperimentError, SimulationError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.experiments.runs.following import Following

KITE = Path(__file__).parents[2] / "netlists" / "kite.toml"
KEPT = {"train.steps": 12, "train.stop_loss": 1e-30}


def told(history):
    return [history.at, history.losses, history.clipped, history.seconds, [event["event"] for event in history.events]]


def expected(lines):
    """Steps and events of whole lines, taken one by one from the text."""
    at, losses, clipped, seconds, events = [], [], [], [], []
    for line in map(json.loads, lines):
        if "event" in line:
            events.append(line["event"])
            while line["event"] == "resume" and at and at[-1] >= line["step"]:
                for column in (at, losses, clipped, seconds):
                    column.pop()
            continue
        at.append(line["step"])
        losses.append(line["loss"])
        clipped.append(line["clipped"])
        seconds.append(line["time"])
    return [at, losses, clipped, seconds, events]


def interrupted(folder):
    """A run of twelve steps that was cut off after seven, and resumed."""
    run = Run.create(folder, load_experiment(KITE, KEPT))
    seen = iter(range(8))
    run.go(lambda *_: next(seen, None) is None and (_ for _ in ()).throw(KeyboardInterrupt))
    run.resume()
    return run


def test_every_beginning_of_a_journal_is_followed(tmp_path):
    run = interrupted(tmp_path / "run")
    journal = run.folder / "journal.jsonl"
    whole = journal.read_bytes()
    cuts = np.unique(np.linspace(0, len(whole), 60).astype(int))
    journal.write_bytes(b"")
    following = Following(lambda: Run.load(run.folder))
    for cut in cuts:
        journal.write_bytes(whole[:cut])
        following.look()
        assert told(following.history) == expected(whole[:cut].split(b"\n")[:-1])
    assert following.stopped_because == "steps"
    assert not following.look()


def test_a_line_that_is_torn_by_a_crash_and_cut_off_is_not_read_twice(tmp_path):
    run = interrupted(tmp_path / "run")
    journal = run.folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:4]) + lines[4][:9])
    following = Following(lambda: Run.load(run.folder))
    following.look()
    journal.write_bytes(b"".join(lines[:4]))
    following.look()
    journal.write_bytes(b"".join(lines))
    following.look()
    assert told(following.history) == expected(lines)


def test_a_journal_that_is_another_runs_is_read_from_its_beginning(tmp_path):
    run = interrupted(tmp_path / "run")
    following = Following(lambda: Run.load(run.folder))
    following.look()
    journal = run.folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:3]))
    following.look()
    assert told(following.history) == expected(lines[:3])
    assert following.stopped_because is None


def test_it_sees_what_the_checkpoint_has_and_the_settings_of_a_resume(tmp_path):
    run = interrupted(tmp_path / "run")
    following = Following(lambda: Run.load(run.folder))
    following.look()
    np.testing.assert_array_equal(following.conductances, list(run.result["conductances"].values()))
    run.resume(overrides={"train.steps": 15})
    assert following.run.settings["train.steps"] == 12
    assert following.look()
    assert following.run.settings["train.steps"] == 15
    assert following.history.at[-1] == 15


def test_neither_a_lock_nor_a_file_is_touched(tmp_path, monkeypatch):
    run = interrupted(tmp_path / "run")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.folder.iterdir() if path.is_file()}

    def refused(*_):
        raise AssertionError("a lock was taken")

    for name in ("flock", "lockf", "fcntl"):
        monkeypatch.setattr(f"fcntl.{name}", refused)
    following = Following(lambda: Run.load(run.folder))
    following.look()
    assert following.stopped_because == "steps"
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.folder.iterdir() if path.is_file()}
    assert after == before


def test_a_damaged_line_is_named(tmp_path):
    run = interrupted(tmp_path / "run")
    following = Following(lambda: Run.load(run.folder))
    following.look()
    with (run.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"step": -1}\n')
    count = (run.folder / "journal.jsonl").read_bytes().count(b"\n")
    with pytest.raises(ExperimentError, match=f"line {count}"):
        following.look()


def test_the_journal_keeps_what_was_refused_and_why_it_ended(tmp_path, monkeypatch):
    answers, count = ExactCircuit._answers, iter(range(100))

    def failing(self, inputs):
        number = next(count)
        if number == 3:
            logging.getLogger("hwlearn.lab.bench.attempts").warning("daq:101: unsteady; made again")
        if number > 5:
            raise SimulationError("the cable\nis out")
        return answers(self, inputs)

    run = Run.create(tmp_path / "run", load_experiment(KITE, KEPT))
    monkeypatch.setattr(ExactCircuit, "_answers", failing)
    run.go()
    logging.getLogger("hwlearn").warning("after the run")
    events = Run.load(run.folder).history.events
    assert [event["event"] for event in events] == ["start", "warning", "end"]
    assert events[1]["text"] == "daq:101: unsteady; made again"
    assert events[2]["error"] == "the cable is out"

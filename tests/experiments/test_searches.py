"""Searches of a design: the same on one core and on two, and gone on with where they were cut off."""

import json
import subprocess
import sys

import numpy as np
import pytest
from processes import ENVIRONMENT

from hwlearn import Task
from hwlearn.analysis.design.pareto import front
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import judge
from hwlearn.errors import ExperimentError
from hwlearn.experiments import searches
from hwlearn.experiments.designs import load_design
from hwlearn.experiments.files import alone_in_new, make_folder
from hwlearn.experiments.searches import KEPT, Kept, Restart, search_design

DESIGN = """
[design]
nodes = 6
edges = 8
restarts = 2
objective = ["steps", "power"]
[ports]
inputs = ["a", "b"]
outputs = ["p", "q"]
[task]
inputs = [[0.0, 1.0]]
targets = [[0.3, 0.6]]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "task.toml"
    path.write_text(DESIGN)
    return path


def told(designs, beside):
    parts = [[one.ends.tolist(), one.course.steps, one.condition] for one in designs]
    return parts, beside.tried, [[one.ends.tolist(), one.course.steps] for one in beside.found]


def test_two_processes_find_what_one_finds(file):
    settings, problem = load_design(file)
    one, two = (told(*search_design(settings, problem, None, 4, jobs)) for jobs in (1, 2))
    assert one == two
    alone = front(problem, settings.design.objectives, restarts=2)
    assert [design.ends.tolist() for design in alone] == [ends for ends, *_ in one[0]]


def test_a_killed_design_goes_on_from_its_folder(file, tmp_path, monkeypatch):
    settings, problem = load_design(file)
    whole = told(*search_design(settings, problem, None, 2, 1))
    climb, begun = searches.climb, []

    def dying(problem, seed, number):
        if len(begun) == 3:
            raise KeyboardInterrupt
        begun.append((problem.objective, number))
        return climb(problem, seed, number)

    monkeypatch.setattr(searches, "climb", dying)
    with pytest.raises(KeyboardInterrupt):
        search_design(settings, problem, Kept(tmp_path / "out", settings), 2, 1)
    lines = [json.loads(line) for line in (tmp_path / "out" / KEPT).read_text().splitlines()]
    assert [(line["objective"], line["restart"]) for line in lines[1:]] == begun
    again = []
    monkeypatch.setattr(searches, "climb", lambda *of: again.append(of[0].objective) or climb(*of))
    assert told(*search_design(settings, problem, Kept(tmp_path / "out", settings), 2, 1)) == whole
    assert again == ["power"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("0.6]]", "0.5]]", "that of another design file"), ("edges = 8", "edges = 7", "that of another design file")],
)
def test_a_folder_of_another_task_is_refused(file, tmp_path, old, new, words):
    Kept(tmp_path / "out", load_design(file)[0])
    file.write_text(DESIGN.replace(old, new))
    with pytest.raises(ExperimentError, match=words):
        Kept(tmp_path / "out", load_design(file)[0])


@pytest.mark.parametrize(("name", "content"), [("notes.txt", "mine"), (KEPT, "{")])
def test_a_folder_that_holds_something_else_is_refused(file, tmp_path, name, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(content)
    with pytest.raises(ExperimentError, match="out"):
        Kept(tmp_path / "out", load_design(file)[0])
    assert (tmp_path / "out" / name).read_text() == content


def test_restarts_begin_from_different_graphs(file):
    _, problem = load_design(file)
    first, second = (searches.climb(problem, 0, k)[0] for k in (0, 1))
    assert not np.array_equal(first.ends, second.ends)


STUCK = """
import itertools, sys, time
from hwlearn.experiments import searches
climb, begun = searches.climb, itertools.count()

def stuck(*of):
    if next(begun) == 2:
        print("stuck", flush=True)
        time.sleep(1000)
    return climb(*of)

searches.climb = stuck
from hwlearn.cli import main
main()
"""
"""`hwlearn …` whose third restart never ends."""


def test_kill_9_costs_no_search_that_has_ended_and_nobody_else_writes_there(file, tmp_path):
    file.write_text(DESIGN.replace("restarts = 2", "restarts = 4").replace('["steps", "power"]', '"steps"'))
    out = tmp_path / "out"
    command = [sys.executable, "-c", STUCK, "design", file, "--out", out, "--random", "2", "--jobs", "1", "--json"]
    first = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, env=ENVIRONMENT, text=True)
    try:
        assert first.stdout.readline() == "stuck\n"
        with (
            pytest.raises(ExperimentError, match="out: another process is at work on this design"),
            Kept.of(out, load_design(file)[0]),
        ):
            pass
    finally:
        first.kill()
        first.communicate()
    ended = (out / KEPT).read_text().splitlines()
    assert len(ended) == 3
    settings, problem = load_design(file)
    whole = told(*search_design(settings, problem, None, 2, 1))
    with Kept.of(out, settings) as kept:
        assert told(*search_design(settings, problem, kept, 2, 1)) == whole
        assert (out / KEPT).read_text().splitlines()[: len(ended)] == ended
        assert len((out / KEPT).read_text().splitlines()) == 5
    assert list(out.iterdir()) == []


def test_a_folder_in_which_a_pruning_is_at_work_is_left_alone(tmp_path):
    with (
        alone_in_new(tmp_path / "out", "design"),
        pytest.raises(ExperimentError, match="out: another process is at work on this design"),
        alone_in_new(tmp_path / "out", "design"),
    ):
        pass
    make_folder(tmp_path / "out")


def test_what_was_found_among_few_steps_is_found_again(file, tmp_path):
    """The learning rates of a course are tried up to the steps of the best design before, so it may hang on these."""
    settings, _ = load_design(file)
    random = np.random.default_rng(5)
    task = Task(np.column_stack((random.random((12, 2)), np.ones(12))), random.uniform(0.2, 0.8, (12, 2)))
    problem = Problem.of(task, ["a", "b", "c"], ["p", "q"], nodes=7, edges=11, loss=0.046866436256454994)
    restart = Restart(problem, 5, 0)
    found, _ = restart.found()
    assert judge(problem, found.start).course.steps != found.course.steps
    Kept(tmp_path / "out", settings).add(restart, found)
    again = Kept(tmp_path / "out", settings).designs([restart])[0]
    assert again.course.steps == found.course.steps
    np.testing.assert_array_equal(again.solution.conductances, found.solution.conductances)

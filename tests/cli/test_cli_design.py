"""`hwlearn design`: what it leaves is trained as it is, in as many steps as it says, on the exact model and in ngspice."""

import json
import re

import networkx
import pytest
from typer.testing import CliRunner

from hwlearn.analysis.design.candidates import crossbar_pairs
from hwlearn.cli import app
from hwlearn.errors import ExperimentError, ModelError
from hwlearn.experiments.designs import load_design

DESIGN = """
[design]
nodes = 8
edges = 14
restarts = 1
[ports]
inputs = ["a", "b"]
outputs = ["t1", "t2", "t3"]
[task]
inputs = [[0.0, 1.0]]
targets = [[0.3, 0.6, 0.45]]
[rule]
name = "RULE"
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("rule", ["ep", "cl", "al"])
def test_a_design_is_trained_as_it_is(tmp_path, monkeypatch, rule):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.toml").write_text(DESIGN.replace("RULE", rule))
    result = run("design", "task.toml", "--out", "found", "--random", 4, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert len(told["edges"]) == len(told["conductances"]) == 14
    assert told["steps_predicted"] < told["random"]["median"]
    page = (tmp_path / "found" / "report.html").read_text()
    assert f"After: {told['steps_predicted']} steps" in page
    assert page.count('src="data:image/png') == 4
    for backend in ("exact", "ngspice"):
        trained = json.loads(run("train", "found/design.toml", "--backend", backend, "--no-save", "--json").stdout)
        assert trained["stopped_because"] == "loss"
        assert trained["steps"] == pytest.approx(told["steps_predicted"], rel=0.1, abs=1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("edges = 14", "edges = 3", "edges = 3: 6 to 27 join 8 nodes by the candidates"),
        ("nodes = 8", "nodes = 4", "nodes = 4: ports and candidates name 5 nodes already"),
        ('inputs = ["a", "b"]', 'inputs = ["I(a)", "b"]', "a design is driven by voltages from node to ground"),
        ("[[0.3, 0.6, 0.45]]", "[[0.3, 0.6, 1.45]]", "no design reaches the targets"),
        ("[[0.3, 0.6, 0.45]]", "[[0.3, 0.6]]", "task: 2 target values per sample for 3 ports"),
    ],
)
def test_what_cannot_be_designed_is_refused_with_the_reason(tmp_path, monkeypatch, old, new, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.toml").write_text(DESIGN.replace("RULE", "ep").replace(old, new))
    result = run("design", "task.toml")
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize("candidates", ['"grid"', '"board.cir"'])
def test_candidates_are_kept_to(tmp_path, monkeypatch, candidates):
    monkeypatch.chdir(tmp_path)
    pairs = [("a", "t1"), ("a", "t2"), ("t1", "t2"), ("t2", "b"), ("t3", "b"), ("t1", "t3"), ("a", "t3"), ("t1", "b")]
    lines = [f"R{k} {one} {two} 1k" for k, (one, two) in enumerate(pairs)]
    (tmp_path / "board.cir").write_text("\n".join(["board", "Va a 0 1", "Vb b 0 0", *lines, ".end", ""]))
    text = DESIGN.replace("RULE", "ep").replace("edges = 14", f"edges = 7\ncandidates = {candidates}")
    (tmp_path / "task.toml").write_text(text.replace("nodes = 8", f"nodes = {5 if 'board' in candidates else 8}"))
    result = run("design", "task.toml", "--random", 2, "--json", "--jobs", 1)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert len(told["edges"]) == 7
    if "board" in candidates:
        assert {frozenset(pair) for pair in told["edges"]} <= {frozenset(pair) for pair in pairs}


def test_a_crossbar_joins_each_layer_with_the_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = DESIGN.replace("RULE", "ep").replace("edges = 14", 'edges = 12\ncandidates = "crossbar"')
    (tmp_path / "task.toml").write_text(text)
    found = json.loads(run("design", "task.toml", "--random", 1, "--json", "--jobs", 1).stdout)["edges"]
    row = {"a": 0, "b": 0, "t1": 2, "t2": 2, "t3": 2}
    assert len(found) == 12
    assert all(abs(row.get(one, 1) - row.get(two, 1)) == 1 for one, two in found)


def test_layers_of_a_crossbar_have_all_nodes_between():
    pairs = crossbar_pairs(["a", "b"], ["p"], 8, [3, 2])
    assert len(pairs) == 2 * 3 + 3 * 2 + 2
    assert crossbar_pairs(["a", "b"], ["p"], 3) == [("a", "p"), ("b", "p")]
    with pytest.raises(ModelError, match=r"layers = \[3\]: 3 nodes for 5 of 8 that are no ports"):
        crossbar_pairs(["a", "b"], ["p"], 8, [3])


@pytest.mark.parametrize("ending", ["graphml", "gml", "edgelist", "adjlist"])
def test_candidates_may_be_a_graph_file(tmp_path, monkeypatch, ending):
    monkeypatch.chdir(tmp_path)
    pairs = [("a", "t1"), ("a", "t2"), ("t1", "t2"), ("t2", "b"), ("t3", "b"), ("t1", "t3"), ("a", "t3"), ("t1", "b")]
    getattr(networkx, f"write_{ending}")(networkx.Graph(pairs), f"board.{ending}")
    text = DESIGN.replace("RULE", "ep").replace("edges = 14", f'edges = 7\ncandidates = "board.{ending}"')
    (tmp_path / "task.toml").write_text(text.replace("nodes = 8", "nodes = 5"))
    result = run("design", "task.toml", "--random", 1, "--json", "--jobs", 1)
    assert result.exit_code == 0, result.output
    found = {frozenset(pair) for pair in json.loads(result.stdout)["edges"]}
    assert len(found) == 7
    assert found <= {frozenset(pair) for pair in pairs}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bad.gml", "graph [ nonsense", "bad.gml: cannot be read as a graph"),
        ("bad.graphml", "<graph", "bad.graphml: cannot be read as a graph"),
        ("empty.edgelist", "", "empty.edgelist: the graph has no edges"),
        ("loop.edgelist", "a t1 {}\nt1 t1 {}\n", "loop.edgelist: an edge from t1 to itself"),
    ],
)
def test_a_file_that_is_no_graph_is_refused(tmp_path, monkeypatch, name, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    wanted = f'edges = 14\ncandidates = "{name}"'
    (tmp_path / "task.toml").write_text(DESIGN.replace("RULE", "ep").replace("edges = 14", wanted))
    result = run("design", "task.toml")
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_list_of_objectives_makes_a_front(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = DESIGN.replace("RULE", "ep").replace("edges = 14", 'edges = 14\nobjective = ["steps", "edges"]')
    (tmp_path / "task.toml").write_text(text)
    told = json.loads(run("design", "task.toml", "--random", 2, "--json", "--jobs", 1).stdout)
    assert told["front"][0]["edges"] == told["edges"]
    assert len({len(one["edges"]) for one in told["front"]}) == len(told["front"]) > 1
    assert [one["steps"] for one in told["front"]] == sorted(one["steps"] for one in told["front"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("layers = [3]", 'design.layers: are those of candidates = "crossbar"'),
        ('objective = "speed"', "objective"),
        ('candidates = "nowhere.cir"', "nowhere.cir is no file"),
        ("levels = 1", "levels"),
    ],
)
def test_keys_that_mean_nothing_are_refused(tmp_path, monkeypatch, line, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.toml").write_text(DESIGN.replace("RULE", "ep").replace("edges = 14", f"edges = 14\n{line}"))
    result = run("design", "task.toml")
    assert result.exit_code == 2
    assert words in result.stderr


def test_all_that_may_vary_is_trained_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    varied = 'edges = 10\ncandidates = "grid"\nchange = ["edges", "trainable", "ports", "conductances"]'
    text = DESIGN.replace("RULE", "ep").replace("edges = 14", varied).replace("nodes = 8", "nodes = 6")
    (tmp_path / "task.toml").write_text(text)
    result = run("design", "task.toml", "--out", "found", "--random", 1, "--json", "--jobs", 1)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert len(told["trainable"]) == len(told["conductances"]) == len(told["edges"]) == 10
    assert len(told["ports"]["inputs"]) == 2
    assert len(told["ports"]["outputs"]) == 3
    trained = json.loads(run("train", "found/design.toml", "--no-save", "--json").stdout)
    assert trained["stopped_because"] == "loss"
    assert trained["steps"] == pytest.approx(told["steps_predicted"], rel=0.1, abs=1)


def test_places_of_ports_are_those_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = DESIGN.replace("RULE", "ep").replace("edges = 14", 'edges = 14\nchange = ["ports"]')
    (tmp_path / "task.toml").write_text(text.replace("[task]", 'places = ["t1", "nowhere"]\n[task]'))
    result = run("design", "task.toml")
    assert result.exit_code == 2
    assert "ports.places: there is no node 'nowhere'" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("nodes = 8", "node = 8", "design.nodes is missing; unknown key design.node; did you mean design.nodes?"),
        ("nodes = 8", "nodes = 1", "design.nodes = 1: must be greater than or equal to 2"),
        ("nodes = 8", "nodes = 8\nbounds = [0, 1]", "design.bounds[0] = 0: must be greater than or equal to 1e-150"),
        ("nodes = 8", "nodes = 8\nbounds = [1e-3]", "design.bounds: give at least 2 items, not 1"),
        ("nodes = 8", 'nodes = 8\nobjective = "speed"', "design.objective = 'speed': must be 'steps', 'condition'"),
        ("[ports]", "[port]", "table [ports] is missing; unknown key port; did you mean [ports]?"),
    ],
)
def test_keys_are_told_in_the_words_of_the_file(tmp_path, old, new, words):
    (tmp_path / "task.toml").write_text(DESIGN.replace("RULE", "ep").replace(old, new))
    with pytest.raises(ExperimentError, match=re.escape(words)):
        load_design(tmp_path / "task.toml")

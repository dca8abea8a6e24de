"""Experiment files: what they mean, and what they refuse."""

from pathlib import Path

import numpy as np
import pytest

from hwlearn.circuits.ngspice.circuit import NgspiceCircuit
from hwlearn.errors import ExperimentError, NetlistError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.settings import TABLES, Settings

KITE = """
[circuit]
builder = "kite"
conductances = [1, 1.5, 1.3, 1, 1, 1.7]
[task]
inputs = [[1.0, 0.0]]
targets = [[0.6, 0.5, 0.4]]
[rule]
name = "ep"
nudge = 1e-4
[train]
steps = 20
learning_rate = 0.5
"""


@pytest.fixture
def kite(tmp_path):
    file = tmp_path / "kite.toml"
    file.write_text(KITE)
    return file


def written(folder: Path, text: str) -> Path:
    file = folder / "experiment.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_builder_its_task_and_its_rule(kite):
    experiment = load_experiment(kite)
    assert experiment.network.conductances.tolist() == [1, 1.5, 1.3, 1, 1, 1.7]
    assert experiment.network.output_names == ("T", "M", "W")
    assert experiment.task.targets.tolist() == [[0.6, 0.5, 0.4]]
    assert (experiment.rule.name, experiment.rule.nudge, experiment.rule.symmetric) == ("ep", 1e-4, False)
    assert experiment.circuit().name == "exact"
    assert experiment.notes == ()


@pytest.mark.parametrize(
    ("circuit", "nodes", "edges"),
    [
        ('builder = "grid"\nrows = 2\ncolumns = 3', 6, 7),
        ('builder = "layered"\nsizes = [2, 3]', 5, 6),
        ('builder = "random_regular"\ndegree = 3\nnodes = 8\nseed = 4', 8, 12),
        ('builder = "wheatstone"', 4, 5),
    ],
)
def test_builders_get_their_arguments(tmp_path, circuit, nodes, edges):
    outputs = {"grid": "n0_1", "layered": "l1n0", "random": "n5", "wheatstone": "T"}[circuit.split('"')[1].split("_")[0]]
    task = "[task]\ninputs = [1.0, 0.0]\ntargets = [0.5]\n[rule]\nname = 'cl'\n[train]\nlearning_rate = 1\n"
    experiment = load_experiment(written(tmp_path, f"[circuit]\n{circuit}\n[ports]\noutputs = ['{outputs}']\n{task}"))
    assert (len(experiment.network.nodes), len(experiment.network.edges)) == (nodes, edges)
    assert experiment.task.inputs.shape == (1, 2)


def test_overrides_replace_keys_and_make_tables(kite):
    overrides = {"train.steps": 7, "backend.name": "ngspice", "circuit.trainable": ["R1", "R2"], "circuit.bounds": [0.5, 2]}
    experiment = load_experiment(kite, overrides)
    assert experiment.settings.train is not None
    assert experiment.settings.train.steps == 7
    assert isinstance(experiment.circuit(), NgspiceCircuit)
    assert experiment.network.trainable.tolist() == [True, True, False, False, False, False]
    assert set(experiment.network.upper) == {2.0}


def test_another_rule_drops_what_belongs_to_the_rule_of_the_file(kite):
    file = written(kite.parent, KITE + "stop_loss = 1e-9\n")
    same = load_experiment(file, {"rule.name": "ep"})
    assert (same.rule.nudge, same.notes) == (1e-4, ())
    cl = load_experiment(file, {"rule.name": "cl"})
    assert cl.rule.nudge is None
    assert cl.settings.train.stop_loss == 1e-9
    assert "nudge = 0.0001 of the file is for ep" in cl.notes[0]
    al = load_experiment(file, {"rule.name": "al"})
    assert al.settings.train.stop_loss is None
    assert any("stop_loss = 1e-09 V²" in note for note in al.notes)
    kept = load_experiment(file, {"rule.name": "al", "rule.nudge": 2.0, "train.stop_loss": 1e-3, "train.learning_rate": 1.0})
    assert (kept.rule.nudge, kept.settings.train.stop_loss, kept.notes) == (2.0, 1e-3, ())
    both = written(kite.parent, KITE.replace("nudge = 1e-4", "nudge = 1e-4\nsymmetric = true"))
    clamp = load_experiment(both, {"rule.name": "clamp"})
    assert clamp.rule.name == "clamp"


def test_data_beside_the_file_named_by_the_ports(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "s.csv").write_text('"T,W",A,D,note\n0.1,1,0,7\n0.2,2,-1,7\n')
    text = KITE.replace("inputs = [[1.0, 0.0]]\ntargets = [[0.6, 0.5, 0.4]]", 'data = "data/s.csv"')
    ports = '[ports]\ninputs = ["A", "D"]\noutputs = ["T,W"]\n'
    task = load_experiment(written(tmp_path, ports + text)).task
    assert task.inputs.tolist() == [[1, 0], [2, -1]]
    assert task.targets.tolist() == [[0.1], [0.2]]
    chosen = load_experiment(tmp_path / "experiment.toml", {"task.target_columns": ["note"]}).task
    assert chosen.targets.tolist() == [[7], [7]]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"train.steps": 2.5}, ["train.steps = 2.5", "integer"]),
        ({"train.steps": True}, ["train.steps"]),
        ({"train.steps": -1}, ["train.steps = -1"]),
        ({"train.steps": "20"}, ["train.steps"]),
        ({"train.learning_rate": -0.1}, ["train.learning_rate = -0.1", "greater than 0"]),
        ({"train.learning_rate": float("nan")}, ["train.learning_rate"]),
        ({"train.learning_rate": True}, ["train.learning_rate"]),
        ({"train.learning_rat": 1.0}, ["train.learning_rat", "did you mean train.learning_rate"]),
        ({"rule.steps": 1}, ["rule.steps", "it belongs in [train]"]),
        ({"trian.steps": 1}, ["trian", "did you mean [train]"]),
        ({"train.optimizer": "sgd"}, ["train.optimizer = 'sgd'", "'adam'"]),
        ({"train.batch_size": 9}, ["batch_size is 9"]),
        ({"flow.t_end": 1.0}, ["exactly one of [train]", "[flow]"]),
        ({"rule.name": "epp"}, ["rule.name = 'epp'", "'ep'"]),
        ({"rule.nudge": 0}, ["[rule]", "nudge is 0"]),
        ({"rule.name": "clamp", "rule.nudge": 1.0}, ["[rule]", "clamp has no nudge"]),
        ({"rule": 3}, ["rule must be a table"]),
        ({"rule.name.x": 3}, ["rule.name.x", "name is no table"]),
        ({"backend.name": "spice"}, ["backend.name = 'spice'", "'ngspice'"]),
        ({"circuit.rows": 3}, ["[circuit]", "rows"]),
        ({"circuit.builder": "grid", "circuit.rows": 3}, ["[circuit]", "needs columns"]),
        ({"circuit.netlist": "x.cir"}, ["[circuit]", "either netlist or builder"]),
        ({"circuit.trust_netlist": True}, ["unknown key circuit.trust_netlist"]),
        ({"circuit.conductances": [1, -1, 1, 1, 1, 1]}, ["circuit.conductances", "[1]"]),
        ({"circuit.conductances": [1.0, 1.0]}, ["conductances", "(2,)"]),
        ({"circuit.bounds": [1.0]}, ["circuit.bounds", "2 items"]),
        ({"circuit.bounds": [2.0, 3.0]}, ["R1", "outside its bounds"]),
        ({"circuit.trainable": ["Q*"]}, ["trainable pattern 'Q*'"]),
        ({"ports.outputs": ["TT"]}, ["output 'TT'"]),
        ({"ports.outputs": ["A"]}, ["output 'A' is tied to an input"]),
        ({"ports.inputs": ["Z"]}, ["input node 'Z'"]),
        ({"task.inputs": [[1.0]]}, ["task", "1 input values", "2 inputs"]),
        ({"task.inputs": [[1.0, 0.0], [1.0]]}, ["task.inputs", "different lengths"]),
        ({"task.inputs": [[1.0, "x"]]}, ["task.inputs[0][1] = 'x'"]),
        ({"task.targets": [[0.6, 0.5]]}, ["2 target values", "3 outputs"]),
        ({"task.data": "x.csv"}, ["[task]", "either data or"]),
        ({"task.input_columns": ["a"]}, ["[task]", "input_columns", "data"]),
    ],
)
def test_what_is_refused_names_file_and_key(kite, overrides, words):
    from hwlearn.experiments import run_experiment

    with pytest.raises(ExperimentError) as caught:
        run_experiment(load_experiment(kite, overrides))
    assert str(caught.value).startswith(f"{kite}: ")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_syntax_error_names_the_line(tmp_path):
    with pytest.raises(ExperimentError, match=r"experiment\.toml.*line 2"):
        load_experiment(written(tmp_path, "[circuit]\nbuilder = \n"))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ExperimentError, match="no such file"):
        load_experiment(tmp_path / "none.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes("# Übung\n".encode("latin-1"))
    with pytest.raises(ExperimentError, match="not UTF-8"):
        load_experiment(latin)
    with pytest.raises(ExperimentError, match=r"\[circuit\] is missing"):
        load_experiment(written(tmp_path, "# nothing\n"))


def test_a_netlist_error_names_the_netlist(tmp_path):
    (tmp_path / "n.cir").write_text("* divider\nV1 a 0 1\nR1 a m 1k\nR2 m 0 -5\n.end\n")
    text = KITE.replace('builder = "kite"\nconductances = [1, 1.5, 1.3, 1, 1, 1.7]', 'netlist = "n.cir"')
    with pytest.raises(ExperimentError, match="outputs is missing"):
        load_experiment(written(tmp_path, text))
    experiment = load_experiment(tmp_path / "experiment.toml", {"ports.inputs": ["V1"], "ports.outputs": ["m"]})
    with pytest.raises(NetlistError, match=r"n\.cir:4"):
        _ = experiment.network


def test_a_file_cannot_grant_itself_trust(tmp_path):
    (tmp_path / "n.cir").write_text("* divider\nV1 a 0 1\nR1 a m 1k\nR2 m 0 1k\n.control\nop\n.endc\n.end\n")
    text = KITE.replace('builder = "kite"\nconductances = [1, 1.5, 1.3, 1, 1, 1.7]', 'netlist = "n.cir"')
    ports = '[ports]\ninputs = ["V1"]\noutputs = ["m"]\n'
    file = written(tmp_path, ports + text)
    with pytest.raises(NetlistError, match="control"):
        _ = load_experiment(file).network
    assert len(load_experiment(file, trust=True).network.edges) == 2


def test_the_tables_are_those_of_the_settings():
    assert set(TABLES) == set(Settings.model_fields)


def test_ports_of_a_netlist_stay_as_written(tmp_path):
    (tmp_path / "n.cir").write_text("* divider\nVin A 0 1\nVfix B 0 2\nR1 A m 1k\nR2 m B 1k\n.end\n")
    text = KITE.replace('builder = "kite"\nconductances = [1, 1.5, 1.3, 1, 1, 1.7]', 'netlist = "n.cir"')
    text = text.replace("[[1.0, 0.0]]", "[[1.0]]").replace("[[0.6, 0.5, 0.4]]", "[[0.6]]")
    network = load_experiment(written(tmp_path, '[ports]\ninputs = ["VIN"]\noutputs = ["M"]\n' + text)).network
    assert [source.plus for source in network.inputs] == ["A"]
    assert [source.value for source in network.fixed_sources] == [2.0]
    np.testing.assert_allclose(network.conductances, 1e-3, rtol=1e-14)

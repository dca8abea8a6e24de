"""A swept key without effect is an error that says so, not twelve equal cells."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError
from hwlearn.experiments.sweeps.cells import load_cells
from hwlearn.experiments.sweeps.settings import load_sweep

BASE = """
[circuit]
builder = "random_regular"
degree = 3
nodes = 8
[ports]
outputs = ["n3"]
[task]
inputs = [[1.0, 0.0], [0.5, 0.2]]
targets = [[0.4], [0.3]]
[rule]
name = "ep"
[train]
steps = 5
"""


@pytest.fixture
def cells(tmp_path):
    def load(grid, base=BASE):
        (tmp_path / "base.toml").write_text(base, encoding="utf-8")
        (tmp_path / "sweep.toml").write_text(f'experiment = "base.toml"\n{grid}', encoding="utf-8")
        return load_cells(load_sweep(tmp_path / "sweep.toml"))

    return load


IDLE = [
    ('[grid]\n"train.seed" = { low = 0, high = 11, count = 12 }', "", "train.seed has no effect: it shuffles minibatches"),
    ('[grid]\n"rule.name" = ["ep", "cl"]\n"train.seed" = [0, 1]', "", "train.seed has no effect: it shuffles minibatches"),
    ('[grid]\n"train.seed" = [0, 1]', "batch_size = 2\n", "train.seed has no effect: it shuffles minibatches"),
    ('[random]\ncount = 6\n"train.seed" = { low = 0, high = 9 }\n"train.learning_rate" = { low = 0.1, high = 1 }', "",
     "train.seed has no effect"),
    ('[grid]\n"imperfect.seed" = [0, 1]', "[imperfect]\nnoise = { volts = 0.0 }\n", "imperfect.seed has no effect"),
    ('[grid]\n"circuit.initial.seed" = [0, 1]', '[circuit.initial]\ndistribution = "uniform"\nlow = 2.0\nhigh = 2.0\n',
     "circuit.initial.seed has no effect: low and high"),
]  # fmt: skip


@pytest.mark.parametrize(("grid", "further", "words"), IDLE)
def test_it_is_refused_and_says_why(cells, grid, further, words):
    with pytest.raises(ExperimentError, match=r"sweep\.toml: ") as caught:
        cells(grid, BASE + further)
    assert words in str(caught.value)
    assert "equal cells" in str(caught.value)


LIVE = [
    ('[grid]\n"train.seed" = [0, 1]', "batch_size = 1\n"),
    ('[grid]\n"train.batch_size" = [2, 1]\n"train.seed" = [0, 1]', ""),  # in half of the cells
    ('[grid]\n"circuit.seed" = [0, 1]', ""),
    ('[grid]\n"imperfect.seed" = [0, 1]', "[imperfect]\nnoise = { volts = 1e-6 }\n"),
    ('[grid]\n"circuit.initial.seed" = [0, 1]', '[circuit.initial]\ndistribution = "log-uniform"\nlow = 1.0\nhigh = 2.0\n'),
    ('[grid]\n"backend.name" = ["exact", "ngspice"]', ""),
    ('[grid]\n"train.seed" = [0]', ""),  # nothing is swept
]


@pytest.mark.parametrize(("grid", "further"), LIVE)
def test_what_has_an_effect_is_let_through(cells, grid, further):
    assert all(cell.experiment is not None for cell in cells(grid, BASE + further))


def test_the_command_says_it_in_a_line(tmp_path):
    (tmp_path / "base.toml").write_text(BASE, encoding="utf-8")
    Path(tmp_path / "sweep.toml").write_text('experiment = "base.toml"\n[grid]\n"train.seed" = [0, 1]', encoding="utf-8")
    result = CliRunner().invoke(app, ["sweep", str(tmp_path / "sweep.toml"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"error: {tmp_path / 'sweep.toml'}: train.seed has no effect: it shuffles minibatches, and there are none; "
        "give train.batch_size, or vary circuit.initial.seed; its 2 values give equal cells"
    ]
    assert not (tmp_path / "out").exists()

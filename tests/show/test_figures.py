"""Every kind of figure, at the width of a column of print: its texts and boxes, and what it draws."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from dots import FILE, dots
from figures import assert_fit_to_print, drawn, texts
from matplotlib.figure import Figure

from hwlearn import Drive, Network, Source, Task, analyze
from hwlearn.analysis.operating import operating_point
from hwlearn.analysis.robustness import Case, Robustness
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.claims.rows import Row as Claim
from hwlearn.errors import HwlearnError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.experiments.sweeps import Results, Row
from hwlearn.inference.autonomous import Explained, Trajectory
from hwlearn.inference.comparison import compare_circuits
from hwlearn.lab.station import load_station
from hwlearn.learning.rules import RULES
from hwlearn.network.builders import crossbar, deep_resistive, grid, kite, layered, random_regular
from hwlearn.show import plots
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.styles import BACKEND_DASHES, RULE_COLOURS
from hwlearn.testing.nodal import modified_nodal

ROOT = Path(__file__).parents[2]
NETLISTS = ROOT / "netlists"
COLUMN = 86.0


def trained(folder, file="kite", **overrides):
    run = Run.create(folder, load_experiment(NETLISTS / f"{file}.toml", {"train.steps": 60, **overrides}))
    run.go()
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    rules = {"ep": 2.0, "cl": 5.0, "al": 2.0}
    return [
        trained(folder / rule, **{"rule.name": rule, "rule.nudge": 0.01, "train.learning_rate": rate})
        for rule, rate in rules.items()
    ]


NETWORKS = {
    "layered": lambda: layered([3, 4, 2]),
    "crossbar": lambda: crossbar(3, 4, rails=(0.0, 1.0)),
    "deep": lambda: deep_resistive([3, 4, 2]),
}


@pytest.mark.parametrize("name", [*NETWORKS])
def test_networks(name):
    assert_fit_to_print(plots.draw_network(NETWORKS[name](), width=COLUMN))


KINDS = ("crossbar", "gates", "kite", "ladder", "regression", "xor")


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_that_is_shipped(name):
    assert_fit_to_print(plots.draw_network(load_experiment(NETLISTS / f"{name}.toml").network, width=COLUMN))


@pytest.mark.parametrize("width", [None, 178.0])
def test_other_widths(width):
    assert_fit_to_print(plots.draw_network(load_experiment(NETLISTS / "gates.toml").network, width=width))


@pytest.mark.slow  # as above
def test_networks_of_all_builders():
    for network in (grid(4, 4, outputs=["n1_1"]), grid(12, 12, outputs=["n6_6", "n2_6"]), random_regular(3, 14, seed=1)):
        assert_fit_to_print(plots.draw_network(network, width=COLUMN))


@pytest.mark.parametrize("name", ["xor-board", "ladder"])
def test_schematics(name):
    assert_fit_to_print(plots.draw_schematic(Network.from_netlist(NETLISTS / f"{name}.cir"), width=COLUMN))


def test_wiring():
    experiment = load_experiment(NETLISTS / "allostery-bench.toml")
    station = load_station(ROOT / "stations" / "allostery.toml")
    assert_fit_to_print(plots.draw_wiring(experiment.network, station))


def test_a_run_whose_rule_observes_currents(runs):
    figure = plots.draw_run(runs[2], width=COLUMN)
    assert_fit_to_print(figure)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert "loss ½‖o − y‖² [V²]" in labels
    assert "loss that al observes [A²]" in labels


def test_several_runs_never_share_an_axis_of_two_units(runs):
    figure = plots.draw_runs(runs, width=COLUMN)
    assert_fit_to_print(figure)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss ½‖o − y‖² [V²]", "loss that al observes [A²]"]
    line = figure.axes[0].lines[2]
    result, along, task = runs[2].result, runs[2].trajectory, runs[2].experiment.task
    assert line.get_ydata()[[0, -1]] == pytest.approx([result["loss_initial"], result["loss_final"]], rel=1e-9)
    for at, loss in list(zip(line.get_xdata(), line.get_ydata(), strict=True))[1:4]:
        g = along.conductances[along.at.tolist().index(at)]
        outputs = modified_nodal(runs[2].network, g, Drive(task.inputs)).output_voltages
        assert loss == pytest.approx(0.5 * np.sum((outputs - task.targets) ** 2), rel=1e-9)
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), runs[2].history.losses)


def test_a_run_that_kept_no_trajectory_has_the_ends_that_were_measured(runs, tmp_path):
    shutil.copytree(runs[2].folder, tmp_path / "al")
    (tmp_path / "al" / "trajectory.npy").unlink()
    [axes] = plots.draw_run(Run.load(tmp_path / "al"), panels=["loss"]).axes
    result = runs[2].result
    assert axes.lines[0].get_linestyle() == "None"
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [result["loss_initial"], result["loss_final"]])
    assert axes.lines[0].get_label() == "measured at start and end"


def test_many_runs(runs):
    assert_fit_to_print(plots.draw_runs([*runs[:2]] * 14, width=178.0))


def test_a_flow(tmp_path):
    (tmp_path / "kite.cir").write_text((NETLISTS / "kite.cir").read_text())
    text = (NETLISTS / "kite.toml").read_text()
    (tmp_path / "kite.toml").write_text(text[: text.index("[train]")] + "[flow]\nt_end = 50.0\n")
    run = Run.create(tmp_path / "run", load_experiment(tmp_path / "kite.toml"))
    run.go()
    figure = plots.draw_run(run, panels=["loss"], width=COLUMN)
    assert_fit_to_print(figure)
    assert figure.axes[0].get_xlabel() == "time of the flow [S²/V²]"


def test_a_classification(tmp_path):
    points, colours = dots()
    np.savez(tmp_path / "dots.npz", points=points, colour=np.array(colours))
    (tmp_path / "dots.toml").write_text(FILE.replace("dots.csv", "dots.npz"))
    run = Run.create(tmp_path / "run", load_experiment(tmp_path / "dots.toml"))
    run.go()
    figure = plots.draw_run(run, width=COLUMN)
    assert_fit_to_print(figure)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert {"loss ½‖o − y‖² [V²]", "cross-entropy [V²]"} <= set(labels)


def test_an_analysis():
    experiment = load_experiment(NETLISTS / "kite.toml")
    assert_fit_to_print(plots.draw_analysis(analyze(experiment.network, experiment.task), width=COLUMN))


def test_an_operating_point():
    experiment = load_experiment(NETLISTS / "gates.toml")
    assert_fit_to_print(plots.draw_operating_point(operating_point(experiment.network, experiment.task), width=COLUMN))


def test_rates_of_rules_have_no_axis_in_common():
    """Each has a unit of its own: the axis has parts of the fastest, and the legend the fastest with its unit."""
    experiment = load_experiment(NETLISTS / "kite.toml")
    [axes] = plots.draw_analysis(analyze(experiment.network, experiment.task), panels=["spectrum"]).axes
    assert axes.get_ylabel() == "rate / fastest rate [1]"
    units = [text.get_text().split()[-1] for text in axes.get_legend().get_texts()]
    assert units == ["V²/S²", "V²/S", "V²"]
    assert all(max(line.get_ydata()) == 1 for line in axes.lines if len(line.get_ydata()))


def test_a_comparison():
    experiment = load_experiment(NETLISTS / "kite.toml")
    with ExactCircuit(experiment.network) as one, ExactCircuit(experiment.network) as two:
        found = compare_circuits(experiment.task, experiment.rule, {"exact": one, "other": two})
    assert_fit_to_print(plots.draw_comparison(found, width=COLUMN))
    figure = plots.draw_comparison(found, panels=["residuals"])
    assert_fit_to_print(figure)
    assert len(figure.axes) == 1


def floors(predicted=0.0):
    cases = [
        Case("noise", size, "V", size**2 / 2, {"none": size**2, "symmetric": size**2 / 4}, {}) for size in (1e-4, 1e-3, 1e-2)
    ]
    cases += [Case("levels", size, "1", predicted, {"none": 0.0, "symmetric": 1e-9 * size}, {}) for size in (4.0, 6.0, 8.0)]
    return Robustness("ep", 0.01, "S", True, 1.0, 100, 3e-11, tuple(cases))


def test_robustness():
    assert_fit_to_print(plots.draw_robustness(floors(), width=COLUMN))
    assert len(plots.draw_robustness(floors(), panels=["noise"]).axes) == 1


def test_a_prediction_of_nothing_is_not_drawn_as_a_small_number():
    figure = plots.draw_robustness(floors())
    _, levels = figure.axes
    drawn = {line.get_label(): line for line in levels.lines}
    assert not len(drawn["predicted"].get_ydata())
    assert not len(drawn["as it is"].get_ydata())
    assert {"predicted: 0", "as it is: 0"} <= {text.get_text() for text in levels.get_legend().get_texts()}
    at_data = [line for line in levels.lines if line.get_transform() == levels.transData]
    assert all(np.all(np.asarray(line.get_ydata()) > 0) for line in at_data)


def cells(count, **axes):
    random = np.random.default_rng(0)
    rows = [
        Row(
            f"{k}",
            {key: values[k // step % len(values)] for (key, values), step in zip(axes.items(), (1, 4, 12), strict=False)},
            "steps",
            10,
            1.0,
            float(10 ** random.uniform(-9, -2)),
            rule="ep",
        )
        for k in range(count)
    ]
    return Results("sweep", Path(), tuple(axes), tuple(rows), 0)


@pytest.mark.parametrize(
    "axes",
    [
        {"train.seed": list(range(8))},
        {"train.optimizer": ["plain", "momentum", "adam", "a very long name"], "train.learning_rate": [0.01, 0.1, 1.0, 10.0]},
        {"rule.name": ["ep", "cl", "al"], "train.learning_rate": [0.1, 1.0], "train.steps": [100, 200]},
    ],
)
def test_a_sweep(axes):
    assert_fit_to_print(plots.draw_sweep(cells(24, **axes), width=COLUMN))


def test_categories_are_not_joined_and_the_median_is_named():
    names = ["plain", "momentum", "adam"]
    found = cells(24, **{"train.optimizer": names})
    [axes] = plots.draw_sweep(found).axes
    assert all(line.get_linestyle() == "None" for line in axes.lines if len(line.get_xdata()) > 1)
    [bars] = axes.collections
    losses = {name: [r.loss_final for r in found.rows if r.overrides["train.optimizer"] == name] for name in names}
    medians = sorted(np.median(values) for values in losses.values())
    np.testing.assert_allclose(sorted(segment[0][1] for segment in bars.get_segments()), medians)
    assert "median" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_learning_rates_of_rules_have_an_axis_each():
    rows = [
        Row(f"{rule}{rate}", {"rule.name": rule, "train.learning_rate": rate}, "steps", 1, 1.0, rate * 1e-3, rule=rule)
        for rule in ("ep", "cl")
        for rate in (1.0, 2.0)
    ]
    figure = plots.draw_sweep(Results("s", Path(), ("rule.name", "train.learning_rate"), tuple(rows), 0))
    assert [axes.get_xlabel() for axes in figure.axes] == ["train.learning_rate [S²/V²]", "train.learning_rate [S/V²]"]
    assert [axes.lines[0].get_color() for axes in figure.axes] == [RULE_COLOURS["ep"], RULE_COLOURS["cl"]]


def test_gates_of_a_circuit_that_learns_by_itself():
    seconds = np.linspace(0, 9, 10)
    volts = np.stack((seconds, -seconds), axis=1)
    found = Explained(["M1", "$M_2$"], seconds, volts, volts, volts, 1.0, np.ones(2), np.ones(2), None)
    recorded = Trajectory(seconds, {"M1": volts[:, 0], "$M_2$": volts[:, 1]}, {})
    assert_fit_to_print(plots.draw_trajectory(recorded, found, width=COLUMN))


def test_claims():
    steps = np.linspace(0, 5, 40)
    rows = [
        Claim("a decay", "loss: falls", "1", "1", "1 %", True, series={"loss": np.exp(-steps).tolist()}),
        Claim("c nudges", "ep: linear", "1", "1", "1 %", True, series={"nudge": [1e-3, 1e-2], "error": [1e-3, 1e-2]}),
        Claim("c nudges", "cl: linear", "1", "1", "1 %", True, series={"nudge": [1e-3, 1e-2], "error": [2e-3, 2e-2]}),
    ]
    assert_fit_to_print(plots.draw_claims(rows, width=COLUMN))


def test_a_rule_has_a_colour_and_a_backend_a_dash(runs):
    assert set(RULES) <= set(RULE_COLOURS)
    assert len(set(RULE_COLOURS.values())) == len(RULE_COLOURS)
    assert {"exact", "ngspice", "bench"} == set(BACKEND_DASHES)
    figure = plots.draw_runs(runs)
    lines = {line.get_label(): line.get_color() for line in figure.axes[0].lines}
    for rule in ("ep", "cl", "al"):
        assert next(colour for label, colour in lines.items() if f"rule {rule}" in label) == RULE_COLOURS[rule]
    alone = plots.draw_run(runs[1], panels=["loss"])
    assert alone.axes[0].lines[0].get_color() == RULE_COLOURS["cl"]


def test_sources_and_elements_are_drawn():
    network = load_experiment(NETLISTS / "xor.toml").network
    figure = plots.draw_network(network)
    named = {text.get_text() for text in figure.axes[0].texts + figure.axes[0].artists if hasattr(text, "get_text")}
    assert {element.name for element in network.elements} <= named
    without = plots.draw_network(Network.from_edges([("a", "b"), ("b", "c")], inputs=["a"], outputs=["b"], title="plain"))
    more = plots.draw_network(
        Network.from_edges(
            [("a", "b"), ("b", "c")],
            inputs=["a"],
            outputs=["b"],
            fixed_sources=[Source("V2", "voltage", "c", "0", 1.0)],
            title="plain",
        )
    )
    assert len(more.axes[0].lines) > len(without.axes[0].lines) > 0


def test_a_difference_is_dotted_with_its_signs():
    network = Network.from_edges([("a", "b"), ("a", "c"), ("b", "c")], inputs=["a"], outputs=["b,c"])
    axes = plots.draw_network(network).axes[0]
    assert [line for line in axes.lines if line.get_linestyle() == ":"]
    assert {"+", "−"} <= {text.get_text() for text in axes.texts}


def test_edges_of_small_networks_are_named():
    assert {"R1", "R6"} <= {text.get_text() for text in plots.draw_network(kite()).axes[0].texts if text.get_visible()}
    assert "R1" not in {text.get_text() for text in plots.draw_network(kite(), names=False).axes[0].texts}


def test_widths_of_lines_are_logarithmic():
    network = kite([1e-3, 1e-2, 1e-1, 1, 10, 100])
    [lines] = plots.draw_network(network).axes[0].collections[:1]
    widths = np.sort(lines.get_linewidths())
    np.testing.assert_allclose(np.diff(widths), np.diff(widths)[0], rtol=1e-9)


def test_axes_may_be_given():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plots.draw_network(kite(), ax=left) is figure
    found = analyze(kite([1, 1.5, 1.3, 1, 1, 1.7]), Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]))
    plots.draw_analysis(found, ax=right, panels=["spectrum"])
    assert right.lines
    with pytest.raises(HwlearnError, match="ax: 1 axes for the panels spectrum, current, sensitivity"):
        plots.draw_analysis(found, ax=left)
    with pytest.raises(HwlearnError, match="save it by its savefig"):
        plots.draw_network(kite(), "kite.png", ax=left)


@pytest.mark.parametrize("name", plots.__all__)
def test_every_figure_takes_axes_a_file_and_a_width(name):
    from inspect import signature

    parameters = signature(getattr(plots, name)).parameters
    assert {"target", "ax", "width"} <= set(parameters)
    assert getattr(__import__("hwlearn.show", fromlist=[name]), name) is getattr(plots, name)


def test_names_of_inputs_in_a_column_stand_beside_their_dots():
    """Not over the edges, and not nearer to another dot: those of 13 inputs went to and fro."""
    network = crossbar(13, 3, rails=(0.0, 1.0), seed=0)
    for width in (120.0, 178.0):
        figure = plots.draw_network(network, width=width)
        renderer = drawn(figure)
        named = {text.get_text(): text.get_window_extent(renderer) for text in texts(figure)}
        dots = dict(zip(network.nodes, figure.axes[0].transData.transform(place_nodes(network)), strict=True))
        for source in network.sources:
            box = named[source.plus]
            assert box.x1 < dots[source.plus][0]
            assert box.y0 < dots[source.plus][1] < box.y1

"""`check_bench` over real sockets: what is wrong with the bench, and only that, is found."""

import json
import re

import numpy as np
import pytest
from benches import ELSEWHERE, EXPERIMENT, NETWORK, STATION, bench, changed
from clocks import MessageClock
from hypothesis import given
from hypothesis import strategies as st
from test_bench_contract import station_of
from typer.testing import CliRunner

from hwlearn import Drive, ExactCircuit, Inject
from hwlearn.cli import app
from hwlearn.inference.calibration import fit_devices
from hwlearn.inference.nodes import NodeCircuit
from hwlearn.inference.noise import Nudging, gradient_error, repeats_for, smallest_current
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.device_readings import read_devices
from hwlearn.lab.bench.measurement import Repeats
from hwlearn.lab.bench.selftest import _SelfTest, self_test
from hwlearn.lab.bench.wiring import Survey, inspect_wiring
from hwlearn.learning.rules import RULES
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.network.builders import grid
from hwlearn.testing.nodal import contract_networks, modified_nodal


def failed(findings):
    return {(finding.test, finding.subject) for finding in findings if not finding.passed}


def notes(findings):
    return " ".join(finding.note for finding in findings if not finding.passed)


@pytest.mark.parametrize("seed", range(2))
def test_a_good_bench_passes_and_is_left_as_it_was(tmp_path, seed):
    with bench(tmp_path, virtual=[("seed = 1", f"seed = {seed}"), ("lsb_v", "offset_v = 1e-4\nlsb_v")]) as circuit:
        circuit.program(np.geomspace(1e-4, 8e-4, 24))
        before, codes = circuit.conductances.copy(), circuit.codes
        findings = self_test(circuit)
        assert failed(findings) == set()
        np.testing.assert_array_equal(circuit.conductances, before)
        np.testing.assert_array_equal(circuit.made.instruments["pots"].codes, codes)
    tests = {finding.test for finding in findings}
    assert tests == {
        "identity",
        "noise",
        "offset",
        "settling",
        "channel delay",
        "input",
        "nudge",
        "node",
        "edge",
        "smallest nudge",
    }
    assert [f.subject for f in findings if "not tested" in f.note] == ["R1"]  # it lies across the source


def pots(one, two):
    """Two channels exchanged."""
    return [(f'"pots:{one}"', '"pots:x"'), (f'"pots:{two}"', f'"pots:{one}"'), ('"pots:x"', f'"pots:{two}"')]


DEFECTS = {
    "noise on all": ({"virtual": [("noise_v = 20e-6", "noise_v = 400e-6")]}, "noise", None, "shield"),
    "open wire at a node": ({"virtual": [("daq:106", "daq:206")]}, "node", {"daq:106 (n12)"}, "its lead is open"),
    "short": ({"netlist": [(".op", "RSHORT n12 0 0.1\n.op")]}, "node", {"daq:106 (n12)"}, "shorted to ground"),
    "channels swapped": (
        {"virtual": [("daq:106", "daq:x"), ("daq:111", "daq:106"), ("daq:x", "daq:111")]},
        "node",
        {"daq:106 (n12)", "daq:111 (n23)"},
        "swapped",
    ),
    "edge wired elsewhere": (
        {"netlist": [("R15 n02 n12", "R15 n02 n13")]},
        "edge",
        {"R15"},
        "between n02 and n13|n13 and n02",
    ),
    "edges exchanged": ({"virtual": pots(5, 18)}, "edge", {"R6", "R19"}, "wired elsewhere"),
    "a joint is open": ({"netlist": [("R9 n22 n23 5k", "R9 n22 nx 5k\nROPEN nx n23 0.9e9")]}, "edge", {"R9"}, "open"),
    "input not connected": ({"virtual": [('"dac:1"', '"dac:7"')]}, "input", {"VS"}, "does not arrive"),
    "input reversed": ({"netlist": [("VS s1 s2", "VS s2 s1")]}, "input", {"VS"}, "other way round"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_exactly_what_is_wrong_fails(tmp_path, defect):
    changes, test, subjects, text = DEFECTS[defect]
    with bench(tmp_path, **changes) as circuit:
        findings = self_test(circuit)
    if subjects is None:
        subjects = {f.subject for f in findings if f.test == test}
    assert failed(findings) == {(test, subject) for subject in subjects}
    assert re.search(text, notes(findings))
    assert len(findings) > 60  # the others were tested


def test_an_offset_is_found(tmp_path):
    with bench(tmp_path) as circuit:
        circuit.made.model.channels.offsets["daq:108"] += 3e-3
        findings = self_test(circuit)
    assert failed(findings) == {("offset", "daq:108 (n20)")}


def test_a_dead_edge_is_found(tmp_path):
    with bench(tmp_path) as circuit:
        circuit.program(circuit.conductances)
        circuit.measure(Drive([[0.0]]))
        circuit.made.fault("pots", "stuck", edge="R17")
        findings = self_test(circuit)
    assert failed(findings) == {("edge", "R17")}
    assert "dead" in notes(findings)


def test_slow_settling_fails_alone_and_says_how_long_to_wait(tmp_path, monkeypatch):
    clock = MessageClock()
    for module in ("virtual.model", "bench.account", "bench.phases", "instruments.scpi.session"):
        monkeypatch.setattr(f"hwlearn.lab.{module}.time", clock)
    with bench(tmp_path, virtual=[("lsb_v", "tau_s = 1e-3\nlsb_v")]) as circuit:
        findings = self_test(circuit)
    assert {test for test, _ in failed(findings)} == {"settling"}
    advice = float(re.search(r"settle_s to ([\d.]+)", notes(findings))[1])
    assert 6e-3 < advice < 0.2  # a step of 1.5 V decays to the noise in about 12 ms


def channel_delays(circuit):
    """That test alone, and those that it stands on."""
    tests = _SelfTest(circuit, None, 32, lambda done, total: None)
    return [finding for test in (tests.rest, tests.settling, tests.channel_delay) for finding in test()]


@pytest.mark.parametrize("delay", ["channel_delay_s = 0", "channel_delay_s = 1e-3"])
def test_channels_that_are_read_too_soon_are_found(tmp_path, delay):
    with bench(tmp_path, station=[("nplc = 1", f"nplc = 1\n{delay}")]) as circuit:
        circuit.made.instruments["daq"].settles = 4e-4 if delay.endswith("3") else 5e-5
        findings = channel_delays(circuit)
    assert ("channel delay", "daq:106 (n12)") in failed(findings)
    assert "raise measure.channel_delay_s" in notes(findings)


def test_a_delay_that_is_long_enough_passes(tmp_path):
    with bench(tmp_path, station=[("nplc = 1", "nplc = 1\nchannel_delay_s = 0.01")]) as circuit:
        circuit.made.instruments["daq"].settles = 4e-4
        assert failed(channel_delays(circuit)) == set()
        assert set(circuit.made.instruments["daq"].delays.values()) == {0.01}


def test_a_nudge_below_the_noise_fails_alone(tmp_path):
    drops = np.ones((1, 24))
    nudging = Nudging(drops + 1e-3, drops, np.array([[1e-8]]), symmetric=True)
    with bench(tmp_path) as circuit:
        findings = self_test(circuit, nudging)
    assert failed(findings) == {("smallest nudge", "t1,t2")}


@pytest.mark.parametrize("residual", [0.0, 1e-17, -20e-6])
def test_targets_that_are_reached_need_no_nudge(tmp_path, residual):
    drops = np.ones((1, 24))
    current = np.array([[2e-4 * residual]])  # A, of EP's nudge
    nudging = Nudging(drops + residual, drops, current, symmetric=True, residuals=np.array([[residual]]))
    with bench(tmp_path) as circuit:
        findings = self_test(circuit, nudging)
    assert failed(findings) == set()
    assert any("the targets are reached" in finding.note for finding in findings if finding.test == "smallest nudge")


def test_a_source_meter_that_is_not_connected_ends_the_check_safely(tmp_path):
    with bench(tmp_path, virtual=ELSEWHERE) as circuit:
        findings = self_test(circuit)
        assert failed(findings) == {("instruments", "smu")}
        assert "compliance" in notes(findings)
        assert circuit.made.instruments["pots"].opened


SERIES = [
    (
        '[output."t1,t2"]\nnudge = "smu:1"',
        '[output."t1"]\nnudge = { drive = "dac:2", read = "daq:130", series_ohm = 1e4, tolerance_v = 1e-4 }',
    )
]


def test_outputs_behind_a_resistor_are_checked_and_their_channel_is_calibrated(tmp_path):
    network = NETWORK.with_ports(outputs=["t1"])
    with bench(tmp_path, network=network, virtual=SERIES, station=SERIES) as circuit:
        circuit.made.model.channels.offsets["daq:130"] += 3e-3
        findings = self_test(circuit)
    assert failed(findings) == {("offset", "daq:130")}
    (tmp_path / "offsets.csv").write_text("channel,volt\ndaq:130,3e-3\n", encoding="utf-8")
    known = [*SERIES, ("[safe]", '[calibration]\noffsets = "offsets.csv"\n\n[safe]')]
    with bench(tmp_path, network=network, virtual=SERIES, station=known) as circuit:
        circuit.made.model.channels.offsets["daq:130"] += 3e-3
        assert failed(self_test(circuit)) == set()


# Every kind of source


def contract_bench(name, folder, *changes):
    """A network of the contract on a noisy virtual bench with devices 10 % off."""
    network = contract_networks()[name]
    text = station_of(network, folder).path.read_text(encoding="utf-8")
    worse = ("dac_span_v = 20", "dac_span_v = 20, noise_v = 1e-5, pot_tolerance = 0.1, offset_v = 1e-4")
    (folder / "station.toml").write_text(changed(text, worse, *changes), encoding="utf-8")
    return BenchCircuit(network, folder / "station.toml", verify=False)


@pytest.mark.parametrize("name", ["kite", "mixed"])
def test_every_kind_of_source_and_port_is_checked_and_calibrated(tmp_path, name):
    with contract_bench(name, tmp_path) as circuit:
        findings = self_test(circuit)
        assert failed(findings) == set()  # offsets too, though some fixed sources are not at zero
        assert {f.subject for f in findings if "not tested" in f.note} <= {"R2"}  # in "mixed": across a fixed source
        found = fit_devices(circuit.network, circuit.station, read_devices(circuit))
        model = circuit.connection.virtual.model
    assert found.seen.sum() >= len(found.seen) - 1
    assert found.chi_square < 3
    for edge, seen in zip(circuit.network.edge_names, found.seen, strict=True):
        if seen:
            np.testing.assert_allclose(found.resistances[edge], model.pots.resistances(edge), rtol=1e-3)


def test_offsets_are_not_measured_while_an_external_supply_is_on(tmp_path):
    with contract_bench(
        "mixed", tmp_path, ('[source."Vshift"]\ndrive = "dac:5"', '[source."Vshift"]\ndrive = "external"')
    ) as circuit:
        findings = self_test(circuit)
        assert failed(findings) == set()
        assert {f.note for f in findings if f.test == "offset"} == {"not tested: Vshift is external and on"}
        assert read_devices(circuit, settings=1).offsets is None


# The wiring alone, on readings that a dense solve makes


NETWORKS = {
    "allostery": NETWORK,
    "grid": grid(4, 5, 3e-4, inputs=["n0_0", "n3_4"], outputs=["n1_1"]),
    "no outputs": grid(3, 3, 3e-4, inputs=["n0_0", "n2_2"], outputs=[]),
}
NOISE = 1e-5


def survey(network, random, wired=None, stuck=None):
    """Readings of devices that are up to 20 % off."""
    wired = wired or network
    edges, inputs = len(network.edges), len(network.inputs)
    base = np.clip(3e-4 * 3 ** np.random.default_rng(0).uniform(-1, 1, edges), 9e-5, 9e-4)
    settings = np.tile(base, (edges + 1, 1))
    for k in range(edges):
        settings[k + 1, k] = max(9e-5, 9e-4, key=lambda g, k=k: abs(np.log(g / base[k])))
    true = settings * (1 + 0.2 * random.uniform(-1, 1, edges))
    if stuck is not None:
        true[:, stuck] = true[0, stuck]
    asked = np.diag([0.75] * inputs + [1e-4] * len(network.outputs))
    order = [wired.node_index[node] for node in network.nodes]
    seen = []
    for g in true:
        drives = Drive(asked[:, :inputs], Inject(asked[:, inputs:]))
        both = [modified_nodal(wired, g, d).node_voltages for d in (drives, Drive(np.zeros((1, inputs))))]
        seen.append((both[0] - both[1])[:, order])
    grounded = [k for k, node in enumerate(network.nodes) if node in ("0", "n11")]
    read = [k for k in range(len(network.nodes)) if k not in grounded]
    voltages = np.array(seen)
    voltages[:, :, read] += random.normal(0, NOISE, voltages[:, :, read].shape)
    names = [*network.input_names, *network.output_names]
    return Survey(network, read, settings, list(range(edges)), asked, names, voltages, NOISE)


def wrong(found):
    return {effect.name: effect.wrong for effect in found.sources + found.nodes + found.edges if effect.wrong}


@pytest.mark.parametrize(("name", "seeds"), [("allostery", 20), ("grid", 6), ("no outputs", 6)])
def test_devices_20_percent_off_raise_no_alarm(name, seeds):
    network = NETWORKS[name]
    for seed in range(seeds):
        assert wrong(inspect_wiring(survey(network, np.random.default_rng(seed)))) == {}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_stuck_edge_is_found(network):
    for k, name in list(enumerate(network.edge_names))[::3]:
        found = inspect_wiring(survey(network, np.random.default_rng(k), stuck=k))
        visible = {effect.name for effect in found.edges if effect.visible}
        assert set(wrong(found)) == {name} & visible
        assert set(network.edge_names) - visible <= {"R1"}


def test_two_edges_exchanged_are_found():
    network = NETWORKS["grid"]
    for k in range(0, len(network.edges) - 1, 5):
        edges = list(network.edges)
        edges[k], edges[k + 1] = edges[k + 1]._replace(name=edges[k].name), edges[k]._replace(name=edges[k + 1].name)
        wired = Network.from_edges(
            [edge[:2] for edge in edges], 3e-4, inputs=network.inputs, outputs=network.outputs, names=network.edge_names
        )
        found = inspect_wiring(survey(network, np.random.default_rng(k), wired))
        assert set(wrong(found)) == {edges[k].name, edges[k + 1].name}


@given(seed=st.integers(0, 1000), node=st.integers(0, 15))
def test_a_short_in_the_model_is_a_very_small_resistor(seed, node):
    random = np.random.default_rng(seed)
    network = grid(4, 4, 1e-3, inputs=["n0_0"], outputs=["n3_3,n1_2"])
    if network.nodes[node] in ("n0_0", "0"):
        return
    conductances = 10 ** random.uniform(-4, -2, len(network.edges))
    with NodeCircuit(network) as model:
        shorted = model.ask(conductances).shorted([node])
    more = Network.from_edges(
        [*(edge[:2] for edge in network.edges), (network.nodes[node], "0")],
        1e-3,
        inputs=network.inputs,
        outputs=network.outputs,
    )
    drive = Drive([[1.0], [0.0]], Inject([[0.0], [1.0]]))
    dense = modified_nodal(more, np.r_[conductances, 1e9], drive).node_voltages
    np.testing.assert_allclose(shorted, dense[:, [more.node_index[name] for name in network.nodes]], rtol=1e-5, atol=1e-5)


# How exact readings must be


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_gradient_error_is_that_of_noisy_rules(symmetric):
    random = np.random.default_rng(4)
    network = NETWORK.with_conductances(10 ** random.uniform(-3.9, -3.1, 24))
    task, nudge, noise, repeats = Task([[1.0], [0.5]], [[0.1], [0.2]]), 1e-5, 20e-6, 5
    rule = RULES.get("ep")(nudge, symmetric)
    with ExactCircuit(network) as model:
        free = model.measure(Drive(task.inputs))
        sides = [model.measure(Drive(task.inputs, rule.nudged(free, task.targets, side))) for side in (nudge, -nudge)]
        direction = rule.direction(model, task)
    one, two = sides[0], sides[1] if symmetric else free
    errors = []
    for _ in range(400):
        noisy = [
            phase.node_voltages + noise / np.sqrt(repeats) * random.standard_normal(phase.node_voltages.shape)
            for phase in (one, two)
        ]
        a, b = (volts[:, network.tails] - volts[:, network.heads] for volts in noisy)
        read = -(a**2 - b**2).mean(0) / ((4 if symmetric else 2) * nudge)
        errors.append(np.sum((read - direction) ** 2))
    nudging = Nudging(one.edge_drops(), two.edge_drops(), one.output_currents, symmetric)
    expected = gradient_error(nudging, noise, repeats)
    assert np.sqrt(np.mean(errors)) / np.linalg.norm(direction) == pytest.approx(expected, rel=0.1)
    wanted = repeats_for(expected, nudging, noise)
    assert wanted in (repeats, repeats + 1)


def test_without_a_nudge_no_number_of_readings_helps():
    still = np.ones((1, 3))
    assert repeats_for(0.1, Nudging(still, still, np.zeros((1, 1)), True), 1e-5) is None


def test_the_smallest_nudge_stands_three_deviations_out_of_the_noise():
    random, transfer, noise, repeats = np.random.default_rng(1), np.array([50.0, -200.0, 800.0]), 2e-5, 4
    for symmetric, sides in ((False, 1), (True, 2)):
        currents = smallest_current(transfer, noise, repeats, symmetric=symmetric)
        readings = random.normal(0, noise, (4, 20000, repeats)).mean(2)  # two channels in two phases
        deviation = np.std(readings[0] - readings[1] - readings[2] + readings[3])
        np.testing.assert_allclose(sides * currents * abs(transfer), 3 * deviation, rtol=0.03)
    assert (smallest_current(np.zeros(3), noise, repeats, symmetric=True) == np.inf).all()


@pytest.mark.parametrize(("nudge", "error"), [(5e-6, 0.05), (2e-6, 0.1)])
def test_a_bench_chooses_how_often_to_read(tmp_path, nudge, error):
    wanted = [("repeats = 8", f'repeats = "auto"\ngradient_error = {error}\nmost_repeats = 200')]
    task, rule = Task([[1.0]], [[0.25]]), RULES.get("ep")(nudge, symmetric=True)
    with bench(tmp_path, station=wanted) as circuit:
        for _ in range(6):
            rule.read(circuit, task)
        errors, numbers = [], []
        with ExactCircuit(NETWORK) as model:
            model.program(circuit.made.model.conductances)
            true = rule.direction(model, task)
        for _ in range(12):
            numbers.append(circuit.repeats)
            errors.append(np.linalg.norm(rule.read(circuit, task).direction - true) / np.linalg.norm(true))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(error, rel=0.35)
    assert 4 < np.mean(numbers) < 100


def test_a_chosen_number_grows_without_a_nudge_and_falls_with_a_strong_one():
    repeats, still = Repeats(2, 0.1, 50), np.ones((1, 3))
    for number in (4, 8, 16, 32, 50, 50):
        repeats.contrasted([(still, still)], 1e-5)
        assert repeats.number == number
    for number in (26, 14, 8, 4, 2, 2):
        repeats.contrasted([(2 * still, still)], 1e-5)
        assert repeats.number == number
    fixed = Repeats(3)
    fixed.contrasted([(still, still)], 1e-5)
    assert fixed.number == 3


# The command


def test_the_command_says_what_failed_and_exits_with_1(tmp_path):
    runner = CliRunner()
    good = tmp_path / "station.toml"
    good.write_text(STATION, encoding="utf-8")
    result = runner.invoke(app, ["bench", "check", str(good), str(EXPERIMENT), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["passed"]
    assert {finding["test"] for finding in told["findings"]} >= {"noise", "edge", "repeats"}
    bad = tmp_path / "bad.toml"
    bad.write_text(changed(STATION, ("noise_v = 20e-6", "noise_v = 400e-6")), encoding="utf-8")
    result = runner.invoke(app, ["bench", "check", str(bad), str(EXPERIMENT)])
    assert result.exit_code == 1
    assert "FAILED: shield" in result.stdout
    assert "R1" in result.stdout
    bad.write_text(changed(STATION, ("[instrument.smu]", '[instrument.smu]\nidn = "2612"')), encoding="utf-8")
    result = runner.invoke(app, ["bench", "check", str(bad), str(EXPERIMENT), "--json"])
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["test"], finding["subject"], finding["passed"]) == ("identity", "smu", False)


def test_the_wiring_is_drawn(tmp_path):
    picture = tmp_path / "wiring.svg"
    result = CliRunner().invoke(
        app,
        [
            "bench",
            "show",
            str(EXPERIMENT.parent.parent / "stations" / "allostery.toml"),
            str(EXPERIMENT),
            "--out",
            str(picture),
        ],
    )
    assert result.exit_code == 0
    drawn = picture.read_text(encoding="utf-8")
    assert all(text in drawn for text in ("daq:115", "pots:23", "smu:1"))


def test_a_box_without_a_watchdog_is_told(tmp_path):
    with bench(tmp_path, station=[("watchdog_s = 30", "")]) as circuit:
        (told,) = [one for one in self_test(circuit, scans=2) if one.test == "watchdog"]
    assert (told.subject, told.passed) == ("pots", True)
    assert "after kill -9" in told.note

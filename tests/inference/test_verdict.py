"""What comparisons and calibrations come to: the most dangerous first, and no advice that contradicts it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from benches import EXPERIMENT, NETWORK, STATION, bench, changed
from typer.testing import CliRunner

from hwlearn import EquilibriumPropagation, ExactCircuit
from hwlearn.cli import app
from hwlearn.experiments import load_experiment
from hwlearn.inference import calibration
from hwlearn.inference.calibration import fit_devices
from hwlearn.inference.comparison import compare_circuits
from hwlearn.inference.faults import Accuracy, Diagnosis, Fault
from hwlearn.inference.verdict import verdict
from hwlearn.lab.virtual.model import BenchModel
from hwlearn.lab.virtual.pots import Pots
from hwlearn.show.facts.comparison import comparison_facts

TASK, RULE = load_experiment(EXPERIMENT).task, EquilibriumPropagation(2e-4, symmetric=True)
GOOD = ("pot_tolerance = 0.2", "pot_tolerance = 0.005")


def compared(circuit):
    with ExactCircuit(NETWORK) as exact:
        return compare_circuits(TASK, RULE, {"exact": exact, "bench": circuit}, Accuracy(0.0))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("lead", "port"), [("smu:1", "output t1,t2"), ("dac:1", "input VS")])
def test_exchanged_leads_are_named_before_any_edge(tmp_path, lead, port, seed):
    with bench(tmp_path, virtual=[GOOD, ("seed = 1", f"seed = {seed}")]) as circuit:
        circuit.made.model.leads[lead] = "exchanged"
        found = compared(circuit)
    (one,) = found.compared
    assert not one.agrees
    assert one.reasons[0] == f"{port}: driven the other way round"
    assert port in one.look_first
    assert "bench check" in one.look_first
    if lead == "smu:1":
        assert one.cosine < -0.9
        assert "training would climb the loss" in one.reasons[1]
    assert all("not to be relied on" in reason for reason in one.reasons if "conducts" in reason or "is open" in reason)
    (section,) = comparison_facts(found.as_dict()).sections
    assert section.pairs[0] == ("look first at", one.look_first)


def test_an_uncalibrated_bench_is_sent_to_its_wiring_and_then_to_calibration(tmp_path):
    with bench(tmp_path) as circuit:
        found = compared(circuit)
    (one,) = found.compared
    assert one.reasons[0].startswith("chi² per reading is")
    assert one.look_first.startswith("the wiring")
    assert "calibrate" in one.look_first


def test_one_fault_that_explains_all_is_what_to_look_at(tmp_path):
    with bench(tmp_path, virtual=[GOOD]) as circuit:
        circuit.made.model.pots.factors[6] = 1.3
        circuit.made.model.set_code("pots:6", int(circuit.codes[6]))
        (one,) = compared(circuit).compared
    assert one.reasons[0].startswith("edge R7 conducts")
    assert one.look_first.startswith("edge R7 conducts")


def test_a_bench_that_agrees_says_of_which_edge_nothing_is_known(tmp_path):
    """R1 lies along the source."""
    with bench(tmp_path, virtual=[GOOD]) as circuit:
        found = compared(circuit)
    assert found.agrees
    assert "R1: no phase sees it" in found.compared[0].look_first
    (section,) = comparison_facts(found.as_dict()).sections
    assert section.heading.endswith("agrees, as far as it is seen: nothing is known of R1")


FAULT = Fault("edge", ("R5",), 0.3, 1e4)


def diagnosis(chi_square, explained):
    return Diagnosis((FAULT,), (100.0, chi_square), explained, (), np.ones(2), np.zeros((1, 2)))


def test_noise_that_drowns_the_direction_turns_nothing():
    assert verdict(None, -0.3, 2.0, [], []) == ((), "")
    assert "point against each other" in verdict(None, -0.3, 0.1, [], [])[0][0]
    assert verdict(diagnosis(1.0, True), 1.0, 0.1, [], [])[0] == (str(FAULT),)
    assert "not to be relied on" in verdict(diagnosis(50.0, False), 1.0, 0.1, [], [])[0][1]


def calibrated(tmp_path):
    (tmp_path / "station.toml").write_text(changed(STATION), encoding="utf-8")
    arguments = ["bench", "calibrate", str(tmp_path / "station.toml"), str(EXPERIMENT), "--out", str(tmp_path / "out")]
    return CliRunner().invoke(app, arguments)


def test_a_station_that_fits_badly_is_not_recommended(tmp_path, monkeypatch):
    made = Pots.resistances

    def bent(self, edge):
        ohms = made(self, edge).copy()
        if edge == "R12":
            ohms[100:] *= 1.02
        return ohms

    monkeypatch.setattr(Pots, "resistances", bent)
    result = calibrated(tmp_path)
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert "do not use it before `hwlearn bench check` passes" in said
    assert "from now on" not in said


def test_a_station_that_fits_is_recommended_with_what_was_not_seen(tmp_path):
    said = " ".join(calibrated(tmp_path).stdout.split())
    assert "give this file as the station from now on, with the table of R1 as it was" in said


def test_where_nothing_is_seen_nothing_is_written(tmp_path, monkeypatch):
    def blind(*arguments):
        found = fit_devices(*arguments)
        return replace(found, seen=np.zeros_like(found.seen))

    monkeypatch.setattr(calibration, "fit_devices", blind)
    result = calibrated(tmp_path)
    assert result.exit_code == 2
    assert "nothing was written" in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_command_says_it_in_json_too(tmp_path, monkeypatch):
    monkeypatch.setattr(BenchModel, "_way", lambda self, place: -1 if place == "smu:1" else 1)
    (tmp_path / "station.toml").write_text(changed(STATION, GOOD), encoding="utf-8")
    arguments = [
        "compare",
        str(EXPERIMENT),
        "--backends",
        "exact,bench",
        "--station",
        str(tmp_path / "station.toml"),
        "--json",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    (one,) = json.loads(result.stdout)["backends"]
    assert one["look_first"].startswith("the leads of output t1,t2")

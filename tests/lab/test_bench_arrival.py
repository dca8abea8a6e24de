"""A nudge through a resistor that is soldered to another node: refused in the first nudged phase."""

import pytest
from benches import NETWORK, bench
from test_bench_check import SERIES
from test_bench_leads import verified

from hwlearn import Drive, EquilibriumPropagation, Inject, train
from hwlearn.errors import InstrumentError
from hwlearn.learning.task import Task

GROUNDED = NETWORK.with_ports(outputs=["t1"])
TASK = Task([[1.0]], [[0.25]])
RULES = {"ep": EquilibriumPropagation(2e-4), "symmetric ep": EquilibriumPropagation(2e-4, symmetric=True)}


def solder(circuit, node):
    """The series resistor of the virtual bench to another node."""
    model = circuit.made.model
    other = NETWORK.with_ports(outputs=[node])
    model.network = model._steady.network = model.network.with_ports(outputs=other.outputs)
    model._steady._circuit.close()
    model._steady._circuit = model._steady._make("exact")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("node", ["n20", "t2", "n13"])
def test_training_refuses_a_nudge_that_arrives_elsewhere(tmp_path, rule, node):
    with bench(tmp_path, network=GROUNDED, virtual=SERIES, station=SERIES) as circuit:
        solder(circuit, node)
        with pytest.raises(InstrumentError, match=r"^dac: channel 2 \(output t1\) sends .* soldered elsewhere") as said:
            train(verified(circuit), TASK, RULES[rule], steps=3, learning_rate=2e-7)
        assert "(at daq:1" in str(said.value)
        assert f"({node})?" in str(said.value)
        assert not circuit.writes.sum() > 24  # the codes are those of the start


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_a_nudge_that_arrives_is_blamed_for_nothing(tmp_path, rule, seed):
    virtual = [*SERIES, ("seed = 1", f"seed = {seed}")]
    with bench(tmp_path, network=GROUNDED, virtual=virtual, station=SERIES) as circuit:
        train(verified(circuit), TASK, RULES[rule], steps=40, learning_rate=2e-7)


def test_small_currents_are_not_judged(tmp_path):
    with bench(tmp_path, network=GROUNDED, virtual=SERIES, station=SERIES) as circuit:
        solder(circuit, "n20")
        verified(circuit).measure(Drive([[1.0]] * 2, Inject([[1e-7], [-1e-7]])))

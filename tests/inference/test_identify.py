"""`identify` against known conductances."""

import numpy as np

from hwlearn import Drive, ExactCircuit, Inject
from hwlearn.inference.identify import identify
from hwlearn.network.builders import grid


def _setup():
    random = np.random.default_rng(3)
    network = grid(3, 3, 1e-3, inputs=["n0_0", "n2_2", "n0_2"], outputs=["n1_1", "n2_0"])
    true = network.conductances * np.exp(random.uniform(-0.3, 0.3, len(network.edges)))
    return random, network, true


def test_injected_currents_fix_every_conductance():
    random, network, true = _setup()
    drive = Drive(random.uniform(-1, 1, (12, 3)), Inject(random.uniform(-1e-3, 1e-3, (12, 2))))
    with ExactCircuit(network.with_conductances(true)) as circuit:
        measured = circuit.measure(drive).node_voltages
    found = identify(network, network.conductances, drive, measured, noise=1e-9)
    assert found.scale_is_seen
    assert found.unseen.shape[1] == 0
    np.testing.assert_allclose(found.conductances, true, rtol=1e-6)


def test_voltages_alone_do_not_fix_the_scale():
    random, network, true = _setup()
    drive = Drive(random.uniform(-1, 1, (12, 3)))
    with ExactCircuit(network.with_conductances(true)) as circuit:
        measured = circuit.measure(drive).node_voltages
    found = identify(network, network.conductances, drive, measured, noise=1e-9)
    assert not found.scale_is_seen
    with ExactCircuit(network.with_conductances(found.conductances)) as circuit:
        again = circuit.measure(drive)
    np.testing.assert_allclose(again.node_voltages, measured, atol=1e-6)


def test_standard_errors_are_those_of_repeated_fits():
    random, network, true = _setup()
    drive = Drive(random.uniform(-1, 1, (8, 3)), Inject(random.uniform(-1e-3, 1e-3, (8, 2))))
    with ExactCircuit(network.with_conductances(true)) as circuit:
        clean = circuit.measure(drive).node_voltages
    pulls = []
    for _ in range(60):
        noisy = clean + random.normal(0, 1e-5, clean.shape)
        found = identify(network, network.conductances, drive, noisy, noise=1e-5)
        pulls.append(np.log(found.conductances / true) / found.relative_error)
    assert 0.85 < np.std(pulls) < 1.15
    assert abs(np.mean(pulls)) < 0.15

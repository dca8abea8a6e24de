"""A real power grid of 10,408 resistors against an independent sparse solve of its text."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from hwlearn import Drive, ExactCircuit, Network
from hwlearn.errors import HwlearnWarning

TEXT = gzip.decompress((Path(__file__).parents[1] / "data/irdrop/testcase12.sp.gz").read_bytes()).decode()


def solve(text: str) -> dict[str, float]:
    """Node voltages [V] by a parse and a solve of one's own."""
    cards = [line.split() for line in text.splitlines() if line[:1] in "RIV"]
    fixed = {card[1]: float(card[3]) for card in cards if card[0][0] == "V"} | {"0": 0.0}
    free = {
        node: k for k, node in enumerate(dict.fromkeys(n for c in cards if c[0][0] == "R" for n in c[1:3] if n not in fixed))
    }
    current = np.zeros(len(free))
    triplets = []
    for name, plus, minus, value in cards:
        if name[0] == "I":
            for node, sign in ((plus, -1), (minus, 1)):
                if node in free:
                    current[free[node]] += sign * float(value)
        elif name[0] == "R":
            for one, two in ((plus, minus), (minus, plus)):
                if one in free:
                    triplets.append((free[one], free[one], 1 / float(value)))
                    if two in free:
                        triplets.append((free[one], free[two], -1 / float(value)))
                    else:
                        current[free[one]] += fixed[two] / float(value)
    rows, columns, values = zip(*triplets, strict=True)
    x = splu(coo_array((values, (rows, columns)), shape=(len(free), len(free))).tocsc()).solve(current)
    return {**fixed, **{node: x[k] for node, k in free.items()}}


def test_first_line_is_lost_with_a_warning(tmp_path):
    path = tmp_path / "grid.sp"
    path.write_text(TEXT)
    with pytest.warns(HwlearnWarning, match=r"grid\.sp:1: .*R0 is lost"):
        net = Network.from_netlist(path)
    assert len(net.edges) == 10_407


def test_voltages(tmp_path):
    path = tmp_path / "grid.sp"
    path.write_text("* power grid\n" + TEXT)
    net = Network.from_netlist(path)
    assert (len(net.edges), len(net.fixed_sources)) == (10_408, 7_718 + 4)
    expected = solve(TEXT)
    with ExactCircuit(net) as circuit:
        voltages = circuit.measure(Drive(np.empty((1, 0)))).node_voltages[0]
    assert np.allclose(voltages, [expected[node] for node in net.nodes], rtol=1e-11, atol=0)
    assert min(v for node, v in zip(net.nodes, voltages, strict=True) if node != "0") == pytest.approx(
        1.0943677819971291, rel=1e-12
    )

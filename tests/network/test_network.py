"""What a network is, and what it refuses."""

import copy
import multiprocessing
import pickle

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from networks import networks

from hwlearn import Drive, ExactCircuit, Hold, Network, NgspiceCircuit, Open, Port, Source
from hwlearn.errors import DriveError, ModelError, NetworkError
from hwlearn.network import Element
from hwlearn.network.builders import BUILDERS, crossbar, delaunay, grid, kite, layered, random_regular, wheatstone


def test_names_incidence_and_ports() -> None:
    net = Network.from_edges(
        [("A", "T"), ("D", "T"), ("T", "M"), ("M", "gnd")], [1.0, 1.5, 2.0, 1.0], inputs=["A", "D"], outputs=["T,M", "V(M)"]
    )
    assert net.nodes == ("A", "T", "D", "M", "0")
    assert net.edge_names == ("R1", "R2", "R3", "R4")
    assert net.edges[3][:2] == ("M", "0")
    expected = [[1, -1, 0, 0, 0], [0, -1, 1, 0, 0], [0, 1, 0, -1, 0], [0, 0, 0, 1, -1]]
    np.testing.assert_array_equal(net.incidence.toarray(), expected)
    assert net.outputs == (Port("T", "M"), Port("M"))
    assert net.output_names == ("T,M", "M")
    with pytest.raises(ValueError, match="read-only"):
        net.conductances[0] = 3.0


def test_inputs_of_every_kind() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "0")]
    net = Network.from_edges(edges, inputs=["a", "b,c", "I(c)"])
    assert [(s.kind, s.plus, s.minus) for s in net.inputs] == [
        ("voltage", "a", "0"),
        ("voltage", "b", "c"),
        ("current", "c", "0"),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"conductances": [1.0, -1.0, 1.0]}, "R2 is -1 S"),
        ({"conductances": [1.0, np.nan, 1.0]}, "R2 is nan S"),
        ({"conductances": [1.0, np.inf, 1.0]}, "R2 is inf S"),
        ({"conductances": [1.0, 0.0, 1.0]}, "R2 is 0 S"),
        ({"conductances": [1.0, 2.0]}, "conductances: shape"),
        ({"names": ["a", "b", "a"]}, "edge 'a' is given twice"),
        ({"names": ["a", "b"]}, "2 names for 3 edges"),
        ({"inputs": ["X"]}, "input node 'X' is on no edge"),
        ({"inputs": ["A", "A"]}, "source 'V_A' is given twice"),
        ({"inputs": ["A", Source("V2", "voltage", "A")]}, "loop: V_A, V2"),
        ({"inputs": ["A", "D", "A,D"]}, "loop: V_A, V_D, V_A_D"),
        ({"inputs": ["I(A)"]}, "island without a source or ground: A, T, D, M"),
        ({"inputs": []}, "island"),
        ({"outputs": ["t1"]}, "no node 't1'"),
        ({"outputs": ["T", "T"]}, "output 'T' is given twice"),
        ({"outputs": ["A"]}, "output 'A' is tied to an input"),
        ({"outputs": ["A,D"]}, "output 'A,D' is tied to an input"),
        ({"outputs": ["T,M,A"]}, "two nodes as 'T,M'"),
        ({"outputs": ["I(T)"]}, "an output is a voltage"),
        ({"trainable": ["X*"]}, "pattern 'X\\*' fits no edge"),
        ({"trainable": [True]}, "trainable mask"),
        ({"bounds": (1.0, 0.5)}, "bounds of R1"),
        ({"bounds": (0.0, 5.0)}, "bounds of R1"),
        ({"bounds": (2.0, 5.0)}, "R1 is 1 S, outside its bounds"),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: dict[str, object], words: str) -> None:
    options = {"inputs": ["A", "D"], "outputs": ["T"], "conductances": 1.0, **change}
    with pytest.raises(NetworkError, match=words):
        Network.from_edges([("A", "T"), ("D", "T"), ("T", "M")], **options)  # type: ignore[arg-type]


def test_an_edge_must_be_a_pair() -> None:
    for edges in (["AB"], [("A", "B", 1.0)]):
        with pytest.raises(NetworkError, match="pair"):
            Network.from_edges(edges)  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match="no edges"):
        Network.from_edges([])


def test_outputs_that_depend_on_each_other_can_be_read_but_not_held() -> None:
    net = kite(outputs=["T", "M", "T,M"])
    for backend in (ExactCircuit, NgspiceCircuit):
        with backend(net) as circuit:
            volts = circuit.measure(Drive([[1, 0]])).output_voltages[0]
            assert volts[2] == pytest.approx(volts[0] - volts[1])
            with pytest.raises(NetworkError, match="loop: held output T, held output M, held output T,M"):
                circuit.measure(Drive([[1, 0]], Hold([[0.5, 0.5, 0.0]])))


def test_other_elements_are_refused_by_the_exact_model_with_their_place() -> None:
    diode = Element("d1", "d1 t 0 dmod", ("t", "0"), "my.cir:7")
    net = Network.from_edges(
        [("a", "t")], 1e-3, inputs=["a"], outputs=["t"], elements=[diode], directives=[".model dmod d(is=1e-14)"]
    )
    with pytest.raises(ModelError, match=r"my.cir:7: d1 t 0 dmod.*NgspiceCircuit"):
        ExactCircuit(net)
    with NgspiceCircuit(net) as circuit:
        volts = circuit.measure(Drive([[1.0], [-1.0]])).output_voltages[:, 0]
    assert 0.5 < volts[0] < 0.7
    assert volts[1] == pytest.approx(-1.0, abs=1e-6)
    thermal = 1.380649e-23 * 300.15 / 1.602176634e-19
    assert 1e-3 * (1 - volts[0]) == pytest.approx(1e-14 * np.expm1(volts[0] / thermal), rel=1e-3)


def test_builders() -> None:
    assert (len(grid(3, 4).nodes), len(grid(3, 4).edges)) == (12, 17)
    assert (len(kite().edges), len(wheatstone().edges)) == (6, 5)
    assert [edge[:2] for edge in kite().edges][4:] == [("T", "M"), ("M", "W")]
    bar = layered([9, 9])
    assert (len(bar.nodes), len(bar.edges), len(bar.inputs), len(bar.outputs)) == (18, 81, 9, 9)
    regular = random_regular(4, 20, seed=3)
    np.testing.assert_array_equal(np.abs(regular.incidence).sum(0), 4)
    triangulated = delaunay(30, seed=1)
    assert 3 * 30 - 3 - 30 <= len(triangulated.edges) <= 3 * 30 - 6
    assert [e[:2] for e in delaunay(30, seed=1).edges] == [e[:2] for e in triangulated.edges]
    assert set(BUILDERS) == {
        "grid",
        "kite",
        "wheatstone",
        "layered",
        "random_regular",
        "delaunay",
        "gate_pair",
        "crossbar",
        "deep_resistive",
    }
    for bad in (
        lambda: grid(0, 3),
        lambda: grid(1, 1),
        lambda: layered([3]),
        lambda: random_regular(3, 5),
        lambda: delaunay(2),
    ):
        with pytest.raises(NetworkError):
            bad()


def test_from_networkx() -> None:
    graph = networkx.grid_2d_graph(2, 2)
    networkx.set_edge_attributes(graph, 2e-3, "conductance")
    net = Network.from_networkx(graph, inputs=[(0, 0), (1, 1)], outputs=[(0, 1)])
    assert net.nodes == ("(0, 0)", "(1, 0)", "(0, 1)", "(1, 1)")
    np.testing.assert_array_equal(net.conductances, 2e-3)
    multi = networkx.MultiDiGraph()
    multi.add_edge("a", "b", conductance=1.0, name="R_one")
    multi.add_edge("a", "b", conductance=2.0, name="R_two")
    net = Network.from_networkx(multi, inputs=["a", "b"])
    assert net.edge_names == ("R_one", "R_two")
    multi.add_edge("b", "c")
    with pytest.raises(NetworkError, match=r"edge b–c has no attribute 'conductance'"):
        Network.from_networkx(multi)
    assert Network.from_networkx(multi, inputs=["a"], default=3.0).conductances[2] == 3.0


def test_the_number_0_is_no_ground() -> None:
    graph = networkx.path_graph(4)
    line = Network.from_networkx(graph, inputs=[0, 3], outputs=[1, 2], default=1.0)
    assert line.nodes == ("n0", "1", "2", "3")
    assert [source.plus for source in line.inputs] == ["n0", "3"]
    with ExactCircuit(line) as circuit:  # a divider that is tied to nothing else
        np.testing.assert_allclose(circuit.measure(Drive([[0.0, 3.0]])).output_voltages, [[1.0, 2.0]], rtol=1e-12)
    same = Network.from_edges([(0, 1), (1, 2), (2, 3)], inputs=[0, 3], outputs=[1, np.int64(2)])
    assert (same.nodes, same.inputs, same.outputs) == (line.nodes, line.inputs, line.outputs)


@pytest.mark.parametrize("ground", [0, 2])
def test_ground_is_the_node_that_is_named(ground: int) -> None:
    line = Network.from_networkx(networkx.path_graph(3), inputs=[1], default=1.0, ground=ground)
    assert "0" in line.nodes
    assert [edge.head if ground else edge.tail for edge in line.edges].count("0") == 1
    with pytest.raises(NetworkError, match="ground 7 is not a node of the graph"):
        Network.from_networkx(networkx.path_graph(3), inputs=[1], default=1.0, ground=7)
    assert "0" in Network.from_networkx(networkx.Graph([("GND", "a")]), inputs=["a"], default=1.0).nodes


def test_nodes_that_read_alike_are_not_joined() -> None:
    with pytest.raises(NetworkError, match=r"nodes 1, '1' of the graph would all be named '1'; relabel them"):
        Network.from_networkx(networkx.Graph([(1, "1"), ("1", 2)]), inputs=[2], default=1.0)


def test_changed_copies() -> None:
    net = kite()
    other = net.with_conductances(2.0).with_ports(inputs=["V_A", "I(M)"], outputs=["T"])
    assert [source.name for source in other.inputs] == ["V_A", "I_M"]
    assert [source.name for source in other.fixed_sources] == ["V_D"]
    assert net.conductances[0] == 1.0
    assert other.conductances[0] == 2.0


@settings(max_examples=30)
@given(networks())
def test_names_and_order_do_not_matter(network: Network) -> None:
    """The same circuit with other names, edge directions and edge order has the same voltages."""
    rename = {name: f"{name} ü({k})" for k, name in enumerate(network.nodes) if name != "0"} | {"0": "0"}
    order = np.random.default_rng(1).permutation(len(network.edges))

    def renamed(source: Source) -> Source:
        return Source(source.name + " x", source.kind, rename[source.plus], rename[source.minus], source.value)

    other = Network.from_edges(
        [(rename[network.edges[k].head], rename[network.edges[k].tail]) for k in order],
        network.conductances[order],
        inputs=map(renamed, network.inputs),
        fixed_sources=map(renamed, network.fixed_sources),
        outputs=[Port(rename[p.plus], rename[p.minus]) for p in network.outputs],
    )
    inputs = np.linspace(0.1, 1, len(network.inputs))[None]
    with ExactCircuit(network) as one, NgspiceCircuit(other) as two:
        first, second = one.measure(Drive(inputs)), two.measure(Drive(inputs))
    size = np.abs(first.node_voltages).max()
    np.testing.assert_allclose(first.output_voltages, second.output_voltages, rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])  # noqa: S301
def test_copies_are_immutable_too(again) -> None:  # type: ignore[no-untyped-def]
    net = kite([1, 1.5, 1.3, 1, 1, 1.7])
    ExactCircuit(net)  # fills the cached properties
    other = again(net)
    assert (other.edges, other.inputs, other.outputs) == (net.edges, net.inputs, net.outputs)
    for name in ("conductances", "trainable", "lower", "upper"):
        np.testing.assert_array_equal(getattr(other, name), getattr(net, name))
        assert not getattr(other, name).flags.writeable


def answer(net: Network) -> list[float]:
    with NgspiceCircuit(net) as circuit:
        return circuit.measure(Drive([[1.0, 0.0]])).output_voltages[0].tolist()


def test_a_network_goes_to_a_spawned_process() -> None:
    net = kite([1, 1.5, 1.3, 1, 1, 1.7])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(answer, [net]) == [answer(net)]


def test_a_lone_text_is_one_port() -> None:
    net = Network.from_edges([("in", "out"), ("out", "0")], inputs="in", outputs="out")
    assert (net.input_names, net.output_names) == (("V_in",), ("out",))
    assert net.with_ports(inputs="I(out)").input_names == ("I_out",)
    with pytest.raises(NetworkError, match=r"source 'V_inn': no node 'inn'; did you mean 'in'\?"):
        net.with_ports("inn")


def test_what_is_printed_of_a_network_and_its_circuit_is_one_short_line() -> None:
    net = grid(30, 30, outputs=["n1_1"])
    expected = "<Network 'grid 30×30': 900 nodes, 1740 edges, inputs (V_n0_0, V_n29_29), outputs (n1_1)>"
    assert repr(net) == expected
    circuit = ExactCircuit(net)
    assert repr(circuit) == f"<ExactCircuit of {expected}>"
    assert repr(circuit.measure(Drive([[1.0, 0.0]] * 3))).startswith("<LinearMeasurement: 3 samples, 1 outputs, by exact")


def test_a_drive_needs_samples_and_outputs_of_a_known_kind() -> None:
    with pytest.raises(DriveError, match="no samples"):
        Drive(np.empty((0, 2)))
    for outputs in (None, [[1.0, 2.0, 3.0]], Open):
        with pytest.raises(DriveError, match=r"give Open\(\)"):
            Drive([[1.0, 0.0]], outputs)  # type: ignore[arg-type]


def test_ports_and_sources_know_their_ends():
    net = Network.from_edges(
        [("a", "b"), ("b", "0")], inputs=["a"], outputs=["b", "a,b"], fixed_sources=[Source("I1", "current", "0", "b", 1e-3)]
    )
    voltages = dict(zip(net.nodes, [3.0, 5.0, 0.0], strict=True))
    v = np.array([voltages[node] for node in net.nodes])
    assert (net.port_incidence @ v).tolist() == [5.0, -2.0]
    assert (net.source_incidence @ v).tolist() == [3.0, -5.0]
    assert net.with_ports(outputs=[]).port_incidence.shape == (0, 3)


def test_a_network_of_many_ports_is_told_in_one_short_line():
    """A network of 1,568 inputs named all of them, in 12,000 letters."""
    said = repr(crossbar(300, 40))
    assert "inputs (V_i0, V_i1, V_i2, V_i3, V_i4 and 295 more), outputs (p0" in said
    assert len(said) < 200

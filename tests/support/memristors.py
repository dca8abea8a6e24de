"""A memristor alone, as Hewlett-Packard's paper has it."""

from hwlearn import Network

HP = {"r_on": 100.0, "r_off": 16e3, "mobility": 1e-14, "thickness": 1e-8}
PER_COULOMB = 1e4  # μ r_on / D²


def alone(device, state, kind="a", outputs=()):
    """A device from a node to ground, driven by a voltage ("a") or a current ("I(a)")."""
    conductance = device.conductance(state)
    return Network.from_edges([("a", "0")], conductance, inputs=[kind], outputs=outputs, names=[device.edge], devices=[device])

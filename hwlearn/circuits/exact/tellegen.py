"""`Test`: currents that inputs deliver, by Tellegen's theorem."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array, Indices


class Test(NamedTuple):
    """Potentials that are 1 at one voltage input and 0 at all other sources, for each of k voltage inputs.

    Attributes:
        edges: indices of the edges whose drops count.
        drops: (k, edges) V.
        ports: (k, n_out) V at the outputs.
        injected: (k, sources) W: the power of each source's injected currents.
    """

    edges: Indices
    drops: Array
    ports: Array
    injected: Array

    def delivered(self, conductances: Array, drops: Array, columns: Array) -> Array:
        """(k, p) A that each voltage input delivers, for drops (E, p) by source columns (sources, count), then by each output.

        What the input delivers is the power of the test's drops with the edges' currents, less that of the currents which
        enter elsewhere.
        """
        count = columns.shape[1]
        delivered = self.drops @ (conductances[self.edges, None] * drops[self.edges])
        delivered[:, count:] -= self.ports
        delivered[:, :count] -= self.injected @ columns
        return np.asarray(delivered)

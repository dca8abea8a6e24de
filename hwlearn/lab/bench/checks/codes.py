"""`Codes`: the boxes still have the codes that were written."""

from __future__ import annotations

import numpy as np

from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.phase import Phase


class Codes(Check):
    """After a phase each box is asked, one round trip each: another program, a reset or a watchdog may have changed it."""

    always = True

    def after(self, phase: Phase) -> None:
        devices, names = self.bench.plan.devices, self.bench.plan.network.edge_names
        assert devices.written is not None
        for box, (channels, edges) in devices.boxes.items():
            codes, written = box.codes()[channels], devices.written[edges]
            for k in np.flatnonzero(codes != written):
                raise InstrumentError(
                    f"resistor {channels[k]} (edge {names[edges[k]]}) has code {codes[k]}, and {written[k]} was written: "
                    "another program, or a reset? The phase is not used",
                    box.name,
                )

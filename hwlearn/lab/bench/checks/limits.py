"""`Limits`: what a bench refuses to do."""

from __future__ import annotations

import numpy as np

from hwlearn.circuits.drive import Hold, Pull
from hwlearn.errors import StationError
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.nudge import Nudge, SeriesNudge
from hwlearn.lab.bench.phase import Asked

ALIKE = 0.01
"""A resistor that pulls may be off the rule's by this part."""


class Limits(Check):
    """No drive passes a limit of the station, and none is asked for that it cannot make."""

    always = True

    def before(self, asked: Asked) -> None:
        self._inputs(asked)
        if asked.imposed is not None:
            self._able(asked)
            self._outputs(asked)

    def _inputs(self, asked: Asked) -> None:
        plan, inputs = self.bench.plan, asked.inputs
        limits = plan.station.settings.limits
        for k, source in enumerate(plan.network.inputs):
            key, most = ("v_node_max", limits.v_node_max) if source.kind == "voltage" else ("i_nudge_max", limits.i_nudge_max)
            sample = int(np.abs(inputs[:, k]).argmax())
            if abs(inputs[sample, k]) > most:
                raise StationError(
                    f"{plan.station.path}: input {source.name} of sample {sample} is {inputs[sample, k]:g} {source.unit}, "
                    f"beyond limits.{key} = {most:g} {source.unit}"
                )

    def _able(self, asked: Asked) -> None:
        """All outputs have a source that can do this."""
        plan = self.bench.plan
        for name, nudge in zip(plan.network.output_names, plan.nudges, strict=True):
            if nudge is None:
                raise StationError(
                    f"{plan.station.path}: output.{name} has no nudge: this bench can read it, but not inject or hold; "
                    "wire a source meter to it"
                )
            if isinstance(asked.outputs, Pull):
                self._pulls(name, nudge, asked.outputs.conductance)

    def _pulls(self, name: str, nudge: Nudge, conductance: float) -> None:
        """The resistor at an output is the one that shall pull it."""
        path = self.bench.plan.station.path
        if not isinstance(nudge, SeriesNudge):
            raise StationError(
                f'{path}: output.{name} has a source meter and no resistor to pull it by; take by = "current", or wire a '
                "voltage source and a resistor there"
            )
        if abs(conductance * nudge.ohm - 1) > ALIKE:
            raise StationError(
                f"{path}: output.{name} is pulled through {nudge.ohm:g} Ω, which is a nudge of {1 / nudge.ohm:.6g} S, and "
                f"{conductance:.6g} S was asked for; give that nudge, or solder {1 / conductance:.6g} Ω"
            )

    def _outputs(self, asked: Asked) -> None:
        plan, imposed = self.bench.plan, asked.imposed
        assert imposed is not None
        limits = plan.station.settings.limits
        limit, key, unit = limits.i_nudge_max, "i_nudge_max", "A"
        if isinstance(asked.outputs, Hold | Pull):
            limit, key, unit = limits.v_compliance, "v_compliance", "V"
        if np.abs(imposed).max(initial=0.0) > limit:
            sample, k = np.argwhere(np.abs(imposed) > limit)[0]
            raise StationError(
                f"{plan.station.path}: output {plan.network.output_names[k]} of sample {sample} would get "
                f"{imposed[sample, k]:g} {unit}, beyond limits.{key} = {limit:g} {unit}; nudge less"
            )

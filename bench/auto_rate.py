"""Steps by learning_rate = "auto", over those by the best rate of a scan: each shipped experiment, each rule.

    python bench/auto_rate.py [--only kite,xor] [--json auto.json]

Steps are those until ½ ‖o − y‖² [V²], mean over the samples, ports open, meets the file's stop_loss, or a millionth of the
first one where the file has none, alike for all rules, on the exact model. A scan has rates by factors of √2 around the limit
at the start, 2/λ_max, over sixteen octaves (of adam: by factors of 2 from 0.003 to 0.4). A rate counts as picked by hand where
the loss that its rule sees never doubles, for `train` warns where it does; rates far above the limit sometimes end in luck:
`lucky` is the best of those too. With minibatches and pulses losses scatter, adam and momentum overshoot: there each rate
counts.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hwlearn.errors import HwlearnError, HwlearnWarning
from hwlearn.experiments import Experiment, load_experiment
from hwlearn.learning.parameters import setting_slopes
from hwlearn.learning.rates.own_rate import OwnRate
from hwlearn.learning.rules import RULES
from hwlearn.learning.train import task_loss, train
from hwlearn.learning.training_result import TrainState

NETLISTS = Path(__file__).parent.parent / "netlists"
GOAL, GROWN, ROUNDING = 1e-6, 2.0, 1e-12
ADAM = 0.003 * 2.0 ** np.arange(8)


class Run(NamedTuple):
    """Steps to the goal, or infinity; and whether the rule's loss ever doubled."""

    steps: float
    grew: bool


def run(experiment: Experiment, rate: Any, steps: int) -> Run:
    """Train from the file's start on the exact model."""
    table = experiment.settings.train
    assert table is not None
    with experiment.circuit("exact") as circuit, experiment.circuit("exact", imperfect=False) as judge:
        first = task_loss(judge, experiment.task)[0]
        own = load_experiment(experiment.path).settings.train  # of the file's rule, which sees V²
        goal = GOAL * first if own is None or own.stop_loss is None else own.stop_loss
        found, losses = [math.inf], []

        def look(state: TrainState) -> bool:
            losses.append(state.loss)
            judge.program(state.conductances + circuit.strayed)
            if task_loss(judge, experiment.task)[0] <= goal:
                found[0] = state.step
            return bool(found[0] < math.inf)

        options = {**table.arguments, "steps": steps, "learning_rate": rate, "stop_loss": None, "callbacks": [look]}
        try:
            train(circuit, experiment.task, experiment.rule, **options)
        except HwlearnError:
            return Run(math.inf, True)
    lowest = np.minimum.accumulate(losses)
    grew = (np.array(losses)[1:] > GROWN * lowest[:-1]) & (lowest[:-1] > ROUNDING * losses[0])
    smooth = table.batch_size is None and table.optimizer == "plain" and experiment.settings.memristors is None
    return Run(found[0], bool(grew.any()) and smooth)


def scanned(experiment: Experiment) -> Iterator[float]:
    """Rates to try."""
    table = experiment.settings.train
    assert table is not None
    if table.optimizer == "adam":
        yield from ADAM.tolist()
        return
    with experiment.circuit("exact") as circuit:
        rule, task, g = experiment.rule, experiment.task, circuit.conductances
        own = OwnRate(1.0, circuit, rule.sufficient(circuit, task), rule)
        slopes = None
        if table.parameter != "conductance":
            slopes = g if table.parameter == "log-conductance" else setting_slopes(circuit.network, table.parameter, g)
        limit = own.limit(slopes)
    yield from (limit * 2.0 ** (np.arange(-16, 17) / 2)).tolist()


def rows(names: list[str]) -> Iterator[dict[str, Any]]:
    """One for each experiment and rule."""
    for name in names:
        for rule in RULES:
            experiment = load_experiment(NETLISTS / f"{name}.toml", {"rule.name": rule})
            assert experiment.settings.train is not None
            most = 4 * experiment.settings.train.steps
            own, rates = run(experiment, "auto", most), list(scanned(experiment))
            runs = []
            for rate in rates:  # none needs more steps than the best so far
                best = min((one.steps for one in runs), default=math.inf)
                kept = min((one.steps for one in runs if not one.grew), default=math.inf)
                runs.append(run(experiment, rate, int(min(most, max(best, kept)))))
            picked = min(
                (one.steps, rate) for one, rate in zip(runs, rates, strict=True) if not one.grew or one.steps == math.inf
            )
            lucky = min((one.steps, rate) for one, rate in zip(runs, rates, strict=True))
            ratio = own.steps / max(picked[0], 1) if picked[0] < math.inf else 0.0 if own.steps < math.inf else math.nan
            yield {
                "experiment": name, "rule": rule, "auto": own.steps, "grew": own.grew, "best": picked[0], "rate": picked[1],
                "lucky": lucky[0], "ratio": ratio,
            }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(sorted(file.stem for file in NETLISTS.glob("*.toml"))))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore", HwlearnWarning)
    found = []
    for row in rows(given.only.split(",")):
        found.append(row)
        print("{experiment:16s} {rule:8s} auto {auto:5g}".format(**row), end="  ")
        print("best {best:5g} (rate {rate:.3g})  lucky {lucky:5g}  ratio {ratio:.2f}".format(**row), flush=True)
    print(f"worst ratio {max(row['ratio'] for row in found):.2f} of {len(found)}")
    if given.json:
        given.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()

"""
A run: loss and predicted rate
==============================

The kite learns by equilibrium propagation. The dashed line is what coercivity predicts for the end of the run; nothing is
fitted.
"""

from tempfile import mkdtemp

from hwlearn import Run
from hwlearn.experiments import load_experiment
from hwlearn.show.plots import draw_run

run = Run.create(f"{mkdtemp()}/kite", load_experiment("../../netlists/kite.toml", {"train.steps": 300}))
run.go()
draw_run(run, "run.png")

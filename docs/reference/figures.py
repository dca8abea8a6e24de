# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
# ---

# %% [markdown]
# # Figures
#
# Every figure that a command draws can be drawn in Python: by a function `draw_…` of `hwlearn.show`. Each takes
#
# - the thing to draw,
# - a file (PNG, SVG or PDF by its ending), whose fonts are embedded as TrueType, as publishers ask,
# - `width=86` in mm for a column of print, with letters of 7 pt, and `panels=["loss", "outputs"]` where it has several,
# - or `ax=`, axes of your own figure, one for each panel,
#
# and returns the figure. The commands have the same: `--width 86mm`, `--panels loss,outputs`, `--format pdf`. Colours are
# those of rules and dashes those of backends, in all figures (`hwlearn/show/plots/styles.py`). All axes have units,
# and none has two.
#
# In a notebook, a `Network` shows its picture, and an `Analysis`, a `Comparison` and a `Run` show their facts and figure, when
# they stand at the end of a cell.
#
# ## Network

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from hwlearn import ExactCircuit, Network, Run, Task, analyze
from hwlearn.experiments import load_experiment
from hwlearn.network.builders import crossbar, kite
from hwlearn.show import draw_network

_, (left, right) = plt.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
draw_network(kite([1, 1.5, 1.3, 1, 1, 17]), ax=left)
draw_network(crossbar(3, 2, rails=(0.0, 1.0)), ax=right)
# %% [markdown]
# Widths of lines go by the logarithm of the conductance. Sources, diodes and other elements have their symbols; an output that
# is a difference is dotted, with its signs. Crossbars and layers stand in columns.
#
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_network
# ```
#
# ## Schematic

# %%
from hwlearn.show import draw_schematic

netlists = next(folder for folder in Path.cwd().parents if (folder / "netlists").is_dir()) / "netlists"
_, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
draw_schematic(Network.from_netlist(netlists / "ladder.cir"), ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_schematic
# ```
#
# ## Run

# %%
from hwlearn.show import draw_run

folder = Path(tempfile.mkdtemp())
runs = []
for rule, rate in (("ep", 2.0), ("cl", 5.0), ("al", 2.0)):
    keys = {"rule.name": rule, "train.learning_rate": rate, "train.steps": 150}
    runs.append(Run.create(folder / rule, load_experiment(netlists / "kite.toml", keys)))
    runs[-1].go()
_, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
draw_run(runs[0], panels=["loss", "network", "conductances", "outputs"], ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_run
# ```
#
# ## Several runs
#
# ½‖o − y‖² in V² for all rules; AL observes currents, so that its own loss has a panel, and the common one follows from g(t)
# by the exact model.

# %%
from hwlearn.show import draw_runs

_, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
draw_runs(runs, ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_runs
# ```
#
# ## Analysis

# %%
from hwlearn.show import draw_analysis

network, task = kite([1, 1.5, 1.3, 1, 1, 1.7]), Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
_, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
draw_analysis(analyze(network, task), ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_analysis
# ```
#
# ## Operating point

# %%
from hwlearn.analysis.operating import operating_point
from hwlearn.show import draw_operating_point

gates = load_experiment(netlists / "gates.toml")
_, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
draw_operating_point(operating_point(gates.network, gates.task), ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_operating_point
# ```
#
# ## Comparison

# %%
from hwlearn.circuits.imperfect import ImperfectCircuit, Noise
from hwlearn.inference.comparison import compare_circuits
from hwlearn.learning.rules import EquilibriumPropagation
from hwlearn.show import draw_comparison

with ExactCircuit(network) as paper, ImperfectCircuit(ExactCircuit(network), Noise(1e-4)) as noisy:
    found = compare_circuits(task, EquilibriumPropagation(symmetric=True), {"exact": paper, "noisy": noisy})
_, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
draw_comparison(found, ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_comparison
# ```
#
# ## Robustness

# %%
from hwlearn.analysis.robustness import robustness
from hwlearn.show import draw_robustness

floors = robustness(network, task, EquilibriumPropagation(symmetric=True), only=["noise"], steps=20, sizes=2)
_, axes = plt.subplots(figsize=(5, 4.4), layout="constrained")
draw_robustness(floors, ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_robustness
# ```
#
# ## Sweep

# %%
from hwlearn.experiments.sweeps import run_sweep
from hwlearn.show import draw_sweep

(folder / "sweep.toml").write_text(f"""
experiment = "{(netlists / "kite.toml").as_posix()}"
[grid]
"rule.name" = ["ep", "cl"]
"train.optimizer" = ["plain", "momentum"]
"train.steps" = [50, 100]
""")
swept = run_sweep(folder / "sweep.toml", folder / "sweep", jobs=1)
_, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
draw_sweep(swept, ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_sweep
# ```
#
# ## Design

# %%
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import design
from hwlearn.show import draw_design

problem = Problem.of(
    Task([[0.0, 1.0]], [[0.3, 0.6]]), ["a", "b"], ["t1", "t2"], nodes=6, edges=8, bounds=(9.3e-5, 8.9e-4), loss=4e-6
)
_, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
draw_design(design(problem, restarts=1), ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_design
# ```
#
# ## Wiring of a bench

# %%
from hwlearn.lab.station import load_station
from hwlearn.show import draw_wiring

bench = load_experiment(netlists / "allostery-bench.toml")
_, axes = plt.subplots(figsize=(9, 9.5), layout="constrained")
draw_wiring(bench.network, load_station(netlists.parent / "stations" / "allostery.toml"), ax=axes)
# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_wiring
# ```
#
# ## Gates of a circuit that learns by itself
#
# Here with numbers that were made up; `hwlearn bench watch` records them.

# %%
import numpy as np

from hwlearn.inference.autonomous import Explained, Trajectory
from hwlearn.show import draw_trajectory

seconds = np.linspace(0, 60, 40)
alone = np.stack((2.0 - 0.5 * np.exp(-seconds / 10), 1.0 + 0.3 * np.exp(-seconds / 20)), axis=1)
measured = alone + np.outer(seconds, [2e-3, -1e-3])
biases = np.array([2e-3, -1e-3]), np.array([1e-5, 1e-5])
explained = Explained(["M1", "M2"], seconds, measured, alone, measured, 1.0, *biases, None)
_, axes = plt.subplots(figsize=(7, 4), layout="constrained")
draw_trajectory(Trajectory(seconds, {"M1": measured[:, 0], "M2": measured[:, 1]}, {}), explained, ax=axes)

# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_trajectory
# ```
#
# ## Claims

# %%
from hwlearn.claims.nudges import check
from hwlearn.claims.rows import Bench
from hwlearn.show import draw_claims

_, axes = plt.subplots(figsize=(6, 4.6), layout="constrained")
draw_claims(check(Bench(ExactCircuit, quick=True)), ax=axes)

# %% [markdown]
# ```{eval-rst}
# .. autofunction:: hwlearn.show.draw_claims
# ```

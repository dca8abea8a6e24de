# %% [markdown]
# # A noisy bench: which nudge, and what the resistors really are
#
# The virtual bench of `stations/allostery.toml` has 20 µV of noise on each reading, 8 readings a phase, and resistors
# that are up to 20 % off their tables. What does this do to learning, and can one measure the resistors in place?

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from hwlearn import BenchCircuit, Drive, EquilibriumPropagation, ExactCircuit, Inject
from hwlearn.experiments import load_experiment
from hwlearn.inference.identify import identify

ROOT = Path("../..")
experiment = load_experiment(ROOT / "netlists" / "allostery-bench.toml")
network, task = experiment.network, experiment.task
bench = BenchCircuit(network, ROOT / "stations" / "allostery.toml")
bench.measure(Drive(task.inputs))  # connecting changes nothing: the first phase sets the resistors
true = bench.connection.virtual.model.conductances  # only a virtual bench can tell

# %% [markdown]
# ## The nudge
#
# The contrast of two phases is divided by the nudge β, and so is its noise: a small nudge drowns. One-sided nudging errs in
# proportion to β, so that it has an optimum in between. Symmetric nudging has no such error in a linear circuit: take it
# as strong as the limits of the bench allow.

# %%
with ExactCircuit(network) as circuit:
    circuit.program(true)
    wanted = EquilibriumPropagation(1e-4, symmetric=True).direction(circuit, task)
nudges = np.geomspace(1e-6, 3e-4, 6)
errors = {}
for symmetric in (False, True):
    errors[symmetric] = [
        np.linalg.norm(EquilibriumPropagation(nudge, symmetric).direction(bench, task) - wanted) / np.linalg.norm(wanted)
        for nudge in nudges
    ]
figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
axes.loglog(nudges, errors[False], "o-", label="one-sided")
axes.loglog(nudges, errors[True], "o-", label="symmetric")
axes.set(xlabel="nudge β [S]", ylabel="relative error of the direction")
axes.legend()
print(
    "best one-sided nudge", f"{nudges[np.argmin(errors[False])]:.0e} S, best symmetric {nudges[np.argmin(errors[True])]:.0e} S"
)

# %% [markdown]
# ## The resistors
#
# Currents into the outputs and a voltage at the input, in some combinations, say what the conductances are: `identify` fits
# them and gives their standard errors. R1 lies between the two ends of the input and is seen by no phase.

# %%
random = np.random.default_rng(2)
count = 24
probe = Drive(random.uniform(-1, 1, (count, 1)), Inject(random.uniform(-5e-4, 5e-4, (count, 1))))
measured = bench.measure(probe)
volts = measured.node_voltages
driven = volts[:, [network.node_index["s1"]]] - volts[:, [network.node_index["s2"]]]  # a DAC of 16 bits is not exact
fit = identify(network, bench.conductances, Drive(driven, Inject(measured.output_currents)), volts, measured.noise)
seen = np.isfinite(fit.relative_error)
before, after = (np.log(g[seen] / true[seen]) for g in (bench.conductances, fit.conductances))
print(f"not seen: {', '.join(np.array(network.edge_names)[~seen])}; χ² per reading {fit.chi_square:.2f}")
print(f"error of the tables {before.std():.1%}, of the fit {np.sqrt(np.mean(after**2)):.2%}")

# %%
figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
names = np.array(network.edge_names)[seen]
axes.bar(names, 100 * before, color="0.8", label="code tables")
axes.errorbar(names, 100 * after, 100 * fit.relative_error[seen], fmt="o", ms=3, label="identified, ± standard error")
axes.set(ylabel="off the true conductance [%]")
axes.tick_params(axis="x", rotation=90)
_ = axes.legend()

# %%
bench.close()

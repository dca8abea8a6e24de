# %% [markdown]
# # One grid on paper, in ngspice and on a bench
#
# A 4×4 grid of digipots shall answer 1 V across one pair of nodes with 0.25 V across a far pair. The same experiment file runs
# on the exact model, in ngspice, and on the virtual bench of `stations/allostery.toml`, whose devices have 8-bit codes, 20 %
# unknown tolerance and 20 µV of noise, and answer over real sockets.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from hwlearn import CoupledLearning, Drive, train
from hwlearn.experiments import load_experiment

ROOT = Path("../..")
station = (ROOT / "stations" / "allostery.toml").resolve()
experiment = load_experiment(ROOT / "netlists" / "allostery-bench.toml", {"backend.station": str(station)})
task, rule = experiment.task, CoupledLearning(1.0, symmetric=True)

# %%
options = {"optimizer": "adam", "parameter": "log-conductance", "learning_rate": 0.1, "stop_loss": 0.5 * 100e-6**2}
runs = {}
for name in ("exact", "ngspice", "bench"):
    with experiment.circuit(name) as circuit:
        result = train(circuit, task, rule, steps=300, **options)
        free = circuit.measure(Drive(np.tile(task.inputs, (100, 1)))).output_voltages
    runs[name] = result
    off = np.sqrt(np.mean((free - task.targets) ** 2))
    print(f"{name:8} {result.steps:4} steps, stopped because: {result.stopped_because}; error {off * 1e6:.1f} µV rms")

# %% [markdown]
# The simulators take the same way, to rounding. The bench takes a similar one: nobody knows its true resistances, and it
# does not have to: each resistor learns from the drops that are measured at itself.

# %%
same = np.abs(runs["exact"].conductances / runs["ngspice"].conductances - 1).max()
print(f"exact and ngspice differ by {same:.0e} at most" if same > 1e-9 else "exact and ngspice agree to 1e-9")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for (name, result), style in zip(runs.items(), ("-", "--", "-"), strict=True):
    left.semilogy(result.losses, style, label=name)
left.set(xlabel="step", ylabel="loss that the rule observes [V²]")
left.legend()
edges = np.arange(len(experiment.network.edges))
for (name, result), marker in zip(runs.items(), "o+x", strict=True):
    right.plot(edges, result.conductances * 1e3, marker, label=name)
right.set(xlabel="resistor", ylabel="conductance [mS], as realised")
_ = right.legend()

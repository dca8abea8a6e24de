"""
The bias of a one-sided nudge
=============================

A one-sided contrast errs in proportion to the nudge; a symmetric one is exact in a linear circuit, at any amplitude.
"""

import matplotlib.pyplot as plt
import numpy as np

from hwlearn import EquilibriumPropagation, ExactCircuit, Task
from hwlearn.network.builders import kite

task = Task(inputs=[[1.0, 0.0]], targets=[[0.6, 0.5, 0.4]])
nudges = np.logspace(-4, 0.5, 19)
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
with ExactCircuit(kite(conductances=[1, 1.5, 1.3, 1, 1, 1.7])) as circuit:
    exact = EquilibriumPropagation(nudge=1.0, symmetric=True).direction(circuit, task)
    for symmetric, label in ((False, "one-sided"), (True, "symmetric")):
        found = [EquilibriumPropagation(nudge=nudge, symmetric=symmetric).direction(circuit, task) for nudge in nudges]
        error = [np.linalg.norm(one - exact) / np.linalg.norm(exact) for one in found]
        axes.loglog(nudges, np.maximum(error, 1e-16), "o-", label=label)
axes.set(xlabel="nudge β [S]", ylabel="relative error of the direction")
axes.legend()
axes.grid(alpha=0.3)

"""
Three rules on one task
=======================

Equilibrium propagation observes voltages and imposes currents, adjoint coupled learning observes currents and imposes
voltages. Each learns at its fastest learning rate, as `analyze` tells it. Losses of different units have axes of their own.
"""

import matplotlib.pyplot as plt

from hwlearn import AdjointCoupledLearning, CoupledLearning, EquilibriumPropagation, ExactCircuit, Task, analyze, train
from hwlearn.network.builders import kite

network = kite(conductances=[1, 1.5, 1.3, 1, 1, 1.7])
task = Task(inputs=[[1.0, 0.0]], targets=[[0.6, 0.5, 0.4]])
spectra = analyze(network, task).solution.spectra
figure, panels = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
for axes, rule in zip(panels, (EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning), strict=True):
    with ExactCircuit(network) as circuit:
        rate = spectra[rule.name].best_step
        losses = train(circuit, task, rule(symmetric=True), steps=300, learning_rate=rate).losses
    axes.semilogy(losses)
    axes.set(title=f"{rule.name} at {rate:.3g}", xlabel="step", ylabel=f"loss it observes [{rule.loss_unit}]")
    axes.grid(alpha=0.3)

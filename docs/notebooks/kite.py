# %% [markdown]
# # The kite: coercivity, and how fast learning ends
#
# The kite has an outline A, T, D, W and a spine T–M–W. A is at 1 V, D at 0 V; T, M and W shall be at
# $\tfrac{1}{2}+\delta$, $\tfrac{1}{2}$ and $\tfrac{1}{2}-\delta$. For $\delta=0$ no current flows in the spine of any
# solution, so that the spine cannot learn there. This notebook trains the kite at some $\delta$, and compares how fast
# with what coercivity predicts.

# %%
import matplotlib.pyplot as plt
import numpy as np

from hwlearn import EquilibriumPropagation, ExactCircuit, Task, analyze, flow, train
from hwlearn.analysis.convergence import compare
from hwlearn.network.builders import kite

network = kite(conductances=[1, 1.5, 1.3, 1, 1, 1.7])
rule = EquilibriumPropagation(symmetric=True)


def task(delta):
    return Task([[1.0, 0.0]], [[0.5 + delta, 0.5, 0.5 - delta]])


# %% [markdown]
# ## The constant along the flow
#
# The flow $\dot{g}=-\nabla\tfrac{1}{2}\|e\|^2$ ends on the solution manifold. There the coercivity constant
# $c=\sigma_{\min}(J)^2$ is the slowest rate of EP: the loss decays as $e^{-2ct}$. It grows as $\delta^2$.

# %%
deltas = np.array([0.1, 0.05, 0.025])
found = []
for delta in deltas:
    with ExactCircuit(network) as circuit:
        run = flow(circuit, task(delta), rule, t_span=1e6, rtol=1e-7, stop_loss=1e-14)
    rates = compare(network, task(delta), "ep", run.conductances, run.losses, times=run.at, floor=1e-10)
    found.append(run)
    print(f"δ = {delta:5}: c = {rates.predicted:.5e}, measured {rates.measured:.5e} after t = {run.at[-1]:8.0f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for delta, run in zip(deltas, found, strict=True):
    left.semilogy(run.at / 1000, run.losses, label=f"δ = {delta}")
left.set(xlabel="time / 1000", ylabel="loss [V²]", xlim=(0, 40))
left.legend()
constants = [
    analyze(network.with_conductances(r.conductances), task(d)).start.constant for d, r in zip(deltas, found, strict=True)
]
right.loglog(deltas, constants, "o", label="at the end of the flow")
right.loglog(deltas, constants[-1] * (deltas / deltas[-1]) ** 2, "-", label="∝ δ²")
right.set(xlabel="δ", ylabel="c [V²/S²]")
_ = right.legend()

# %% [markdown]
# ## At the symmetric target
#
# J has rank 2 of 3 on the whole manifold; `degenerate` names the combination of outputs that no resistor changes there, to
# first order. These very targets are reached, because the error does not excite that direction on the way: the observed
# rate is that of the slowest active mode. Move M's target a little, and nothing is left to learn it with.

# %%
for targets in ([0.5, 0.5, 0.5], [0.5, 0.51, 0.5]):
    wanted = Task([[1.0, 0.0]], [targets])
    with ExactCircuit(network) as circuit:
        losses = train(circuit, wanted, rule, steps=300, learning_rate=5.0).losses
    print(f"targets {targets}: loss {losses[0]:.1e} → {losses[-1]:.1e} V² in 300 steps")
    print(analyze(network, wanted).advice()[0])

# %% [markdown]
# ## The largest learning rate
#
# Step α multiplies each mode by $1-\alpha\lambda$. It is stable for $\alpha<2/\lambda_{\max}$, which `analyze` tells
# beforehand.

# %%
solution = network.with_conductances(found[0].conductances[-1] * (1 + 1e-4 * np.arange(6)))
limit = analyze(solution, task(0.1)).start.spectra["ep"].max_step
for part in (0.95, 1.05):
    with ExactCircuit(solution) as circuit:
        losses = train(circuit, task(0.1), rule, steps=100, learning_rate=part * limit).losses
    print(f"α = {part} of the limit {limit:.2f}: loss {losses[0]:.1e} → {losses[-1]:.1e} V²")

"""Three clouds of dots, and an experiment file that learns their colours."""

import numpy as np

FILE = """
[circuit]
builder = "crossbar"
rows = 2
columns = 3
rails = [0.0, 1.0]
seed = 3
[task]
data = "dots.csv"
labels = "colour"
split = 0.25
split_seed = 1
[rule]
name = "ep"
symmetric = true
[loss]
name = "cross-entropy"
scale = 0.05
[train]
epochs = 3
batch_size = 10
learning_rate = "auto"
decay = 0.9
"""

COLOURS = ("blue", "green", "red")


def dots(samples=60, seed=0):
    """Three clouds in a plane, and the colour of each."""
    random = np.random.default_rng(seed)
    of = np.arange(samples) % 3
    points = np.array([[1.0, 1.0], [5.0, 1.0], [3.0, 5.0]])[of] + random.normal(0, 0.4, (samples, 2))
    return points, [COLOURS[k] for k in of]

"""
How fast each mode of the error decays
======================================

Before anything is trained, `analyze` finds the modes of the error at the solution nearest by, for each rule.
"""

from hwlearn import Task, analyze
from hwlearn.network.builders import kite
from hwlearn.show.plots import draw_analysis

found = analyze(kite(conductances=[1, 1.5, 1.3, 1, 1, 1.7]), Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]))
draw_analysis(found, "analysis.png")

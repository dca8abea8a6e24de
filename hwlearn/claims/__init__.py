"""The claims of "Coercivity and Local Convergence of Physical Learning in Linear Circuits" (arXiv:2606.15443), rerun.

One file per claim, each with `check(bench) -> list[Row]`; docs/claims.md states them with their formulas.
"""

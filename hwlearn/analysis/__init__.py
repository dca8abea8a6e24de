"""Will it converge, and how fast: Jacobian, coercivity, rates, feasibility, genericity."""

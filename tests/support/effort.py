"""How hard the tests try: `HWLEARN_EFFORT=20 pytest tests/netlist` tries twenty times as many circuits and attacks.

`HWLEARN_SEED=7` draws others, hypothesis' examples as well. Without it they are the same each time: what main must pass must
not hang on luck, and whoever looks for faults says so.
"""

import os

EFFORT, SEED = int(os.environ.get("HWLEARN_EFFORT", "1")), int(os.environ.get("HWLEARN_SEED", "1"))


def tries(usual: int) -> int:
    """How often a law or an attack is tried, which is `usual` times on any day."""
    return usual * EFFORT

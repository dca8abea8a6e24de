"""An account that goes on from a snapshot."""

import numpy as np

from hwlearn.lab.bench.account import Account
from hwlearn.network.builders import wheatstone


def test_what_was_read_before_a_snapshot_was_restored_is_not_paid_twice():
    network = wheatstone()
    account = Account(network, lambda readings, _: np.ones((len(readings), 1)) * np.arange(len(network.nodes)))
    account.read(np.ones((1, 4)), network.conductances, 0.0)
    account.changes()  # to be worked out later
    account.restore({"spent.energy": np.array(5.0), "spent.readings": np.array(3.0)})
    assert account.spent["energy"] == 5.0
    assert account.spent["readings"] == 3.0

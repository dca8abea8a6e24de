"""Learning rates: given, or taken from how errors answer changes of the conductances where the circuit is."""

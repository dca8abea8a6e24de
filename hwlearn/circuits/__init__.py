"""Circuits that a learner drives and measures: exact model, ngspice."""

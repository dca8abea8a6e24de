"""Circuits that will converge, found before anything is built: which graph, which conductances to begin with, how fast."""

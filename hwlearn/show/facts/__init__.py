"""What is told of a network, a training, an analysis, a comparison: once, for terminal, page, JSON and figures."""

from hwlearn.show.facts.facts import LISTED, Facts, Section, Table

__all__ = ["LISTED", "Facts", "Section", "Table"]

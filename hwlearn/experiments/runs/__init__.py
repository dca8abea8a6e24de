"""Run folders: what a training leaves behind, goes on from, and is looked at with afterwards."""

from hwlearn.experiments.runs.export import export, to_csv, to_dataset, to_netlist, to_networkx
from hwlearn.experiments.runs.listing import Listing, Summary, find_runs
from hwlearn.experiments.runs.run import Run

__all__ = ["Listing", "Run", "Summary", "export", "find_runs", "to_csv", "to_dataset", "to_netlist", "to_networkx"]

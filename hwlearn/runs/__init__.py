"""Run folders: what a training leaves behind, goes on from, and is looked at with afterwards."""

from hwlearn.runs.run import Run

__all__ = ["Run"]

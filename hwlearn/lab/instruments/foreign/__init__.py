"""Instruments behind drivers of other people: what their Python is told to do stands in the station file."""

"""The lab bench: a network wired to instruments that a station file names."""

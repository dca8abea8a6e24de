"""The lab: instruments, the station file, the virtual bench, and the bench as a circuit."""

"""What measurements say: the node model, identification, faults, comparison."""

"""Tasks, learning rules, and training in discrete and continuous time."""

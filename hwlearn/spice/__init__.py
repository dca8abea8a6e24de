"""ngspice in this process: the library, the one session, its messages and its names.

The only room that touches PySpice, or what takes its place. Lowest of all rooms: it knows nothing of networks.
"""

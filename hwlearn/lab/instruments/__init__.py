"""Instruments over PyVISA: sessions that never give a wrong reading, and drivers by role."""

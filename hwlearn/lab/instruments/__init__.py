"""Instruments by what they do on a bench: roles, and drivers that have them."""

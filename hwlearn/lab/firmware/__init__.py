"""Firmware of the reference board: MicroPython for a Raspberry Pi Pico. It runs unchanged under CPython.

Imports nothing of hwlearn: `hwlearn bench firmware DIR` copies this folder out for the Pico. Annotations are what MicroPython
parses and forgets; it has no `typing`.
"""

"""The chips, one file a family: what they are told, from their data sheets. Volatile registers only.

A resistor chip has `count`, `top` (the largest code), `write(codes)`, `read()`, `open()`; `write` connects again.
A source chip has `count`, `code(volts)`, `write(channel, code)`, `volts(channel)`.
A converter has `inputs`, `buffered`, `ranges`, `range(volts)`, `read(channel, range, nplc)`.
"""

"""The chips, one file a family: what they are told. Volatile registers only.

The bytes are remembered, not read from data sheets: see docs/board.md before you solder.

A resistor chip has `count`, `top` (the largest code), `write(codes)`, `read()`, `open()`; `write` connects again.
A source chip has `count`, `code(volts)`, `write(channel, code)`, `volts(channel)`.
A converter has `inputs`, `buffered`, `ranges`, `range(volts)`, `read(channel, range, nplc)`.
"""

"""The chips, one file a family: what they are told. Volatile registers only.

The bytes were written from memory, then compared with drivers of others, and with the data sheet where a file names one.
docs/board.md says what each rests on: read it before you solder.

A resistor chip has `count`, `top` (the largest code), `write(codes)`, `read()`, `open()`; `write` connects again.
A source chip has `count`, `code(volts)`, `write(channel, code)`, `volts(channel)`.
A converter has `inputs`, `buffered`, `ranges`, `range(volts)`, `read(channel, range, nplc)`.
"""

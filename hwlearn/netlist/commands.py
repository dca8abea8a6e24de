"""The commands of ngspice, by what they do to the circuit."""

from __future__ import annotations

CHANGING = frozenset(
    {"alter", "altermod", "alterparam", "circbyline", "source", "mc_source", "edit", "load", "remcirc", "setcirc", "snload",
     "optran", "option", "spec", "codemodel", "pre_codemodel", "osdi", "pre_osdi", "use", "pre_set"}
)  # fmt: skip
"""Those that change or replace the circuit, or what its elements are."""

ENDING = frozenset({"exit", "quit", "bye", "reset", "unset", "rehash"})
"""Those that end ngspice, or give the circuit its first state back."""

_OTHERS = """
    ac alias appendwrite asciiplot aspice bug cd cdump compose cutout dc define deftype delete destroy devhelp diff
    display disto dump echo edisplay eprint eprvcd esave fft fourier getcwd gnuplot hardcopy help history inventory
    iplot jobs let linearize listing mdump meas measure mrdump noise op oldhelp plot print psd pss pz remzerovec reshape
    resume rspice run rusage save sens set setcs setplot setscale setseed settype shell shift show showmod snsave sp
    spice state status step stop strcmp strslice strstr sysinfo tf trace tran transpose unalias undefine unlet version
    where wrdata write wrnodev xgraph if else end endif while dowhile foreach repeat goto label break continue begin
    wrs2p
"""

COMMANDS = CHANGING | ENDING | frozenset(_OTHERS.split())
"""All of them."""

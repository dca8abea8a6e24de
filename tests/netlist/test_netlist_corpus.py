"""Public decks agree with `ngspice -b`, or are refused with a reason; none ends Python. The counts never shrink.

`HWLEARN_CORPUS=FOLDER pytest -m slow tests/netlist/test_netlist_corpus.py -s`, on Debian: what is not in the folder is
fetched: ngspice's examples and regressions by apt (Debian's ngspice-doc has none), PySpice's by pip, and where apt has them
KiCad's and qucs-s' examples, of whose libraries each subcircuit or model becomes a deck. `python tests/support/corpus.py
FOLDER` lists the decks.
"""

import os
from pathlib import Path

import corpus
import pytest

AGREED, READ = 270, 284
"""Decks that agree, and that are read at all; measured with ngspice 39.3, PySpice 1.5 and kicad-demos 6.0.11."""

OTHER_POINT = {"DFF_Y_ECL.sp", "DFF_Y_ECL_VBIC.sp"}
"""Flip-flops: `ngspice -b` finds the point between their two states, the sweep one of the states."""

RANDOM = {"MC_2_circ.sp", "mc_ring_circ.net", "mc_ring_lib_complete_actual.cir"}
"""Parameters drawn at random, anew by each program."""


@pytest.mark.slow  # some 550 decks, each solved by two programs: two minutes, and a network to fetch them
@pytest.mark.timeout(1800)
@pytest.mark.skipif("HWLEARN_CORPUS" not in os.environ, reason="HWLEARN_CORPUS names no folder")
def test_public_decks():
    folder = Path(os.environ["HWLEARN_CORPUS"])
    corpus.fetch(folder)
    found = corpus.compare(folder, corpus.find_ngspice(folder))
    counts = corpus.counts(found)
    print(dict(counts))
    assert {path.name for path, said in found.items() if said.startswith("differs")} <= OTHER_POINT | RANDOM
    assert not [f"{path}: {said}" for path, said in found.items() if said.startswith(("died", "traceback"))]
    assert all(len(said) > len("refused: ") for said in found.values() if said.startswith("refused"))
    assert counts["agrees"] >= AGREED
    assert counts.total() - counts["refused"] >= READ

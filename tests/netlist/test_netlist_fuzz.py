"""Netlists mutated at random: a result or one line, whatever they hold; read in children, which may not end or hang."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from effort import SEED, tries
from netlist_children import left_behind, outcomes

ROOT = Path(__file__).parents[1]
SEEDS = [*3 * sorted((ROOT.parent / "netlists").glob("*.cir")), *sorted((ROOT / "data" / "netlists").glob("*.cir"))]
COUNT = 75
"""Netlists of one seed."""


def _listed(name: str) -> list[str]:
    text = (ROOT / "data" / "netlists" / f"mutations-{name}.txt").read_text("ascii")
    return [line.encode().decode("unicode_escape") for line in text.splitlines()]


CARDS, COMMANDS, WORDS = _listed("cards"), _listed("commands"), _listed("words")
"""What a mutation writes into a netlist; `~` stands for the end of a line, 9 for any number."""


def mutated(rng: random.Random) -> bytes:
    """A seed after one, some or six changes of lines, words or characters."""
    lines = rng.choice(SEEDS).read_bytes().decode("latin-1").split("\n")
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 6])):
        rng.choice([_line, _line, _word, _word, _character, _card, _card, _card])(rng, lines)
    return "\n".join(lines).encode("utf-8" if rng.random() < 0.9 else "latin-1", "replace")


def _line(rng: random.Random, lines: list[str]) -> None:
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(5)
    if how == 0 and len(lines) > 1:
        del lines[one]
    elif how == 1:
        lines.insert(other, lines[one])
    elif how == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif how == 3:
        lines[one] += rng.choice([" ", "\n+ ", ""]) + lines[other]
    else:
        lines[one] *= rng.choice([2, 300])


def _word(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    words = lines[at].split(" ")
    words[rng.randrange(len(words))] = rng.choice([*WORDS, rng.choice(rng.choice(lines).split() or ["x"])])
    lines[at] = rng.choice([" ", " ", " ", ""]).join(words)


def _character(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    place = rng.randint(0, len(lines[at]))
    new = rng.choice(["", *"(){}[]'\"=,;:.+-*/$#%&!?_ \t\r0159aeimMrvxVXRK", rng.choice(WORDS)])
    lines[at] = lines[at][:place] + new + lines[at][place + rng.randint(0, 2) :]


def _card(rng: random.Random, lines: list[str]) -> None:
    card = rng.choice(COMMANDS if rng.random() < 0.1 else CARDS)
    lines.insert(rng.randrange(len(lines)) + 1, card.replace("9", str(rng.randint(1, 30))).replace("~", "\n"))


def _found(folder: Path) -> Iterator[str]:
    return (str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.slow  # many netlists, each loaded twice or more: the attack is the test
@pytest.mark.parametrize("seed", range(SEED, SEED + tries(2)))
def test_a_mutated_netlist_is_a_result_or_one_line(seed, tmp_path):
    texts, at, rng = tmp_path / "netlists", tmp_path / "work", random.Random(seed)  # noqa: S311
    texts.mkdir()
    at.mkdir()
    files = [texts / f"{k}.cir" for k in range(COUNT)]
    for file in files:
        file.write_bytes(mutated(rng))
    before = set(_found(tmp_path))
    found = outcomes(files, at)
    bad = {file.name: said for file, said in found.items() if not _fine(said)}
    assert not bad, "\n".join(
        f"{said[:300]}\n{(texts / name).read_text('latin-1')[:3000]}" for name, said in [*bad.items()][:5]
    )
    assert len(found) == len(files)
    assert sum(said == "result" for said in found.values()) > len(files) / 10
    assert set(_found(tmp_path)) == before
    assert not left_behind(at)


def _fine(said: str) -> bool:
    return not said.startswith(("killed Python", "not one line", "traceback", "not a number"))

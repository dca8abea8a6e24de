"""Steps: the little of Python that a station file may say, and nothing else of it."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hwlearn.lab.instruments.foreign.object import Object
from hwlearn.lab.instruments.foreign.steps import parsed, run, texts_in_calls
from hwlearn.lab.instruments.foreign.values import integers, number, numbers, switch


class Channel:
    def __init__(self):
        self.voltage, self.called = 0.0, []

    def ramp(self, *arguments, **named):
        self.called.append((arguments, named))
        return {"done": [1, 2.5]}


class Card:
    def __init__(self):
        self.channels, self.on, self.by_name = [Channel(), Channel()], False, {"a": Channel()}


class Reached(Object):
    library = __name__.partition(".")[0]

    def __init__(self):
        self.device = Card()

    def assign(self, owner, name, value):
        self.member(owner, name)
        setattr(owner, name, value)


@pytest.mark.parametrize(
    ("steps", "value"),
    [
        ("channels[1].voltage = 0.5; channels[1].voltage", 0.5),
        ("on = True; channels[0].voltage = -1e-3", None),
        ("by_name['a'].ramp(1, [2, 'x'], to=-3.5)['done'][1]", 2.5),
        ("on\n", False),
    ],
)
def test_steps_set_read_and_call(steps, value):
    device = Reached()
    assert run(steps, device) == value
    if "ramp" in steps:
        assert device.device.by_name["a"].called == [((1, [2, "x"]), {"to": -3.5})]


@pytest.mark.parametrize(
    "steps",
    [
        *(
            "",
            "   ",
            "#",
            "pass",
            "import os",
            "a; import os",
            "del a",
            "a += 1",
            "a: int = 1",
            "a = b",
            "a = b = 1",
            "a, b = 1, 2",
        ),
        *("a = 1 + x", "a = f'{x}'", "a = [x]", "a = {'k': x}", "a = lambda: 0", "a = (yield)", "a = b()", "a if b else c"),
        *(
            "a and b",
            "a.b(c)",
            "a(*b)",
            "a(**{'x': 1})",
            "a(x for x in y)",
            "(a)(b())",
            "a[b]",
            "a[1:2]",
            "a[b.c]",
            "'text'.join",
        ),
        *(
            "1 .real",
            "[].append",
            "(lambda: 0)()",
            "a()()",
            "_a",
            "a._b",
            "a.__class__",
            "a[0].__init__(1)",
            "__import__('os')",
        ),
        *(
            "a._b = 1",
            "a()._b",
            "async def f(): pass",
            "await a",
            "with a: pass",
            "if a: b",
            "while True: a",
            "a\x00b",
            "a = 1e999e",
        ),
        *("a" * 2001, "(" * 300 + "a" + ")" * 300, "a = " + "-" * 1900 + "1", "a = " + "[" * 900 + "]" * 900),
    ],
)
def test_all_else_of_python_is_refused(steps):
    with pytest.raises(ValueError, match=r".+"):
        parsed(steps)


ALPHABET = st.sampled_from([*"ab_.[](){}=;,:'\"\\+-*@#1e\n ", "__class__", "import ", "lambda ", " for ", "os", "True"])


@given(st.one_of(st.lists(ALPHABET, max_size=30).map("".join), st.text(max_size=60)))
@example("a = '\\N{x}'")
@example("a.b\\")
@example("a" + ".a" * 900)
@example("a = 9" + "9" * 1500)
def test_whatever_is_written_is_steps_or_refused(text):
    try:
        parsed(text)
    except ValueError:
        return
    assert not re.search(r"\b(import|lambda|for)\b(?![^'\"]*['\"])", text)


@pytest.mark.parametrize(
    ("steps", "has"),
    [
        ("write(':OUTP ON')", False),
        ("ask(':OUTP?')", False),
        ("a = 'text'", False),
        ("a(1, True, x=[2.0])", False),
        ("a['key'].b(1)", False),
        ("load('x')", True),
        ("a.write('x')", True),
        ("a(x={'k': ['t']})", True),
        ("a(b'bytes')", True),
        ("a(1)['k']; b('x').c", True),
    ],
)
def test_text_given_to_a_method_is_seen(steps, has):
    assert texts_in_calls(steps) is has


@pytest.mark.parametrize(
    "steps", ["channels.append", "channels[0].called.clear()", "by_name.clear()", "channels[0].ramp.fget"]
)
def test_paths_stay_with_things_of_the_library(steps):
    with pytest.raises((AttributeError, TypeError), match=r"nothing of|not called"):
        run(steps, Reached())


def test_where_code_is_trusted_they_may_leave_it():
    device = Reached()
    device.trusted = True
    run("channels.clear()", device)
    assert device.device.channels == []


@pytest.mark.parametrize(
    ("value", "found"),
    [(1, 1.0), (np.float32(0.5), 0.5), (np.array(2), 2.0), ("-1.5E-3", -1.5e-3), (9.9e37, np.inf), (-9.9e37, -np.inf)],
)
def test_numbers(value, found):
    assert number(value) == found


def test_what_was_not_measured_is_no_number_that_compares():
    assert np.isnan(number(9.91e37))
    assert np.isnan(number(np.nan))


@pytest.mark.parametrize("value", [True, np.bool_(False), None, "", "nan", "1_0", "1 V", [1.0], {"a": 1}, 1j, b"1", object()])
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match=r".+"):
        number(value)


def test_lists_have_as_many_values_as_they_should():
    assert numbers((1, 2.5), 2).tolist() == [1.0, 2.5]
    assert numbers("1,2.5", 2).tolist() == [1.0, 2.5]
    assert numbers(3, 1).tolist() == [3.0]
    assert integers("1,2", 2) == integers(np.array([1, 2]), 2) == integers([1.0, 2], 2) == [1, 2]
    for wrong in ([1.0], [1, 2, 3], "1", 1, [1, "x"], None):
        with pytest.raises(ValueError, match=r".+"):
            numbers(wrong, 2)
    for wrong in ([1, 2.5], "1,2.5", [True, 1], [np.nan, 1], [np.inf, 1]):
        with pytest.raises(ValueError, match=r".+"):
            integers(wrong, 2)


@pytest.mark.parametrize(
    ("value", "on"),
    [(True, True), (0, False), (np.bool_(True), True), ("ON", True), (" off ", False), ("0", False), (1.0, True)],
)
def test_switches(value, on):
    assert switch(value) is on


@pytest.mark.parametrize("value", [None, 2, "", "maybe", -1, [], 0.5, np.nan])
def test_what_is_neither_on_nor_off(value):
    with pytest.raises(ValueError, match="neither on nor off"):
        switch(value)

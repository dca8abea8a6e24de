"""Small files, one idea each: what is longer says why it is one thing."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "hwlearn"
LONGEST = {ast.Module: 350, ast.ClassDef: 200, ast.FunctionDef: 60}
"""Lines without docstrings."""


def documented(node):
    """Lines of the docstrings in it."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [inner.body[0] for inner in ast.walk(node) if isinstance(inner, kinds) and ast.get_docstring(inner) is not None]
    return sum(text.end_lineno - text.lineno + 1 for text in texts)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_long_says_why_it_is_one_thing(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if type(node) in LONGEST:
            first = 1 if node is tree else node.lineno
            last = source.count("\n") if node is tree else node.end_lineno
            long = last - first + 1 - documented(node) > LONGEST[type(node)]
            said = "in one piece" in "\n".join(source.splitlines()[first - 1 : last]).lower()
            assert said or not long, (
                f"{path.name}: {getattr(node, 'name', 'the file')} is long: split it, or say why it is in one piece"
            )

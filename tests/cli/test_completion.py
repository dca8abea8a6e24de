"""A shell completes commands, members of registries and files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = shutil.which("bash")


@pytest.mark.skipif(BASH is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [("hwlearn tra", ["train"]), ("hwlearn bench wi", ["wire"]), ("hwlearn train --rule dua", ["dual-cl"])],
)
def test_bash_completes(words: str, expected: list[str]) -> None:
    script = f"""
        eval "$(_HWLEARN_COMPLETE=source_bash hwlearn)"
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _hwlearn_completion hwlearn
        printf '%s\\n' "${{COMPREPLY[@]}}"
        complete -p hwlearn
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    set_up = {**os.environ, "PATH": path}
    done = subprocess.run([BASH, "-c", script], check=True, env=set_up, capture_output=True, text=True, timeout=120)
    *found, installed = done.stdout.splitlines()
    assert found == expected, done.stderr
    assert "-o default" in installed  # files, where nothing else fits
